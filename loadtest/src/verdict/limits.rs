//! From when on something is wrong.

use std::time::Duration;

/// From when on something is wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// From the answer to the first audio. Two seconds of "hello?" are what people bear.
    pub first_audio: Duration,
    /// How much of the first that was said may be missing.
    pub clipped: Duration,
    /// The longest hole that is none: a lost packet or two are concealed, and counted as loss.
    pub gap: Duration,
    /// From mouth to ear: up to 150 ms nobody minds (ITU-T G.114).
    pub mouth_to_ear: Duration,
    /// Packets lost, in percent.
    pub loss_percent: f64,
    /// Interarrival jitter.
    pub jitter: Duration,
    /// Louder or quieter than said, in dB.
    pub level_db: f64,
    /// An echo this much quieter than what was said, in dB, is none. G.131 wants some 40 for long ways.
    pub echo_db: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_audio: Duration::from_secs(2),
            clipped: Duration::from_millis(500),
            gap: Duration::from_millis(100),
            mouth_to_ear: Duration::from_millis(150),
            loss_percent: 1.0,
            jitter: Duration::from_millis(40),
            level_db: 6.0,
            echo_db: 30.0,
        }
    }
}
