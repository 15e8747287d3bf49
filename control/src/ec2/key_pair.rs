//! Key pairs. Nothing here logs in by them; clients make them before they launch instances.

use super::filter::{Filters, Values, one};
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read, tag_new, tag_set, write};
use crate::model::{ApiError, KeyPair, Model, Result, refuse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_compact::Seed;

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateKeyPair", create_key_pair),
    write("ImportKeyPair", import_key_pair),
    read("DescribeKeyPairs", describe_key_pairs),
    write("DeleteKeyPair", delete_key_pair),
];

/// Makes an ED25519 key, also where AWS would choose RSA because the call does not say.
fn create_key_pair(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let name = p.need("KeyName")?;
    if p.word("KeyType", &["rsa", "ed25519"])? == Some("rsa") {
        return refuse(
            "UnsupportedOperation",
            "RSA keys are not made here: ask for KeyType ed25519, or import an RSA key.",
        );
    }
    if p.word("KeyFormat", &["pem", "ppk"])? == Some("ppk") {
        return refuse("UnsupportedOperation", "Keys are not written in the ppk format: ask for pem.");
    }
    let key = NewKey::generate()?;
    let id = m.import_key_pair(name, &key.public())?;
    tag_new(m, p, "key-pair", &id)?;
    let pair = m.find::<KeyPair>(&id)?;
    x.put("keyName", name);
    x.put("keyFingerprint", &pair.fingerprint);
    x.put("keyMaterial", key.private(name));
    x.put("keyPairId", &id);
    tag_set(x, m, &id);
    Ok(())
}

fn import_key_pair(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let name = p.need("KeyName")?;
    let material = STANDARD.decode(p.need("PublicKeyMaterial")?).ok().and_then(|b| String::from_utf8(b).ok());
    // What is not text is no key in a form that is known.
    let id = m.import_key_pair(name, &material.unwrap_or_default())?;
    tag_new(m, p, "key-pair", &id)?;
    let pair = m.find::<KeyPair>(&id)?;
    x.put("keyName", name);
    x.put("keyFingerprint", &pair.fingerprint);
    x.put("keyPairId", &id);
    tag_set(x, m, &id);
    Ok(())
}

fn describe_key_pairs(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let filters = Filters::read(p, &["key-pair-id", "fingerprint", "key-name"])?;
    let (names, ids) = (p.texts("KeyName"), p.texts("KeyPairId"));
    for name in &names {
        m.key_pair_named(name)?;
    }
    for id in &ids {
        m.find::<KeyPair>(id)?;
    }
    let with_key = p.flag("IncludePublicKey")?.unwrap_or(false);
    let asked = |k: &&KeyPair| {
        (names.is_empty() && ids.is_empty()) || names.contains(&k.name.as_str()) || ids.contains(&k.id.as_str())
    };
    let kept = m.key_pairs().iter().filter(asked).filter(|k| filters.pass(m, &k.id, |name| values(k, name)));
    x.list("keySet", kept, |x, k| {
        x.put("keyPairId", &k.id);
        x.put("keyType", &k.kind);
        tag_set(x, m, &k.id);
        if with_key {
            x.put("publicKey", &k.public);
        }
        x.time("createTime", k.created);
        x.put("keyName", &k.name);
        x.put("keyFingerprint", &k.fingerprint);
    });
    Ok(())
}

fn values<'a>(k: &'a KeyPair, name: &str) -> Values<'a> {
    match name {
        "key-pair-id" => one(k.id.as_str()),
        "fingerprint" => one(k.fingerprint.as_str()),
        "key-name" => one(k.name.as_str()),
        _ => Vec::new(),
    }
}

/// What is not there is not missed.
fn delete_key_pair(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let found = match (p.text("KeyName"), p.text("KeyPairId")) {
        (None, None) => return Err(p.missing("KeyName")),
        (Some(_), Some(_)) => {
            return Err(ApiError::new("InvalidParameterCombination", "Give either KeyName or KeyPairId, not both."));
        }
        (Some(name), None) => m.key_pair_named(name).ok(),
        (None, Some(id)) => m.key_pairs().get(id),
    };
    let id = found.map(|k| k.id.clone());
    if let Some(id) = &id {
        m.delete_key_pair(id);
    }
    x.done();
    x.maybe("keyPairId", id);
    Ok(())
}

const KIND: &[u8] = b"ssh-ed25519";

/// A key that was just made.
struct NewKey {
    pair: ed25519_compact::KeyPair,
}

impl NewKey {
    fn generate() -> Result<NewKey> {
        let mut seed = [0; 32];
        let failed = |e| ApiError::new("InternalError", format!("No key could be made: {e}"));
        getrandom::fill(&mut seed).map_err(failed)?;
        Ok(NewKey { pair: ed25519_compact::KeyPair::from_seed(Seed::new(seed)) })
    }

    /// The public half as RFC 8709, section 4, has it.
    fn blob(&self) -> Vec<u8> {
        [string(KIND), string(self.pair.pk.as_ref())].concat()
    }

    fn public(&self) -> String {
        format!("ssh-ed25519 {}", STANDARD.encode(self.blob()))
    }

