//! Calls both ways, and what a page does in them.

use std::time::Duration;

use webtrunk_codecs::g711::Law;

use super::stage::{PAGE_HZ, PAGE_PEAK, PHONE_HZ, Stage};
use crate::agents::recorded::{read_wav, recording};
use crate::sip::sipp::Sipp;
use crate::support::gateway::PATIENCE;
use crate::support::page::DigitsBy;
use crate::support::seat::{Seat, in_each_browser};
use crate::support::sound::{PEAK_AT_10_DBM0, Sound};

/// From the page's wish to the first sample that it decodes, of a phone that lifts at once. A quiet machine needs a quarter of it.
const SETUP_MAX_MS: f64 = 2_000.0;

in_each_browser!(
    a_page_with_the_sdk_calls_a_phone_and_both_hear_each_other,
    a_page_with_the_sdk_rejects_a_call_and_is_told_that_a_phone_is_busy,
    a_page_with_the_sdk_that_is_muted_is_not_heard_and_is_told_so,
    a_page_that_the_gateway_mutes_is_not_heard_and_hears,
    a_page_with_the_sdk_speaks_by_another_microphone_in_a_call_and_by_the_usual_one_when_that_is_pulled_out,
    a_page_with_the_sdk_has_recorded_what_it_asks_for_and_no_more,
    a_phone_calls_a_page_with_the_sdk_and_both_hear_each_other,
    a_page_with_the_sdk_holds_a_call_takes_it_back_and_presses_keys,
);

fn a_page_with_the_sdk_calls_a_phone_and_both_hear_each_other(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat) else { return };
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
    assert_eq!(browser["transport"], "udp", "{measured}");
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
    // A score of what the page hears needs a report of its own.
    let quality = loop {
        let quality = stage.alice.next("quality");
        if quality["mosSent"].is_f64() && quality["roundTripMs"].is_f64() {
            break quality;
        }
    };
    for (name, range) in [("mosReceived", 3.0..4.51), ("mosSent", 3.0..4.51), ("speechDbm0", -11.0..-7.0)] {
        assert!(quality[name].as_f64().is_some_and(|figure| range.contains(&figure)), "{name} of {quality}");
    }
    let told = stage.alice.told_of_itself();
    assert_eq!((&told["user"], &told["calls"][0]["state"]), (&"alice".into(), &"connected".into()), "{told}");
    for said in ["call", "trying", "connected", "candidate", "statistics"] {
        let has_said =
            told["ladder"].as_array().is_some_and(|rungs| rungs.iter().any(|rung| rung["said"] == said));
        assert!(has_said, "no {said} in {told}");
    }
    stage.end(phone);
}

fn a_page_with_the_sdk_rejects_a_call_and_is_told_that_a_phone_is_busy(seat: &Seat) {
    let Some(stage) = Stage::lay(seat) else { return };
    let values = [("FORMATS", "0"), ("STATUS", "486")];
    let phone = Sipp::caller(&stage.office, "caller_refused", stage.gateway.sip(), "4711", &values);
    stage.alice.next("incoming");
    stage.alice.reject(486);
    stage.alice.next("ended");
    phone.finish();
    let phone = Sipp::callee(&stage.office, "callee_refuses", &[("ANSWER", "486 Busy Here")]);
    stage.alice.call("0301234567");
    assert_eq!(stage.alice.next("progress")["status"], 180);
    let ended = stage.alice.next("ended");
    assert_eq!((&ended["cause"], &ended["status"]), (&"busy".into(), &486.into()), "{ended}");
    phone.finish();
    stage.assert_over(2);
}

/// The gateway sees that nothing is to be heard of it, and cannot know that this is meant.
fn a_page_with_the_sdk_that_is_muted_is_not_heard_and_is_told_so(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    let phone = stage.call();
    stage.alice.mute(true);
    stage.assert_page_is_unheard();
    assert_eq!(stage.alice.next("oneWay")["isSelfUnheard"], true);
    stage.alice.await_tone(PHONE_HZ);
    stage.alice.mute(false);
    stage.assert_hear_each_other();
    stage.end(phone);
}

/// By the API's `mute`: the page goes on to speak.
fn a_page_that_the_gateway_mutes_is_not_heard_and_hears(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    let phone = stage.call();
    stage.alice.mute_by_gateway(true);
    stage.assert_page_is_unheard();
    stage.alice.await_tone(PHONE_HZ);
    stage.alice.mute_by_gateway(false);
    stage.assert_hear_each_other();
    stage.end(phone);
}

/// What the page's other microphone says.
const OTHER_HZ: f64 = 1900.0;

fn a_page_with_the_sdk_speaks_by_another_microphone_in_a_call_and_by_the_usual_one_when_that_is_pulled_out(
    seat: &Seat,
) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    let phone = stage.call();
    stage.alice.choose_microphone(OTHER_HZ, PAGE_PEAK);
    stage.sound.await_tone(Law::Mu, OTHER_HZ);
    stage.assert_page_is_unheard();
    stage.alice.await_tone(PHONE_HZ);
    stage.alice.unplug();
    assert_eq!(stage.alice.next("unplugged")["what"], "microphone");
    stage.assert_hear_each_other();
    assert_eq!(phone.received("INVITE").len(), 1, "the phone is told nothing");
    stage.end(phone);
}

fn a_page_with_the_sdk_has_recorded_what_it_asks_for_and_no_more(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    let phone = stage.call_to("8301234567");
    let log = stage.gateway.log();
    assert_eq!(log.count(&["recording started"]), 0, "nobody has asked");
    stage.alice.record("on");
    log.wait_for(&["recording started"], PATIENCE);
    std::thread::sleep(Duration::from_secs(4));
    stage.alice.record("off");
    log.wait_for(&["recording stopped"], PATIENCE);
    let ([left, right], rate) = read_wav(&recording(stage.recordings.path(), "wav"));
    for (samples, own, peak, other) in
        [(left, PAGE_HZ, PAGE_PEAK, PHONE_HZ), (right, PHONE_HZ, PEAK_AT_10_DBM0, PAGE_HZ)]
    {
        let seconds = samples.windows(rate.samples_in_ms(1000)).step_by(rate.samples_in_ms(250));
        let mut seconds = seconds.map(|second| Sound { rate: rate.hz(), samples: second.to_vec() });
        let is_clear =
            |sound: Sound| sound.expect_tone(own, peak, 1.0).is_ok() && sound.level_at(other) < -45.0;
        assert!(seconds.any(is_clear), "{own} Hz is on its side, and nowhere else");
    }
    stage.end(phone);
}

fn a_phone_calls_a_page_with_the_sdk_and_both_hear_each_other(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    stage.be_called();
    stage.assert_over(1);
}

fn a_page_with_the_sdk_holds_a_call_takes_it_back_and_presses_keys(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    let phone = stage.call();
    stage.alice.hold();
    stage.assert_page_is_unheard();
    stage.alice.resume();
    stage.assert_hear_each_other();
    stage.alice.send_digits("5", DigitsBy::Info, 120);
    stage.gateway.log().wait_for(&["digit pressed"], PATIENCE);
    stage.alice.restart_ice();
    stage.gateway.log().wait_for(&["\"ICE restarted\""], PATIENCE);
    stage.assert_hear_each_other();
    stage.end(phone);
}
