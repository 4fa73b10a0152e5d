//! Tests that measure a browser's audio take turns, a few at a time: many starve each other on a small machine.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

/// How many have a turn at a time: one of them leaves two cores idle nine tenths of the time.
const AT_A_TIME: usize = 2;

/// A turn; the next test's begins when it is dropped. It also holds between processes, for runners
/// that start one for each test.
pub(crate) struct Turn(#[expect(dead_code, reason = "held for its lock")] Flock<File>);

impl Turn {
    /// Waits for a turn.
    pub(crate) fn take() -> Self {
        loop {
            if let Some(turn) = (0..AT_A_TIME).find_map(Self::try_take) {
                return turn;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn try_take(number: usize) -> Option<Self> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("audio-tests-{number}.lock"));
        let file = fs::OpenOptions::new().create(true).append(true).open(path).expect("the folder is ours");
        Flock::lock(file, FlockArg::LockExclusiveNonblock).ok().map(Self)
    }
}
