//! What a process writes, line by line, while it runs.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// No line for so long, and none is under way.
const SETTLED: Duration = Duration::from_millis(50);
const SETTLED_MAX: Duration = Duration::from_millis(500);

/// The lines so far.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Log {
    /// Reads until the end of the stream, in a thread of its own.
    pub(crate) fn of(stream: impl Read + Send + 'static) -> Self {
        let log = Self::default();
        let writer = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                writer.lock().push(line);
                writer.0.1.notify_all();
            }
        });
        log
    }

    /// A copy of the lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lock().clone()
    }

    /// How many lines hold all of `parts`, once those that are under way have come.
    pub(crate) fn count(&self, parts: &[&str]) -> usize {
        let deadline = Instant::now() + SETTLED_MAX;
        let mut lines = self.lock();
        loop {
            let before = lines.len();
            (lines, _) = self.0.1.wait_timeout(lines, SETTLED).unwrap_or_else(PoisonError::into_inner);
            if lines.len() == before || Instant::now() >= deadline {
                return lines.iter().filter(|line| holds(line, parts)).count();
            }
        }
    }

    /// Waits for a line that holds all of `parts`, and gives the first.
    ///
    /// # Panics
    /// When there is none after `patience`.
    pub(crate) fn wait_for(&self, parts: &[&str], patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        let mut lines = self.lock();
        loop {
            if let Some(line) = lines.iter().find(|line| holds(line, parts)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no line with {parts:?} among {} lines", lines.len());
            (lines, _) = self.0.1.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn holds(line: &str, parts: &[&str]) -> bool {
    parts.iter().all(|part| line.contains(part))
}
