//! What came of a load, to be read by people and programs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::hear::Percentiles;
use crate::verdict::Fitness;

/// What came of a load.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadReport {
    /// What became of the calls.
    pub calls: Connections,
    /// From INVITE, in milliseconds.
    pub setup: Setup,
    /// From the callers to the phone; `None` without a phone.
    pub to_phone: Option<DirectionReport>,
    /// From the phone, or whatever answers, to the callers.
    pub to_caller: DirectionReport,
    /// The gateway's process, where it was named.
    pub gateway: Option<GatewayReport>,
    /// This process's CPU time for each second of each call, both ends, in milliseconds.
    pub own_cpu_ms_per_call_second: f64,
    /// For how long all calls were up together and measured, in seconds.
    pub steady_s: f64,
    /// Whether it was ended before its time; calls that were not up by then are in no figure.
    pub was_broken_off: bool,
    /// How late the load tester itself was: where it was not fit, the target is not to blame.
    pub fitness: Fitness,
}

/// What became of the calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// Calls dialled.
    pub attempted: usize,
    /// Calls with audio in every direction.
    pub ok: usize,
    /// All others.
    pub failed: usize,
    /// Why, and how often.
    pub failures: BTreeMap<String, usize>,
    /// The codecs at the callers.
    pub caller_codecs: BTreeMap<String, usize>,
    /// The codecs at the phone.
    pub phone_codecs: BTreeMap<String, usize>,
    /// The SRTP profiles.
    pub srtp: BTreeMap<String, usize>,
}

/// Times from sending the INVITE.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setup {
    /// To the 200.
    pub answer: Option<Percentiles>,
    /// To the first packet that the caller decrypted.
    pub first_audio_at_caller: Option<Percentiles>,
    /// To the first packet at the phone.
    pub first_audio_at_phone: Option<Percentiles>,
}

/// One direction of all calls.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DirectionReport {
    /// Packets sent, from the first one that can have got through.
    pub sent: u64,
    /// Of those, packets that were lost on purpose before they came to the gateway.
    pub dropped: u64,
    /// Packets that came.
    pub received: u64,
    /// Gaps in sequence numbers.
    pub lost: u64,
    /// Packets missing by the clock, which sees what was never sent on.
    pub missing_by_clock: i64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that came after a later one.
    pub reordered: u64,
    /// Packets that could not be decrypted or read, or were of a type not agreed on.
    pub broken: u64,
    /// Interarrival jitter at the end of each call, in milliseconds.
    pub jitter_ms: Option<Spread>,
    /// From one end's send call to the kernel's receipt at the other: what the gateway adds, in
    /// milliseconds. Codec look-ahead is not in it.
    pub gateway_delay: Option<Percentiles>,
    /// How late the sound is, from one end's send call to the kernel's receipt at the other, in milliseconds:
    /// with what codecs look ahead and buffers hold, without the time in which a packet is filled.
    pub sound_delay: Option<Percentiles>,
    /// With a stall of the gateway: how long after it packets were still later than before, by more than half a packet, in
    /// milliseconds.
    pub recovery_ms: Option<Spread>,
    /// Packets that could not be followed, or were made up for such as never came.
    pub not_followed: u64,
    /// Louder than it was said, in dB.
    pub gain_db: Option<Spread>,
    /// Likeness to what was said, 1 for the same.
    pub likeness: Option<Spread>,
    /// The level, in dBm0.
    pub level_dbm0: Option<Spread>,
    /// The longest silence of each call, in milliseconds.
    pub longest_silence_ms: Option<Spread>,
    /// The mean opinion of those calls that were scored, 1 to 4.2, beside what was said.
    pub opinion: Option<Spread>,
    /// PESQ of those calls that were scored.
    pub pesq: Option<Spread>,
}

/// How a figure differs from call to call.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The middle.
    pub median: f64,
    /// The greatest.
    pub max: f64,
}

/// The gateway's process.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GatewayReport {
    /// CPU time, user and system, for each second of each call, in milliseconds.
    pub cpu_ms_per_call_second: f64,
    /// Resident memory with nobody connected, in KiB.
    pub rss_idle_kib: f64,
    /// More memory for each connected caller, in KiB.
    pub rss_per_connection_kib: f64,
    /// More memory for each call, in KiB.
    pub rss_per_call_kib: f64,
    /// Resident memory after all have hung up, in KiB.
    pub rss_after_kib: f64,
}

impl Spread {
    /// `None` where there is nothing; what is not finite is left out.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<_> = values.into_iter().filter(|value| value.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        Some(Self { min, median: sorted[sorted.len() / 2], max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_of_what_is_finite() {
        let spread = Spread::of([3.0, f64::NEG_INFINITY, 1.0, 2.0]);
        assert_eq!(spread, Some(Spread { min: 1.0, median: 2.0, max: 3.0 }));
        assert_eq!(Spread::of([f64::NAN]), None);
    }
}
