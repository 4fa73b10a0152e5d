//! Signs what is sent by Standard Webhooks 1.0, for whose signatures there are libraries: HMAC-SHA256 over `ID.TIMESTAMP.BODY`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use webtrunk_signalling::auth::secret::SecretOctets;

/// What a secret begins with, so that scanners of source code know one.
const MARK: &str = "whsec_";

/// How long a secret may be, in octets (Standard Webhooks 1.0, "Signature scheme").
const OCTETS: std::ops::RangeInclusive<usize> = 24..=64;

/// What a receiver knows our messages by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its name, in the log.
    pub id: String,
    octets: SecretOctets,
}

impl SigningKey {
    /// The key that this text is: `whsec_` and Base64.
    #[must_use]
    pub fn parse(id: &str, secret: &str) -> Option<Self> {
        let octets = STANDARD.decode(secret.strip_prefix(MARK)?).ok()?;
        OCTETS.contains(&octets.len()).then(|| Self { id: id.to_owned(), octets: SecretOctets::new(octets) })
    }

    fn sign(&self, id: &str, at_s: u64, body: &[u8]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.octets.expose()).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{at_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// What the header has: a signature by each key.
pub(super) fn signatures(keys: &[SigningKey], id: &str, at_s: u64, body: &[u8]) -> String {
    keys.iter().map(|key| key.sign(id, at_s, body)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That of the libraries' own tests (github.com/standard-webhooks/standard-webhooks).
    #[test]
    fn a_message_is_signed_as_the_libraries_check_it() {
        let key = |secret: &str| SigningKey::parse("k", secret).expect("a secret");
        let own = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signed = signatures(std::slice::from_ref(&own), id, 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let other = key(&format!("whsec_{}", STANDARD.encode([7; 32])));
        let both = signatures(&[own, other], id, 1_614_265_330, br#"{"test": 2432232314}"#);
        let (first, second) = both.split_once(' ').expect("two");
        assert_eq!(first, signed);
        assert!(second.starts_with("v1,") && second != first);
    }

    #[test]
    fn what_is_no_secret_is_none_and_a_secret_is_never_shown() {
        let text = format!("whsec_{}", STANDARD.encode([7; 24]));
        assert!(!format!("{:?}", SigningKey::parse("k", &text)).contains(&text[6..]));
        for wrong in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!",
            &format!("whsec_{}", STANDARD.encode([7; 23])),
            &format!("whsec_{}", STANDARD.encode([7; 65])),
        ] {
            assert_eq!(SigningKey::parse("k", wrong), None, "{wrong}");
        }
    }
}
