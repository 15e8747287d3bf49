//! Whose requests are believed: access keys and their secrets, from a file in the format of the AWS shared credentials file.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

/// Access keys and their secrets; at least one.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    keys: HashMap<String, Secret>,
}

/// What belongs to an access key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret {
    pub(super) key: String,
    /// Requests must carry it too.
    pub(super) token: Option<String>,
}

/// Why a file is not believed.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error("{}: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}:{line}: {message}", .path.display())]
    Line {
        path: PathBuf,
        /// From 1.
        line: usize,
        message: String,
    },
    #[error("{}: there are no credentials in it; write\n[default]\naws_access_key_id = ...\naws_secret_access_key = ...", .0.display())]
    Empty(PathBuf),
}

impl Credentials {
    /// Reads a file. Answers a warning too if others than its owner may read or write it.
    pub fn read(path: &Path) -> Result<(Credentials, Option<String>), CredentialsError> {
        let failed = |source| CredentialsError::Read { path: path.into(), source };
        let bytes = fs::read(path).map_err(failed)?;
        let mode = fs::metadata(path).map_err(failed)?.mode();
        let open = (mode & 0o077 != 0).then(|| {
            let name = path.display();
            format!("{name}: others may read or write it (mode {:03o}): chmod 600 {name}", mode & 0o777)
        });
        Ok((Credentials::parse(&bytes, path)?, open))
    }

    /// Reads a text; `path` is for the messages.
    fn parse(bytes: &[u8], path: &Path) -> Result<Credentials, CredentialsError> {
        let wrong = |line, message| CredentialsError::Line { path: path.into(), line, message };
        let text = std::str::from_utf8(bytes).map_err(|e| {
            let line = bytes[..e.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
            wrong(line, "this is not UTF-8".into())
        })?;
        let mut profiles: Vec<Profile<'_>> = Vec::new();
        for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = text.strip_prefix('[') {
                let name = name.strip_suffix(']').map(str::trim).filter(|n| !n.is_empty());
                let name = name.ok_or_else(|| wrong(line, "a profile starts like this: [name]".into()))?;
                if let Some(first) = profiles.iter().find(|p| p.name == name) {
                    return Err(wrong(line, format!("the profile [{name}] is in line {} already", first.line)));
                }
                profiles.push(Profile { name, line, id: None, key: None, token: None });
                continue;
            }
            // Never quote the line: a secret may be in it.
            let (name, value) = text
                .split_once('=')
                .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
                .ok_or_else(|| wrong(line, "neither [profile] nor name = value".into()))?;
            let profile =
                profiles.last_mut().ok_or_else(|| wrong(line, format!("{name} stands before any [profile]")))?;
            let field = match name.as_str() {
                "aws_access_key_id" => &mut profile.id,
                "aws_secret_access_key" => &mut profile.key,
                "aws_session_token" => &mut profile.token,
                // Of clients: region, output, role_arn ...
                _ => continue,
            };
            if value.is_empty() {
                return Err(wrong(line, format!("{name} is empty")));
            }
            if field.replace((value, line)).is_some() {
                return Err(wrong(line, format!("{name} is given twice in the profile [{}]", profile.name)));
            }
        }
        let mut keys: HashMap<String, Secret> = HashMap::new();
        for p in &profiles {
            let lacks = |what| wrong(p.line, format!("the profile [{}] has no {what}", p.name));
            let (id, line) = p.id.ok_or_else(|| lacks("aws_access_key_id"))?;
            let (key, _) = p.key.ok_or_else(|| lacks("aws_secret_access_key"))?;
            if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)) || id.len() > 128 {
                let message = "aws_access_key_id consists of up to 128 letters, digits, _ and -";
                return Err(wrong(line, message.into()));
            }
            let secret = Secret { key: key.into(), token: p.token.map(|(token, _)| token.into()) };
            // Profiles of one key are common; then they must agree.
            if keys.get(id).is_some_and(|other| *other != secret) {
                return Err(wrong(line, format!("{id} has another secret in an earlier profile")));
            }
            keys.insert(id.into(), secret);
        }
        if keys.is_empty() { Err(CredentialsError::Empty(path.into())) } else { Ok(Credentials { keys }) }
    }

    pub(super) fn get(&self, access_key: &str) -> Option<&Secret> {
        self.keys.get(access_key)
    }
}

/// Without the secrets.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

