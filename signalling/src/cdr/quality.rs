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
