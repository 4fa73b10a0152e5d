//! Who is on hold learns so, where that is configured.

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, Direction};

use super::ear::assert_mostly_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// Waits until a party's media go this way, as it has agreed.
pub(super) async fn wait_for_direction(call: &Call, direction: Direction) {
    let is_so = async {
        while call.direction().await != Some(direction) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, is_so).await;
    assert!(waited.is_ok(), "{:?} and not {direction:?}", call.direction().await);
}

/// One party holds the other and takes it back: the other is told both, and both are heard again.
async fn hold_and_resume(holder: (&Call, u16), held: (&Call, u16)) {
    holder.0.hold().await.expect("taken");
    wait_for_direction(held.0, Direction::RecvOnly).await;
    holder.0.resume().await.expect("taken");
    wait_for_direction(held.0, Direction::SendRecv).await;
    for (end, hz) in [(holder.0, held.1), (held.0, holder.1)] {
        let heard = end.heard().await.expect("a log").packets.len();
        end.heard_packets(heard + 300, PATIENCE).await.expect("audio again");
        assert_mostly_hears(end, hz).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_and_users_are_told_that_they_are_held_and_when_it_is_over() {
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().media("tell_hold = true"));
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    let (call, lifted) = talk(&office, &callee).await;
    hold_and_resume((&call, CALLER_HZ), (&lifted, CALLEE_HZ)).await;
    hold_and_resume((&lifted, CALLEE_HZ), (&call, CALLER_HZ)).await;
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("hung up");
    let alice = webrtc(stage.alice()).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    hold_and_resume((&call, CALLER_HZ), (&lifted, CALLEE_HZ)).await;
    hold_and_resume((&lifted, CALLEE_HZ), (&call, CALLER_HZ)).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_a_hold_where_nothing_is_configured() {
    let stage = Stage::new(&["PCMU"]);
    let (office, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&office, &callee).await;
    call.hold().await.expect("taken");
    let heard = lifted.heard().await.expect("a log").packets.len();
    lifted.heard_packets(heard + 50, PATIENCE).await.expect("silence or what the holder sends");
    assert_eq!(lifted.direction().await, Some(Direction::SendRecv));
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}
