//! `[cdr]`: what is kept of calls.

use std::fs::OpenOptions;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;
use crate::files;

/// Records of calls. They are kept in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CdrConfig {
    /// The file to which each record goes as a line of JSON.
    pub file: Option<PathBuf>,
    /// The file in which records wait while the store cannot be written, on another disk.
    pub spare: Option<PathBuf>,
    /// How many days the store has a record.
    pub keep_days: u32,
}

/// How long records are kept where nobody says. Chosen by us: what a year's invoice may be asked about.
const KEEP_DAYS: u32 = 400;

/// The longest that may be said. Chosen by us: a century.
const KEEP_DAYS_MAX: u32 = 36_525;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CdrSection {
    file: Option<Spanned<String>>,
    spare: Option<Spanned<String>>,
    keep_days: Option<Spanned<u32>>,
}

impl CdrSection {
    /// Checks the section, and that the file can be written to.
    pub(super) fn check(&self, has_store: bool, faults: &mut Faults<'_>) -> Option<CdrConfig> {
        if !has_store && !faults.is_partial(&["store"]) {
            faults.add_to_file(
                "cdr: records of calls are kept in the store, and there is none",
                "add [store] with a path",
            );
        }
        let mut check = |written: &Option<Spanned<String>>| {
            written.as_ref().map(|written| check_file(written, faults)).transpose()
        };
        let (file, spare) = (check(&self.file), check(&self.spare));
        let keep_days = match &self.keep_days {
            Some(days) if !(1..=KEEP_DAYS_MAX).contains(days.get_ref()) => {
                let problem = "is out of range";
                faults.add(days.span(), problem, format!("write a number from 1 to {KEEP_DAYS_MAX}"));
                return None;
            }
            Some(days) => *days.get_ref(),
            None => KEEP_DAYS,
        };
        has_store.then_some(CdrConfig { file: file.ok()?, spare: spare.ok()?, keep_days })
    }
}

/// A file is of no use, and it was told why.
#[derive(Debug)]
struct FaultTold;

/// Checks that the file can be made where it is not there, by making another beside it, which goes away at once: the
/// gateway that is running may make this one meanwhile.
fn check_file(written: &Spanned<String>, faults: &mut Faults<'_>) -> Result<PathBuf, FaultTold> {
    let path = faults.document().resolve(written.get_ref());
    let checked = if path.exists() {
        OpenOptions::new().append(true).open(&path).map(drop)
    } else {
        files::try_folder_of(&path)
    };
    faults.write_to(written.span(), path.clone());
    match checked {
        Ok(()) => Ok(path),
        Err(error) => {
            let cure = "name a file in a folder that is there, and let the gateway's user write to both";
            faults.add(written.span(), format!("cannot be written: {error}"), cure);
            Err(FaultTold)
        }
    }
}
