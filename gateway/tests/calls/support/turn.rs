//! Tests that measure audio take turns: two browsers at a time starve each other on a small machine.

use std::fs::{self, File};
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

/// A turn; the next test's begins when it is dropped. It also holds between processes, for runners
/// that start one for each test.
pub(crate) struct Turn(#[expect(dead_code, reason = "held for its lock")] Flock<File>);

impl Turn {
    /// Waits for a turn.
    pub(crate) fn take() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("audio-tests.lock");
        let file = fs::OpenOptions::new().create(true).append(true).open(path).expect("the folder is ours");
        Self(Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error).expect("locks work"))
    }
}
