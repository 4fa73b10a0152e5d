//! `[[users]]`: who may register and call.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;
use super::secret::{Environment, SecretSource, fetch};

/// A user of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name, as in the user part of its address and in its credentials.
    pub name: String,
    /// What its password is checked by.
    pub ha1: Ha1,
}

/// Hashes of user, realm and password (RFC 7616 3.4.2), as good as the password within the realm. One
/// at least is there; digest offers only the algorithms whose hash is.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    /// For the algorithm MD5.
    pub md5: Option<[u8; 16]>,
    /// For the algorithm SHA-256.
    pub sha256: Option<[u8; 32]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserSection {
    name: Spanned<String>,
    ha1_md5: Option<Spanned<SecretSource>>,
    ha1_sha256: Option<Spanned<SecretSource>>,
}

impl UserSection {
    pub(super) fn name(&self) -> &str {
        self.name.get_ref()
    }

    pub(super) fn has_inline_secret(&self) -> bool {
        [&self.ha1_md5, &self.ha1_sha256].into_iter().flatten().any(|source| source.get_ref().is_inline())
    }

    fn check(&self, environment: Environment<'_>, faults: &mut Faults<'_>) -> Option<User> {
        let name = self.name.get_ref();
        if !is_name(name) {
            faults.add(self.name.span(), "is no user name", NAME_CURE);
        }
        if self.ha1_md5.is_none() && self.ha1_sha256.is_none() {
            let problem = format!("user {name:?} has no password");
            faults.add(self.name.span(), problem, "add the lines that `webtrunk password` prints");
        }
        let md5 = hash(self.ha1_md5.as_ref(), environment, faults);
        let sha256 = hash(self.ha1_sha256.as_ref(), environment, faults);
        Some(User { name: name.clone(), ha1: Ha1 { md5: md5?, sha256: sha256? } })
    }
}

/// Checks all users; a name may be taken once.
pub(super) fn check(
    sections: &[UserSection],
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) -> Vec<User> {
    let mut names = HashSet::new();
    for section in sections {
        if !names.insert(section.name.get_ref()) {
            faults.add(section.name.span(), "another user has this name", "rename one of them");
        }
    }
    sections.iter().filter_map(|section| section.check(environment, faults)).collect()
}

/// What names of users and trunks are made of: nothing that SIP would have to escape or quote.
pub(super) fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    !text.is_empty() && text.len() <= 64 && text.bytes().all(is_allowed)
}

/// The cure for a bad name.
pub(super) const NAME_CURE: &str = "use 1 to 64 letters, digits and - _ . +";

/// A hash of `N` bytes in hexadecimal digits; `None` where there is a fault.
fn hash<const N: usize>(
    source: Option<&Spanned<SecretSource>>,
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) -> Option<Option<[u8; N]>> {
    let Some(source) = source else { return Some(None) };
    let secret = fetch(source, environment, faults)?;
    let bytes = unhex(secret.expose());
    if bytes.is_none() {
        let problem = format!("is not {} hexadecimal digits", 2 * N);
        faults.add(source.span(), problem, "take the line that `webtrunk password` prints");
    }
    bytes.map(Some)
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ha1 {{ md5: {}, sha256: {} }}", self.md5.is_some(), self.sha256.is_some())
    }
}
