//! Parties of a conference that change by keys what they are, while all talk.

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::Call;

use super::conference::{ALICE_HZ, BOB_HZ, assert_hears_just, levels, user};
use super::ear::assert_is_one_stream_but_for_stalls;
use super::stage::{CALLER_HZ, LEVEL_DBM0, Stage, phone};
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// A stage with one room: 87 to take part, 88 to supervise alice.
fn stage() -> Stage {
    let party = "keys = { mute = '*6', softer = '*4', louder = '*7' }";
    let boss = "role = 'listen', target = 'alice', keys = { listen = '*1', whisper = '*2', barge = '*3' }";
    let mut config = GatewayConfig::default().user("bob");
    for (number, from, keys) in [("87", "", party), ("87", "from_trunk = 'office'", party), ("88", "", boss)]
    {
        config = config.rule(&format!(
            "destination = '{number}'\n{from}\nactions = ['answer', {{ conference = {{ room = 'one', {keys} }} }}]"
        ));
    }
    Stage::with(&["PCMU"], config)
}

async fn press(call: &Call, keys: &str) {
    for key in keys.chars() {
        call.send_info_digit(key).await.expect("the gateway takes digits");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_mutes_itself_and_changes_its_gain_by_keys() {
    let stage = stage();
    let alice = user(&stage, "alice", ALICE_HZ).await.call("87").await.expect("an answer");
    let caller = phone(stage.caller(CodecId::Pcmu)).await.call("87").await.expect("an answer");
    assert_hears_just(&alice, "alice", &[CALLER_HZ]).await;
    assert_hears_just(&caller, "the phone", &[ALICE_HZ]).await;
    // A browser's keys come by INFO.
    press(&alice, "*6").await;
    assert_hears_just(&caller, "the phone", &[]).await;
    assert_hears_just(&alice, "alice, who is muted,", &[CALLER_HZ]).await;
    press(&alice, "*6").await;
    assert_hears_just(&caller, "the phone", &[ALICE_HZ]).await;
    // A phone's keys come in media.
    for (keys, expected_db) in [("*4*4", -6.0), ("*7", -3.0), ("*7*7*7", 6.0)] {
        caller.send_digits(keys).await.expect("keys");
        let [level] = levels(&alice, [CALLER_HZ]).await;
        let gain_db = level - LEVEL_DBM0;
        assert!((gain_db - expected_db).abs() < 0.5, "{keys} makes {gain_db:.2} dB, not {expected_db}");
    }
    assert_is_one_stream_but_for_stalls(&alice).await;
    assert_is_one_stream_but_for_stalls(&caller).await;
    caller.hang_up().await.expect("confirmed");
    alice.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
    // Both calls are told of two mutes and six steps.
    assert_eq!(stage.gateway.log().count(&["\"party changed\""]), 2 * 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_changes_its_role_by_keys() {
    let stage = stage();
    let agent = user(&stage, "alice", ALICE_HZ).await.call("87").await.expect("an answer");
    let customer = phone(stage.caller(CodecId::Pcmu)).await.call("87").await.expect("an answer");
    let supervisor = user(&stage, "bob", BOB_HZ).await.call("88").await.expect("an answer");
    for (keys, by_agent, by_customer) in [
        ("", false, false),
        ("*2", true, false),
        ("*3", true, true),
        ("*1", false, false),
        ("*3", true, true),
    ] {
        press(&supervisor, keys).await;
        let with_bob = |tone: u16, is_heard: bool| if is_heard { vec![tone, BOB_HZ] } else { vec![tone] };
        assert_hears_just(&supervisor, "the supervisor", &[ALICE_HZ, CALLER_HZ]).await;
        assert_hears_just(&agent, "the agent", &with_bob(CALLER_HZ, by_agent)).await;
        assert_hears_just(&customer, "the customer", &with_bob(ALICE_HZ, by_customer)).await;
    }
    for call in [&agent, &customer, &supervisor] {
        assert_is_one_stream_but_for_stalls(call).await;
    }
    let log = stage.gateway.log();
    supervisor.hang_up().await.expect("confirmed");
    // The agent is told that the customer came; both that the supervisor took part, left, took part and went.
    log.wait_for(&["\"party left\"", "\"parties\":2"], PATIENCE);
    agent.hang_up().await.expect("confirmed");
    customer.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(3);
    assert_eq!(log.count(&["\"party joined\""]), 1 + 2 * 2);
}
