//! What payload types stand for, as far as we speak it.

use webtrunk_codecs::comfort_noise::{CN_ENCODING_NAME, CN_PAYLOAD_TYPE};
use webtrunk_codecs::{ClockRate, CodecId};

use crate::rtp::PayloadType;
use crate::sdp::media::MediaDescription;
use crate::sdp::opus_parameters::OpusParameters;
use crate::sdp::rtpmap::RtpMap;
use crate::sdp::telephone_events::TelephoneEvents;

/// The meaning of a payload type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadFormat {
    /// Audio.
    Codec(CodecId),
    /// Digits, RFC 4733, in ticks of that clock.
    TelephoneEvent(ClockRate),
    /// Comfort noise, RFC 3389, beside codecs of that clock.
    ComfortNoise(ClockRate),
}

/// A format in the peer's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteFormat {
    /// The number that the peer wants to receive it by.
    pub payload_type: PayloadType,
    /// What it stands for.
    pub format: PayloadFormat,
    /// What the peer asks of us where the format is Opus; else the defaults.
    pub opus: OpusParameters,
    /// Which events the peer takes where the format is telephone-event; else the digits.
    pub events: TelephoneEvents,
}

impl PayloadFormat {
    /// The format that a description's `rtpmap` names; `None` where we do not speak it.
    pub(super) fn of_rtpmap(rtpmap: &RtpMap) -> Option<Self> {
        let is_named = |name: &str| rtpmap.encoding_name.eq_ignore_ascii_case(name);
        let is_ours = || CodecId::ALL.iter().any(|codec| codec.clock_rate() == rtpmap.clock_rate);
        if is_named(TELEPHONE_EVENT) {
            return is_ours().then_some(Self::TelephoneEvent(rtpmap.clock_rate));
        }
        if is_named(CN_ENCODING_NAME) {
            return is_ours().then_some(Self::ComfortNoise(rtpmap.clock_rate));
        }
        let codec = CodecId::ALL.into_iter().find(|codec| {
            // Opus is one format whatever the channels say: there are peers that leave the 2 out.
            let channels_fit = *codec == CodecId::Opus || rtpmap.channels == codec.rtpmap_channels();
            is_named(codec.encoding_name()) && rtpmap.clock_rate == codec.clock_rate() && channels_fit
        });
        codec.map(Self::Codec)
    }

    /// The format whose number is fixed (RFC 3551 table 4).
    fn of_static(payload_type: PayloadType) -> Option<Self> {
        let number = payload_type.number();
        if number == CN_PAYLOAD_TYPE {
            return Some(Self::ComfortNoise(ClockRate::HZ_8000));
        }
        let codec = CodecId::ALL.into_iter().find(|codec| codec.static_payload_type() == Some(number));
        codec.map(Self::Codec)
    }

    /// The number that RFC 3551 table 4 fixes, where it does.
    pub(super) fn static_payload_type(self) -> Option<u8> {
        match self {
            Self::Codec(codec) => codec.static_payload_type(),
            Self::ComfortNoise(ClockRate::HZ_8000) => Some(CN_PAYLOAD_TYPE),
            Self::ComfortNoise(_) | Self::TelephoneEvent(_) => None,
        }
    }

    /// The codec, where it is one.
    #[must_use]
    pub const fn codec(self) -> Option<CodecId> {
        match self {
            Self::Codec(codec) => Some(codec),
            Self::TelephoneEvent(_) | Self::ComfortNoise(_) => None,
        }
    }

    /// The clock of its timestamps.
    #[must_use]
    pub const fn clock_rate(self) -> ClockRate {
        match self {
            Self::Codec(codec) => codec.clock_rate(),
            Self::TelephoneEvent(clock_rate) | Self::ComfortNoise(clock_rate) => clock_rate,
        }
    }

    pub(super) fn rtpmap(self, payload_type: PayloadType) -> RtpMap {
        let (encoding_name, channels) = match self {
            Self::Codec(codec) => (codec.encoding_name(), codec.rtpmap_channels()),
            Self::TelephoneEvent(_) => (TELEPHONE_EVENT, 1),
            Self::ComfortNoise(_) => (CN_ENCODING_NAME, 1),
        };
        let (encoding_name, clock_rate) = (encoding_name.to_owned(), self.clock_rate());
        RtpMap { payload_type, encoding_name, clock_rate, channels }
    }
}

impl RemoteFormat {
    /// The formats of a section that we speak, in the peer's order.
    pub(super) fn all_of(media: &MediaDescription, is_multiplexed: bool) -> Vec<Self> {
        let payload_types = media.payload_types().filter(|payload_type| {
            // With rtcp-mux these numbers would be taken for RTCP (RFC 5761 4).
            !(is_multiplexed && (64..96).contains(&payload_type.number()))
        });
        payload_types.filter_map(|payload_type| Self::of(media, payload_type)).collect()
    }

    fn of(media: &MediaDescription, payload_type: PayloadType) -> Option<Self> {
        let said = media.rtpmap(payload_type).map(PayloadFormat::of_rtpmap);
        let format = match (PayloadFormat::of_static(payload_type), said) {
            (Some(fixed), None) => fixed,
            // The numbers of RFC 3551 table 4 cannot be given another meaning (RFC 3551 6).
            (Some(fixed), Some(said)) if said != Some(fixed) => return None,
            (_, Some(said)) => said?,
            (None, None) => return None,
        };
        let parameters = media.fmtp(payload_type);
        let (mut opus, mut events) = (OpusParameters::default(), TelephoneEvents::default());
        match format {
            PayloadFormat::Codec(CodecId::Opus) => {
                opus = parameters.map(OpusParameters::parse).unwrap_or_default()
            }
            PayloadFormat::Codec(_) | PayloadFormat::ComfortNoise(_) => {}
            PayloadFormat::TelephoneEvent(_) => {
                events = parameters.and_then(TelephoneEvents::parse).unwrap_or_default();
            }
        }
        Some(Self { payload_type, format, opus, events })
    }
}

const TELEPHONE_EVENT: &str = "telephone-event";