    /// Both halves in OpenSSH's form (PROTOCOL.key of its sources), not encrypted.
    fn private(&self, comment: &str) -> String {
        // Equal numbers, by which a reader sees that a passphrase was right. There is none.
        let check = [0; 8];
        // The private half is the seed and the public half in one.
        let mut secret =
            [&check, string(KIND).as_slice(), &string(self.pair.pk.as_ref()), &string(self.pair.sk.as_ref())].concat();
        secret.extend(string(comment.as_bytes()));
        // Padding to the block size of no cipher, which is 8.
        let missing = secret.len().next_multiple_of(8) - secret.len();
        secret.extend((1u8..).take(missing));
        let key = [
            b"openssh-key-v1\0".as_slice(),
            &string(b"none"),
            &string(b"none"),
            &string(b""),
            &1u32.to_be_bytes(),
            &string(&self.blob()),
            &string(&secret),
        ];
        let text = STANDARD.encode(key.concat());
        // Base64 is ASCII: lines of 70 characters are lines of 70 bytes.
        let lines: Vec<String> = text.as_bytes().chunks(70).map(|l| String::from_utf8_lossy(l).into_owned()).collect();
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----", lines.join("\n"))
    }
}

/// `string` of RFC 4251, section 5. What is written here is short.
fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{api, made, ok, refused, text, texts};
    use super::*;

    #[test]
    fn life_of_a_key_pair() {
        let api = api();
        let body = ok(
            &api,
            "Action=CreateKeyPair&KeyName=a&TagSpecification.1.ResourceType=key-pair&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v",
        );
        assert!(text(&body, "keyMaterial").starts_with("-----BEGIN OPENSSH PRIVATE KEY-----&#10;"), "{body}");
        let id = text(&body, "keyPairId");
        let public = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCs98kGHKlu/+uAkUMEB+EFP/GMkwzO6karzYxHazRNm0lc+KID1syw6tEdmXBFgnkesHhIv2i7yB9EY5WfZzm26qm5I/rqEh5SqxotoMSGBy/VixHUr+ekH8H+EUc/iJZwGpqaD9+4owMM79Ivc/riOyNs0jBogZFE1wQD7xOrXw==";
        let import =
            |name: &str| format!("Action=ImportKeyPair&KeyName={name}&PublicKeyMaterial={}", STANDARD.encode(public));
        let print = made(&api, &import("b"), "keyFingerprint");
        assert_eq!(print, "10:6b:52:7e:28:53:50:7f:f8:ce:fd:59:6a:e1:ad:d8");
        let (code, message) = refused(&api, &import("b"));
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("InvalidKeyPair.Duplicate", "The keypair &apos;b&apos; already exists.")
        );
        let names = |call: &str| texts(&ok(&api, &format!("Action=DescribeKeyPairs{call}")), "keyName");
        assert_eq!(names(""), ["a", "b"]);
        assert_eq!(names(&format!("&KeyPairId.1={id}")), ["a"]);
        assert_eq!(names("&KeyName.1=b&IncludePublicKey=true"), ["b"]);
        assert_eq!(names(&format!("&Filter.1.Name=fingerprint&Filter.1.Value.1={print}")), ["b"]);
        assert_eq!(names("&Filter.1.Name=tag:k&Filter.1.Value.1=v"), ["a"]);
        assert_eq!(refused(&api, "Action=DescribeKeyPairs&KeyName.1=c").0, "InvalidKeyPair.NotFound");
        ok(&api, &format!("Action=DeleteKeyPair&KeyPairId={id}"));
        ok(&api, "Action=DeleteKeyPair&KeyName=a");
        assert_eq!(names(""), ["b"]);
        assert_eq!(texts(&ok(&api, "Action=DescribeTags"), "key").len(), 0);
    }

    #[test]
    fn a_made_key_is_whole_and_its_own() {
        let (a, b) = (NewKey::generate().unwrap(), NewKey::generate().unwrap());
        assert_ne!(a.public(), b.public());
        let pem = a.private("me");
        let body: String = pem.lines().filter(|l| !l.starts_with('-')).collect();
        let key = STANDARD.decode(body).unwrap();
        // Magic, three empty choices, a count; then the public blob and a secret that is whole blocks.
        let rest = &key[15 + 8 + 8 + 4 + 4..];
        let (blob, secret) = rest.split_at(4 + a.blob().len());
        assert_eq!(blob[4..], a.blob());
        assert_eq!(secret[..4], ((secret.len() - 4) as u32).to_be_bytes());
        assert_eq!((secret.len() - 4) % 8, 0);
        assert!(secret.windows(32).any(|w| w == &a.pair.sk.as_ref()[..32]));
    }

    #[test]
    fn what_is_not_made_is_said() {
        let api = api();
        assert_eq!(refused(&api, "Action=CreateKeyPair&KeyName=a&KeyType=rsa").0, "UnsupportedOperation");
        assert_eq!(refused(&api, "Action=CreateKeyPair&KeyName=a&KeyFormat=ppk").0, "UnsupportedOperation");
        assert_eq!(refused(&api, "Action=ImportKeyPair&KeyName=a&PublicKeyMaterial=AAAA").0, "InvalidKey.Format");
        assert_eq!(refused(&api, "Action=DeleteKeyPair").0, "MissingParameter");
    }
}
