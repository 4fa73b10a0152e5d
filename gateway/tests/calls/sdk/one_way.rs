//! Two pages that talk, of which one is silent: each is told which of the two it is.

use super::stage::{PAGE_HZ, Stage};
use crate::support::page::{LineConfig, Microphone};
use crate::support::seat::{Seat, in_each_browser};
use crate::support::sound::PEAK_AT_10_DBM0;

/// What sue says until she is muted.
const SUE_HZ: f64 = 600.0;

in_each_browser!(
    of_two_pages_with_the_sdk_the_one_that_is_silent_is_told_that_it_is_unheard_and_the_other_that_it_hears_nobody,
);

fn of_two_pages_with_the_sdk_the_one_that_is_silent_is_told_that_it_is_unheard_and_the_other_that_it_hears_nobody(
    seat: &Seat,
) {
    let Some(stage) = Stage::lay(seat) else { return };
    let microphone = Microphone::Tone { hz: SUE_HZ, peak: PEAK_AT_10_DBM0 };
    let sue = seat.open(&stage.gateway, "sue", &LineConfig { microphone, ..stage.line.clone() });
    stage.alice.call("sue");
    assert_eq!(sue.next("incoming")["from"], "alice");
    sue.answer();
    stage.alice.next("accepted");
    stage.alice.await_tone(SUE_HZ);
    sue.await_tone(PAGE_HZ);
    for page in [&stage.alice, &sue] {
        assert!(page.taken("oneWay").is_empty(), "both are heard");
    }
    sue.mute(true);
    assert_eq!(sue.next("oneWay")["isSelfUnheard"], true);
    assert_eq!(stage.alice.next("oneWay")["isSelfUnheard"], false);
    sue.await_tone(PAGE_HZ);
    sue.mute(false);
    stage.alice.await_tone(SUE_HZ);
    sue.await_tone(PAGE_HZ);
    for page in [&stage.alice, &sue] {
        assert!(page.taken("oneWay").is_empty(), "each is told once, and of itself");
    }
    stage.alice.hangup();
    assert_eq!(stage.alice.next("ended")["cause"], "hangup");
    sue.next("ended");
    drop(sue);
    stage.assert_over(1);
}
