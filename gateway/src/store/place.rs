//! Whether the file that is written is still the one of its name: one that was moved away, or removed, is written all the
//! same, and nobody finds what is in it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where a file was, and what it is: device and number.
#[derive(Debug, Clone)]
pub(super) struct Place {
    path: PathBuf,
    node: Option<(u64, u64)>,
    is_astray: bool,
}

/// What has become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It is not there any more, or another is.
    Astray,
    /// It is there again.
    Back,
}

impl Place {
    /// The file that is there now, and is open.
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), node: node(path), is_astray: false }
    }

    /// Looks whether it is there; tells what is new.
    pub(super) fn look(&mut self) -> Option<Found> {
        let is_astray = self.node.is_some() && node(&self.path) != self.node;
        let was_astray = std::mem::replace(&mut self.is_astray, is_astray);
        match (was_astray, is_astray) {
            (false, true) => Some(Found::Astray),
            (true, false) => Some(Found::Back),
            (true, true) | (false, false) => None,
        }
    }
}

fn node(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_file_that_was_moved_away_or_replaced_is_told_once_and_so_is_that_it_is_back() {
        let folder = TempDir::new().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("w.db"), "x").expect("the folder is ours");
        let mut place = Place::of(&at("w.db"));
        assert_eq!(place.look(), None);
        fs::rename(at("w.db"), at("away")).expect("the folder is ours");
        assert_eq!([place.look(), place.look()], [Some(Found::Astray), None]);
        fs::write(at("w.db"), "another").expect("the folder is ours");
        assert_eq!(place.look(), None, "it is another one");
        fs::rename(at("away"), at("w.db")).expect("the folder is ours");
        assert_eq!([place.look(), place.look()], [Some(Found::Back), None]);
    }
}
