//! `[store]`: what outlives the process.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;
use crate::files;

/// Where registrations are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The file.
    pub path: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreSection {
    path: Spanned<String>,
}

impl StoreSection {
    /// Checks the section by making a file beside it, which goes away at once: SQLite does so too.
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> Option<StoreConfig> {
        let path = faults.document().resolve(self.path.get_ref());
        let is_ours = files::try_folder_of(&path)
            .and_then(|()| if path.exists() { check_writable(&path) } else { Ok(()) });
        if is_ours.is_ok() && is_something_else(&path) {
            let cure = "name a file that is not there yet, or the one that the gateway made";
            faults.add(self.path.span(), "is no SQLite database", cure);
            return None;
        }
        // SQLite's log and index are beside it.
        for end in ["", "-wal", "-shm"] {
            let mut own = path.as_os_str().to_owned();
            own.push(end);
            faults.write_to(self.path.span(), own.into());
        }
        match is_ours {
            Ok(()) => Some(StoreConfig { path }),
            Err(error) => {
                let cure = "name a file in a folder that is there, and let the gateway's user write to both";
                faults.add(self.path.span(), format!("cannot be written: {error}"), cure);
                None
            }
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
