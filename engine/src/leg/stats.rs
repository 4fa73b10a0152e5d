//! The figures of one leg.

use std::time::Duration;

use tracing::info;
use webtrunk_codecs::CodecId;

use crate::LegId;
use crate::media::quality::Quality;
use crate::media::{Hears, Listening, Receiver, Sender};
use crate::rtp::DropCounters;
use crate::rtp::rtcp::VoipMetrics;
use crate::sdp::Negotiated;

/// What went in and out of a leg, and how well.
#[derive(Debug, Clone, PartialEq)]
pub struct LegStats {
    /// The leg.
    pub leg: LegId,
    /// "webrtc", "srtp" or "rtp".
    pub transport: &'static str,
    /// The voice codec, once agreed.
    pub codec: Option<CodecId>,
    /// The voice codec of what came last, where the peer chose another of those that it may send; else as agreed.
    pub codec_received: Option<CodecId>,
    /// Whether what the party hears is decoded and encoded on the way; a relayed payload is not.
    pub is_transcoded: bool,
    /// RTP packets that came and were of use.
    pub packets_received: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came after they had been given up.
    pub late: u64,
    /// Packets that came twice.
    pub duplicate: u64,
    /// Packets that came out of order, in time.
    pub reordered: u64,
    /// Packets of those that were lost of what the party said that were restored from redundancy, for whoever decodes them.
    pub recovered: u64,
    /// Packets of those that were invented.
    pub concealed: u64,
    /// Interarrival jitter of what came (RFC 3550 A.8).
    pub jitter: Duration,
    /// Round trip to the peer, once its reports tell.
    pub round_trip: Option<Duration>,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Loss that the peer reports of what we send, percent.
    pub peer_lost_percent: u8,
    /// How what came is to listen to and to talk with: since the last report, every five seconds or so, and of
    /// the whole leg; `None` while nothing came.
    pub heard: Option<LiveAndTotal>,
    /// The same of what we sent, by the peer's reports; `None` without any.
    pub sent: Option<LiveAndTotal>,
    /// Level of the party's speech in dBm0; `None` while none was heard, or where nobody decodes it.
    pub speech_dbm0: Option<f32>,
    /// What the peer measures of our stream itself, where it sends VoIP metrics (RFC 3611 4.7).
    pub peer_metrics: Option<VoipMetrics>,
    /// Datagrams that were of no use, by reason.
    pub drops: DropCounters,
}

/// The quality of one direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LiveAndTotal {
    /// Lately.
    pub live: Quality,
    /// Since the begin.
    pub total: Quality,
}

impl LegStats {
    /// Logs that the leg is removed, and what became of its packets.
    pub(crate) fn tell(&self) {
        let r = |quality: Option<LiveAndTotal>| quality.map(|it| hundredths(it.total.conversation.r.into()));
        let mos =
            |quality: Option<LiveAndTotal>| quality.map(|it| hundredths(it.total.conversation.mos.into()));
        info!(
            transport = self.transport,
            received = self.packets_received,
            lost = self.lost,
            late = self.late,
            duplicate = self.duplicate,
            reordered = self.reordered,
            recovered = self.recovered,
            concealed = self.concealed,
            jitter_ms = milliseconds(self.jitter),
            round_trip_ms = self.round_trip.map(milliseconds),
            sent = self.packets_sent,
            peer_lost_percent = self.peer_lost_percent,
            heard_r = r(self.heard),
            heard_mos = mos(self.heard),
            heard_delay_ms = self.heard.map(|it| milliseconds(it.total.delay)),
            sent_r = r(self.sent),
            sent_mos = mos(self.sent),
            speech_dbm0 = self.speech_dbm0.map(|level| hundredths(level.into())),
            peer_r = self.peer_metrics.map(|it| it.r_factor),
            dropped = (self.drops.total() > 0).then(|| display(&self.drops)),
            "leg removed"
        );
    }

    pub(crate) fn read(
        leg: LegId,
        transport: &'static str,
        agreed: Option<&Negotiated>,
        (receiver, listening): (&Receiver, Option<&Listening>),
        sender: &Sender,
    ) -> Self {
        let fates = receiver.fates();
        let peer = sender.output.stats().remote();
        let is_transcoded = match &sender.hears {
            Hears::Leg { path, .. } => path.is_transcoded(),
            Hears::Conference(_) => true,
            Hears::Nothing | Hears::Player(_) => false,
        };
        let mut repaired = receiver.repaired();
        repaired += listening.map(Listening::repaired).unwrap_or_default();
        Self {
            leg,
            transport,
            codec: agreed.map(|agreed| agreed.codec),
            codec_received: receiver.codec().or(agreed.map(|agreed| agreed.codec)),
            is_transcoded,
            packets_received: receiver.packets(),
            lost: fates.lost,
            late: fates.late,
            duplicate: fates.duplicate,
            reordered: fates.reordered,
            recovered: repaired.recovered,
            concealed: repaired.concealed,
            jitter: receiver.jitter(),
            round_trip: peer.and_then(|peer| peer.round_trip),
            packets_sent: sender.output.stats().packets_sent(),
            peer_lost_percent: peer.map_or(0, |peer| (u16::from(peer.fraction_lost) * 100 / 256) as u8),
            heard: listening.and_then(Listening::quality).map(|(live, total)| LiveAndTotal { live, total }),
            sent: sender.quality().map(|(live, total)| LiveAndTotal { live, total }),
            speech_dbm0: listening.and_then(Listening::speech_dbm0),
            peer_metrics: sender.output.stats().voip_metrics().copied(),
            drops: *receiver.drops(),
        }
    }
}

/// As the log tells it: what is behind the second digit means nothing.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn milliseconds(time: Duration) -> f64 {
    hundredths(time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_two_digits() {
        assert_eq!(hundredths(92.563_865_661_621_1).to_string(), "92.56");
        assert_eq!(hundredths(f64::from(4.396_636_5_f32)).to_string(), "4.4");
        assert_eq!(hundredths(-10.049).to_string(), "-10.05");
        assert_eq!(milliseconds(Duration::from_micros(1_253)).to_string(), "1.25");
    }
}
