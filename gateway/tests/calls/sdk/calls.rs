//! Calls both ways, and what a page does in them.

use std::time::Duration;

use webtrunk_codecs::g711::Law;

use super::stage::{PAGE_HZ, PAGE_PEAK, Stage};
use crate::sip::sipp::Sipp;
use crate::support::gateway::PATIENCE;
use crate::support::page::DigitsBy;
use crate::support::sound::PEAK_AT_10_DBM0;

/// From the page's wish to the first sample that it decodes, of a phone that lifts at once. A quiet machine needs a quarter of it.
const SETUP_MAX_MS: f64 = 2_000.0;

#[test]
fn a_page_with_the_sdk_calls_a_phone_and_both_hear_each_other() {
    let Some(mut stage) = Stage::lay() else { return };
    let phone = stage.call();
    assert_eq!(stage.alice.codecs(), ["audio/opus", "audio/opus"]);
    let measured = stage.alice.statistics();
    let (gateway, browser) = (&measured["gateway"], &measured["browser"]);
    assert_eq!(
        (&gateway["codecSent"], &browser["codecReceived"]),
        (&"opus".into(), &"opus".into()),
        "{measured}"
    );
    assert!(gateway["packetsReceived"].as_u64().is_some_and(|count| count > 50), "{measured}");
    assert!(browser["packetsReceived"].as_u64().is_some_and(|count| count > 50), "{measured}");
    let heard_after = stage.alice.next("heard")["after"].as_f64().expect("a time");
    assert!(heard_after < SETUP_MAX_MS, "heard after {heard_after:.0} ms");
    // The first look at a meter begins to measure.
    stage.alice.levels();
    stage.alice.listen(0.5);
    let levels = stage.alice.levels();
    for (end, peak) in [("spoken", PAGE_PEAK), ("heard", PEAK_AT_10_DBM0)] {
        let level = levels[end].as_f64().expect("a level");
        assert!((level - 20.0 * peak.log10()).abs() < 3.0, "{end}: {levels}");
    }
    stage.end(phone);
}

#[test]
fn a_phone_calls_a_page_with_the_sdk_and_both_hear_each_other() {
    let Some(mut stage) = Stage::lay() else { return };
    let phone = Sipp::caller(&stage.office, "caller_talks", stage.gateway.sip(), "4711", &[("FORMATS", "0")]);
    assert_eq!(stage.alice.next("incoming")["from"], "2001");
    phone.wait_for("180");
    stage.alice.answer();
    stage.alice.next("accepted");
    let answered = phone.wait_for("200");
    stage.talk(&answered);
    phone.go_on();
    assert_eq!(stage.alice.next("ended")["cause"], "hangup");
    phone.finish();
    stage.assert_over(1);
}

#[test]
fn a_page_with_the_sdk_holds_a_call_takes_it_back_and_presses_keys() {
    let Some(mut stage) = Stage::lay() else { return };
    let phone = stage.call();
    stage.alice.hold();
    std::thread::sleep(Duration::from_millis(500));
    let level = stage.sound.level_of_next(Law::Mu, PAGE_HZ, Duration::from_secs(1));
    assert!(level < -30.0, "the page is heard on hold with {level:.2} dBm0");
    stage.alice.resume();
    stage.assert_hear_each_other();
    stage.alice.send_digits("5", DigitsBy::Info, 120);
    stage.gateway.log().wait_for(&["digit pressed"], PATIENCE);
    stage.alice.restart_ice();
    stage.assert_hear_each_other();
    stage.end(phone);
}
