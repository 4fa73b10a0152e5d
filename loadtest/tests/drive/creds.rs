//! What NATS' own tools make: an account that a server trusts, and files by which its users prove who they are.

use std::fmt;
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// An account of an operator of its own.
pub(crate) struct Account {
    operator: KeyPair,
    key: KeyPair,
}

/// A user's .creds file.
pub(crate) struct Creds {
    jwt: String,
    seed: String,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self { operator: KeyPair::new_operator(), key: KeyPair::new_account() }
    }

    /// The configuration of a server that trusts it.
    pub(crate) fn server_config(&self) -> String {
        let operator =
            token(&self.operator, &self.operator.public_key(), &json!({ "type": "operator", "version": 2 }));
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1
        });
        let account = json!({ "type": "account", "version": 2, "limits": limits });
        let name = self.key.public_key();
        let account = token(&self.operator, &name, &account);
        format!("operator: \"{operator}\"\nresolver: MEMORY\nresolver_preload: {{ {name}: \"{account}\" }}\n")
    }

    /// A new user, who may do what the documents ask for and no more.
    pub(crate) fn user(&self) -> Creds {
        let user = KeyPair::new_user();
        let allowed = json!({ "allow": ["webtrunk.loadtest.test.>"] });
        let claims = json!({
            "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1, "pub": allowed, "sub": allowed
        });
        let jwt = token(&self.key, &user.public_key(), &claims);
        Creds::new(&jwt, &user.seed().expect("it is new"))
    }
}

impl Creds {
    pub(crate) fn new(jwt: &str, seed: &str) -> Self {
        Self { jwt: jwt.to_owned(), seed: seed.to_owned() }
    }

    pub(crate) fn jwt(&self) -> &str {
        &self.jwt
    }

    pub(crate) fn seed(&self) -> &str {
        &self.seed
    }
}

impl fmt::Display for Creds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n", self.jwt)?;
        writeln!(f, "-----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------", self.seed)
    }
}

/// A JWT, signed by whoever issues it.
fn token(issuer: &KeyPair, subject: &str, claims: &Value) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let body = json!({
        "jti": subject, "iat": now, "iss": issuer.public_key(), "name": "test", "sub": subject, "nats": claims
    });
    let [header, body] = [header, body].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{body}");
    let signature = issuer.sign(signed.as_bytes()).expect("it has its seed");
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
