//! What an end of a call hears.

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_loadtest::agent::Call;

use super::stage::LEVEL_DBM0;
use crate::support::gateway::PATIENCE;

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
