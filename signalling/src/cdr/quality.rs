//! The last figures of a leg, as a record tells them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use webtrunk_codecs::CodecId;
use webtrunk_engine::leg::{LegStats, LiveAndTotal};

/// What went in and out of a leg in all of its life, and how well. "In" is what its party said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct QualityRecord {
    /// `webrtc`, `srtp` or `rtp`.
    pub transport: String,
    /// The codec in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec_in: Option<String>,
    /// The codec out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec_out: Option<String>,
    /// Whether what went out was decoded and encoded on the way, at the end.
    pub transcoded: bool,
    /// Packets of voice that came and were of use.
    pub packets_in: u64,
    /// Packets of voice that were sent.
    pub packets_out: u64,
    /// Packets that never came.
    pub lost_in: u64,
    /// Packets that came too late.
    pub late_in: u64,
    /// Packets of those that did not come in time that were restored from redundancy.
    pub recovered_in: u64,
    /// Packets of those that were invented.
    pub concealed_in: u64,
    /// Loss of what we sent, as the peer told last, in percent.
    pub lost_out_percent: u8,
    /// Interarrival jitter of what came, at the end (RFC 3550 A.8).
    pub jitter_in_ms: f64,
    /// To the peer and back, as its reports told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f64>,
    /// Mean opinion score of what came, to talk with, 1 to 4.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mos_in: Option<f64>,
    /// The R factor of the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r_in: Option<f64>,
    /// Mean opinion score of what we sent, by the peer's reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mos_out: Option<f64>,
    /// The R factor of the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r_out: Option<f64>,
}

impl From<&LegStats> for QualityRecord {
    fn from(stats: &LegStats) -> Self {
        let name = |codec: Option<CodecId>| codec.map(|codec| codec.encoding_name().to_owned());
        let mos = |it: Option<LiveAndTotal>| it.map(|it| hundredths(it.total.conversation.mos.into()));
        let r = |it: Option<LiveAndTotal>| it.map(|it| hundredths(it.total.conversation.r.into()));
        Self {
            transport: stats.transport.to_owned(),
            codec_in: name(stats.codec_received),
            codec_out: name(stats.codec),
            transcoded: stats.is_transcoded,
            packets_in: stats.packets_received,
            packets_out: stats.packets_sent,
            lost_in: stats.lost,
            late_in: stats.late,
            recovered_in: stats.recovered,
            concealed_in: stats.concealed,
            lost_out_percent: stats.peer_lost_percent,
            jitter_in_ms: milliseconds(stats.jitter),
            round_trip_ms: stats.round_trip.map(milliseconds),
            mos_in: mos(stats.heard),
            r_in: r(stats.heard),
            mos_out: mos(stats.sent),
            r_out: r(stats.sent),
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    hundredths(time.as_secs_f64() * 1000.0)
}

/// No more places than mean something.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use webtrunk_engine::LegId;
    use webtrunk_engine::media::quality::{Quality, Rating};
    use webtrunk_engine::rtp::DropCounters;

    use super::*;

    /// What was measured lately differs from what is told, and so does how it was to listen.
    fn rated(r: f32, mos: f32) -> LiveAndTotal {
        let other = Rating { r: 1.0, mos: 1.0 };
        let quality =
            |conversation| Quality { conversation, listening: other, loss: 0.0, delay: Duration::ZERO };
        LiveAndTotal { live: quality(other), total: quality(Rating { r, mos }) }
    }

    fn stats() -> LegStats {
        LegStats {
            leg: LegId::next(),
            transport: "webrtc",
            codec: Some(CodecId::Pcma),
            codec_received: Some(CodecId::G722),
            is_transcoded: true,
            packets_received: 3001,
            lost: 2,
            late: 3,
            duplicate: 90,
            reordered: 91,
            recovered: 4,
            concealed: 5,
            jitter: Duration::from_micros(1254),
            round_trip: Some(Duration::from_micros(18_400)),
            packets_sent: 3000,
            peer_lost_percent: 6,
            heard: Some(rated(92.75, 4.25)),
            sent: Some(rated(71.5, 3.5)),
            speech_dbm0: Some(-20.0),
            peer_metrics: None,
            drops: DropCounters::new(),
        }
    }

    #[test]
    fn each_figure_of_a_leg_stands_at_its_own_name() {
        let told = serde_json::to_value(QualityRecord::from(&stats())).expect("JSON");
        let expected = json!({
            "transport": "webrtc", "codec_in": "G722", "codec_out": "PCMA", "transcoded": true,
            "packets_in": 3001, "packets_out": 3000, "lost_in": 2, "late_in": 3, "recovered_in": 4,
            "concealed_in": 5, "lost_out_percent": 6, "jitter_in_ms": 1.25, "round_trip_ms": 18.4,
            "mos_in": 4.25, "r_in": 92.75, "mos_out": 3.5, "r_out": 71.5
        });
        assert_eq!(told, expected);
    }

    #[test]
    fn what_nobody_measured_is_not_told() {
        let (codec, codec_received) = (None, None);
        let unmeasured =
            LegStats { codec, codec_received, round_trip: None, heard: None, sent: None, ..stats() };
        let told = serde_json::to_value(QualityRecord::from(&unmeasured)).expect("JSON");
        for key in ["codec_in", "codec_out", "round_trip_ms", "mos_in", "r_in", "mos_out", "r_out"] {
            assert_eq!(told.get(key), None, "{told}");
        }
    }
}
