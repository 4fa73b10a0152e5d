//! Calls that the caller gives up: nobody goes on ringing, and who answered too late is hung up.

use std::time::Duration;

use super::raw_phone::{RawPhone, description};
use super::stage::Stage;
use crate::support::gateway_config::SIP_PORT;

#[test]
fn while_it_rings() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_rings", &[]);
    stage.call("caller_cancels", "9100", &[]).finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

/// One of the caller's own phones took the call that we pass on: the callee's need not list a missed call.
#[test]
fn since_another_phone_answered() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_rings", &[]);
    let reason = "\nReason: SIP;cause=200;text=\"Call completed elsewhere\"";
    stage.call("caller_cancels", "9100", &[("REASON", reason)]).finish();
    let cancel = callee.wait_for("CANCEL");
    assert_eq!(cancel.header("Reason"), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[test]
fn while_early_media_is_heard() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_early_rings", &[]);
    stage.call("caller_cancels", "9100", &[("PROGRESS", "183")]).finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

/// RFC 3261 9.1: a 200 to INVITE may cross the CANCEL, and then the call has to be ended by BYE.
#[test]
fn while_the_callee_lifts() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_answers_cancel", &[]);
    stage.call("caller_cancels", "9100", &[]).finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

/// The gateway's 200 to the caller crosses the caller's CANCEL, which is of no effect then.
#[test]
fn while_the_answer_is_on_its_way() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_talks", &[]);
    stage.call("caller_cancels_late", "9100", &[]).finish();
    let seen = callee.finish();
    assert!(seen.iter().any(|seen| !seen.is_sent && seen.is("BYE")), "the callee was hung up");
    stage.gateway.assert_all_is_over(1);
}

/// The callee answers when the call was given up long ago: it must not believe to be in one.
#[test]
fn since_nothing_came_of_the_callee_which_answers_half_a_minute_later() {
    let Some(stage) = Stage::new() else { return };
    let callee = RawPhone::at_port(&stage.callee, SIP_PORT, &stage.gateway, "100");
    stage.call("caller_refused", "8100", &[("STATUS", "480")]).finish();
    // The INVITE's transaction lasts for 32 s (RFC 3261 17.1.1.2).
    std::thread::sleep(Duration::from_secs(33));
    let invite = callee.receive();
    assert!(invite.starts_with("INVITE "), "{invite}");
    let headers = format!("Contact: <sip:100@{}>\r\nContent-Type: application/sdp\r\n", callee.address());
    callee.respond_with(&invite, "200 OK", &headers, &description(stage.callee.ip(), 7000));
    let acknowledged = callee.receive();
    assert!(acknowledged.starts_with("ACK "), "{acknowledged}");
    let bye = callee.receive();
    assert!(bye.starts_with("BYE "), "{bye}");
    callee.respond(&bye, "200 OK");
    stage.gateway.assert_all_is_over(1);
}
