//! TURN servers of the owner's, and the passwords by which a page may use them for a while (the REST API for access to
//! TURN services, draft-uberti-behave-turn-rest, which coturn has as `use-auth-secret`).

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use schemars::JsonSchema;
use serde::Serialize;
use sha1::Sha1;

use super::secret::SecretOctets;
use super::validity::UnixTime;

/// Servers by the same secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceSource {
    /// Where they are, as browsers have it: `turn:turn.example:3478?transport=udp`.
    pub urls: Vec<String>,
    /// The secret that they know too; `None` for STUN, which asks for nothing.
    pub secret: Option<SecretOctets>,
    /// How long a password is good.
    pub lifetime: Duration,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IceSources(pub Vec<IceSource>);

/// Servers for a page, as `RTCPeerConnection` takes them.
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IceServer {
    /// Where they are.
    pub urls: Vec<String>,
    /// The name to use them by; it says when it ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Its password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// Without the password.
impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl IceSources {
    /// What a user's page is given now.
    #[must_use]
    pub fn servers(&self, user: &str, now: UnixTime) -> Vec<IceServer> {
        self.0.iter().map(|source| source.server(user, now)).collect()
    }
}

impl IceSource {
    fn server(&self, user: &str, now: UnixTime) -> IceServer {
        let made = self.secret.as_ref().map(|secret| {
            let name = format!("{}:{user}", now.plus(self.lifetime).0);
            // SHA-1 is what TURN servers have.
            let mac = Hmac::<Sha1>::new_from_slice(secret.expose()).expect("a key of any length will do");
            let password = STANDARD.encode(mac.chain_update(&name).finalize().into_bytes());
            (name, password)
        });
        let (username, credential) = made.unzip();
        IceServer { urls: self.urls.clone(), username, credential }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gets_the_password_that_a_turn_server_computes_of_the_same_secret() {
        let url = |text: &str| vec![text.to_owned()];
        let secret = SecretOctets::new(b"north wind and sun".to_vec());
        let turn = IceSource {
            urls: url("turn:turn.example:3478?transport=udp"),
            secret: Some(secret),
            lifetime: Duration::from_secs(3600),
        };
        let stun = IceSource { urls: url("stun:stun.example"), secret: None, lifetime: Duration::ZERO };
        let made = IceSources(vec![turn, stun]).servers("alice", UnixTime(1_764_288_000));
        assert_eq!(made[0].username.as_deref(), Some("1764291600:alice"));
        // printf 1764291600:alice | openssl dgst -sha1 -hmac 'north wind and sun' -binary | base64
        assert_eq!(made[0].credential.as_deref(), Some("9wFomFJCsbbQgQ6dBf6c5VirdA4="));
        assert!(!format!("{made:?}").contains("9wFomFJ"), "a password has no shown form");
        let text = serde_json::to_string(&made[1]).expect("texts");
        assert_eq!(text, r#"{"urls":["stun:stun.example"]}"#);
    }
}
