//! Rooms of one media thread make their frames at different moments of the tick, also after the thread stood still.

use std::f64::consts::TAU;
use std::time::{Duration, SystemTime};

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, Heard};

use super::conference::{ALICE_HZ, BOB_HZ, assert_hears_just, stage, user};
use super::stage::phone;
use crate::support::gateway::PATIENCE;

/// From one frame of a room to the next.
const TICK_MS: f64 = 20.0;

/// From the frames of the room that was made first to those of the second.
const APART_MS: f64 = 7.0;
const OFF_MAX_MS: f64 = 3.0;

/// No whole number of ticks, and longer than what is made up for frame by frame.
const STALL: Duration = Duration::from_millis(507);

/// At which moment of the tick packets came, as the mean of their moments on a circle.
fn moment_ms(heard: &Heard) -> f64 {
    let turns = heard.packets.iter().map(|packet| {
        let since = packet.at.duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970");
        since.as_secs_f64() * 1000.0 % TICK_MS / TICK_MS * TAU
    });
    let (sin, cos) = turns.fold((0.0, 0.0), |(sin, cos), turn| (sin + turn.sin(), cos + turn.cos()));
    sin.atan2(cos) / TAU * TICK_MS
}

/// By how much the frames of the second room follow those of the first, from now on.
async fn apart_ms(rooms: [&Call; 2]) -> f64 {
    let from = SystemTime::now();
    for call in rooms {
        let heard = call.heard().await.expect("a log").packets.len();
        call.heard_packets(heard + 100, PATIENCE).await.expect("audio");
    }
    let [first, second] = rooms;
    let [first, second] = [first.heard().await, second.heard().await];
    let moment = |heard: Heard| moment_ms(&heard.since(from));
    (moment(second.expect("a log")) - moment(first.expect("a log"))).rem_euclid(TICK_MS)
}

/// Fails when a conference goes on at the moment at which a stall ended: then all rooms are due at once from then on.
#[tokio::test(flavor = "multi_thread")]
async fn rooms_keep_apart_in_the_tick_when_the_gateway_stood_still() {
    let stage = stage("shards = 1");
    let (alice, bob) = (user(&stage, "alice", ALICE_HZ).await, user(&stage, "bob", BOB_HZ).await);
    let (office, carrier) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let first = alice.call("8100").await.expect("an answer");
    let second = bob.call("8200").await.expect("an answer");
    let in_first = office.call("8100").await.expect("an answer");
    let in_second = carrier.call("8200").await.expect("an answer");
    for is_stalled in [false, true] {
        if is_stalled {
            stage.gateway.stand_still(STALL).await;
            tokio::time::sleep(STALL).await;
        }
        let apart = apart_ms([&in_first, &in_second]).await;
        assert!((apart - APART_MS).abs() <= OFF_MAX_MS, "{apart:.2} ms apart, stalled: {is_stalled}");
        assert_hears_just(&in_first, "who is in the first room", &[ALICE_HZ]).await;
        assert_hears_just(&in_second, "who is in the second room", &[BOB_HZ]).await;
    }
    for call in [in_first, in_second, first, second] {
        call.hang_up().await.expect("confirmed");
    }
    stage.gateway.assert_all_is_over(4);
}
