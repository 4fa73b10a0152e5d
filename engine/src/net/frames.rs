//! Datagrams on a stream, each behind its length in two bytes (RFC 4571 2).

use super::socket::DATAGRAM_MAX;

/// Bytes before a frame.
pub(crate) const PREFIX: usize = 2;

/// Cuts frames out of what is read from a stream.
pub(crate) struct FrameCutter {
    bytes: Box<[u8; PREFIX + DATAGRAM_MAX]>,
    /// Where the next frame begins, and where what was read ends.
    start: usize,
    end: usize,
}

/// A frame is longer than any datagram that we take: the peer speaks something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame is longer than {DATAGRAM_MAX} bytes")]
pub(crate) struct FrameTooLong;

impl Default for FrameCutter {
    fn default() -> Self {
        Self { bytes: Box::new([0; PREFIX + DATAGRAM_MAX]), start: 0, end: 0 }
    }
}

impl FrameCutter {
    /// Where the next bytes are to be read to; never empty when every frame was taken.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        &mut self.bytes[self.end..]
    }

    /// So many bytes were read to [`Self::room`].
    pub(crate) fn advance(&mut self, count: usize) {
        self.end += count;
    }

    /// What was read and is no whole frame yet, or not asked for.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The next whole frame.
    pub(crate) fn next_frame(&mut self) -> Result<Option<&mut [u8]>, FrameTooLong> {
        let read = &mut self.bytes[self.start..self.end];
        let Some((prefix, rest)) = read.split_first_chunk_mut::<PREFIX>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes(*prefix));
        if length > DATAGRAM_MAX {
            return Err(FrameTooLong);
        }
        let frame = rest.get_mut(..length);
        if frame.is_some() {
            self.start += PREFIX + length;
        }
        Ok(frame)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(cutter: &mut FrameCutter, stream: &[u8], piece: usize) -> Result<Vec<Vec<u8>>, FrameTooLong> {
        let mut frames = Vec::new();
        let mut rest = stream;
        while !rest.is_empty() {
            let room = cutter.room();
            let count = piece.min(room.len()).min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            cutter.advance(count);
            rest = &rest[count..];
            while let Some(frame) = cutter.next_frame()? {
                frames.push(frame.to_vec());
            }
        }
        Ok(frames)
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_the_stream_is_cut(
            lengths in proptest::collection::vec(0_usize..=DATAGRAM_MAX, 0..12),
            piece in 1_usize..3000,
        ) {
            let frames: Vec<Vec<u8>> = lengths.iter().map(|length| vec![*length as u8; *length]).collect();
            let stream: Vec<u8> = frames.iter().flat_map(|frame| {
                [&(frame.len() as u16).to_be_bytes()[..], frame].concat()
            }).collect();
            prop_assert_eq!(cut(&mut FrameCutter::default(), &stream, piece), Ok(frames));
        }

        #[test]
        fn any_bytes_are_cut_or_refused(stream in proptest::collection::vec(any::<u8>(), 0..8000)) {
            let _ = cut(&mut FrameCutter::default(), &stream, 700);
        }
    }

    #[test]
    fn a_frame_that_is_no_datagram_is_refused() {
        let length = u16::try_from(DATAGRAM_MAX + 1).expect("it is short").to_be_bytes();
        assert_eq!(cut(&mut FrameCutter::default(), &length, 2), Err(FrameTooLong));
    }
}
