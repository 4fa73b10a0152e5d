//! `[store]`: what outlives the process.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;

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
        let probe = path.with_file_name(format!(".webtrunk-store-{}", std::process::id()));
        let is_folder_ours = File::create_new(&probe).and_then(|_| fs::remove_file(&probe));
        let is_ours = is_folder_ours.and_then(|()| {
            if path.exists() { OpenOptions::new().append(true).open(&path).map(drop) } else { Ok(()) }
        });
        if is_ours.is_ok() && is_something_else(&path) {
            let cure = "name a file that is not there yet, or the one that the gateway made";
            faults.add(self.path.span(), "is no SQLite database", cure);
            return None;
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

/// What a database begins with (sqlite.org/fileformat2.html, 1.3); an empty one has nothing.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Whether the file is there and no database. One that cannot be read is told of where it is opened.
fn is_something_else(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut begin = Vec::new();
    let read = file.take(MAGIC.len() as u64).read_to_end(&mut begin);
    read.is_ok() && !begin.is_empty() && begin != MAGIC
}
