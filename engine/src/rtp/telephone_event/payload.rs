//! The four bytes of a telephone-event packet (RFC 4733 2.3).

use crate::rtp::DropReason;

/// What one packet says of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPayload {
    /// The event's code; 0..=15 are digits, the others fax and line events.
    pub event: u8,
    /// Whether the event is over.
    pub is_end: bool,
    /// Level of the tone in dBm0, without its minus sign; 0..=63.
    pub volume: u8,
    /// How long the event, or this segment of it, has lasted, in clock rate units.
    pub duration: u16,
}

impl EventPayload {
    /// Bytes of the payload.
    pub const LEN: usize = 4;

    /// Reads a payload; what follows the first event is passed over.
    ///
    /// # Errors
    /// [`DropReason::TooShort`] if it has less than four bytes.
    pub fn parse(payload: &[u8]) -> Result<Self, DropReason> {
        let Some(&[event, flags, high, low]) = payload.first_chunk() else {
            return Err(DropReason::TooShort);
        };
        Ok(Self {
            event,
            is_end: flags & 0x80 != 0,
            volume: flags & 0x3f,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// Writes the payload to the front of `buf` and returns [`Self::LEN`].
    ///
    /// # Panics
    /// If `buf` is shorter than that.
    pub fn write_to(&self, buf: &mut [u8]) -> usize {
        let [high, low] = self.duration.to_be_bytes();
        let flags = u8::from(self.is_end) << 7 | self.volume & 0x3f;
        buf[..Self::LEN].copy_from_slice(&[self.event, flags, high, low]);
        Self::LEN
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn payload_is_laid_out_as_in_rfc_4733() {
        let bytes = [11, 0x80 | 10, 0x03, 0x20, 0xff];
        let payload = EventPayload { event: 11, is_end: true, volume: 10, duration: 800 };
        assert_eq!(EventPayload::parse(&bytes), Ok(payload));
        let mut written = [0xff; 5];
        assert_eq!(payload.write_to(&mut written), 4);
        assert_eq!(written, bytes);
        assert_eq!(EventPayload::parse(&bytes[..3]), Err(DropReason::TooShort));
    }

    proptest! {
        #[test]
        fn all_but_the_reserved_bit_is_written_back(bytes: [u8; 4]) {
            let mut written = [0; 4];
            EventPayload::parse(&bytes).expect("long enough").write_to(&mut written);
            prop_assert_eq!(written, [bytes[0], bytes[1] & 0xbf, bytes[2], bytes[3]]);
        }
    }
}
