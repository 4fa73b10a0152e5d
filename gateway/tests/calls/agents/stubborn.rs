//! A gateway whose end does not come: who asks again, or half a minute, ends it as it is.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::mute::Mute;
use super::stage::Stage;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::stall::Stall;

/// How long the orderly end may take, and a little.
const LAST_RESORT: Duration = Duration::from_secs(30);
const LAST_RESORT_MAX: Duration = Duration::from_secs(45);

/// A gateway that hangs up a call whose parties confirm nothing, and waits for them.
fn waiting() -> (Stage, [Mute; 2]) {
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().log_filter("info").drain_timeout(600));
    let (caller, callee) = (Mute::caller(&stage), Mute::callee(&stage));
    caller.invite(1);
    callee.answer(&callee.receive("INVITE ").expect("a call"));
    caller.acknowledge(&caller.receive("SIP/2.0 200 ").expect("an answer"));
    stage.gateway.process.signal(Signal::SIGTERM);
    stage.gateway.log().wait_for(&["no new calls are taken"], PATIENCE);
    stage.gateway.process.signal(Signal::SIGTERM);
    stage.gateway.log().wait_for(&["the gateway ends"], PATIENCE);
    (stage, [caller, callee])
}

#[test]
fn a_signal_too_many_ends_the_process_as_it_is_with_the_status_of_that_signal() {
    for (signal, status) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let (mut stage, _parties) = waiting();
        stage.gateway.process.signal(signal);
        let ended = stage.gateway.process.wait(Duration::from_secs(3)).expect("it waits for nobody");
        assert_eq!(ended.code(), Some(status), "{signal}");
        stage.gateway.log().wait_for(&["stopping at once", signal.as_str()], PATIENCE);
    }
}

/// Fails when nobody sees to it that there is an end.
#[test]
fn a_gateway_that_does_not_end_in_order_is_ended_after_half_a_minute() {
    let (mut stage, _parties) = waiting();
    let asked_at = Instant::now();
    // It waits for the parties by then.
    thread::sleep(Duration::from_millis(500));
    let stall = Stall::of_main(stage.gateway.process.id());
    let ended = stage.gateway.process.wait(LAST_RESORT_MAX).expect("it is ended");
    drop(stall);
    assert_eq!(ended.code(), Some(70), "whoever supervises it starts it again");
    assert!(asked_at.elapsed() > LAST_RESORT - Duration::from_secs(2), "{:?}", asked_at.elapsed());
    stage.gateway.log().wait_for(&["the process does not end in order, and ends as it is"], PATIENCE);
}
