//! When the files of a certificate are to be read again: when they have changed, and have stopped changing.
//!
//! ```text
//!            another stamp               the same stamp at the next look
//!  Settled --------------> Changing ------------------------------------> read once, Settled again
//!                            |   ^
//!                            `---' yet another stamp
//! ```
//!
//! Looking works on every file system, through every link. A pair of which one half is not there yet is mostly seen while
//! it changes; where it is not, it does not fit and is refused, and read again when the other half has come.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::config::PairFiles;

/// How often files are looked at: with the look that finds them settled, a new certificate is shown within five seconds.
pub(super) const LOOK: Duration = Duration::from_secs(2);

/// From when on an end is warned of: who renews by machine does so 30 days before, and has tried for nine by then.
const WARNED: Duration = Duration::from_secs(21 * 24 * 60 * 60);

/// How often.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What tells that a file has changed: another file, by a link or a rename, or another content, by its change time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    changed_at: (i64, i64),
    octets: u64,
}

/// Certificate and key at one look; a file that is not there has no stamp.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp([Option<FileStamp>; 2]);

/// What was seen; nothing, at first.
#[derive(Debug, Default)]
pub(super) struct Watch {
    settled: Stamp,
    changing: Option<Stamp>,
}

/// Whether it was warned of an end.
#[derive(Debug, Default)]
pub(super) struct EndWarning {
    warned_at: Option<Instant>,
}

impl Stamp {
    /// As the files are now.
    pub(super) fn of(files: &PairFiles) -> Self {
        Self([&files.certificate, &files.private_key].map(|file| FileStamp::of(file).ok()))
    }
}

impl FileStamp {
    fn of(file: &Path) -> io::Result<Self> {
        // Of what a link leads to.
        let metadata = fs::metadata(file)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            changed_at: (metadata.ctime(), metadata.ctime_nsec()),
            octets: metadata.len(),
        })
    }
}

impl Watch {
    /// These have been read.
    pub(super) const fn new(settled: Stamp) -> Self {
        Self { settled, changing: None }
    }

    /// Looks at them; whether they are to be read now. They are read once, however that goes.
    pub(super) fn look(&mut self, stamp: Stamp) -> bool {
        if stamp == self.settled {
            self.changing = None;
            return false;
        }
        if self.changing.replace(stamp) != Some(stamp) {
            return false;
        }
        *self = Self::new(stamp);
        true
    }
}

impl EndWarning {
    /// Whether to warn now, of a certificate that is good for so long.
    pub(super) fn is_due(&mut self, left: Duration, now: Instant) -> bool {
        let is_due =
            left < WARNED && self.warned_at.is_none_or(|at| now.saturating_duration_since(at) >= DAY);
        if is_due {
            self.warned_at = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn stamp(inodes: [u64; 2]) -> Stamp {
        Stamp(inodes.map(|inode| Some(FileStamp { device: 1, inode, changed_at: (0, 0), octets: 100 })))
    }

    #[test]
    fn files_are_read_once_when_they_have_stopped_changing() {
        let mut watch = Watch::new(stamp([1, 1]));
        let looks = [
            ([1, 1], false),
            ([2, 1], false), // the certificate is there, the key not yet
            ([2, 2], false),
            ([2, 2], true),
            ([2, 2], false),
            ([3, 2], false),
            ([2, 2], false), // put back
            ([3, 2], false),
            ([3, 2], true), // nobody brings the key: it is refused, and told once
            ([3, 2], false),
            ([3, 3], false),
            ([3, 3], true),
        ];
        for (index, (inodes, is_read)) in looks.into_iter().enumerate() {
            assert_eq!(watch.look(stamp(inodes)), is_read, "look {index}");
        }
        let gone = Stamp([None, stamp([3, 3]).0[1]]);
        assert_eq!([watch.look(gone), watch.look(stamp([3, 3])), watch.look(stamp([3, 3]))], [false; 3]);
    }

    /// As certbot has it: live/NAME/fullchain.pem is a link into ../../archive/NAME.
    #[test]
    fn a_link_that_leads_elsewhere_is_a_change_and_so_is_another_content() {
        let folder = TempDir::new().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        for name in ["cert1.pem", "cert2.pem", "key.pem"] {
            fs::write(file(name), name).expect("the folder is ours");
        }
        symlink("cert1.pem", file("cert.pem")).expect("the folder is ours");
        let files = PairFiles { certificate: file("cert.pem"), private_key: file("key.pem") };
        let first = Stamp::of(&files);
        assert_eq!(Stamp::of(&files), first);
        symlink("cert2.pem", file("new")).expect("the folder is ours");
        fs::rename(file("new"), file("cert.pem")).expect("the folder is ours");
        let second = Stamp::of(&files);
        assert_ne!(second, first);
        fs::write(file("key.pem"), "another").expect("the folder is ours");
        assert_ne!(Stamp::of(&files), second);
        fs::remove_file(file("cert.pem")).expect("the folder is ours");
        assert_eq!(Stamp::of(&files).0[0], None);
    }

    #[test]
    fn an_end_is_warned_of_three_weeks_ahead_and_each_day() {
        let (start, day) = (Instant::now(), Duration::from_secs(86_400));
        let mut warning = EndWarning::default();
        let mut warned = Vec::new();
        // Looked at each hour, from the 25th day before the end to the third after it.
        for hour in 0..24 * 28_u32 {
            let left = (25 * day).saturating_sub(hour * day / 24);
            if warning.is_due(left, start + hour * day / 24) {
                warned.push(hour);
            }
        }
        assert_eq!(warned.first(), Some(&(24 * 4 + 1)), "as soon as less than 21 days are left");
        assert_eq!(warned.len(), 24, "{warned:?}");
        assert!(warned.windows(2).all(|pair| pair[1] - pair[0] == 24));
    }
}
