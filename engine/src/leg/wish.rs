//! What a leg's codecs and Opus parameters should be, given the party at the other end of the call.

use webtrunk_codecs::{CodecId, SampleRate};

use super::leg::Leg;
use super::transport::LegTransport;
use crate::call::TransportSpec;
use crate::config::EngineConfig;
use crate::sdp::{LocalMedia, OpusParameters};

/// The highest rate that narrow band carries, as `maxplaybackrate` says it (RFC 7587 6.1).
const NARROW_BAND_HZ: u32 = 8000;

/// What the party at the other end of the call can carry: a leg asks its peer for no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FarSide {
    /// Nothing is known of it.
    Unknown,
    /// Narrow band only: G.711.
    NarrowBand,
    /// More than narrow band.
    WideBand,
}

impl FarSide {
    /// By what the opposite leg agreed on, or else by what its peer offers.
    pub(crate) fn of(opposite: Option<&Leg>) -> Self {
        let Some(opposite) = opposite else { return Self::Unknown };
        let is_narrow = |codec: &CodecId| codec.native_rate() == SampleRate::HZ_8000;
        match opposite.agreed_codec() {
            Some(codec) if is_narrow(&codec) => Self::NarrowBand,
            Some(_) => Self::WideBand,
            None => {
                let offered = opposite.remote_codecs();
                let is_all_narrow = !offered.is_empty() && offered.iter().all(is_narrow);
                if is_all_narrow { Self::NarrowBand } else { Self::Unknown }
            }
        }
    }
}

/// The Opus parameters of our description: narrow band where the far side carries no more.
pub(crate) fn opus_wish(far_side: FarSide, config: &EngineConfig) -> OpusParameters {
    let plain = LocalMedia::default_opus_fmtp();
    let wish = config.narrow_band;
    match far_side {
        FarSide::NarrowBand if wish.is_asked => OpusParameters {
            max_playback_rate_hz: Some(NARROW_BAND_HZ),
            max_average_bitrate_bps: wish.bitrate_bps,
            ..plain
        },
        FarSide::NarrowBand | FarSide::WideBand | FarSide::Unknown => plain,
    }
}

/// `ours` with the codecs that the opposite leg's peer speaks in front: those can be passed through.
/// But a browser is offered our own order where a phone calls it, as it is answered by
/// [`preferred_codec`].
pub(crate) fn codec_order(
    ours: &[CodecId],
    transport: TransportSpec,
    opposite: Option<&Leg>,
) -> Vec<CodecId> {
    let theirs = heeded(transport, opposite).map(Leg::remote_codecs).unwrap_or_default();
    let (mut first, rest): (Vec<_>, Vec<_>) = ours.iter().copied().partition(|codec| theirs.contains(codec));
    first.extend(rest);
    first
}

/// The opposite leg, where its codecs go before our order.
fn heeded(transport: TransportSpec, opposite: Option<&Leg>) -> Option<&Leg> {
    let is_phone = |leg: &&Leg| matches!(leg.transport, LegTransport::Rtp(_));
    match transport {
        TransportSpec::Webrtc => opposite.filter(|leg| !is_phone(leg)),
        TransportSpec::Rtp { .. } => opposite,
    }
}

/// The codec to answer with where the peer offers it: that of the opposite leg, since it can be passed
/// through. But a browser that can do better is not lowered to G.711: Opus repairs loss on its way. G.722 it
/// gets only where it prefers that itself.
pub(crate) fn preferred_codec(leg: &Leg, opposite: Option<&Leg>) -> Option<CodecId> {
    let codec = opposite.and_then(Leg::agreed_codec)?;
    let is_browser = matches!(leg.transport, LegTransport::Webrtc(_));
    (!is_browser || suits_a_browser(codec, &leg.remote_codecs())).then_some(codec)
}

fn suits_a_browser(codec: CodecId, offered: &[CodecId]) -> bool {
    let is_wide = codec.native_rate() > SampleRate::HZ_8000;
    codec == CodecId::Opus || is_wide && offered.first() == Some(&codec)
}

/// Why a leg's codecs are what they are, for who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodecReason {
    /// We offer them in our own order.
    OurOrder,
    /// We offer them with those in front that the party at the other end speaks.
    OthersFirst,
    /// We answer with the first of ours that is offered.
    FirstOfOurs,
    /// We answer with what the other end has: it passes through.
    SameAsOther,
    /// We answer with the best of ours: the other end's is not offered.
    OtherNotOffered {
        /// What the other end has.
        other: CodecId,
    },
    /// We answer with the best of ours: a browser is not lowered to what the other end has.
    BrowserKeeps {
        /// What the other end has.
        other: CodecId,
    },
}

/// Why [`codec_order`] is as it is.
pub(crate) fn order_reason(transport: TransportSpec, opposite: Option<&Leg>) -> CodecReason {
    let is_heard = heeded(transport, opposite).is_some_and(|opposite| !opposite.remote_codecs().is_empty());
    if is_heard { CodecReason::OthersFirst } else { CodecReason::OurOrder }
}

/// Why the answer's codec is what [`preferred_codec`] makes of it.
pub(crate) fn answer_reason(leg: &Leg, opposite: Option<&Leg>) -> CodecReason {
    let Some(other) = opposite.and_then(Leg::agreed_codec) else { return CodecReason::FirstOfOurs };
    match preferred_codec(leg, opposite) {
        None => CodecReason::BrowserKeeps { other },
        Some(codec) if leg.remote_codecs().contains(&codec) && leg.codecs().contains(&codec) => {
            CodecReason::SameAsOther
        }
        Some(_) => CodecReason::OtherNotOffered { other },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_leaves_opus_only_for_wide_band_of_its_own_wish() {
        use CodecId::{G722, Opus, Pcmu};
        for (codec, offered, suits) in [
            (Opus, [Pcmu, Opus], true),
            (Pcmu, [Pcmu, Opus], false),
            (G722, [G722, Opus], true),
            (G722, [Opus, G722], false),
        ] {
            assert_eq!(suits_a_browser(codec, &offered), suits, "{codec:?} of {offered:?}");
        }
    }
}
