//! The example of the documentation, for tests: as it stands, and with all that is commented out in it.

use std::fs::{self, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;

use regex::Regex;
use tempfile::TempDir;

use super::load::{load, parse};
use super::{Config, ConfigError};

/// The example as it stands.
pub(crate) const TEXT: &str = include_str!("../../../docs/webtrunk.toml");

/// The example with everything in force that is commented out in it: keys, and the heads of tables.
pub(crate) fn in_full() -> String {
    let is_commented = Regex::new(r"^# (\[|[a-z0-9_]+ = )").expect("an expression");
    let uncommented = |line: &str| {
        let line = if is_commented.is_match(line) { &line[2..] } else { line };
        format!("{line}\n")
    };
    TEXT.lines().map(uncommented).collect()
}

/// The whole example in a folder, with the files that it names, and others to name in their place.
pub(crate) struct Example {
    folder: TempDir,
    text: String,
}

/// The file.
const FILE: &str = "w.toml";

impl Example {
    pub(crate) fn in_full() -> Self {
        let folder = TempDir::new().expect("a folder for the test");
        let made =
            rcgen::generate_simple_self_signed(vec!["phone.example".to_owned()]).expect("a certificate");
        for twin in ["", "2"] {
            file(&folder, &format!("fullchain{twin}.pem"), made.cert.pem().as_bytes());
            file(&folder, &format!("privkey{twin}.pem"), made.signing_key.serialize_pem().as_bytes());
        }
        for twin in ["", "x"] {
            let hash = secret(&format!("file{twin}")) + &secret("and more");
            file(&folder, &format!("alice_ha1_sha256{twin}"), hash.as_bytes());
            file(&folder, &format!("metrics_token{twin}"), hash.as_bytes());
            file(&folder, &format!("store_key{twin}"), hash.as_bytes());
            file(&folder, &format!("hook_key{twin}"), format!("whsec_{hash}").as_bytes());
        }
        for (twin, digit) in [("", '1'), ("x", '2')] {
            let digits = digit.to_string().repeat(64);
            let keys = format!(
                "[[token_keys]]\nid = \"k\"\nkind = \"wt1\"\nsecret = \"{digits}\"\naudience = \"a\"\n"
            );
            file(&folder, &format!("tokens.toml{twin}"), keys.as_bytes());
            file(&folder, &format!("web.key{twin}"), secret(&format!("web{twin}")).as_bytes());
        }
        file(&folder, "other.wav", include_bytes!("../../assets/announcement.wav"));
        fs::create_dir(folder.path().join("other")).expect("the folder is ours");
        let text = in_full()
            .replace("/etc/letsencrypt/live/phone.example/", "")
            .replace("/etc/ssl/certs/ca-certificates.crt", "fullchain.pem")
            .replace("/etc/webtrunk/trunks-ca.pem", "fullchain.pem")
            .replace("/run/secrets/", "")
            .replace("/var/lib/webtrunk/recordings", ".")
            .replace("/var/lib/webtrunk/webtrunk.db", "webtrunk.db")
            .replace("/var/lib/webtrunk/calls.jsonl", "calls.jsonl")
            .replace("/var/lib/webtrunk/waiting.jsonl", "waiting.jsonl")
            .replace("/var/lib/webtrunk/admin-token", "admin-token")
            .replace("music.opus", "announcement");
        file(&folder, FILE, text.as_bytes());
        Self { folder, text }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The file as it stands there.
    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        Ok(load(&self.folder.path().join(FILE), &environment)?.0)
    }

    /// Another text in place of the file's.
    pub(crate) fn parse(&self, text: &str) -> Result<Config, ConfigError> {
        let path = self.folder.path().join(FILE);
        parse(path.to_str().expect("a path of ASCII"), text, &environment)
    }
}

fn file(folder: &TempDir, name: &str, octets: &[u8]) {
    let path = folder.path().join(name);
    fs::write(&path, octets).expect("the folder is ours");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("the file is ours");
}

/// Each variable has a secret of its own.
#[expect(clippy::unnecessary_wraps, reason = "an environment may lack a variable")]
fn environment(name: &str) -> Option<String> {
    Some(secret(name))
}

/// As long as a hash by MD5.
fn secret(name: &str) -> String {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    format!("{:032x}", hasher.finish())
}
