//! Refuses a WebSocket frame by its header (RFC 6455 5.2): by the length that it announces, and by bits that mean nothing.
//!
//! The parser behind it judges a length only once the whole frame is there: without the guard, who announces much and sends it
//! slowly fills the memory. And it tells those bits by the same error as text that is no UTF-8, which is another thing.

/// Longest header: flags, length, eight octets more of it, and the mask.
const HEADER_MAX: usize = 14;

/// Follows the frames of one connection.
#[derive(Debug)]
pub struct FrameGuard {
    length_max: u64,
    header: [u8; HEADER_MAX],
    /// Octets of the header that are there.
    have: usize,
    /// Octets of the payload that are still to come.
    left: u64,
}

/// Why a frame is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// It announces more than the limit.
    #[error("a frame announces {0} octets")]
    TooLong(u64),
    /// RSV1, RSV2 or RSV3 is set, and no extension was agreed on; or a control frame comes in pieces, which the parser
    /// would tell the log as an error of ours.
    #[error("a frame has reserved bits, or is a control frame in pieces")]
    Malformed,
}

/// Of a header's first octet: that it is the last of its message, RSV1 to RSV3, and that it is a control frame.
const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const CONTROL: u8 = 0x08;

impl FrameGuard {
    /// Lets frames of at most `length_max` octets of payload pass.
    #[must_use]
    pub const fn new(length_max: usize) -> Self {
        Self { length_max: length_max as u64, header: [0; HEADER_MAX], have: 0, left: 0 }
    }

    /// Looks at what came next.
    ///
    /// # Errors
    /// [`BadFrame`], from which there is no way back: the connection is to be ended.
    pub fn look(&mut self, mut octets: &[u8]) -> Result<(), BadFrame> {
        while let Some((&octet, rest)) = octets.split_first() {
            if self.left > 0 {
                let passed = octets.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= passed as u64;
                octets = &octets[passed..];
                continue;
            }
            self.header[self.have] = octet;
            self.have += 1;
            octets = rest;
            self.judge()?;
        }
        Ok(())
    }

    /// Judges the header as far as it is there.
    fn judge(&mut self) -> Result<(), BadFrame> {
        let [first, second, extended @ ..] = self.header;
        if first & RESERVED != 0 || first & (FINAL | CONTROL) == CONTROL {
            return Err(BadFrame::Malformed);
        }
        let (extension, mask) = match (second & 0x7f, second >> 7) {
            (126, masked) => (2, 4 * masked),
            (127, masked) => (8, 4 * masked),
            (_, masked) => (0, 4 * masked),
        };
        if self.have < 2 + extension {
            return Ok(());
        }
        let length = match extension {
            0 => u64::from(second & 0x7f),
            _ => extended[..extension].iter().fold(0, |length, octet| length << 8 | u64::from(*octet)),
        };
        if length > self.length_max {
            return Err(BadFrame::TooLong(length));
        }
        if self.have == 2 + extension + usize::from(mask) {
            self.have = 0;
            self.left = length;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 70_000;

    fn frame(length: u64, is_masked: bool) -> Vec<u8> {
        let masked = u8::from(is_masked) << 7;
        let mut frame = vec![0x81];
        match length {
            0..=125 => frame.push(masked | length as u8),
            126..=0xffff => {
                frame.push(masked | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(masked | 127);
                frame.extend(length.to_be_bytes());
            }
        }
        if is_masked {
            frame.extend([0xff; 4]);
        }
        frame
    }

    #[test]
    fn a_header_is_judged_before_its_payload_comes() {
        for length in [MAX as u64 + 1, 1 << 32, u64::MAX] {
            assert_eq!(FrameGuard::new(MAX).look(&frame(length, true)), Err(BadFrame::TooLong(length)));
        }
        assert_eq!(FrameGuard::new(MAX).look(&frame(MAX as u64, true)), Ok(()));
        assert_eq!(FrameGuard::new(100).look(&frame(126, false)[..4]), Err(BadFrame::TooLong(126)));
    }

    #[test]
    fn bits_that_mean_nothing_and_control_frames_in_pieces_are_refused_at_the_first_octet() {
        for first in [0xc1, 0xa1, 0x91, 0xf1, 0x08, 0x09, 0x0a] {
            assert_eq!(FrameGuard::new(MAX).look(&[first]), Err(BadFrame::Malformed));
        }
    }

    proptest! {
        #[test]
        fn frames_are_followed_however_they_are_cut(
            lengths in proptest::collection::vec((0..=MAX, any::<bool>()), 1..6),
            cut in 1_usize..5000,
        ) {
            let mut stream = Vec::new();
            for (length, is_masked) in lengths {
                stream.extend(frame(length as u64, is_masked));
                // Payload that would be an endless frame if it were taken for a header.
                stream.extend(std::iter::repeat_n(0xff, length));
            }
            let mut guard = FrameGuard::new(MAX);
            for chunk in stream.chunks(cut) {
                prop_assert_eq!(guard.look(chunk), Ok(()));
            }
            prop_assert_eq!((guard.have, guard.left), (0, 0));
            prop_assert_eq!(guard.look(&frame(1 << 20, true)), Err(BadFrame::TooLong(1 << 20)));
        }
    }
}
