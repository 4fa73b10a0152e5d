//! Cuts a stream's bytes into messages, looking at no byte more often than it must.
//!
//! A peer that sends byte by byte would otherwise make us search the whole buffer each time.

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use crate::sip::message::{Framing, MESSAGE_MAX, ParseError};

/// Where in a message the stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stage {
    /// No byte of the next message is here; line ends do not count.
    #[default]
    Between,
    /// The blank line is awaited.
    Headers,
    /// The rest of the body is awaited.
    Body,
}

/// What the buffer begins with.
#[derive(Debug, PartialEq, Eq)]
pub enum Cut {
    /// More is needed; the stage says of what.
    Incomplete,
    /// A ping (RFC 5626 3.5.1); it has been taken out of the buffer.
    KeepAlive,
    /// A message, taken out of the buffer.
    Message(Bytes),
    /// No boundary can be found any more, because of this.
    Broken(ParseError),
}

/// Remembers what was seen of an incomplete message.
#[derive(Debug, Default)]
pub struct Cutter {
    stage: Stage,
    /// Bytes without a blank line so far.
    searched: usize,
    /// The length of the whole message, once its headers told it.
    wanted: Option<usize>,
}

impl Cutter {
    /// Where in a message the stream stands, as of the last [`Self::next`].
    pub(super) const fn stage(&self) -> Stage {
        self.stage
    }

    /// Takes the next thing out of the buffer.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Cut {
        if self.must_wait(buffer) {
            return Cut::Incomplete;
        }
        match Framing::find(buffer) {
            Framing::Incomplete { wanted } => {
                self.wanted = wanted;
                self.stage = if wanted.is_some() { Stage::Body } else { stage_without_head(buffer) };
                Cut::Incomplete
            }
            Framing::KeepAlive(len) => {
                *self = Self::default();
                drop(buffer.split_to(len));
                Cut::KeepAlive
            }
            Framing::Complete { len } => {
                *self = Self::default();
                Cut::Message(buffer.split_to(len).freeze())
            }
            Framing::Broken(fault) => Cut::Broken(fault),
        }
    }

    /// Whether what came in since the last time cannot have completed anything.
    fn must_wait(&mut self, buffer: &[u8]) -> bool {
        if let Some(wanted) = self.wanted {
            return buffer.len() < wanted;
        }
        // The blank line may have begun in what was searched before.
        let from = self.searched.saturating_sub(3);
        let is_over = buffer.len() > MESSAGE_MAX || memmem::find(&buffer[from..], b"\r\n\r\n").is_some();
        self.searched = buffer.len();
        if !is_over {
            self.stage = stage_without_head(buffer);
        }
        !is_over
    }
}

fn stage_without_head(buffer: &[u8]) -> Stage {
    if buffer.iter().all(|byte| matches!(byte, b'\r' | b'\n')) { Stage::Between } else { Stage::Headers }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 5\r\n\r\nhello";

    #[test]
    fn a_message_is_found_wherever_it_is_cut() {
        for at in 0..MESSAGE.len() {
            let mut cutter = Cutter::default();
            let mut buffer = BytesMut::from(&MESSAGE[..at]);
            assert_eq!(cutter.next(&mut buffer), Cut::Incomplete, "{at}");
            buffer.extend_from_slice(&MESSAGE[at..]);
            assert_eq!(cutter.next(&mut buffer), Cut::Message(MESSAGE.into()), "{at}");
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn byte_by_byte_the_stages_follow_each_other() {
        let mut cutter = Cutter::default();
        let mut buffer = BytesMut::new();
        let mut stages = vec![cutter.stage()];
        for byte in [b"\r\n", MESSAGE].concat() {
            buffer.extend_from_slice(&[byte]);
            let cut = cutter.next(&mut buffer);
            if stages.last() != Some(&cutter.stage()) {
                stages.push(cutter.stage());
            }
            if buffer.is_empty() {
                assert_eq!(cut, Cut::Message([b"\r\n", MESSAGE].concat().into()));
            }
        }
        assert_eq!(stages, [Stage::Between, Stage::Headers, Stage::Body, Stage::Between]);
    }

    #[test]
    fn messages_and_pings_come_out_in_their_order() {
        let mut cutter = Cutter::default();
        let mut buffer = BytesMut::from(&[MESSAGE, b"\r\n\r\n", MESSAGE, b"\r\n"].concat()[..]);
        assert_eq!(cutter.next(&mut buffer), Cut::Message(MESSAGE.into()));
        assert_eq!(cutter.next(&mut buffer), Cut::KeepAlive);
        assert_eq!(cutter.next(&mut buffer), Cut::Message(MESSAGE.into()));
        assert_eq!((cutter.next(&mut buffer), cutter.stage()), (Cut::Incomplete, Stage::Between));
    }

    #[test]
    fn headers_without_end_and_lengths_that_are_none_are_broken() {
        let endless = vec![b'a'; MESSAGE_MAX + 1];
        for bad in
            [&endless[..], b"A sip:b SIP/2.0\r\nContent-Length: -1\r\n\r\n", b"A\r\nl: 1\r\nl: 1\r\n\r\n"]
        {
            let cut = Cutter::default().next(&mut BytesMut::from(bad));
            assert!(matches!(cut, Cut::Broken(_)), "{cut:?}");
        }
    }
}
