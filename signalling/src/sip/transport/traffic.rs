//! How many messages there are of each kind: requests by method, responses by class.

use std::sync::atomic::{AtomicU64, Ordering};

/// What went one way, from the start.
#[derive(Debug, Default)]
pub struct Traffic {
    requests: [AtomicU64; METHODS.len() + 1],
    responses: [AtomicU64; CLASSES.len()],
}

/// Methods that are told apart; all others are one kind, for who makes names up makes no new ones.
const METHODS: [&str; 14] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "REGISTER",
    "INFO",
    "PRACK",
    "UPDATE",
    "REFER",
    "SUBSCRIBE",
    "NOTIFY",
    "MESSAGE",
    "PUBLISH",
];

/// What all others are called.
const OTHER: &str = "other";

/// Classes of responses.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx"];

/// What a status line begins with (RFC 3261 7.2).
const VERSION: &[u8] = b"SIP/2.0 ";

impl Traffic {
    /// Counts a message, as it is on the wire.
    pub(super) fn count(&self, message: &[u8]) {
        let counter = match message.strip_prefix(VERSION) {
            Some(status) => {
                let class = status.first().and_then(|digit| digit.checked_sub(b'1')).map(usize::from);
                class.and_then(|class| self.responses.get(class))
            }
            None => {
                let end = message.iter().position(|octet| *octet == b' ').unwrap_or(message.len());
                let is_it = |name: &&str| name.as_bytes() == &message[..end];
                self.requests.get(METHODS.iter().position(is_it).unwrap_or(METHODS.len()))
            }
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Requests by method, those of no known one as `other`.
    pub fn requests(&self) -> impl Iterator<Item = (&'static str, u64)> {
        METHODS.into_iter().chain([OTHER]).zip(self.requests.iter().map(read))
    }

    /// Responses by class, `1xx` to `6xx`.
    pub fn responses(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES.into_iter().zip(self.responses.iter().map(read))
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::{ByteString, Method};

    #[test]
    fn requests_are_told_by_method_and_responses_by_class() {
        let traffic = Traffic::default();
        for message in [
            "INVITE sip:a SIP/2.0\r\n",
            "INVITE sip:b SIP/2.0\r\n",
            "BYE sip:a SIP/2.0\r\n",
            "INVITED sip:a SIP/2.0\r\n",
            "",
            "SIP/2.0 200 OK\r\n",
            "SIP/2.0 603 Decline\r\n",
            "SIP/2.0 000 Nothing\r\n",
            "SIP/2.0 ",
        ] {
            traffic.count(message.as_bytes());
        }
        let some = |counts: &mut dyn Iterator<Item = (&'static str, u64)>| -> Vec<_> {
            counts.filter(|(_, count)| *count > 0).collect()
        };
        assert_eq!(some(&mut traffic.requests()), [("INVITE", 2), ("BYE", 1), ("other", 2)]);
        assert_eq!(some(&mut traffic.responses()), [("2xx", 1), ("6xx", 1)]);
    }

    #[test]
    fn every_method_that_we_know_is_told_apart() {
        for name in METHODS {
            let method = Method::parse(&ByteString::from_static(name)).expect("a token");
            assert!(!matches!(method, Method::Other(_)), "{name}");
        }
    }
}
