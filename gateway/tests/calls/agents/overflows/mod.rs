//! Queues of a gateway that overflow while people talk: what is lost is counted, and nobody else hears of it.

mod beside;
mod calls;

use webtrunk_loadtest::agent::Call;

use super::conference::levels;
use super::stage::LEVEL_DBM0;

/// How far the tone may be from its level in what is heard.
const OFF_MAX_DB: f64 = 1.5;

/// Fails unless this tone is heard from now on.
pub(super) async fn assert_is_heard(call: &Call, hz: u16) {
    let [level] = levels(call, [hz]).await;
    assert!((level - LEVEL_DBM0).abs() <= OFF_MAX_DB, "{hz} Hz with {level:.2} dBm0");
}
