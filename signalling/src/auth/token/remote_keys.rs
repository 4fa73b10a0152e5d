//! When a set of public keys is fetched that is kept elsewhere. Fetching is the caller's business.
//!
//! ```text
//!  Missing --poll--> fetching --fetched--> Kept --15 min, or an unknown key id--> fetching
//!     ^                 |                   |
//!     |              failed: again after 5 s, doubled up to 5 min
//!     '------------ a day without success --'
//! ```
//!
//! A provider that cannot be reached for an hour shuts nobody out; keys that nobody stands by for a day prove nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::jwks::{Jwks, JwksError};

/// How long a set is kept without a look. Chosen by us: providers announce new keys hours before they use them.
const REFRESH: Duration = Duration::from_secs(900);

/// How often unknown ids of keys, which anybody can make up, have it fetched.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(60);

/// The wait after a first failure.
const RETRY_FIRST: Duration = Duration::from_secs(5);

/// The longest wait after failures.
const RETRY_MAX: Duration = Duration::from_secs(300);

/// How long a set is used that could not be fetched again.
const STALE_MAX: Duration = Duration::from_secs(86_400);

/// A set of keys that is kept elsewhere.
#[derive(Debug)]
pub struct RemoteKeys {
    kept: Option<Kept>,
    fetch: Fetch,
    failures: u32,
    /// The last time that an unknown id had it fetched.
    asked_for: Option<Instant>,
}

#[derive(Debug)]
struct Kept {
    keys: Arc<Jwks>,
    fetched: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fetch {
    At(Instant),
    UnderWay,
}

impl RemoteKeys {
    /// Has none yet, and wants them at once.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self { kept: None, fetch: Fetch::At(now), failures: 0, asked_for: None }
    }

    /// The keys, unless they are too old.
    #[must_use]
    pub fn keys(&self, now: Instant) -> Option<&Arc<Jwks>> {
        let kept = self.kept.as_ref().filter(|kept| now.duration_since(kept.fetched) < STALE_MAX)?;
        Some(&kept.keys)
    }

    /// When [`poll_fetch`](Self::poll_fetch) is to be asked again; `None` while a fetch is under way.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        match self.fetch {
            Fetch::At(at) => Some(at),
            Fetch::UnderWay => None,
        }
    }

    /// Whether to fetch now. Then the end of it has to be told.
    pub fn poll_fetch(&mut self, now: Instant) -> bool {
        let is_due = matches!(self.fetch, Fetch::At(at) if at <= now);
        if is_due {
            self.fetch = Fetch::UnderWay;
        }
        is_due
    }

    /// A token named a key that is not there: the provider may have made a new one.
    pub fn handle_unknown_key(&mut self, now: Instant) {
        let is_too_soon = self.asked_for.is_some_and(|last| now.duration_since(last) < UNKNOWN_KEY_PAUSE);
        if let (Fetch::At(at), false, 0) = (self.fetch, is_too_soon, self.failures) {
            self.fetch = Fetch::At(at.min(now));
            self.asked_for = Some(now);
        }
    }

    /// A set came. One that is none counts as a failure.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn handle_fetched(&mut self, json: &[u8], now: Instant) -> Result<(), JwksError> {
        let keys = Jwks::parse(json).inspect_err(|_| self.handle_failed(now))?;
        self.kept = Some(Kept { keys: Arc::new(keys), fetched: now });
        self.failures = 0;
        self.fetch = Fetch::At(now + REFRESH);
        Ok(())
    }

    /// None came.
    pub fn handle_failed(&mut self, now: Instant) {
        let wait = RETRY_FIRST.saturating_mul(1 << self.failures.min(6)).min(RETRY_MAX);
        self.failures = self.failures.saturating_add(1);
        self.fetch = Fetch::At(now + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &[u8] = include_bytes!("tests/jwks.json");

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_set_is_fetched_at_once_and_again_every_quarter_of_an_hour() {
        let start = Instant::now();
        let mut remote = RemoteKeys::new(start);
        assert!(remote.poll_fetch(start) && !remote.poll_fetch(start), "one fetch at a time");
        assert_eq!((remote.poll_timeout(), remote.keys(start).is_some()), (None, false));
        assert_eq!(remote.handle_fetched(SET, start + seconds(1)), Ok(()));
        assert!(remote.keys(start + seconds(1)).is_some());
        assert_eq!(remote.poll_timeout(), Some(start + seconds(901)));
        assert!(!remote.poll_fetch(start + seconds(900)) && remote.poll_fetch(start + seconds(901)));
    }

    #[test]
    fn failures_wait_longer_each_time_and_the_old_keys_serve_for_a_day() {
        let start = Instant::now();
        let mut remote = RemoteKeys::new(start);
        assert!(remote.poll_fetch(start) && remote.handle_fetched(SET, start).is_ok());
        let mut now = start + REFRESH;
        let mut waits = Vec::new();
        for _ in 0..8 {
            assert!(remote.poll_fetch(now));
            remote.handle_failed(now);
            let next = remote.poll_timeout().expect("it will try again");
            waits.push(next.duration_since(now).as_secs());
            now = next;
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert!(remote.keys(start + STALE_MAX - seconds(1)).is_some());
        assert!(remote.keys(start + STALE_MAX).is_none());
        assert!(remote.poll_fetch(now) && remote.handle_fetched(SET, now).is_ok());
        assert_eq!(remote.poll_timeout(), Some(now + REFRESH));
    }

    #[test]
    fn a_set_that_is_none_leaves_the_old_one() {
        let start = Instant::now();
        let mut remote = RemoteKeys::new(start);
        assert!(remote.poll_fetch(start) && remote.handle_fetched(SET, start).is_ok());
        let now = start + REFRESH;
        assert!(remote.poll_fetch(now));
        assert_eq!(remote.handle_fetched(b"<html>login", now), Err(JwksError::NotASet));
        assert!(remote.keys(now).is_some());
        assert_eq!(remote.poll_timeout(), Some(now + RETRY_FIRST));
    }

    #[test]
    fn unknown_keys_have_it_fetched_and_made_up_ones_not_without_end() {
        let start = Instant::now();
        let mut remote = RemoteKeys::new(start);
        assert!(remote.poll_fetch(start) && remote.handle_fetched(SET, start).is_ok());
        let mut fetches = 0;
        for second in 1..=120 {
            let now = start + seconds(second);
            remote.handle_unknown_key(now);
            if remote.poll_fetch(now) {
                fetches += 1;
                assert!(remote.handle_fetched(SET, now).is_ok());
            }
        }
        assert_eq!(fetches, 2);
        assert!(remote.poll_timeout().is_some());
        let now = start + seconds(1000);
        assert!(remote.poll_fetch(now));
        remote.handle_failed(now);
        remote.handle_unknown_key(now);
        assert_eq!(
            remote.poll_timeout(),
            Some(now + RETRY_FIRST),
            "a provider that fails is not asked more often"
        );
    }
}
