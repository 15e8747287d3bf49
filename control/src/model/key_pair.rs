//! Key pairs: names and public keys. The private half is never kept.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha2::{Digest as _, Sha256};

/// A key pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPair {
    pub id: Id,
    pub name: String,
    /// `ed25519` or `rsa`.
    pub kind: String,
    /// As `ssh-keygen` shows it for ED25519 (SHA-256, base64, here with padding), as `openssl` does for imported RSA (MD5 of the DER form).
    pub fingerprint: String,
    /// In OpenSSH's form: type, base64, comment.
    pub public: String,
    /// In milliseconds of the Unix epoch.
    pub created: u64,
}

impl Model {
    /// ImportKeyPair, and what CreateKeyPair does once there is a key: `material` is a public key in the form of OpenSSH or of RFC 4716.
    pub fn import_key_pair(&mut self, name: &str, material: &str) -> Result<Id> {
        if name.is_empty() || name.len() > 255 || !name.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return refuse("InvalidParameterValue", "A key pair's name has 1 to 255 ASCII characters.");
        }
        if self.key_pairs.by(name).next().is_some() {
            return refuse("InvalidKeyPair.Duplicate", format!("The keypair '{name}' already exists."));
        }
        let Some(key) = PublicKey::read(material) else {
            return refuse("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
        };
        let id = self.new_id("key");
        self.key_pairs.put(KeyPair {
            id: id.clone(),
            name: name.into(),
            kind: key.kind.into(),
            fingerprint: key.fingerprint(),
            public: format!("ssh-{} {} {name}", key.kind, STANDARD.encode(&key.blob)),
            created: self.now,
        });
        Ok(id)
    }

    /// The key pair of this name.
    pub fn key_pair_named(&self, name: &str) -> Result<&KeyPair> {
        self.key_pairs
            .by(name)
            .next()
            .ok_or_else(|| ApiError::new(KeyPair::NOT_FOUND, format!("The {} '{name}' does not exist", KeyPair::WHAT)))
    }

    /// DeleteKeyPair. Instances launched with it keep its name.
    pub fn delete_key_pair(&mut self, id: &str) {
        self.key_pairs.take(id);
        self.forget(id);
    }
}

/// A public key of a kind that EC2 takes: ED25519, or RSA of 1,024, 2,048 or 4,096 bits.
struct PublicKey {
    kind: &'static str,
    /// As in RFC 4253, section 6.6.
    blob: Vec<u8>,
    /// What follows the name of the kind in the blob.
    numbers: Vec<Vec<u8>>,
}

impl PublicKey {
    fn read(material: &str) -> Option<PublicKey> {
        let material = material.trim();
        let base64: String = if material.starts_with("---- BEGIN SSH2 PUBLIC KEY ----") {
            material.lines().filter(|l| !l.starts_with("----") && !l.contains(':')).collect()
        } else {
            material.split_whitespace().nth(1)?.into()
        };
        let blob = STANDARD.decode(base64).ok()?;
        let mut parts = Vec::new();
        let mut rest = blob.as_slice();
        while let Some((length, after)) = rest.split_first_chunk() {
            let (part, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            parts.push(part.to_vec());
            rest = after;
        }
        let numbers = parts.split_off(parts.len().min(1));
        let kind = match (parts.first()?.as_slice(), numbers.as_slice()) {
            (b"ssh-ed25519", [point]) if point.len() == 32 => "ed25519",
            (b"ssh-rsa", [e, n]) if !e.is_empty() && matches!(n.len(), 129 | 257 | 513) => "rsa",
            _ => return None,
        };
        rest.is_empty().then_some(PublicKey { kind, blob, numbers })
    }

    fn fingerprint(&self) -> String {
        match self.numbers.as_slice() {
            [exponent, modulus] => {
                let hash = Md5::digest(rsa_der(modulus, exponent));
                hash.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":")
            }
            _ => STANDARD.encode(Sha256::digest(&self.blob)),
        }
    }
}

/// SubjectPublicKeyInfo (RFC 3279, section 2.3.1) of an RSA key, whose numbers SSH writes as DER does.
fn rsa_der(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    const ALGORITHM: &[u8] =
        &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let numbers = [der(0x02, modulus), der(0x02, exponent)].concat();
    let bits = [&[0], der(0x30, &numbers).as_slice()].concat();
    der(0x30, &[ALGORITHM, &der(0x03, &bits)].concat())
}

/// One value in DER: tag, length, content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let used = &length[length.iter().take_while(|b| **b == 0).count().min(length.len() - 1)..];
    let mut out = vec![tag];
    if content.len() >= 0x80 {
        // At most eight bytes, so that the number fits.
        out.push(0x80 | used.len() as u8);
    }
    out.extend_from_slice(used);
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC3+v5028JfEW0pZykhFXQEtdOs6v64m177UFaR6B+Vv somebody@home";
    const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCs98kGHKlu/+uAkUMEB+EFP/GMkwzO6karzYxHazRNm0lc+KID1syw6tEdmXBFgnkesHhIv2i7yB9EY5WfZzm26qm5I/rqEh5SqxotoMSGBy/VixHUr+ekH8H+EUc/iJZwGpqaD9+4owMM79Ivc/riOyNs0jBogZFE1wQD7xOrXw==";

    #[test]
    fn fingerprints_are_those_of_the_usual_tools() {
        let mut m = Model::default();
        m.import_key_pair("a", ED25519).unwrap();
        m.import_key_pair("b", RSA).unwrap();
        // ssh-keygen -l; openssl rsa -pubout -outform DER | openssl md5 -c
        assert_eq!(m.key_pair_named("a").unwrap().fingerprint, "2rITDtTGPhUSNAlWW+yS/SUky+UrdSxLqiR47YV7/tk=");
        assert_eq!(m.key_pair_named("b").unwrap().fingerprint, "10:6b:52:7e:28:53:50:7f:f8:ce:fd:59:6a:e1:ad:d8");
        assert_eq!(m.key_pair_named("a").unwrap().public, ED25519.replace("somebody@home", "a"));
    }

    #[test]
    fn other_forms_of_a_key() {
        let base64 = ED25519.split(' ').nth(1).unwrap();
        let (one, two) = base64.split_at(40);
        let text =
            format!("---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"x\"\n{one}\n{two}\n---- END SSH2 PUBLIC KEY ----\n");
        let mut m = Model::default();
        m.import_key_pair("a", &text).unwrap();
        assert_eq!(m.key_pair_named("a").unwrap().kind, "ed25519");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let mut m = Model::default();
        // Cut off, of another kind, and no key at all.
        for bad in [&ED25519[..60], "ssh-dss AAAAB3NzaC1kc3M=", "ssh-ed25519", "", "ssh-rsa AAAAB3NzaC1yc2H/////"] {
            assert_eq!(m.import_key_pair("a", bad).unwrap_err().code, "InvalidKey.Format", "{bad}");
        }
        m.import_key_pair("a", ED25519).unwrap();
        assert_eq!(m.import_key_pair("a", RSA).unwrap_err().code, "InvalidKeyPair.Duplicate");
        assert_eq!(m.import_key_pair("", RSA).unwrap_err().code, "InvalidParameterValue");
        let gone = m.key_pair_named("a").unwrap().id.clone();
        m.delete_key_pair(&gone);
        assert_eq!(m.key_pair_named("a").unwrap_err().message, "The key pair 'a' does not exist");
    }
}
