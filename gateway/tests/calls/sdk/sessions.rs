//! Several sessions of a user, and one that ends.

use super::stage::Stage;
use crate::sip::sipp::Sipp;
use crate::support::seat::{Seat, in_each_browser};

in_each_browser!(
    two_pages_with_the_sdk_ring_and_the_one_that_does_not_lift_is_told_who_did,
    a_page_with_the_sdk_that_disconnects_hangs_up_and_is_not_called,
);

fn two_pages_with_the_sdk_ring_and_the_one_that_does_not_lift_is_told_who_did(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    let other = seat.open(&stage.gateway, "alice", &stage.line);
    let phone = Sipp::caller(&stage.office, "caller_talks", stage.gateway.sip(), "4711", &[("FORMATS", "0")]);
    for page in [&stage.alice, &other] {
        assert_eq!(page.next("incoming")["from"], "2001");
    }
    stage.alice.answer();
    assert_eq!(other.next("ended")["cause"], "answeredElsewhere");
    stage.talk(&phone.wait_for("200"));
    phone.go_on();
    assert_eq!(stage.alice.next("ended")["cause"], "hangup");
    phone.finish();
    drop(other);
    stage.assert_over(1);
}

fn a_page_with_the_sdk_that_disconnects_hangs_up_and_is_not_called(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    let phone = stage.call();
    stage.alice.unregister();
    stage.alice.next("is closed");
    stage.alice.next("ended");
    phone.finish();
    let values = [("FORMATS", "0"), ("STATUS", "480")];
    Sipp::caller(&stage.office, "caller_refused", stage.gateway.sip(), "4711", &values).finish();
    assert!(stage.alice.taken("incoming").is_empty());
    stage.assert_over(2);
}
