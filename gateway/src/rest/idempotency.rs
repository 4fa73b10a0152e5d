//! Requests that are sent again because their answer was lost (the Idempotency-Key of draft-ietf-httpapi-idempotency-key-header): what was
//! done is not done twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use webtrunk_signalling::lock::lock;

/// How long it is known what was done. Chosen by us: whoever tries again does so on the same day.
const KNOWN: Duration = Duration::from_secs(24 * 60 * 60);

/// Requests that are known; past it the oldest is forgotten. Chosen by us: some 200 octets each.
const KNOWN_MAX: usize = 10_000;

/// The requests that were met; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Idempotency(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    requests: HashMap<Name, Entry>,
    begun: VecDeque<(Instant, Name)>,
}

/// An API key's id, and what its holder calls the request.
type Name = (String, String);

#[derive(Debug, Clone)]
struct Entry {
    /// Of what was asked for.
    hash: [u8; 32],
    /// What it was answered with, where it was.
    answer: Option<String>,
}

/// What is known of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: it is to be met, and then [`Idempotency::met`] or [`Idempotency::failed`].
    New,
    /// It was met, with this answer.
    Met(String),
    /// It is being met.
    UnderWay,
    /// Another request had this name.
    Another,
}

impl Idempotency {
    /// Notes a request of a key's holder, by its name, with what it asks for.
    #[must_use]
    pub fn begin(&self, name: Name, body: &[u8], now: Instant) -> Seen {
        let mut known = lock(&self.0);
        known.forget(now);
        let hash = Sha256::digest(body).into();
        match known.requests.get(&name) {
            Some(entry) if entry.hash != hash => Seen::Another,
            Some(Entry { answer: Some(answer), .. }) => Seen::Met(answer.clone()),
            Some(_) => Seen::UnderWay,
            None => {
                known.begun.push_back((now, name.clone()));
                known.requests.insert(name, Entry { hash, answer: None });
                Seen::New
            }
        }
    }

    /// It was met.
    pub fn met(&self, name: &Name, answer: &str) {
        if let Some(entry) = lock(&self.0).requests.get_mut(name) {
            entry.answer = Some(answer.to_owned());
        }
    }

    /// It could not be met, and may be tried again.
    pub fn failed(&self, name: &Name) {
        let mut known = lock(&self.0);
        known.requests.remove(name);
        known.begun.retain(|(_, begun)| begun != name);
    }
}

impl Known {
    fn forget(&mut self, now: Instant) {
        let is_old = |begun: &Instant| now.duration_since(*begun) >= KNOWN;
        while self.begun.len() >= KNOWN_MAX || self.begun.front().is_some_and(|(begun, _)| is_old(begun)) {
            if let Some((_, name)) = self.begun.pop_front() {
                self.requests.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_not_done_twice() {
        let requests = Idempotency::default();
        let now = Instant::now();
        let name = |key: &str| (key.to_owned(), "1".to_owned());
        let begin = |key: &str, body: &str, at| requests.begin(name(key), body.as_bytes(), at);
        assert_eq!(begin("crm", "{}", now), Seen::New);
        assert_eq!(begin("crm", "{}", now), Seen::UnderWay);
        assert_eq!(begin("other", "{}", now), Seen::New, "names are each key's own");
        requests.failed(&name("crm"));
        assert_eq!(begin("crm", "{}", now), Seen::New);
        requests.met(&name("crm"), "call");
        assert_eq!(begin("crm", "{}", now), Seen::Met("call".into()));
        assert_eq!(begin("crm", "{ }", now), Seen::Another);
        assert_eq!(begin("crm", "{}", now + KNOWN), Seen::New);
    }

    #[test]
    fn the_oldest_make_room() {
        let requests = Idempotency::default();
        let now = Instant::now();
        let begin = |number: usize| requests.begin(("crm".into(), number.to_string()), b"", now);
        assert!((0..=KNOWN_MAX).all(|number| begin(number) == Seen::New));
        assert_eq!(begin(KNOWN_MAX), Seen::UnderWay);
        assert_eq!(begin(0), Seen::New);
        assert_eq!(lock(&requests.0).requests.len(), KNOWN_MAX);
    }
}
