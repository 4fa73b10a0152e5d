//! What an end of a call hears.

use std::time::{Duration, Instant};

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_loadtest::agent::Call;

use super::network::{FAR_HZ, LEVEL_DBM0, OFFICE_HZ};
use crate::support::gateway::PATIENCE;

/// A foreign phone's own gain and files are in it; what crosses the gateway is exact elsewhere.
const TOLERANCE_DB: f64 = 1.0;

/// Each end hears the other from the beginning, at its exact level.
pub(super) async fn assert_both_hear(office: &Call, far: &Call) {
    for (end, hz) in [(office, FAR_HZ), (far, OFFICE_HZ)] {
        end.heard_packets(150, PATIENCE).await.expect("audio");
        let heard = end.heard().await.expect("a log").samples(SampleRate::HZ_8000);
        let level = goertzel_dbm0(&heard[8000..16_000], SampleRate::HZ_8000, hz.into());
        assert!((level - LEVEL_DBM0).abs() <= 0.3, "{hz} Hz with {level:.2} dBm0");
    }
}

/// The tone is in what was heard last, at its level, sooner or later.
pub(super) async fn await_tone(end: &Call, hz: f64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let before = end.heard().await.expect("a log").packets.len();
        end.heard_packets(before + 25, PATIENCE).await.expect("audio");
        let heard = end.heard().await.expect("a log").samples(SampleRate::HZ_8000);
        let latest = &heard[heard.len().saturating_sub(2400)..];
        let level = goertzel_dbm0(latest, SampleRate::HZ_8000, hz);
        if (level - LEVEL_DBM0).abs() <= TOLERANCE_DB {
            return;
        }
        assert!(Instant::now() < deadline, "{hz} Hz with {level:.2} dBm0");
    }
}

/// The tone is no longer heard: hardly a packet comes in half a second, or none of it is the tone.
pub(super) async fn await_no_tone(end: &Call, hz: f64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let before = end.heard().await.expect("a log").packets.len();
        tokio::time::sleep(HALF_A_SECOND).await;
        let heard = end.heard().await.expect("a log");
        let samples = heard.samples(SampleRate::HZ_8000);
        let latest = &samples[samples.len().saturating_sub(2400)..];
        let level = goertzel_dbm0(latest, SampleRate::HZ_8000, hz);
        if heard.packets.len() - before < FEW || level < FAINT_DBM0 {
            return;
        }
        assert!(Instant::now() < deadline, "{hz} Hz with {level:.2} dBm0");
    }
}

const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// Packets of half a second that are no stream: it would have 25.
const FEW: usize = 5;

/// Below this a tone is not heard.
const FAINT_DBM0: f64 = -45.0;
