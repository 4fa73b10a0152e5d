//! Threads of the gateway that stand still while people talk: who depends on them, who does not, and what is told of it.

use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::Call;

use super::ear::assert_has_few_gaps;
use super::overflows::assert_is_heard;
use super::records::{config, wait_for_records};
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk, talk_from_webrtc, webrtc};
use super::supervised::why_given_up;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::stall::Stall;

/// Packets that may have been on their way when the thread stood still.
const ON_THE_WAY: usize = 5;

/// Fails unless each of these ends hears its tone from now on.
async fn assert_are_heard(ends: [(&Call, u16); 2]) {
    for (end, hz) in ends {
        assert_is_heard(end, hz).await;
    }
}

async fn packets(call: &Call) -> usize {
    call.heard().await.expect("a log").packets.len()
}

/// Fails when a shard waits for another one, when who stands still is told of as dead, or does not find into its call again.
#[tokio::test(flavor = "multi_thread")]
async fn a_media_thread_that_stands_still_for_seconds_goes_on_with_its_call_and_the_others_hear_no_gap() {
    // Each shard has few ports, so that the second call goes to the second shard.
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().media("shards = 2"));
    let gateway = &stage.gateway;
    let (alice, caller) = (webrtc(stage.alice()).await, phone(stage.caller(CodecId::Pcmu)).await);
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let (other, other_lifted) = talk(&caller, &callee).await;
    assert_are_heard([(&call, CALLEE_HZ), (&other, CALLEE_HZ)]).await;
    let figures = gateway.metrics();
    for shard in ["0", "1"] {
        assert!(figures.contains(&format!("webtrunk_shard_calls{{shard=\"{shard}\"}} 1\n")), "{figures}");
    }

    let stall = Stall::of_media(gateway.process.id());
    gateway.log().wait_for(&["a thread stands still", "media shard 0", "\"calls\":1"], PATIENCE);
    assert_eq!(gateway.public("/healthz"), (200, "lives\n".to_owned()));
    let before = packets(&call).await;
    assert_are_heard([(&other, CALLEE_HZ), (&other_lifted, CALLER_HZ)]).await;
    assert!(packets(&call).await <= before + ON_THE_WAY, "it stood still");
    drop(stall);
    gateway.log().wait_for(&["a thread goes on", "media shard 0"], PATIENCE);

    // What came meanwhile is passed on first.
    call.heard_packets(before + 100, PATIENCE).await.expect("audio");
    assert_are_heard([(&call, CALLEE_HZ), (&lifted, CALLER_HZ)]).await;
    for end in [&other, &other_lifted] {
        assert_has_few_gaps(&end.heard().await.expect("a log"));
    }
    assert_eq!(gateway.public("/healthz"), (200, "lives\n".to_owned()));
    let figures = gateway.metrics();
    for (who, count) in [("media shard 0", 1), ("media shard 1", 0), ("signalling", 0)] {
        assert!(
            figures.contains(&format!("webtrunk_stalls_total{{who=\"{who}\"}} {count}\n")),
            "{who}: {figures}"
        );
    }
    call.hang_up().await.expect("confirmed");
    other.hang_up().await.expect("confirmed");
    gateway.assert_all_is_over(2);
}

/// Fails when media waits for signalling, or nobody tells of signalling's end, or brings it about.
#[tokio::test(flavor = "multi_thread")]
async fn calls_are_heard_while_signalling_stands_still_until_it_is_given_up_and_the_gateway_ends() {
    let folder = TempDir::new().expect("a folder");
    let mut stage = Stage::with(&["PCMU"], config(folder.path()));
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_are_heard([(&call, CALLEE_HZ), (&lifted, CALLER_HZ)]).await;

    let stall = Stall::of_main(stage.gateway.process.id());
    stage.gateway.log().wait_for(&["a thread stands still", "signalling"], PATIENCE);
    assert_eq!(stage.gateway.public("/healthz"), (200, "lives\n".to_owned()));
    assert_are_heard([(&call, CALLEE_HZ), (&lifted, CALLER_HZ)]).await;
    assert_eq!(why_given_up(&stage.gateway), "signalling stands still\n");
    // Whoever listens by then may go on.
    assert_are_heard([(&call, CALLEE_HZ), (&lifted, CALLER_HZ)]).await;
    drop(stall);
    lifted.ended(PATIENCE).await.expect("BYE");
    call.ended(PATIENCE).await.expect("BYE");
    let status = stage.gateway.process.wait(PATIENCE).expect("it has ended");
    assert_eq!(status.code(), Some(70), "whoever supervises it starts it again");
    let [record] = &wait_for_records(folder.path(), 1)[..] else { panic!("one") };
    assert_eq!(record["end"]["by"], "gateway", "{record:#}");
}
