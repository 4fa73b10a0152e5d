//! Payload formats and directions.

use webtrunk_codecs::CodecId;
use webtrunk_codecs::comfort_noise::{CN_ENCODING_NAME, CN_PAYLOAD_TYPE};

use super::dialect::NOISE_CLOCK_HZ;

/// A payload type and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// The number in RTP.
    pub payload_type: u8,
    /// The name in `rtpmap`.
    pub name: String,
    /// RTP timestamp units per second.
    pub clock_rate_hz: u32,
    /// The parameters of `fmtp`; empty where there are none.
    pub parameters: String,
}

/// Who sends, seen from the describer (RFC 8866 6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both.
    #[default]
    SendRecv,
    /// The describer alone.
    SendOnly,
    /// The other end alone.
    RecvOnly,
    /// Nobody.
    Inactive,
}

/// The name of digits as payload, RFC 4733.
const EVENTS: &str = "telephone-event";

impl Format {
    /// The codec, where it is one that can be encoded and decoded here.
    #[must_use]
    pub fn codec(&self) -> Option<CodecId> {
        CodecId::ALL.into_iter().find(|codec| {
            codec.encoding_name().eq_ignore_ascii_case(&self.name)
                && codec.clock_rate().hz() == self.clock_rate_hz
        })
    }

    /// Whether it carries digits.
    #[must_use]
    pub fn is_events(&self) -> bool {
        self.name.eq_ignore_ascii_case(EVENTS)
    }

    /// Whether it is comfort noise (RFC 3389).
    #[must_use]
    pub fn is_noise(&self) -> bool {
        self.name.eq_ignore_ascii_case(CN_ENCODING_NAME)
    }

    /// One parameter of `fmtp`, as a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        self.parameters
            .split(';')
            .filter_map(|part| part.split_once('='))
            .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.trim().parse().ok())
    }

    /// What is said of a codec in an offer.
    pub(crate) fn offered(codec: CodecId, payload_type: u8) -> Self {
        let parameters = match codec {
            CodecId::Opus => "minptime=10;useinbandfec=1",
            CodecId::Pcmu | CodecId::Pcma | CodecId::G722 | CodecId::L16(_) => "",
        };
        Self {
            payload_type,
            name: codec.encoding_name().to_owned(),
            clock_rate_hz: codec.clock_rate().hz(),
            parameters: parameters.to_owned(),
        }
    }

    pub(crate) fn noise() -> Self {
        Self {
            payload_type: CN_PAYLOAD_TYPE,
            name: CN_ENCODING_NAME.to_owned(),
            clock_rate_hz: NOISE_CLOCK_HZ,
            parameters: String::new(),
        }
    }

    pub(crate) fn events(clock_rate_hz: u32, payload_type: u8) -> Self {
        Self { payload_type, name: EVENTS.to_owned(), clock_rate_hz, parameters: "0-16".to_owned() }
    }
}

impl Direction {
    /// The attribute's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Whether the describer sends.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the describer receives.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    pub(crate) const fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// The answer of one who wishes `self`, to an offer of `offered` (RFC 3264 6.1).
    pub(crate) const fn answer_to(self, offered: Self) -> Self {
        Self::new(self.sends() && offered.receives(), self.receives() && offered.sends())
    }
}

/// The formats of an offer: static numbers where there are any, the browsers' where not, and digits
/// at every clock rate that occurs.
pub(crate) fn payload_types(codecs: &[CodecId]) -> Vec<Format> {
    let mut l16 = L16_PAYLOAD_TYPES;
    let audio = codecs.iter().filter_map(|codec| {
        let payload_type = match codec {
            CodecId::Opus => Some(OPUS_PAYLOAD_TYPE),
            CodecId::L16(_) => l16.next(),
            CodecId::Pcmu | CodecId::Pcma | CodecId::G722 => codec.static_payload_type(),
        };
        Some(Format::offered(*codec, payload_type?))
    });
    let mut formats: Vec<_> = audio.collect();
    for (clock_rate_hz, payload_type) in EVENTS_PAYLOAD_TYPES {
        if codecs.iter().any(|codec| codec.clock_rate().hz() == clock_rate_hz) {
            formats.push(Format::events(clock_rate_hz, payload_type));
        }
    }
    formats
}

/// Chromium's numbers.
const OPUS_PAYLOAD_TYPE: u8 = 111;
const EVENTS_PAYLOAD_TYPES: [(u32, u8); 3] = [(48_000, 110), (16_000, 113), (8000, 126)];
/// Chosen by us.
const L16_PAYLOAD_TYPES: std::ops::RangeInclusive<u8> = 96..=98;

#[cfg(test)]
mod tests {
    use webtrunk_codecs::l16::L16Rate;

    use super::*;

    #[test]
    fn answers_mirror_offers() {
        use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
        for (wish, offered, answer) in [
            (SendRecv, SendRecv, SendRecv),
            (SendRecv, SendOnly, RecvOnly),
            (SendRecv, RecvOnly, SendOnly),
            (SendRecv, Inactive, Inactive),
            (SendOnly, SendRecv, SendOnly),
            (SendOnly, SendOnly, Inactive),
        ] {
            assert_eq!(wish.answer_to(offered), answer, "{wish:?} to {offered:?}");
        }
    }

    #[test]
    fn digits_have_the_clock_of_the_audio_beside_them() {
        let clocks = |codecs: &[CodecId]| -> Vec<_> {
            payload_types(codecs).iter().filter(|it| it.is_events()).map(|it| it.clock_rate_hz).collect()
        };
        assert_eq!(clocks(&[CodecId::Opus, CodecId::Pcmu]), [48_000, 8000]);
        assert_eq!(clocks(&[CodecId::Pcma]), [8000]);
        assert_eq!(clocks(&[CodecId::G722]), [8000]);
        assert_eq!(clocks(&[CodecId::L16(L16Rate::Wide)]), [16_000]);
    }

    #[test]
    fn numbers_are_read_from_parameters() {
        let format =
            Format { parameters: "minptime=10; maxplaybackrate=8000".into(), ..Format::events(1, 1) };
        assert_eq!(format.number("MaxPlaybackRate"), Some(8000));
        assert_eq!(format.number("cbr"), None);
    }
}
