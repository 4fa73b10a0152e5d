//! What an end of a call hears.

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::{FULL_SCALE_DBM0, goertzel_dbm0};
use webtrunk_loadtest::agent::{Call, Heard};

use super::stage::LEVEL_DBM0;
use crate::support::gateway::PATIENCE;

/// Samples of a tenth of a second at 8 kHz.
const TENTH: usize = 800;

/// The second second of what is heard at this rate: the first holds the begin of tone and codecs.
async fn second(call: &Call, rate: SampleRate) -> Vec<i16> {
    call.heard_packets(150, PATIENCE).await.expect("audio");
    let heard = call.heard().await.expect("a log").samples(rate);
    let second = rate.hz() as usize;
    heard[second..2 * second].to_vec()
}

/// Fails unless a tone of [`LEVEL_DBM0`] is heard with just that level.
pub(super) async fn assert_hears(call: &Call, hz: u16) {
    let level = goertzel_dbm0(&second(call, SampleRate::HZ_8000).await, SampleRate::HZ_8000, hz.into());
    assert!((level - LEVEL_DBM0).abs() <= 0.3, "{hz} Hz with {level:.2} dBm0");
}

/// Fails unless a tone of [`LEVEL_DBM0`] above the telephone's band is heard, within a step of level.
pub(super) async fn assert_hears_wide_band(call: &Call, hz: u16) {
    let level = goertzel_dbm0(&second(call, SampleRate::HZ_16000).await, SampleRate::HZ_16000, hz.into());
    assert!((level - LEVEL_DBM0).abs() <= 1.0, "{hz} Hz with {level:.2} dBm0");
}

/// Fails unless a tone of [`LEVEL_DBM0`] is heard a second from now, within a step of level: what came before may be anything.
pub(super) async fn assert_hears_from_now(call: &Call, hz: u16) {
    let before = call.heard().await.expect("a log").packets.len();
    call.heard_packets(before + 100, PATIENCE).await.expect("audio");
    let samples = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    let level = goertzel_dbm0(&samples[samples.len() - 8000..], SampleRate::HZ_8000, hz.into());
    assert!((level - LEVEL_DBM0).abs() <= 1.0, "{hz} Hz with {level:.2} dBm0");
}

/// Fails unless a tone of [`LEVEL_DBM0`] is heard from the second second on, mostly at its level.
pub(super) async fn assert_mostly_hears(call: &Call, hz: u16) {
    let samples = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    let tenths = samples[8000..].chunks_exact(TENTH);
    let tone = median(tenths.map(|tenth| goertzel_dbm0(tenth, SampleRate::HZ_8000, hz.into())));
    assert!((tone - LEVEL_DBM0).abs() <= 1.0, "{hz} Hz with {tone:.2} dBm0");
}

/// Fails unless a tone of [`LEVEL_DBM0`] is heard from the second second on, and all the time with just that level.
pub(super) async fn assert_level(call: &Call, hz: u16) {
    let samples = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    for (second, samples) in samples.chunks_exact(8000).enumerate().skip(1) {
        let level = goertzel_dbm0(samples, SampleRate::HZ_8000, hz.into());
        assert!((level - LEVEL_DBM0).abs() <= 0.3, "{hz} Hz with {level:.2} dBm0 in second {second}");
    }
}

/// Fails when what is heard sinks by 10 dB for a tenth of a second, from the second second on.
pub(super) async fn assert_hears_no_gap(call: &Call) {
    let samples = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    let faintest = samples[8000..].chunks_exact(TENTH).map(level_dbm0).fold(f64::INFINITY, f64::min);
    assert!(faintest > LEVEL_DBM0 - 10.0, "all that is heard sinks to {faintest:.2} dBm0");
}

/// Fails when what is heard sinks by 10 dB for a tenth of a second more than once in fifty: the gateway's clock and
/// ours are those of a busy machine.
pub(super) fn assert_has_few_gaps(heard: &Heard) {
    let samples = heard.samples(SampleRate::HZ_8000);
    let tenths = samples.chunks_exact(TENTH).map(level_dbm0);
    let (count, faint) = (samples.len() / TENTH, tenths.filter(|level| *level < LEVEL_DBM0 - 10.0).count());
    assert!(count > 0 && faint * 50 <= count, "{faint} of {count} tenths of a second are faint");
}

/// Fails unless all audio came in one stream whose timestamps go on by 20 ms with each packet sent.
pub(super) async fn assert_is_one_stream(call: &Call) {
    let heard = call.heard().await.expect("a log");
    assert_eq!(heard.ssrcs().len(), 1);
    let first = &heard.packets[0];
    let step = first.codec.clock_rate().hz() / 50;
    for packet in &heard.packets {
        let sent = packet.sequence.wrapping_sub(first.sequence).cast_signed();
        let elapsed = packet.timestamp.wrapping_sub(first.timestamp);
        assert_eq!(elapsed, step.wrapping_mul(i32::from(sent).cast_unsigned()), "packet {sent}");
    }
}

/// Fails unless all audio came in one stream that is made by the clock: each packet 20 ms after the one before it,
/// but where the gateway's thread stood still. That takes more than 100 ms, begins a talkspurt, and is in the
/// timestamps as long as it took.
pub(super) async fn assert_is_one_stream_but_for_stalls(call: &Call) {
    const STALL_MIN_MS: u32 = 80;
    const OFF_MAX_MS: u32 = 60;
    let heard = call.heard().await.expect("a log");
    assert_eq!(heard.ssrcs().len(), 1);
    let ticks_a_ms = heard.packets[0].codec.clock_rate().hz() / 1000;
    for (at, pair) in heard.packets.windows(2).enumerate() {
        let [before, packet] = pair else { unreachable!("windows of two") };
        let sent = u32::from(packet.sequence.wrapping_sub(before.sequence));
        let elapsed = packet.timestamp.wrapping_sub(before.timestamp);
        let stalled_ms = elapsed.wrapping_sub(20 * ticks_a_ms * sent) / ticks_a_ms;
        if elapsed == 20 * ticks_a_ms * sent {
            continue;
        }
        let came = packet.at.duration_since(before.at).unwrap_or_default().as_millis() as u32;
        let is_stall =
            packet.marker && stalled_ms > STALL_MIN_MS && (stalled_ms + 20).abs_diff(came) <= OFF_MAX_MS;
        assert!(is_stall, "packet {at} + 1: {stalled_ms} ms too many, {came} ms after the one before");
    }
}

fn median(levels: impl Iterator<Item = f64>) -> f64 {
    let mut levels: Vec<f64> = levels.collect();
    levels.sort_by(f64::total_cmp);
    levels[levels.len() / 2]
}

/// The level of all that there is.
fn level_dbm0(samples: &[i16]) -> f64 {
    let power: f64 = samples.iter().map(|sample| (f64::from(*sample) / f64::from(i16::MAX)).powi(2)).sum();
    FULL_SCALE_DBM0 + 10.0 * (2.0 * power / samples.len() as f64).max(1e-12).log10()
}
