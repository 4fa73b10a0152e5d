//! A machine that has no time for its media thread: codecs work less, and more again when it has.

use std::time::Duration;

use webtrunk_codecs::CodecId;

use super::ear::{assert_has_few_gaps, assert_mostly_hears};
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;

/// What the gateway begins with, as its configuration has it.
const COMPLEXITY: u32 = 5;

/// The gateway stands still and goes on in turns, a second of them at a time, and so many seconds at most: what other tests
/// take makes the turns longer.
const TURNS: usize = 25;
const SECONDS_MAX: usize = 40;
const STANDS: Duration = Duration::from_millis(18);
const GOES_ON: Duration = Duration::from_millis(22);

/// How long a machine that tests may take until it is calm for five seconds.
const CALM_MAX: Duration = Duration::from_secs(120);

/// How hard the codecs of its media thread may work.
fn complexity(stage: &Stage) -> u32 {
    let metrics = stage.gateway.metrics();
    let value = metrics.lines().find_map(|line| line.strip_prefix("webtrunk_shard_complexity{shard=\"0\"} "));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no complexity in {metrics}"))
}

/// Stops and goes on until codecs work less; gives how hard they work then.
async fn hurry(stage: &Stage) -> u32 {
    let mut fallen = COMPLEXITY;
    for _ in 0..SECONDS_MAX {
        for _ in 0..TURNS {
            stage.gateway.stand_still(STANDS).await;
            tokio::time::sleep(GOES_ON).await;
        }
        fallen = complexity(stage);
        if fallen <= COMPLEXITY - 4 {
            break;
        }
    }
    fallen
}

/// Nothing has deadlines here but the conference: its frames are made for Opus as well as there is time for.
#[tokio::test(flavor = "multi_thread")]
async fn a_conference_that_comes_late_has_codecs_work_less() {
    let room = "destination = '8100'\nactions = ['answer', { conference = { room = '100' } }]";
    let config = GatewayConfig::default()
        .media(&format!("shards = 1\nopus_complexity = {COMPLEXITY}"))
        .rule(room)
        .rule(&format!("from_trunk = 'office'\n{room}"));
    let stage = Stage::with(&["PCMU"], config);
    let (alice, office) = (webrtc(stage.alice()).await, phone(stage.caller(CodecId::Pcmu)).await);
    let browser = alice.call("8100").await.expect("an answer");
    let narrow = office.call("8100").await.expect("an answer");
    let fallen = hurry(&stage).await;
    assert!(fallen <= COMPLEXITY - 4, "{fallen} without time");
    let heard = browser.heard().await.expect("a log").packets.len();
    browser.heard_packets(heard + 100, PATIENCE).await.expect("audio");
    assert_mostly_hears(&browser, CALLER_HZ).await;
    browser.hang_up().await.expect("confirmed");
    narrow.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
}

/// Fails when `shard.rs` does not tell its calls what `load.rs` says. The first call has an encoder of Opus, and the
/// second one deadlines, fifty a second.
#[tokio::test(flavor = "multi_thread")]
async fn codecs_work_less_while_the_machine_has_no_time_and_more_again_when_it_has() {
    let tone = format!("{{ tone = {{ frequency_hz = {CALLEE_HZ}, level_dbm0 = -10 }} }}");
    let config = GatewayConfig::default()
        .media(&format!("shards = 1\nopus_complexity = {COMPLEXITY}"))
        .rule(&format!("destination = '700'\nfrom_trunk = 'office'\nactions = ['answer', {tone}]"));
    let stage = Stage::with(&["PCMU"], config);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    let clocked = office.call("700").await.expect("an answer");
    assert!(wait_until(CALM_MAX, || complexity(&stage) == COMPLEXITY), "it has no time to begin with");
    let fallen = hurry(&stage).await;
    assert!(fallen <= COMPLEXITY - 4, "{fallen} without time");
    assert!(wait_until(CALM_MAX, || complexity(&stage) > fallen), "it stays at {fallen}");
    for (end, hz) in [(&call, CALLEE_HZ), (&lifted, CALLER_HZ), (&clocked, CALLEE_HZ)] {
        let heard = end.heard().await.expect("a log").packets.len();
        end.heard_packets(heard + 100, PATIENCE).await.expect("audio");
        assert_mostly_hears(end, hz).await;
        // Where other tests want the machine too, some of it comes too late.
        assert_has_few_gaps(&end.heard().await.expect("a log"));
    }
    call.hang_up().await.expect("confirmed");
    clocked.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
}
