//! Secrets in memory: wiped when they are dropped, compared in constant time, and never shown.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret text, such as the password of an account.
///
/// Serialised it is the text itself: that is what tokens are made of. What people are shown of an account comes from
/// [`Claims::blanked`](super::token::Claims::blanked).
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

/// Secret octets, such as a key.
#[derive(Clone)]
pub struct SecretOctets(Zeroizing<Vec<u8>>);

impl SecretText {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for those that must know it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl SecretOctets {
    /// Wraps octets.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The octets, for those that must know them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for SecretText {}

impl PartialEq for SecretOctets {
    fn eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Eq for SecretOctets {}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

impl fmt::Debug for SecretOctets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretOctets")
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_equal_to_itself_and_shown_to_nobody() {
        let text = SecretText::new("opensesame".to_owned());
        assert_eq!(text, text.clone());
        assert_ne!(text, SecretText::new("opensesam".to_owned()));
        assert_ne!(text, SecretText::new("opensesamE".to_owned()));
        let octets = SecretOctets::new(b"opensesame".to_vec());
        assert_ne!(octets, SecretOctets::new(Vec::new()));
        assert_eq!(format!("{text:?} {octets:?}"), "SecretText SecretOctets");
    }
}
