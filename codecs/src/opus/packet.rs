//! The outside of an Opus packet: its table-of-contents byte and how frames lie in it (RFC 6716 3).
//!
//! Read here, and not by libopus, because a receiver has questions that libopus answers with an
//! allocation or not at all: how long is this packet, and does it carry a copy of the one before?

use super::OpusBandwidth;

/// The longest packet: 120 ms, in steps of 2.5 ms.
const STEPS_MAX: usize = 48;
/// The longest frame in bytes (RFC 6716 3.2.1, requirement R2).
const FRAME_BYTES_MAX: usize = 1275;

/// Which half of the codec made a frame (RFC 6716 table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Linear prediction: narrow to wide band speech.
    Silk,
    /// Both: super-wide and full band speech.
    Hybrid,
    /// Transform: music and low delay.
    Celt,
}

/// A well-formed packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    toc: u8,
    frames: usize,
    first: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Checks requirements R1 to R7 of RFC 6716 3.4; `None` where one is not met.
    pub(super) fn parse(payload: &'a [u8]) -> Option<Self> {
        let (&toc, rest) = payload.split_first()?;
        let (frames, first) = match toc & 3 {
            0 => (1, rest),
            1 => (2, halves(rest)?),
            2 => (2, two_lengths(rest)?),
            _ => many(rest, steps_per_frame(toc))?,
        };
        (first.len() <= FRAME_BYTES_MAX).then_some(Self { toc, frames, first })
    }

    /// The length of one frame in steps of 2.5 ms.
    pub(super) fn steps_per_frame(&self) -> usize {
        steps_per_frame(self.toc)
    }

    /// The length of the packet in steps of 2.5 ms: 1..=48.
    pub(super) fn steps(&self) -> usize {
        self.frames * self.steps_per_frame()
    }

    pub(super) fn mode(&self) -> Mode {
        match self.toc >> 3 {
            0..12 => Mode::Silk,
            12..16 => Mode::Hybrid,
            _ => Mode::Celt,
        }
    }

    /// Whether the packet carries a low-bitrate copy of the frame before its first (RFC 6716 4.2.4).
    ///
    /// The flags open the linear-prediction layer: one voice-activity bit for each 20 ms, then the
    /// copy's. Of a stereo packet only the middle channel counts, for that is what mono plays.
    pub(super) fn has_redundancy(&self) -> bool {
        let silk_frames = match self.mode() {
            Mode::Celt => return false,
            Mode::Silk | Mode::Hybrid => self.steps_per_frame().div_ceil(8),
        };
        // A frame of one byte says "nothing was sent" (RFC 6716 3.2.1) and has no flags.
        self.first.len() > 1 && self.first[0] >> (7 - silk_frames) & 1 == 1
    }
}

/// How long a packet lasts, in ticks of Opus' clock of 48 kHz; none where it is malformed.
pub(crate) fn ticks_in(payload: &[u8]) -> u32 {
    Packet::parse(payload).map_or(0, |packet| packet.steps() as u32 * 120)
}

/// The band of the sound in a packet (RFC 6716 table 2); `None` for an empty one.
#[must_use]
pub fn bandwidth_of(payload: &[u8]) -> Option<OpusBandwidth> {
    let toc = payload.first()?;
    Some(match toc >> 3 {
        0..4 | 16..20 => OpusBandwidth::Narrow,
        4..8 => OpusBandwidth::Medium,
        8..12 | 20..24 => OpusBandwidth::Wide,
        12..14 | 24..28 => OpusBandwidth::SuperWide,
        _ => OpusBandwidth::Full,
    })
}

fn steps_per_frame(toc: u8) -> usize {
    let config = toc >> 3;
    match (config, config & 3) {
        (0..12, length) => [4, 8, 16, 24][usize::from(length)],
        (12..16, length) => [4, 8][usize::from(length & 1)],
        (_, length) => 1 << length,
    }
}

/// Code 1: two frames of one length.
fn halves(rest: &[u8]) -> Option<&[u8]> {
    rest.len().is_multiple_of(2).then(|| &rest[..rest.len() / 2])
}

/// Code 2: two frames, the first with its length before it.
fn two_lengths(rest: &[u8]) -> Option<&[u8]> {
    let (length, rest) = frame_length(rest)?;
    let (first, second) = rest.split_at_checked(length)?;
    (second.len() <= FRAME_BYTES_MAX).then_some(first)
}

