//! `[store]`: what outlives the process.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;
use super::secret::{Environment, SecretSource, fetch};
use super::store_server;
use crate::files;
use crate::people::StoreKey;
use crate::store::StorePlace;

/// What is kept, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The database.
    pub place: StorePlace,
    /// What the secrets of users and keys in it are sealed by; `None` where it has none.
    pub secret_key: Option<StoreKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreSection {
    path: Option<Spanned<String>>,
    pub(super) url: Option<Spanned<String>>,
    pub(super) password: Option<Spanned<SecretSource>>,
    pub(super) trusted_certificates: Option<Spanned<String>>,
    secret_key: Option<Spanned<SecretSource>>,
}

impl StoreSection {
    pub(super) fn has_inline_secret(&self) -> bool {
        let written = [&self.password, &self.secret_key];
        written.into_iter().flatten().any(|secret| secret.get_ref().is_inline())
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
            Some(source) => Some(check_key(source, environment, faults)?),
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

fn check_key(
    source: &Spanned<SecretSource>,
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) -> Option<StoreKey> {
    let key = StoreKey::from_hex(fetch(source, environment, faults)?.expose());
    if key.is_none() {
        let cure = "make one by: openssl rand -hex 32";
        faults.add(source.span(), "is no key of 64 hexadecimal digits", cure);
    }
    key
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
