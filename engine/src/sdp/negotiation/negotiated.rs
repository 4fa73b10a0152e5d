//! What both sides agreed on.

use webtrunk_codecs::l16::L16Rate;
use webtrunk_codecs::{ClockRate, CodecId};

use super::format::{PayloadFormat, RemoteFormat};
use super::remote::RemoteMedia;
use super::sdes::SdesKeys;
use super::transport::RemoteTransport;
use crate::rtp::PayloadType;
use crate::sdp::direction::Direction;
use crate::sdp::opus_parameters::OpusParameters;
use crate::sdp::setup::Setup;
use crate::sdp::telephone_events::TelephoneEvents;

/// How we would like to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AnswerWish {
    /// What we would like; the offer limits it (RFC 3264 6.1).
    pub direction: Direction,
    /// The codec to choose if it is offered. Without it the codec agreed before stays, then our order decides.
    pub prefer: Option<CodecId>,
    /// What to ask of a peer that sends Opus, from now on; `None` asks what was asked before.
    pub opus_fmtp: Option<OpusParameters>,
}

/// An agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// What we send.
    pub codec: CodecId,
    /// The number by which the peer wants it.
    pub payload_type_tx: PayloadType,
    /// The number by which the peer sends it.
    pub payload_type_rx: PayloadType,
    /// What the peer asks of our Opus encoder; the defaults where the codec is another.
    pub opus: OpusParameters,
    /// Milliseconds of audio that our packets carry: what the peer asked for, if the codec can; else 20.
    pub ptime_tx_ms: u8,
    /// How digits travel, if as RFC 4733 events.
    pub telephone_event: Option<TelephoneEvent>,
    /// How pauses are told, if as comfort noise.
    pub comfort_noise: Option<ComfortNoise>,
    /// All that the peer may send, by payload type: it may change from one to another with any packet (RFC 3264 6.1).
    pub receivable: Vec<Receivable>,
    /// What we may do.
    pub direction: Direction,
    /// Whether the peer asked for VoIP metrics in extended reports (RFC 3611 5).
    pub sends_voip_metrics: bool,
    /// How media reaches the peer.
    pub remote: RemoteTransport,
    /// The keys in the descriptions, where RTP is protected by such.
    pub srtp: Option<SdesKeys>,
}

/// A format that the peer may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receivable {
    /// The number in its packets.
    pub payload_type: PayloadType,
    /// What it stands for.
    pub format: PayloadFormat,
}

/// How pauses are told, in the codec's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComfortNoise {
    /// The number by which the peer wants comfort noise.
    pub payload_type_tx: PayloadType,
    /// The number by which the peer sends it.
    pub payload_type_rx: PayloadType,
}

/// How digits travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// The number by which the peer wants them.
    pub payload_type_tx: PayloadType,
    /// The number by which the peer sends them.
    pub payload_type_rx: PayloadType,
    /// The clock of their timestamps: the codec's, where the peer has it.
    pub clock_rate: ClockRate,
    /// Which events the peer takes.
    pub events: TelephoneEvents,
}

impl Receivable {
    /// What a payload type stands for, among `all`.
    #[must_use]
    pub fn format_in(all: &[Self], payload_type: PayloadType) -> Option<PayloadFormat> {
        all.iter().find(|one| one.payload_type == payload_type).map(|one| one.format)
    }
}

impl Negotiated {
    /// Whether the peer may send this.
    #[must_use]
    pub fn receives(&self, format: PayloadFormat) -> bool {
        self.receivable.iter().any(|one| one.format == format)
    }

    /// Whether the peer may send comfort noise, of whichever clock.
    #[must_use]
    pub fn receives_noise(&self) -> bool {
        self.receivable.iter().any(|one| matches!(one.format, PayloadFormat::ComfortNoise(_)))
    }

    /// What follows from the peer's description, the format of its that we send, our direction, DTLS role
    /// and keys, and all that we receive; `None` unless that format is among them.
    pub(super) fn new(
        remote: &RemoteMedia,
        audio: &RemoteFormat,
        direction: Direction,
        (setup, srtp): (Setup, Option<SdesKeys>),
        receivable: Vec<Receivable>,
    ) -> Option<Self> {
        let payload_type_rx = |format: PayloadFormat| {
            receivable.iter().find(|receivable| receivable.format == format).map(|found| found.payload_type)
        };
        let codec = audio.format.codec()?;
        let telephone_event = remote.telephone_event(codec).and_then(|digits| {
            Some(TelephoneEvent {
                payload_type_tx: digits.payload_type,
                payload_type_rx: payload_type_rx(digits.format)?,
                clock_rate: digits.format.clock_rate(),
                events: digits.events,
            })
        });
        let comfort_noise = remote.comfort_noise(codec).and_then(|noise| {
            let payload_type_tx = noise.payload_type;
            Some(ComfortNoise { payload_type_tx, payload_type_rx: payload_type_rx(noise.format)? })
        });
        Some(Self {
            codec,
            payload_type_tx: audio.payload_type,
            payload_type_rx: payload_type_rx(audio.format)?,
            opus: audio.opus,
            ptime_tx_ms: ptime_tx_ms(codec, remote.ptime_ms, remote.maxptime_ms),
            telephone_event,
            comfort_noise,
            direction,
            sends_voip_metrics: remote.asks_voip_metrics,
            remote: remote.transport.clone().with_our_setup(setup),
            srtp,
            receivable,
        })
    }
}

/// The packet duration to send: the peer's wish within what it takes and what the codec can make.
fn ptime_tx_ms(codec: CodecId, ptime_ms: Option<u16>, maxptime_ms: Option<u16>) -> u8 {
    let durations: &[u8] = match codec {
        CodecId::Pcmu | CodecId::Pcma | CodecId::G722 | CodecId::L16(L16Rate::Narrow) => {
            &[60, 50, 40, 30, 20, 10]
        }
        CodecId::Opus => &[60, 40, 20, 10],
        // What stays within 960 octets.
        CodecId::L16(L16Rate::Wide) => &[30, 20, 10],
        CodecId::L16(L16Rate::Full) => &[10],
    };
    let wish = ptime_ms.unwrap_or(PTIME_DEFAULT_MS).min(maxptime_ms.unwrap_or(u16::MAX));
    let fitting = durations.iter().copied().find(|&ms| u16::from(ms) <= wish);
    fitting.unwrap_or(PTIME_MIN_MS)
}

/// RFC 3551 4.2.
const PTIME_DEFAULT_MS: u16 = 20;
/// The shortest frame that all our codecs have.
const PTIME_MIN_MS: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_last_as_long_as_the_peer_and_the_codec_allow() {
        for (codec, ptime, maxptime, expected) in [
            (CodecId::Pcmu, None, None, 20),
            (CodecId::Pcmu, Some(30), None, 30),
            (CodecId::Opus, Some(30), None, 20),
            (CodecId::Pcma, Some(40), Some(20), 20),
            (CodecId::Opus, Some(120), None, 60),
            (CodecId::Opus, Some(3), None, 10),
            (CodecId::Pcmu, None, Some(1), 10),
            (CodecId::Pcmu, Some(25), Some(150), 20),
            (CodecId::G722, Some(30), None, 30),
            (CodecId::L16(L16Rate::Wide), Some(60), None, 30),
            (CodecId::L16(L16Rate::Full), None, None, 10),
        ] {
            assert_eq!(ptime_tx_ms(codec, ptime, maxptime), expected, "{codec:?} {ptime:?} {maxptime:?}");
        }
    }
}
