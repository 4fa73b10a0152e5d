//! Names that last for a while, by which pages with our SDK log in: a password is not taken from another machine without TLS.

use std::time::{Duration, SystemTime};

use webtrunk_signalling::auth::ephemeral::{EphemeralHash, EphemeralKey, EphemeralKeys};
use webtrunk_signalling::auth::secret::SecretOctets;
use webtrunk_signalling::auth::validity::{UnixTime, Validity};

/// By which they are made.
const SECRET: &str = "north wind and sun";

/// What the gateway's section `[json]` has of it.
pub(crate) fn keys() -> String {
    format!("ephemeral_keys = [{{ id = \"k1\", secret = {SECRET:?} }}]\n")
}

/// A name of this user's that lasts for ten minutes, and its password.
pub(crate) fn lasting_name(user: &str) -> (String, String) {
    let secret = SecretOctets::new(SECRET.as_bytes().to_vec());
    let key = EphemeralKey::new("k1".to_owned(), secret, EphemeralHash::Sha256, Validity::default());
    let keys = EphemeralKeys::new(vec![key.expect("a key")]);
    let now = UnixTime::from(SystemTime::now());
    let made = keys.make(Some(user), Duration::from_secs(600), now).expect("a name");
    (made.name, made.password.expose().to_owned())
}
