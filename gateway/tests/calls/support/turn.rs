//! Tests with a browser take turns, a few at a time: many starve each other on a small machine.

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

/// How many have a turn at a time. Chosen by us, for two cores.
const AT_A_TIME: usize = 3;

thread_local! {
    /// The turn of the test that runs here. It is good for all browsers of the test: tests that had one turn each and waited for
    /// another would wait for ever.
    static OWN: RefCell<Weak<Turn>> = const { RefCell::new(Weak::new()) };
}

/// A turn; another test's begins when nothing holds it any more. It also holds between processes, for runners
/// that start one for each test.
pub(super) struct Turn(#[expect(dead_code, reason = "held for its lock")] Flock<File>);

impl Turn {
    /// The turn that the test of this thread has, or the next one that is free, for which it waits.
    pub(super) fn take() -> Arc<Self> {
        OWN.with_borrow_mut(|own| {
            own.upgrade().unwrap_or_else(|| {
                let turn = Arc::new(Self::wait());
                *own = Arc::downgrade(&turn);
                turn
            })
        })
    }

    fn wait() -> Self {
        loop {
            if let Some(turn) = (0..AT_A_TIME).find_map(Self::try_take) {
                return turn;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn try_take(number: usize) -> Option<Self> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-tests-{number}.lock"));
        let file = fs::OpenOptions::new().create(true).append(true).open(path).expect("the folder is ours");
        Flock::lock(file, FlockArg::LockExclusiveNonblock).ok().map(Self)
    }
}