/// A section while it is read: values with their lines.
struct Profile<'a> {
    name: &'a str,
    line: usize,
    id: Option<(&'a str, usize)>,
    key: Option<(&'a str, usize)>,
    token: Option<(&'a str, usize)>,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    pub(in crate::http) fn credentials(text: &str) -> Credentials {
        Credentials::parse(text.as_bytes(), Path::new("keys")).unwrap()
    }

    #[test]
    fn profiles_are_read() {
        let text = "\u{feff}# mine\r\n[default]\r\naws_access_key_id = AKID\r\nAWS_SECRET_ACCESS_KEY=a=b+/\r\nregion = eu-west-1\r\n\
                    \n; another\n[ other ]\n  aws_access_key_id = test-1_x\n  aws_secret_access_key = s\n  aws_session_token = t\n\
                    [alias]\naws_access_key_id = AKID\naws_secret_access_key = a=b+/\n";
        let read = credentials(text);
        assert_eq!(read.keys.len(), 2);
        assert!(read.get("AKID").is_some_and(|s| s.key == "a=b+/" && s.token.is_none()));
        assert!(read.get("test-1_x").is_some_and(|s| s.key == "s" && s.token.as_deref() == Some("t")));
        assert!(read.get("other").is_none());
        let shown = format!("{read:?}");
        assert!(shown.contains("AKID") && !shown.contains("a=b+/"), "{shown}");
    }

    #[test]
    fn errors_have_file_and_line() {
        for (text, message) in [
            ("", "keys: there are no credentials in it"),
            ("# nothing\n", "keys: there are no credentials in it"),
            ("[default]\n", "keys:1: the profile [default] has no aws_access_key_id"),
            ("\n[a]\naws_access_key_id = A\n", "keys:2: the profile [a] has no aws_secret_access_key"),
            ("[a]\naws_access_key_id = A\naws_secret_acess_key = b\n", "keys:1: the profile [a] has no aws_secret"),
            ("aws_access_key_id = A\n", "keys:1: aws_access_key_id stands before any [profile]"),
            ("[a\n", "keys:1: a profile starts like this: [name]"),
            ("[]\n", "keys:1: a profile starts like this: [name]"),
            ("[a]\nsecret\n", "keys:2: neither [profile] nor name = value"),
            ("[a]\naws_access_key_id =\n", "keys:2: aws_access_key_id is empty"),
            ("[a]\naws_access_key_id = A\naws_access_key_id = B\n", "keys:3: aws_access_key_id is given twice"),
            ("[a]\naws_access_key_id = A/B\naws_secret_access_key = s\n", "keys:2: aws_access_key_id consists of"),
            (
                "[a]\naws_access_key_id = A\naws_secret_access_key = s\n[a]\n",
                "keys:4: the profile [a] is in line 1 already",
            ),
            (
                "[a]\naws_access_key_id = A\naws_secret_access_key = s\n\
                 [b]\naws_access_key_id = A\naws_secret_access_key = t\n",
                "keys:5: A has another secret in an earlier profile",
            ),
        ] {
            let error = Credentials::parse(text.as_bytes(), Path::new("keys")).unwrap_err().to_string();
            assert!(error.starts_with(message), "{text:?}: {error}");
        }
        let error = Credentials::parse(b"[a]\n\xff", Path::new("keys")).unwrap_err().to_string();
        assert_eq!(error, "keys:2: this is not UTF-8");
        let secret = "wJalrXUtnFEMI";
        let error = Credentials::parse(format!("[a]\n{secret}\n").as_bytes(), Path::new("keys")).unwrap_err();
        assert!(!error.to_string().contains(secret));
    }

    #[test]
    fn files_that_others_may_read_are_warned_of() {
        let path = std::env::temp_dir().join(format!("vpcd-keys-{}", std::process::id()));
        fs::write(&path, "[a]\naws_access_key_id = A\naws_secret_access_key = s\n").unwrap();
        let mut warned = Vec::new();
        for mode in [0o600, 0o400, 0o640, 0o604, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            warned.push(Credentials::read(&path).unwrap().1);
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(warned.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, true, true, true]);
        assert!(warned[4].as_ref().is_some_and(|w| w.contains("(mode 644): chmod 600 ")), "{warned:?}");
        let error = Credentials::read(&path).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: No such file", path.display())), "{error}");
    }
}
