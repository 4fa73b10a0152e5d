//! `[store]`: what outlives the process.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;
use super::secret::{Environment, SecretList, SecretSource, fetch};
use super::store_server;
use crate::files;
use crate::people::{StoreKey, StoreKeys};
use crate::store::StorePlace;

/// What is kept, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The database.
    pub place: StorePlace,
    /// What the secrets of users and keys in it are sealed by; `None` where it has none.
    pub secret_key: Option<StoreKeys>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreSection {
    path: Option<Spanned<String>>,
    pub(super) url: Option<Spanned<String>>,
    pub(super) password: Option<Spanned<SecretSource>>,
    pub(super) trusted_certificates: Option<Spanned<String>>,
    secret_key: Option<Spanned<SecretList>>,
}

impl StoreSection {
    pub(super) fn has_inline_secret(&self) -> bool {
        self.password.as_ref().is_some_and(|secret| secret.get_ref().is_inline())
            || self.secret_key.as_ref().is_some_and(|keys| keys.get_ref().has_inline())
    }

    /// Whether users, customers and keys are in it.
    pub(super) const fn has_people(&self) -> bool {
        self.secret_key.is_some()
    }

    /// Checks the section; `None` where it is faulty.
    pub(super) fn check(&self, environment: Environment<'_>, faults: &mut Faults<'_>) -> Option<StoreConfig> {
        let place = match (&self.path, &self.url) {
            (Some(path), None) => {
                self.check_effects(faults);
                StorePlace::File(check_file(path, faults)?)
            }
            (None, Some(url)) => {
                let password = match &self.password {
                    Some(source) => Some(fetch(source, environment, faults)?),
                    None => None,
                };
                StorePlace::Server(store_server::check(self, url, password, faults)?)
            }
            (Some(path), Some(_)) => {
                let cure = "take out path, or all but path";
                faults.add(path.span(), "the store is in one place, and url names another", cure);
                return None;
            }
            (None, None) if faults.is_partial(&["store"]) => return None,
            (None, None) => {
                let cure = "add path, the name of a file, or url, the address of a PostgreSQL database";
                faults.add_to_file("[store] does not say where the store is", cure);
                return None;
            }
        };
        let secret_key = match &self.secret_key {
            Some(written) => Some(check_keys(written, environment, faults)?),
            None => None,
        };
        Some(StoreConfig { place, secret_key })
    }

    /// Notes what does nothing where the store is a file.
    fn check_effects(&self, faults: &mut Faults<'_>) {
        let password = self.password.as_ref().map(Spanned::span);
        let trusted = self.trusted_certificates.as_ref().map(Spanned::span);
        for span in [password, trusted].into_iter().flatten() {
            faults.add(span, "is for a store at url, and this one is a file", "take it out");
        }
    }
}

/// The keys, the first of which seals.
fn check_keys(
    written: &Spanned<SecretList>,
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) -> Option<StoreKeys> {
    let mut keys: Vec<StoreKey> = Vec::new();
    let mut is_sound = true;
    for (span, secret) in SecretList::fetch(written, environment, faults)? {
        let Some(key) = StoreKey::from_hex(secret.expose()) else {
            faults.add(span, "is no key of 64 hexadecimal digits", "make one by: openssl rand -hex 32");
            is_sound = false;
            continue;
        };
        if keys.iter().any(|other| other.id() == key.id()) {
            faults.add(span, "is the same key as one before it", "take it out, or write another");
            is_sound = false;
        }
        keys.push(key);
    }
    let mut keys = keys.into_iter();
    let Some(sealing) = keys.next().filter(|_| is_sound) else {
        if is_sound {
            let cure = "write one that seals, and behind it those that were before; or take secret_key out";
            faults.add(written.span(), "holds no key", cure);
        }
        return None;
    };
    Some(StoreKeys::new(sealing, keys.collect()))
}

