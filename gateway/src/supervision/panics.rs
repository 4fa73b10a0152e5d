//! Panics, wherever in the process: each is logged, and counted.

use std::collections::VecDeque;
use std::panic::PanicHookInfo;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, Receiver};
use tracing::error;

use super::{Fault, Mishaps};

/// So many are too many ..
const PANICS_MAX: usize = 5;

/// .. within this time. Chosen by us: one in a while is a rare message's, five in a minute are met by everybody.
const WINDOW: Duration = Duration::from_secs(60);

/// Hears of all panics of the process.
pub struct Panics {
    panicked: Receiver<Instant>,
    recent: Recent,
    mishaps: Mishaps,
}

impl Panics {
    /// Hears of panics from now on. Call it once, when the log is there.
    #[must_use]
    pub fn watch() -> Self {
        let (sender, panicked) = mpsc::channel(PANICS_MAX);
        let mishaps = Mishaps::default();
        let counts = mishaps.clone();
        std::panic::set_hook(Box::new(move |panic| {
            log(panic);
            counts.add_panic();
            // Where there is no room, so many are known already that one more changes nothing.
            let _ = sender.try_send(Instant::now());
        }));
        Self { panicked, recent: Recent::default(), mishaps }
    }

    /// How many there were, and what else should not be.
    #[must_use]
    pub fn mishaps(&self) -> Mishaps {
        self.mishaps.clone()
    }

    /// Hears of those that a test tells.
    #[cfg(test)]
    pub(crate) fn told_by_hand() -> (Self, mpsc::Sender<Instant>) {
        let (sender, panicked) = mpsc::channel(PANICS_MAX);
        (Self { panicked, recent: Recent::default(), mishaps: Mishaps::default() }, sender)
    }

    /// Returns when there are too many.
    pub async fn too_many(&mut self) -> Fault {
        loop {
            match self.panicked.recv().await {
                Some(at) if self.recent.note(at) => return Fault::Panics { count: PANICS_MAX },
                Some(_) => {}
                // Somebody else hears of them from now on.
                None => std::future::pending().await,
            }
        }
    }
}

fn log(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    let told = panic.payload_as_str().unwrap_or("something that is no text");
    error!(thread = thread.name().unwrap_or_default(), at, told, "panicked");
}

/// The last panics.
#[derive(Debug, Default)]
struct Recent(VecDeque<Instant>);

impl Recent {
    /// Notes one; whether there are too many.
    fn note(&mut self, at: Instant) -> bool {
        self.0.push_back(at);
        if self.0.len() > PANICS_MAX {
            self.0.pop_front();
        }
        let is_recent = |first: &Instant| at.saturating_duration_since(*first) < WINDOW;
        self.0.len() == PANICS_MAX && self.0.front().is_some_and(is_recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_in_a_minute_are_too_many_and_five_in_an_hour_are_not() {
        let begin = Instant::now();
        let told = |seconds: &[u64]| {
            let mut recent = Recent::default();
            let at = seconds.iter().map(|second| begin + Duration::from_secs(*second));
            at.map(|at| recent.note(at)).collect::<Vec<_>>()
        };
        assert_eq!(told(&[0, 1, 2, 3, 59]), [false, false, false, false, true]);
        assert_eq!(told(&[0, 1, 2, 3, 60]), [false; 5]);
        assert_eq!(told(&[0, 600, 601, 602, 603, 604]), [false, false, false, false, false, true]);
    }
}
