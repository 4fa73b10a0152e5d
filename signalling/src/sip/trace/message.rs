//! One message that went by: as it was taken, and as it is kept.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;

use super::redact::redact;
use crate::sip::flow::{Flow, TransportKind};
use crate::sip::message::Message;

/// Most octets of a Call-ID by which a message is found again. Chosen by us: real ones have some forty.
const CALL_ID_MAX: usize = 256;

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the peer to us.
    In,
    /// From us to the peer.
    Out,
}

/// A message on its way to the reader, with all that it says.
#[derive(Debug, Clone)]
pub struct Passing {
    /// By the wall clock.
    pub at: SystemTime,
    /// By the clock that only goes forward.
    pub now: Instant,
    /// The peer, and our address.
    pub flow: Flow,
    /// Which way.
    pub direction: Direction,
    /// The whole message, after framing.
    pub octets: Bytes,
}

/// A message without its secrets.
#[derive(Debug, Clone)]
pub struct Seen {
    /// By the wall clock.
    pub at: SystemTime,
    /// By the clock that only goes forward.
    pub now: Instant,
    /// By which transport.
    pub kind: TransportKind,
    /// Our address.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
    /// Which way.
    pub direction: Direction,
    /// Its Call-ID.
    pub call_id: Arc<str>,
    /// The whole message, as long as it was, its secrets masked.
    pub octets: Box<[u8]>,
}

impl Passing {
    /// What is kept of it; `None` for what has no Call-ID, which belongs to nothing. `local` is our address where the
    /// flow's own is the unspecified one.
    #[must_use]
    pub fn redacted(&self, local: SocketAddr) -> Option<Seen> {
        let call_id = call_id_of(&self.octets)?.into();
        let mut octets: Box<[u8]> = self.octets.as_ref().into();
        redact(&mut octets);
        Some(Seen {
            at: self.at,
            now: self.now,
            kind: self.flow.kind,
            local,
            remote: self.flow.remote,
            direction: self.direction,
            call_id,
            octets,
        })
    }
}

impl Seen {
    /// The message as types; `None` where no parser takes it.
    #[must_use]
    pub fn parse(&self) -> Option<Message> {
        Message::parse(Bytes::copy_from_slice(&self.octets)).ok()
    }
}

/// The Call-ID of a message, whether or not all of it makes sense.
fn call_id_of(octets: &[u8]) -> Option<&str> {
    let mut lines = octets.trim_ascii_start().split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return None;
        }
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let name = line[..colon].trim_ascii();
        if name.eq_ignore_ascii_case(b"Call-ID") || name.eq_ignore_ascii_case(b"i") {
            let folded = lines.peek().filter(|next| next.starts_with(b" ") || next.starts_with(b"\t"));
            let value = match (line[colon + 1..].trim_ascii(), folded) {
                (b"", Some(folded)) => folded.trim_ascii(),
                (value, _) => value,
            };
            let value = &value[..value.len().min(CALL_ID_MAX)];
            return std::str::from_utf8(value).ok().filter(|value| !value.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_id_is_found_in_either_form_and_in_the_head_alone() {
        for (message, expected) in [
            ("INVITE sip:a@b SIP/2.0\r\nCall-ID: x@y\r\n\r\n", Some("x@y")),
            ("INVITE sip:a@b SIP/2.0\r\ni : x\r\n\r\n", Some("x")),
            ("INVITE sip:a@b SIP/2.0\ncall-id:x\n\n", Some("x")),
            ("\r\nINVITE sip:a@b SIP/2.0\r\nCall-ID:\r\n x@y\r\n\r\n", Some("x@y")),
            ("INVITE sip:a@b SIP/2.0\r\nCall-ID:\r\n\r\n", None),
            ("INVITE sip:a@b SIP/2.0\r\nTo: b\r\n\r\ni: x\r\n", None),
            ("", None),
        ] {
            assert_eq!(call_id_of(message.as_bytes()), expected, "{message:?}");
        }
        let long = format!("BYE sip:a@b SIP/2.0\r\ni: {}\r\n\r\n", "x".repeat(1000));
        assert_eq!(call_id_of(long.as_bytes()).map(str::len), Some(CALL_ID_MAX));
    }
}
