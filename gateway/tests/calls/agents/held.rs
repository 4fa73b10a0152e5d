//! Who is on hold learns so, where that is configured.

use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, Direction};

use super::ear::{assert_hears_from_now, assert_mostly_hears};
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// Waits until a party's media go this way, as it has agreed.
pub(super) async fn wait_for_direction(call: &Call, direction: Direction) {
    let is_so = async {
        while call.direction().await != Some(direction) {
            tokio::time::sleep(Duration::from_millis(20)).await;
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

/// From round to round they meet elsewhere: on the wire, or inside, before the gateway's offer has left. Who crosses another's
/// offer is told so, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn who_offers_while_it_is_told_of_a_hold_is_answered_wherever_the_offers_meet() {
    const ROUNDS: u64 = 60;
    const STEP: Duration = Duration::from_micros(50);
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().media("tell_hold = true"));
    let (office, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&office, &callee).await;
    for round in 0..ROUNDS {
        let direction = if round % 2 == 0 { Direction::SendOnly } else { Direction::SendRecv };
        let offers = async {
            // Finer than the runtime's clock.
            std::thread::sleep(STEP * u32::try_from(round / 2).expect("few rounds"));
            lifted.change(Direction::SendRecv).await
        };
        let outcomes: [_; 2] = tokio::join!(call.change(direction), offers).into();
        for refused in outcomes.into_iter().filter_map(Result::err) {
            assert_eq!(refused.status(), Some(491), "round {round}: {refused}");
        }
    }
    // Whoever met another's offer comes again, the gateway too.
    let agreed = async {
        while call.resume().await.is_err() || lifted.change(Direction::SendRecv).await.is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, agreed).await.expect("nothing is open for ever");
    wait_for_direction(&lifted, Direction::SendRecv).await;
    assert_hears_from_now(&call, CALLEE_HZ).await;
    assert_hears_from_now(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}
