//! A disk that is soon full.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::tools;

/// A disk with room for so many KiB, as long as it is held.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    pub(crate) fn new(kib: usize) -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        let size = format!("size={kib}k");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        match mounted {
            Ok(mounted) if mounted.status.success() => Some(Self(folder)),
            other => tools::not_possible(&format!("no disk can be mounted: {other:?}")),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What cannot be unmounted is told by the folder that cannot be removed.
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}
