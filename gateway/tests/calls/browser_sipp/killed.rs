//! A browser that dies without a word: its call is over for the phone as well.

use std::time::Duration;

use super::stage::Call;
use crate::support::browser::Browser;
use crate::support::process::wait_until;

/// From the kill to the BYE. About 35 s: 15 s without checks, then the consent's margin of as much; the rest
/// is for a busy machine.
const MISSED_MAX: Duration = Duration::from_secs(45);

#[test]
fn a_killed_browser_hangs_up_at_the_phone() {
    let Some(browser) = Browser::start() else { return };
    let Some(mut call) = Call::begin(&browser, "callee_talks") else { return };
    call.talk();
    browser.kill();
    assert!(
        wait_until(MISSED_MAX, || !call.phone.received("BYE").is_empty()),
        "the phone is not hung up: {:?}",
        call.phone.seen()
    );
    let Call { phone, gateway, .. } = call;
    let log = gateway.log();
    assert_eq!(log.count(&["consent expired: the peer answers no checks"]), 1);
    assert_eq!(log.count(&["signalling connection closed under a call"]), 1);
    // What is left of the browser may say goodbye for it.
    assert_eq!(log.count(&["WebSocket closed"]), 1);
    phone.finish();
    gateway.assert_all_is_over(1);
    gateway.stop();
}