/// Code 3: a count of frames, padding, and lengths where they differ.
fn many(rest: &[u8], steps_per_frame: usize) -> Option<(usize, &[u8])> {
    let (&shape, mut rest) = rest.split_first()?;
    let (differ, padded, frames) = (shape & 0x80 != 0, shape & 0x40 != 0, usize::from(shape & 0x3f));
    if frames == 0 || frames * steps_per_frame > STEPS_MAX {
        return None;
    }
    if padded {
        rest = without_padding(rest)?;
    }
    if !differ {
        return rest.len().is_multiple_of(frames).then(|| (frames, &rest[..rest.len() / frames]));
    }
    let (mut first, mut named) = (None, 0_usize);
    for _ in 1..frames {
        let (length, after) = frame_length(rest)?;
        first.get_or_insert(length);
        named += length;
        rest = after;
    }
    let last = rest.len().checked_sub(named)?;
    (last <= FRAME_BYTES_MAX).then(|| (frames, &rest[..first.unwrap_or(last)]))
}

/// A frame's length in one or two bytes (RFC 6716 3.2.1).
fn frame_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match *bytes {
        [low @ 252..=255, high, ref rest @ ..] => Some((4 * usize::from(high) + usize::from(low), rest)),
        [length @ 0..=251, ref rest @ ..] => Some((usize::from(length), rest)),
        _ => None,
    }
}

/// Takes the padding off: its length stands first, 254 for each 255 and the rest (RFC 6716 3.2.5).
fn without_padding(mut rest: &[u8]) -> Option<&[u8]> {
    let mut padding = 0;
    loop {
        let (&length, after) = rest.split_first()?;
        rest = after;
        padding += usize::from(length.min(254));
        if length < 255 {
            return rest.get(..rest.len().checked_sub(padding)?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_those_of_table_2() {
        let expected = |config| match config {
            0..12 => [10.0, 20.0, 40.0, 60.0][config % 4],
            12..16 => [10.0, 20.0][config % 2],
            _ => [2.5, 5.0, 10.0, 20.0][config % 4],
        };
        for config in 0..32 {
            let payload = [(config << 3) as u8, 0, 0];
            let packet = Packet::parse(&payload).expect("one frame of two bytes");
            assert_eq!(packet.steps() as f64 * 2.5, expected(config), "configuration {config}");
        }
    }

    #[test]
    fn malformed_packets_are_refused() {
        let rows: &[(&str, &[u8])] = &[
            ("R1: nothing", &[]),
            ("R2: frame of 1276 bytes", &[0; 1277]),
            ("R3: halves of an odd length", &[0x01, 1, 2, 3]),
            ("R4: no length", &[0x02]),
            ("R4: length runs over the end", &[0x02, 9, 1, 2]),
            ("R4: second byte of the length missing", &[0x02, 252]),
            ("R5: no count", &[0x03]),
            ("R5: no frames", &[0x03, 0]),
            ("R5: more than 120 ms", &[0x0b, 7]),
            ("R6: not a multiple of the count", &[0x03, 2, 1, 2, 3]),
            ("R6: padding runs over the end", &[0x03, 0x41, 200, 1]),
            ("R6: padding without an end", &[0x03, 0x41, 255, 255]),
            ("R7: lengths run over the end", &[0x03, 0x82, 5, 1, 2]),
        ];
        for (what, payload) in rows {
            assert_eq!(Packet::parse(payload), None, "{what}");
        }
    }

    #[test]
    fn redundancy_is_read_behind_the_activity_flags() {
        let found = |config: u8, flags: u8| {
            let payload = [config << 3, flags, 0];
            Packet::parse(&payload).expect("well-formed").has_redundancy()
        };
        assert!(found(1, 0b0100_0000) && !found(1, 0b1011_1111), "20 ms");
        assert!(found(2, 0b0010_0000) && !found(2, 0b1101_1111), "40 ms");
        assert!(found(3, 0b0001_0000) && !found(3, 0b1110_1111), "60 ms");
        assert!(found(13, 0b0100_0000) && !found(13, 0b1011_1111), "hybrid 20 ms");
        assert!(!found(31, 0xff), "CELT has none");
        assert!(!Packet::parse(&[0x08, 0xff]).expect("well-formed").has_redundancy(), "nothing sent");
    }

    proptest! {
        #[test]
        fn reads_what_libopus_reads(payload in any_payload()) {
            let ours = Packet::parse(&payload).map(|packet| (packet.steps(), packet.first.to_vec()));
            let theirs = ::opus::packet::parse(&payload).ok().map(|packet| {
                let samples = ::opus::packet::get_nb_samples(&payload, 8000).expect("it was parsed");
                (samples / 20, packet.frames[0].to_vec())
            });
            prop_assert_eq!(ours, theirs);
        }
    }

    fn any_payload() -> impl Strategy<Value = Vec<u8>> {
        let size = prop_oneof![4 => 0..20_usize, 1 => 0..4000_usize];
        // Small second bytes make packets of several frames that are well-formed.
        let start = (any::<u8>(), prop_oneof![any::<u8>(), 0..8_u8, 0x80..0x88_u8, 0xc0..0xc8_u8]);
        (start, size.prop_flat_map(|size| prop::collection::vec(prop_oneof![any::<u8>(), 0..4_u8], size)))
            .prop_map(|((toc, shape), rest)| [vec![toc, shape], rest].concat())
    }
}
