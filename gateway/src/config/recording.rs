//! `[recording]`: where calls are recorded to.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;
use crate::files;

/// Recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingConfig {
    /// The folder of their files.
    pub folder: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordingSection {
    folder: Spanned<String>,
}

impl RecordingSection {
    /// Checks the section by making a file in the folder, which goes away at once.
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> Option<RecordingConfig> {
        let folder = faults.document().resolve(self.folder.get_ref());
        match files::try_folder_of(&folder.join("recording")) {
            Ok(()) => Some(RecordingConfig { folder }),
            Err(error) => {
                let problem = format!("no file can be made in it: {error}");
                faults.add(
                    self.folder.span(),
                    problem,
                    "make the folder, and let the gateway's user write to it",
                );
                None
            }
        }
    }
}
