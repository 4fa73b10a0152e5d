//! The figures of one leg.

use std::time::Duration;

use tracing::info;
use webtrunk_codecs::CodecId;

use crate::LegId;
use crate::media::{Hears, Receiver, Sender};
use crate::rtp::DropCounters;
use crate::sdp::Negotiated;

/// What went in and out of a leg, and how well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegStats {
    /// The leg.
    pub leg: LegId,
    /// "webrtc", "srtp" or "rtp".
    pub transport: &'static str,
    /// The voice codec, once agreed.
    pub codec: Option<CodecId>,
    /// Whether what the party hears is decoded and encoded on the way; a relayed payload is not.
    pub is_transcoded: bool,
    /// RTP packets that came and were of use.
    pub packets_received: u64,
    /// Packets that never came, or too late.
    pub lost: u64,
    /// Packets that came after they had been given up.
    pub late: u64,
    /// Packets that came twice.
    pub duplicate: u64,
    /// Packets that came out of order, in time.
    pub reordered: u64,
    /// Frames of what the party hears that were restored from redundancy.
    pub recovered: u64,
    /// Frames of what the party hears that were invented.
    pub concealed: u64,
    /// Interarrival jitter of what came (RFC 3550 A.8).
    pub jitter: Duration,
    /// Round trip to the peer, once its reports tell.
    pub round_trip: Option<Duration>,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Loss that the peer reports of what we send, percent.
    pub peer_lost_percent: u8,
    /// Datagrams that were of no use, by reason.
    pub drops: DropCounters,
}

impl LegStats {
    /// Logs that the leg is removed, and what became of its packets.
    pub(crate) fn tell(&self) {
        info!(
            received = self.packets_received,
            lost = self.lost,
            late = self.late,
            duplicate = self.duplicate,
            reordered = self.reordered,
            recovered = self.recovered,
            concealed = self.concealed,
            jitter_ms = self.jitter.as_secs_f64() * 1000.0,
            round_trip_ms = self.round_trip.map(|it| it.as_secs_f64() * 1000.0),
            sent = self.packets_sent,
            peer_lost_percent = self.peer_lost_percent,
            "leg removed"
        );
    }

    pub(crate) fn read(
        leg: LegId,
        transport: &'static str,
        agreed: Option<&Negotiated>,
        receiver: &Receiver,
        sender: &Sender,
    ) -> Self {
        let fates = receiver.fates();
        let peer = sender.output.stats().remote();
        let (is_transcoded, repaired) = match &sender.hears {
            Hears::Leg { path, .. } => (path.is_transcoded(), path.counters()),
            Hears::Nothing | Hears::Player(_) => Default::default(),
        };
        Self {
            leg,
            transport,
            codec: agreed.map(|agreed| agreed.codec),
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
            drops: *receiver.drops(),
        }
    }
}
