//! Reading files of a size that can be held: a path may lead anywhere, to `/dev/zero` for one. And whether files can be made.

mod reader;

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

pub use reader::{Reader, Unread};

/// More than any configuration, certificate or bundle of authorities has, in MiB.
pub const TEXT_MAX: u64 = 4;

/// The whole of a file of at most `mib_max` MiB.
///
/// # Errors
/// Those of the system, and [`io::ErrorKind::FileTooLarge`].
pub fn read(path: &Path, mib_max: u64) -> io::Result<Vec<u8>> {
    let size_max = mib_max << 20;
    let mut bytes = Vec::new();
    File::open(path)?.take(size_max + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size <= size_max) {
        return Ok(bytes);
    }
    Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {mib_max} MiB")))
}

/// As [`read`], of what waits for nobody to write it: whoever reads a pipe again and again waits for ever.
///
/// # Errors
/// As [`read`], and [`io::ErrorKind::InvalidInput`] for a pipe.
pub fn read_at_hand(path: &Path, mib_max: u64) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.file_type().is_fifo() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe, and has to be a file"));
    }
    read(path, mib_max)
}

/// The whole of a file of text.
///
/// # Errors
/// As [`read`], and [`io::ErrorKind::InvalidData`] for what is no UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path, TEXT_MAX)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8 text"))
}

/// Whether a file could be made beside this one: one is made there, and goes away at once. A disk that is full is as good as
/// another: there may be room when it is needed.
///
/// # Errors
/// Those of the system.
pub fn try_folder_of(path: &Path) -> io::Result<()> {
    // By chance: in a container every process has the same number, and one that was killed here leaves its file.
    let probe = path.with_file_name(format!(".webtrunk-{:016x}", rand::random::<u64>()));
    match File::create_new(&probe).and_then(|_| fs::remove_file(&probe)) {
        Err(error) if is_full(&error) => Ok(()),
        tried => tried,
    }
}

/// Whether there is no room, which may come to be.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_end_is_not_read_to_its_end() {
        let told = read(Path::new("/dev/zero"), 1).expect_err("it has no end");
        assert_eq!(told.kind(), io::ErrorKind::FileTooLarge);
        assert!(read_text(Path::new("/dev/null")).is_ok_and(|text| text.is_empty()));
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("it is installed");
        assert!(made.success());
        let told = read_at_hand(&pipe, TEXT_MAX).expect_err("it would wait for ever");
        assert_eq!(told.kind(), io::ErrorKind::InvalidInput);
    }
}
