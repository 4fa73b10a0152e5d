//! What is measured of a call's media, as a page is told.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use webtrunk_engine::leg::{LegStats, LiveAndTotal};

/// What is measured of the page's own leg at the gateway. "Received" is what the page said, "sent" what it hears.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// The codec of what the page says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec_received: Option<&'static str>,
    /// The codec of what the page hears.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec_sent: Option<&'static str>,
    /// Whether what the page hears is decoded and encoded on the way.
    pub is_transcoded: bool,
    /// Packets that came.
    pub packets_received: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets of those that never came that were restored from redundancy.
    pub recovered: u64,
    /// Packets of those that never came that were invented.
    pub concealed: u64,
    /// How unevenly packets came, in ms (RFC 3550 A.8).
    pub jitter_ms: f64,
    /// To the page and back, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f64>,
    /// Packets that were sent.
    pub packets_sent: u64,
    /// What the page lost of those, by its latest report, in percent.
    pub lost_sent_percent: u8,
    /// How what the page says is to talk with, lately: 1 to 4.5 (ITU-T G.107).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mos_received: Option<f64>,
    /// The same of what the page hears, by its reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mos_sent: Option<f64>,
    /// How loud the page's speech is, in dBm0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speech_dbm0: Option<f64>,
}

impl From<&LegStats> for Statistics {
    fn from(stats: &LegStats) -> Self {
        let mos = |it: Option<LiveAndTotal>| it.map(|it| hundredths(it.live.conversation.mos.into()));
        Self {
            codec_received: stats.codec_received.map(|codec| codec.encoding_name()),
            codec_sent: stats.codec.map(|codec| codec.encoding_name()),
            is_transcoded: stats.is_transcoded,
            packets_received: stats.packets_received,
            lost: stats.lost,
            recovered: stats.recovered,
            concealed: stats.concealed,
            jitter_ms: milliseconds(stats.jitter),
            round_trip_ms: stats.round_trip.map(milliseconds),
            packets_sent: stats.packets_sent,
            lost_sent_percent: stats.peer_lost_percent,
            mos_received: mos(stats.heard),
            mos_sent: mos(stats.sent),
            speech_dbm0: stats.speech_dbm0.map(|level| hundredths(level.into())),
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
