//! Requests that are sent again because their answer was lost (the Idempotency-Key of draft-ietf-httpapi-idempotency-key-header): what was
//! done is not done twice.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use webtrunk_signalling::lock::lock;

use super::shared_ring::SharedRing;

/// How long it is known what was done. Chosen by us: whoever tries again does so on the same day.
const KNOWN: Duration = Duration::from_secs(24 * 60 * 60);

/// Requests of all keys that are known; past it the key that has most of them forgets its oldest. Chosen by us: some 200 octets each.
const KNOWN_MAX: usize = 10_000;

/// The requests that were met; cheap to clone.
#[derive(Debug, Clone)]
pub struct Idempotency(Arc<Mutex<SharedRing<String, Entry>>>);

/// A request of an API key's.
#[derive(Debug, Clone)]
struct Entry {
    /// What its holder calls it.
    name: String,
    begun_at: Instant,
    /// Of what was asked for.
    hash: [u8; 32],
    /// What it was answered with, where it was.
    answer: Option<String>,
}

/// What is known of a request.
#[derive(Debug)]
pub enum Seen {
    /// Nothing: it is to be met.
    New(Claim),
    /// It was met, with this answer.
    Met(String),
    /// It is being met.
    UnderWay,
    /// Another request had this name.
    Another,
}

/// A request that is being met. Dropped, by a panic too, it was not, and may be tried again.
#[derive(Debug)]
pub struct Claim {
    requests: Idempotency,
    key: String,
    name: String,
    is_met: bool,
}

impl Default for Idempotency {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(SharedRing::new(KNOWN_MAX))))
    }
}

impl Idempotency {
    /// Notes a request of the holder of the key with this id, by its name, with what it asks for.
    #[must_use]
    pub fn begin(&self, key: &str, name: &str, body: &[u8], now: Instant) -> Seen {
        let mut known = lock(&self.0);
        let (key, hash) = (key.to_owned(), Sha256::digest(body).into());
        let is_old = |entry: &Entry| now.duration_since(entry.begun_at) >= KNOWN;
        known.remove(&key, is_old);
        let before = known.of(&key).rev().find(|entry| entry.name == name).cloned();
        match before {
            Some(entry) if entry.hash != hash => Seen::Another,
            Some(Entry { answer: Some(answer), .. }) => Seen::Met(answer),
            Some(_) => Seen::UnderWay,
            None => {
                let name = name.to_owned();
                known.push(key.clone(), Entry { name: name.clone(), begun_at: now, hash, answer: None });
                Seen::New(Claim { requests: self.clone(), key, name, is_met: false })
            }
        }
    }
}

impl Claim {
    /// It was met.
    pub fn met(mut self, answer: &str) {
        self.is_met = true;
        let mut known = lock(&self.requests.0);
        if let Some(entry) = known.of_mut(&self.key).find(|entry| entry.name == self.name) {
            entry.answer = Some(answer.to_owned());
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_met {
            let name = &self.name;
            lock(&self.requests.0).remove(&self.key, |entry| entry.name == *name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a word.
    fn word(seen: &Seen) -> &str {
        match seen {
            Seen::New(_) => "new",
            Seen::Met(answer) => answer,
            Seen::UnderWay => "under way",
            Seen::Another => "another",
        }
    }

    #[test]
    fn what_was_done_is_not_done_twice() {
        let (requests, now) = (Idempotency::default(), Instant::now());
        let begin = |key: &str, body: &str, at| requests.begin(key, "1", body.as_bytes(), at);
        let first = begin("crm", "{}", now);
        assert_eq!([word(&first), word(&begin("crm", "{}", now))], ["new", "under way"]);
        assert_eq!(word(&begin("other", "{}", now)), "new", "names are each key's own");
        drop(first);
        let Seen::New(claim) = begin("crm", "{}", now) else { panic!("it failed, and is tried again") };
        claim.met("call");
        let again = ["{}", "{ }"].map(|body| word(&begin("crm", body, now)).to_owned());
        assert_eq!(again, ["call", "another"]);
        assert_eq!(word(&begin("crm", "{}", now + KNOWN)), "new");
    }

    #[test]
    fn a_panic_keeps_no_request_from_being_tried_again() {
        let (requests, now) = (Idempotency::default(), Instant::now());
        let seen = requests.begin("crm", "1", b"", now);
        let met = std::thread::spawn(move || {
            let _claim = seen;
            panic!("a fault of ours");
        });
        assert!(met.join().is_err());
        assert_eq!(word(&requests.begin("crm", "1", b"", now)), "new");
    }

    #[test]
    fn a_key_that_asks_often_makes_its_own_forgotten_and_no_other_keys() {
        let (requests, now) = (Idempotency::default(), Instant::now());
        let begin = |key: &str, number: usize| {
            let seen = requests.begin(key, &number.to_string(), b"", now);
            let word = word(&seen).to_owned();
            if let Seen::New(claim) = seen {
                claim.met("call");
            }
            word
        };
        assert_eq!(begin("quiet", 0), "new");
        assert!((0..=KNOWN_MAX).all(|number| begin("flood", number) == "new"));
        assert_eq!(
            [begin("quiet", 0), begin("flood", KNOWN_MAX), begin("flood", 0)],
            ["call", "call", "new"]
        );
    }
}
