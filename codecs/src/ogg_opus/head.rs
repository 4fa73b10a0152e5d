//! The two headers of an Ogg-Opus file (RFC 7845 5).
//!
//! ```text
//! "OpusHead" version channels pre-skip(2) rate(4) gain(2) family [streams coupled mapping..]
//! "OpusTags" vendor comments
//! ```

const HEAD: &[u8] = b"OpusHead";
const TAGS: &[u8] = b"OpusTags";

/// What the identification header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// One or two.
    pub(super) channels: u8,
    /// Samples at 48 kHz that are decoded and thrown away at the start.
    pub(super) pre_skip: u16,
    /// The rate of what was encoded, for information.
    pub(super) rate_hz: u32,
    /// What decoders have to amplify by, in 1/256 dB.
    pub(super) gain: i16,
    /// Opus streams in each packet, and how many of them are stereo.
    pub(super) streams: u8,
    pub(super) coupled: u8,
    /// Which decoded channel each channel of the file is.
    pub(super) mapping: [u8; 2],
}

/// Why a header cannot be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Something else is in the container: Vorbis, say.
    #[error("the Ogg file holds no Opus")]
    NotOpus,
    /// A later format (RFC 7845 5.1: versions from 16 on are incompatible).
    #[error("version {version} of Ogg-Opus")]
    Version {
        /// What it says.
        version: u8,
    },
    /// Neither mono nor stereo.
    #[error("{channels} channels; one and two are understood")]
    Channels {
        /// How many it says.
        channels: u8,
    },
    /// Its length or its channels' order contradict themselves.
    #[error("its header contradicts itself")]
    Contradiction,
}

impl Head {
    /// Two voices that share nothing but the file, as two mono streams: what is on one side is not heard on the
    /// other, however low the bitrate (RFC 7845 5.1.1.2, family 1).
    pub(super) const fn two_voices(pre_skip: u16, rate_hz: u32) -> Self {
        Self { channels: 2, pre_skip, rate_hz, gain: 0, streams: 2, coupled: 0, mapping: [0, 1] }
    }

    pub(super) fn parse(packet: &[u8]) -> Result<Self, HeadError> {
        let fields = packet.strip_prefix(HEAD).ok_or(HeadError::NotOpus)?;
        let &[
            version,
            channels,
            skip_0,
            skip_1,
            rate_0,
            rate_1,
            rate_2,
            rate_3,
            gain_0,
            gain_1,
            family,
            ref rest @ ..,
        ] = fields
        else {
            return Err(HeadError::Contradiction);
        };
        if version >= 16 {
            return Err(HeadError::Version { version });
        }
        if !(1..=2).contains(&channels) {
            return Err(HeadError::Channels { channels });
        }
        let (streams, coupled, mapping) = match (family, rest) {
            (0, _) => (1, channels - 1, [0, 1]),
            (_, &[streams, coupled, first, ref others @ ..]) => {
                (streams, coupled, [first, others.first().copied().unwrap_or(first)])
            }
            _ => return Err(HeadError::Contradiction),
        };
        let decoded = u16::from(streams) + u16::from(coupled);
        let is_known = |channel: u8| u16::from(channel) < decoded || channel == u8::MAX;
        // More streams than channels would be decoded for nothing.
        if !(1..=channels).contains(&streams)
            || coupled > streams
            || !mapping[..usize::from(channels)].iter().all(|&channel| is_known(channel))
        {
            return Err(HeadError::Contradiction);
        }
        Ok(Self {
            channels,
            pre_skip: u16::from_le_bytes([skip_0, skip_1]),
            rate_hz: u32::from_le_bytes([rate_0, rate_1, rate_2, rate_3]),
            gain: i16::from_le_bytes([gain_0, gain_1]),
            streams,
            coupled,
            mapping,
        })
    }

    pub(super) fn to_packet(self) -> Vec<u8> {
        const VERSION: u8 = 1;
        const FAMILY: u8 = 1;
        let mut packet = HEAD.to_vec();
        packet.extend([VERSION, self.channels]);
        packet.extend(self.pre_skip.to_le_bytes());
        packet.extend(self.rate_hz.to_le_bytes());
        packet.extend(self.gain.to_le_bytes());
        packet.extend([FAMILY, self.streams, self.coupled]);
        packet.extend(&self.mapping[..usize::from(self.channels)]);
        packet
    }
}

/// The comment header of what we make: our name, and no comment.
pub(super) fn tags() -> Vec<u8> {
    const VENDOR: &[u8] = b"webtrunk";
    let mut packet = TAGS.to_vec();
    packet.extend((VENDOR.len() as u32).to_le_bytes());
    packet.extend(VENDOR);
    packet.extend(0_u32.to_le_bytes());
    packet
}

/// Whether a packet is a comment header.
pub(super) fn is_tags(packet: &[u8]) -> bool {
    packet.starts_with(TAGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(channels: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = HEAD.to_vec();
        packet.extend([1, channels, 56, 1, 0x80, 0xbb, 0, 0, 0, 0xff, family]);
        packet.extend(rest);
        packet
    }

    #[test]
    fn what_we_write_we_read() {
        let head = Head::two_voices(312, 16_000);
        assert_eq!(Head::parse(&head.to_packet()), Ok(head));
        assert!(is_tags(&tags()) && !is_tags(&head.to_packet()));
    }

    #[test]
    fn one_stream_holds_one_channel_or_a_pair() {
        let read = |channels| Head::parse(&head(channels, 0, &[])).expect("well-formed");
        assert_eq!((read(1).streams, read(1).coupled), (1, 0));
        assert_eq!((read(2).streams, read(2).coupled, read(2).mapping), (1, 1, [0, 1]));
        assert_eq!((read(2).pre_skip, read(2).rate_hz, read(2).gain), (312, 48_000, -256));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let mut later = head(1, 0, &[]);
        later[8] = 16;
        let rows = [
            (b"\x01vorbis".to_vec(), HeadError::NotOpus),
            (b"OpusHead\x01\x01".to_vec(), HeadError::Contradiction),
            (later, HeadError::Version { version: 16 }),
            (head(0, 0, &[]), HeadError::Channels { channels: 0 }),
            (head(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5]), HeadError::Channels { channels: 6 }),
            (head(2, 1, &[]), HeadError::Contradiction),
            (head(2, 1, &[0, 0, 0, 1]), HeadError::Contradiction),
            (head(2, 1, &[200, 0, 0, 1]), HeadError::Contradiction),
            (head(2, 1, &[1, 2, 0, 1]), HeadError::Contradiction),
            (head(2, 1, &[1, 1, 0, 2]), HeadError::Contradiction),
        ];
        for (packet, error) in rows {
            assert_eq!(Head::parse(&packet), Err(error), "{packet:?}");
        }
    }
}
