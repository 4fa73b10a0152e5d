//! The key that a page's server makes tokens by.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;
use webtrunk::config::load_token_keys;
use webtrunk_signalling::auth::token::Claims;
use webtrunk_signalling::auth::validity::UnixTime;

/// A file of keys, which the stage's gateway takes tokens of.
pub(super) struct Keys {
    folder: TempDir,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self::for_hosts(&[])
    }

    /// Keys whose tokens may name accounts at these hosts.
    pub(super) fn for_hosts(hosts: &[String]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let secret = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        let text = format!(
            "[[token_keys]]\nid = \"crm\"\nkind = \"wt1\"\nsecret = \"{secret}\"\naudience = \"phone.example\"\nhosts = {hosts:?}\n"
        );
        fs::write(Self::path_in(folder.path()), text).expect("a file");
        fs::set_permissions(Self::path_in(folder.path()), fs::Permissions::from_mode(0o600)).expect("ours");
        Self { folder }
    }

    fn path_in(folder: &Path) -> std::path::PathBuf {
        folder.join("keys.toml")
    }

    pub(super) fn line(&self) -> String {
        format!("token_keys = {:?}", Self::path_in(self.folder.path()))
    }

    /// A token of these claims besides those that every token has, good for so many seconds from now on.
    pub(super) fn token(&self, seconds: u64, more: Value) -> Value {
        self.token_by(0, seconds, more)
    }

    /// The same by a clock that is ahead by so many seconds.
    pub(super) fn token_by(&self, ahead: u64, seconds: u64, more: Value) -> Value {
        let keys = load_token_keys(&Self::path_in(self.folder.path())).expect("sound keys");
        let now = ahead + SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let mut claims =
            json!({ "aud": "phone.example", "iat": now - 60, "exp": now - 60 + seconds, "sub": "alice" });
        for (name, value) in more.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        let claims = Claims::from_json(&claims.to_string()).expect("claims");
        let key = keys.newest(UnixTime(now)).expect("a key");
        let token = key.make(&claims, [7; 12], UnixTime(now - 60)).expect("a token");
        json!({ "proof": { "kind": "token", "token": token } })
    }
}
