//! What proves who a page is.

use serde_json::{Value, json};

/// What proves who a page is.
#[derive(Clone, PartialEq, Eq)]
pub enum PageProof {
    /// A user and its password.
    Password(String, String),
    /// A name that lasts for a while, and its password.
    Ephemeral(String, String),
    /// A token.
    Token(String),
}

impl std::fmt::Debug for PageProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let who = match self {
            Self::Password(user, _) | Self::Ephemeral(user, _) => user,
            Self::Token(_) => "a token",
        };
        write!(f, "PageProof({who})")
    }
}

impl PageProof {
    /// As `connect` takes it.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Password(user, password) => {
                json!({ "kind": "password", "user": user, "password": password })
            }
            Self::Ephemeral(name, password) => {
                json!({ "kind": "ephemeral", "name": name, "password": password })
            }
            Self::Token(token) => json!({ "kind": "token", "token": token }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proof_shows_its_secret() {
        for proof in [
            PageProof::Password("alice".to_owned(), "hush".to_owned()),
            PageProof::Ephemeral("9:alice".to_owned(), "hush".to_owned()),
            PageProof::Token("hush".to_owned()),
        ] {
            assert!(!format!("{proof:?}").contains("hush"));
            assert!(proof.to_json().to_string().contains("hush"));
        }
    }
}
