//! Who agents are to the target.

use std::fmt;
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::agent::{Credentials, PageProof};

/// Who the agents of a population are.
#[derive(Clone, PartialEq, Eq)]
pub enum Accounts {
    /// These, in turn.
    Listed(Vec<Credentials>),
    /// Made by a pattern: `{n}` stands for the number of the agent.
    Pattern {
        /// Of the user's name.
        user: String,
        /// Of the password.
        password: String,
        /// The number of the first.
        first: usize,
    },
    /// Names that last for a while, and their passwords, of one secret: `EXPIRY:USER` and the base64 of the
    /// HMAC-SHA256 of that.
    Ephemeral {
        /// A pattern, as above.
        user: String,
        /// What the target knows.
        secret: String,
        /// How long they last, in seconds.
        seconds: u64,
    },
    /// Tokens of the target's own format, made here with a key of it (docs/TOKENS.md); for the JSON API alone.
    Token {
        /// A pattern, as above.
        user: String,
        /// The key's name.
        key_id: String,
        /// The key.
        key: [u8; 32],
        /// The target that they are for.
        audience: String,
    },
}

const PLACEHOLDER: &str = "{n}";

impl Accounts {
    /// The user's name of one agent, which others call.
    #[must_use]
    pub fn user(&self, agent: usize) -> String {
        match self {
            Self::Listed(accounts) => accounts[agent % accounts.len()].user.clone(),
            Self::Pattern { user, first, .. } => user.replace(PLACEHOLDER, &(first + agent).to_string()),
            Self::Ephemeral { user, .. } | Self::Token { user, .. } => {
                user.replace(PLACEHOLDER, &agent.to_string())
            }
        }
    }

    /// The credentials of one agent, as of now.
    #[must_use]
    pub fn credentials(&self, agent: usize, now: SystemTime) -> Credentials {
        match self {
            Self::Listed(accounts) => accounts[agent % accounts.len()].clone(),
            Self::Pattern { password, first, .. } => Credentials::new(
                &self.user(agent),
                &password.replace(PLACEHOLDER, &(first + agent).to_string()),
            ),
            Self::Ephemeral { secret, seconds, .. } => {
                let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
                let name = format!("{}:{}", since_epoch + seconds, self.user(agent));
                let password = BASE64_STANDARD.encode(hmac_sha256(secret.as_bytes(), name.as_bytes()));
                Credentials::new(&name, &password)
            }
            // SIP takes none.
            Self::Token { .. } => Credentials::new(&self.user(agent), ""),
        }
    }

    /// What proves who a page is, as of now.
    #[must_use]
    pub fn proof(&self, agent: usize, now: SystemTime) -> PageProof {
        let Credentials { user, password, .. } = self.credentials(agent, now);
        match self {
            Self::Listed(_) | Self::Pattern { .. } => PageProof::Password(user, password),
            Self::Ephemeral { .. } => PageProof::Ephemeral(user, password),
            Self::Token { key_id, key, audience, .. } => {
                PageProof::Token(token(key_id, key, audience, &user, now, rand::random()))
            }
        }
    }

    /// How many are told apart; `None` for as many as wanted.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        match self {
            Self::Listed(accounts) => Some(accounts.len()),
            Self::Pattern { user, .. } | Self::Ephemeral { user, .. } | Self::Token { user, .. } => {
                (!user.contains(PLACEHOLDER)).then_some(1)
            }
        }
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Accounts({})", self.user(0))
    }
}

/// How long a token lasts: pages connect at once.
const TOKEN_SECONDS: u64 = 300;

/// A token `wt1`: key id, then nonce, claims by AES-256-GCM and tag in base64url; what stands before the last dot is
/// the associated data.
fn token(
    key_id: &str,
    key: &[u8; 32],
    audience: &str,
    user: &str,
    now: SystemTime,
    nonce: [u8; 12],
) -> String {
    let made_at = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = json!({
        "aud": audience,
        "iat": made_at,
        "exp": made_at + TOKEN_SECONDS,
        "account": { "user": user, "register": false },
    });
    let head = format!("wt1.{key_id}");
    let mut sealed = claims.to_string().into_bytes();
    let key = UnboundKey::new(&AES_256_GCM, key).expect("32 octets are the length of its keys");
    let tag = LessSafeKey::new(key)
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(head.as_bytes()),
            &mut sealed,
        )
        .expect("claims are far shorter than what one nonce can seal");
    let body = [&nonce[..], &sealed, tag.as_ref()].concat();
    format!("{head}.{}", BASE64_URL_SAFE_NO_PAD.encode(body))
}

/// RFC 2104.
fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn patterns_and_lists_go_round() {
        let listed = Accounts::Listed(vec![Credentials::new("alice", "a"), Credentials::new("bob", "b")]);
        assert_eq!((listed.user(3), listed.count()), ("bob".to_owned(), Some(2)));
        let pattern = Accounts::Pattern { user: "u{n}".to_owned(), password: "p{n}".to_owned(), first: 100 };
        let credentials = pattern.credentials(7, SystemTime::now());
        assert_eq!((credentials.user.as_str(), credentials.password.as_str()), ("u107", "p107"));
        assert_eq!(pattern.count(), None);
    }

    /// RFC 4231 test cases 2 and 6.
    #[test]
    fn the_hash_is_that_of_rfc_4231() {
        let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(hmac_sha256(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn a_name_that_lasts_for_a_while_says_until_when() {
        let accounts =
            Accounts::Ephemeral { user: "shop{n}".to_owned(), secret: "key".to_owned(), seconds: 60 };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let credentials = accounts.credentials(2, now);
        assert_eq!(credentials.user, "1060:shop2");
        assert_eq!(credentials.password, BASE64_STANDARD.encode(hmac_sha256(b"key", b"1060:shop2")));
    }

    #[test]
    fn a_token_is_sealed_under_its_keys_name() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let token = token("crm", &[7; 32], "phone.example", "shop2", now, [9; 12]);
        let (head, body) = token.rsplit_once('.').expect("three parts");
        let mut body = BASE64_URL_SAFE_NO_PAD.decode(body).expect("base64url");
        let nonce: [u8; 12] = body[..12].try_into().expect("12 octets");
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("32 octets"));
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = key.open_in_place(nonce, Aad::from(head.as_bytes()), &mut body[12..]).expect("its key");
        let claims: serde_json::Value = serde_json::from_slice(opened).expect("JSON");
        assert_eq!((&claims["account"]["user"], &claims["exp"]), (&json!("shop2"), &json!(1300)));
        assert_eq!(head, "wt1.crm");
    }
}
