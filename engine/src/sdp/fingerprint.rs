//! Certificate fingerprints (RFC 8122 5).

use std::fmt;

use ring::digest;

/// A hash function that we take for an identity. SHA-1 and MD5 are not among them: a fingerprint by
/// those counts as none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashFunction {
    /// What every browser writes.
    Sha256,
    /// FIPS 180-4.
    Sha384,
    /// FIPS 180-4.
    Sha512,
}

/// The hash of a certificate in its DER form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    hash_function: HashFunction,
    digest: Vec<u8>,
}

/// Why the value of an `a=fingerprint` is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FingerprintFault {
    /// A function that we do not take; to be passed over (RFC 8122 5).
    UnknownFunction,
    /// Not the grammar, or not the function's length.
    Malformed,
}

impl HashFunction {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name in the attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

impl Fingerprint {
    /// The fingerprint of a certificate (DER).
    #[must_use]
    pub fn of(hash_function: HashFunction, certificate: &[u8]) -> Self {
        let digest = digest::digest(hash_function.algorithm(), certificate).as_ref().to_vec();
        Self { hash_function, digest }
    }

    /// The fingerprint of a known SHA-256 digest.
    #[must_use]
    pub fn sha256(digest: [u8; 32]) -> Self {
        Self { hash_function: HashFunction::Sha256, digest: digest.to_vec() }
    }

    /// By which function.
    #[must_use]
    pub const fn hash_function(&self) -> HashFunction {
        self.hash_function
    }

    /// The hash itself.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// Whether `certificate` (DER) is one that `announced` names. Only the strongest function announced
    /// counts, and one match of it is enough: several certificates may be announced (RFC 8122 5).
    #[must_use]
    pub fn any_matches(announced: &[Self], certificate: &[u8]) -> bool {
        let Some(strongest) = announced.iter().map(|fingerprint| fingerprint.hash_function).max() else {
            return false;
        };
        announced.contains(&Self::of(strongest, certificate))
    }

    pub(super) fn parse(text: &str) -> Result<Self, FingerprintFault> {
        let (name, hex) = text.split_once(' ').ok_or(FingerprintFault::Malformed)?;
        let hash_function = HashFunction::ALL
            .into_iter()
            .find(|function| function.as_str().eq_ignore_ascii_case(name))
            .ok_or(FingerprintFault::UnknownFunction)?;
        let digest: Option<Vec<u8>> = hex.trim().split(':').map(parse_octet).collect();
        match digest {
            Some(digest) if digest.len() == hash_function.algorithm().output_len() => {
                Ok(Self { hash_function, digest })
            }
            Some(_) | None => Err(FingerprintFault::Malformed),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hash_function.as_str())?;
        for (index, octet) in self.digest.iter().enumerate() {
            let separator = if index == 0 { ' ' } else { ':' };
            write!(f, "{separator}{octet:02X}")?;
        }
        Ok(())
    }
}

fn parse_octet(hex: &str) -> Option<u8> {
    let is_pair = hex.len() == 2 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    is_pair.then(|| u8::from_str_radix(hex, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc", FIPS 180-4's own example.
    const ABC: &str = "sha-256 BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:\
                       B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";

    #[test]
    fn the_digest_of_a_certificate_is_printed_in_pairs() {
        assert_eq!(Fingerprint::of(HashFunction::Sha256, b"abc").to_string(), ABC);
        assert_eq!(
            Fingerprint::parse(&ABC.to_lowercase()),
            Ok(Fingerprint::of(HashFunction::Sha256, b"abc"))
        );
    }

    #[test]
    fn the_strongest_function_decides() {
        let weak_but_right = Fingerprint::of(HashFunction::Sha256, b"abc");
        let strong_but_wrong = Fingerprint::of(HashFunction::Sha512, b"abd");
        assert!(Fingerprint::any_matches(std::slice::from_ref(&weak_but_right), b"abc"));
        assert!(!Fingerprint::any_matches(&[weak_but_right, strong_but_wrong], b"abc"));
        assert!(!Fingerprint::any_matches(&[], b"abc"));
    }

    #[test]
    fn one_of_several_certificates_is_enough() {
        let announced = [b"old", b"new"].map(|der| Fingerprint::of(HashFunction::Sha384, der));
        assert!(Fingerprint::any_matches(&announced, b"new"));
    }

    #[test]
    fn weak_functions_are_unknown_and_wrong_lengths_malformed() {
        assert_eq!(Fingerprint::parse("sha-1 00:11"), Err(FingerprintFault::UnknownFunction));
        for text in ["sha-256", "sha-256 00:11", "sha-256 0:1", "sha-256 +1:00"] {
            assert_eq!(Fingerprint::parse(text), Err(FingerprintFault::Malformed), "{text}");
        }
    }
}
