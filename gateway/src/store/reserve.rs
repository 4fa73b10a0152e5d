//! Room on its disk that the spare file has before it is needed: whatever fills the disk of the store may fill that one too.
//!
//! ```text
//!  FILE.reserved (empty, with room) --- the first record ---> FILE --- the store has all of it ---> removed, and reserved anew
//! ```

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, fallocate};

/// How many octets. Chosen by us: some thousand records.
const ROOM: u64 = 8 << 20;

/// Octets of what the system counts the room of a file in.
const BLOCK: u64 = 512;

/// Sees to it that the spare file has room: that one itself where it is there, otherwise an empty file, which becomes it.
///
/// # Errors
/// What the system said, or that the empty file is none.
pub(super) fn hold(spare: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().write(true).open(spare) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => empty(&reserved(spare))?,
        file => file?,
    };
    let metadata = file.metadata()?;
    // A try that fails may cost what it asked for: only what is missing is asked for.
    let has = metadata.blocks() * BLOCK;
    let missing = (metadata.len() + ROOM).saturating_sub(has);
    if missing == 0 {
        return Ok(());
    }
    let [has, missing] = [has, missing].map(|octets| i64::try_from(octets).unwrap_or(i64::MAX));
    Ok(fallocate(&file, FallocateFlags::FALLOC_FL_KEEP_SIZE, has, missing)?)
}

/// Makes the empty file the spare file, where there is none, and waits until the disk has its name. One with something in
/// it is somebody else's, and stays.
///
/// # Errors
/// What the system said. The spare file may be made without it.
pub(super) fn make_spare(spare: &Path) -> io::Result<()> {
    if spare.symlink_metadata().is_ok() {
        return Ok(());
    }
    let reserved = reserved(spare);
    match reserved.symlink_metadata() {
        Ok(metadata) if metadata.is_file() && metadata.len() == 0 => {}
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(_) | Err(_) => return Ok(()),
    }
    std::fs::rename(reserved, spare)?;
    File::open(folder_of(spare))?.sync_all()
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn empty(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    if file.metadata()?.len() > 0 {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something in it"));
    }
    Ok(file)
}

fn reserved(spare: &Path) -> PathBuf {
    let mut name = spare.as_os_str().to_owned();
    name.push(".reserved");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::super::lines;
    use super::*;

    /// Octets of the disk that a file has, and its length.
    fn room(path: &Path) -> (u64, u64) {
        let metadata = fs::metadata(path).expect("it is there");
        (metadata.blocks() * BLOCK, metadata.len())
    }

    #[test]
    fn the_spare_file_has_room_before_it_is_there_and_while_it_is() {
        let folder = TempDir::new().expect("a folder");
        let spare = folder.path().join("waiting.jsonl");
        hold(&spare).expect("there is room");
        let beside = folder.path().join("waiting.jsonl.reserved");
        let (octets, length) = room(&beside);
        assert!(octets >= ROOM && length == 0 && !spare.exists(), "{octets}");

        make_spare(&spare).expect("ours");
        lines::append(&spare, b"a record\n").expect("there is room");
        let (octets, length) = room(&spare);
        assert!(octets >= ROOM && length == 9 && !beside.exists(), "{octets}");
        // As one is that the process before has left.
        hold(&spare).expect("there is room");
        assert!(!beside.exists() && room(&spare).0 >= ROOM + 9);
        assert_eq!(fs::read(&spare).expect("there"), b"a record\n");
        make_spare(&spare).expect("it is there already");
        assert_eq!(room(&spare).1, 9);
    }

    #[test]
    fn a_file_of_somebody_else_is_left_alone() {
        let folder = TempDir::new().expect("a folder");
        let [spare, beside] = ["calls", "calls.reserved"].map(|name| folder.path().join(name));
        fs::write(&beside, "dear alice").expect("ours");
        assert!(hold(&spare).is_err());
        make_spare(&spare).expect("it may be made without");
        assert!(!spare.exists());
        assert_eq!(fs::read(&beside).expect("there"), b"dear alice");
    }
}
