//! `[store]`: what outlives the process.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;

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
