//! Hashes that stand for a password within one realm (RFC 7616 3.4.2): `H(user ":" realm ":" password)`.

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::config::Secret;

/// The hash for the algorithm MD5.
#[must_use]
pub fn md5(user: &str, realm: &str, password: &Secret) -> [u8; 16] {
    Md5::digest(text(user, realm, password)).into()
}

/// The hash for the algorithm SHA-256.
#[must_use]
pub fn sha256(user: &str, realm: &str, password: &Secret) -> [u8; 32] {
    Sha256::digest(text(user, realm, password)).into()
}

/// Hexadecimal digits, as the configuration writes hashes.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(user: &str, realm: &str, password: &Secret) -> String {
    format!("{user}:{realm}:{}", password.expose())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// User, realm and password of the example in RFC 7616 3.9.1; its hashes as computed by coreutils.
    #[test]
    fn the_example_of_the_rfc_has_these_hashes() {
        let password = Secret::new("Circle of Life".to_owned());
        let (user, realm) = ("Mufasa", "http-auth@example.org");
        assert_eq!(hex(&md5(user, realm, &password)), "3d78807defe7de2157e2b0b6573a855f");
        assert_eq!(
            hex(&sha256(user, realm, &password)),
            "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"
        );
    }
}