/// Checks a file by making one beside it, which goes away at once: SQLite does so too.
fn check_file(written: &Spanned<String>, faults: &mut Faults<'_>) -> Option<PathBuf> {
    let path = faults.document().resolve(written.get_ref());
    let is_ours =
        files::try_folder_of(&path).and_then(|()| if path.exists() { check_writable(&path) } else { Ok(()) });
    if is_ours.is_ok() && is_something_else(&path) {
        let cure = "name a file that is not there yet, or the one that the gateway made";
        faults.add(written.span(), "is no SQLite database", cure);
        return None;
    }
    // SQLite's log and index are beside it.
    for end in ["", "-wal", "-shm"] {
        let mut own = path.as_os_str().to_owned();
        own.push(end);
        faults.write_to(written.span(), own.into());
    }
    match is_ours {
        Ok(()) => Some(path),
        Err(error) => {
            let cure = "name a file in a folder that is there, and let the gateway's user write to both";
            faults.add(written.span(), format!("cannot be written: {error}"), cure);
            None
        }
    }
}

/// Not by opening it: a gateway that opens and closes the file of its own store loses SQLite's locks on it (fcntl).
fn check_writable(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(Errno::EISDIR.into());
    }
    Ok(access(path, AccessFlags::W_OK)?)
}

/// What a database begins with (sqlite.org/fileformat2.html, 1.3); an empty one has nothing.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Whether the file is there and no database. One that cannot be read is told of where it is opened; one that is in use,
/// as by this very process that reads its configuration again, has its log beside it and is not opened.
fn is_something_else(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if Path::new(&log).exists() {
        return false;
    }
    let Ok(file) = File::open(path) else { return false };
    let mut begin = Vec::new();
    let read = file.take(MAGIC.len() as u64).read_to_end(&mut begin);
    read.is_ok() && !begin.is_empty() && begin != MAGIC
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::StoreConfig;

    fn parse(key: &str) -> Result<StoreConfig, String> {
        let text = format!(
            "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n[store]\n\
             url = \"postgres://gate@127.0.0.1/webtrunk\"\nsecret_key = {key}\n"
        );
        let parsed = Config::parse("w.toml", &text);
        parsed.map(|config| config.store.expect("it is there")).map_err(|error| error.to_string())
    }

    #[test]
    fn one_key_seals_and_those_behind_it_open() {
        let [new, old] = ["0f".repeat(32), "f0".repeat(32)];
        let ids = |key: &str| {
            let keys = parse(key).expect("sound").secret_key.expect("it is there");
            keys.ids().map(str::to_owned).collect::<Vec<_>>()
        };
        let both = ids(&format!("[\"{new}\", \"{old}\"]"));
        assert_eq!(both.len(), 2);
        assert_eq!(ids(&format!("\"{new}\"")), both[..1]);
        assert_eq!(ids(&format!("[\"{new}\"]")), both[..1]);
        let swapped = format!("[\"{old}\", \"{new}\"]");
        assert_ne!(
            parse(&swapped).expect("sound"),
            parse(&format!("[\"{new}\", \"{old}\"]")).expect("sound")
        );
    }

    #[test]
    fn keys_that_cannot_be_are_told_with_their_place_and_shown_nowhere() {
        let key = "5e".repeat(32);
        for (written, told) in [
            (format!("[\"{key}\", \"5eed\"]"), "store.secret_key[1]: is no key of 64 hexadecimal digits"),
            (format!("[\"{key}\", \"{key}\"]"), "store.secret_key[1]: is the same key as one before it"),
            ("[]".to_owned(), "store.secret_key: holds no key; write one that seals"),
            ("\"5eed\"".to_owned(), "store.secret_key: is no key of 64 hexadecimal digits"),
            ("{ env = \"WEBTRUNK_NO_SUCH_KEY\" }".to_owned(), "the environment has no variable"),
            (format!("[\"{key}\", {{ env = \"WEBTRUNK_NO_SUCH_KEY\" }}]"), "the environment has no variable"),
        ] {
            let error = parse(&written).expect_err(&written);
            assert!(error.contains(told), "{written}: {error}");
            assert!(!error.contains("5e5e") && !error.contains("5eed"), "{error}");
        }
        assert!(parse("7").is_err() && parse("[7]").is_err());
    }
}
