//! A page with our own SDK hands calls on, and puts them together.

use std::time::Duration;

use webtrunk_codecs::g711::Law;

use super::stage::{ALICE_HZ, CAROL_HZ, COLLEAGUE_HZ, PHONE_HZ, Scene};
use crate::sip::rtp_peer::LEVEL_DBM0;
use crate::support::gateway::PATIENCE;
use crate::support::page::Page;
use crate::support::process::wait_until;
use crate::support::seat::{Seat, in_each_browser};
use crate::support::sound::PEAK_AT_10_DBM0;

/// What alice says: a sine of full scale has 3.17 dBm0 (ITU-T G.711 table 5), and hers has a quarter of its peak.
const ALICE_DBM0: f64 = 3.17 - 12.04;

/// In a conference a tone is as loud as it was said but for this.
const OFF_MAX_DB: f64 = 2.0;

in_each_browser!(
    a_page_with_the_sdk_transfers_a_phone_to_another_page_once_that_takes_it,
    a_page_with_the_sdk_puts_a_phone_through_to_another_that_it_asked_before,
    a_page_with_the_sdk_puts_its_two_calls_together_and_leaves_them_to_each_other,
);

fn assert_steps(page: &Page, steps: &[&str]) {
    for step in steps {
        let told = page.next("transfer");
        assert_eq!(told["step"], *step, "{told}");
    }
}

fn assert_heard(who: &str, off: impl Fn() -> f64) {
    let mut told = 0.0;
    let is_heard = wait_until(PATIENCE, || {
        told = off();
        told.abs() < OFF_MAX_DB
    });
    assert!(is_heard, "{who} is heard {told:.1} dB off");
}

fn a_page_with_the_sdk_transfers_a_phone_to_another_page_once_that_takes_it(seat: &Seat) {
    let Some(scene) = Scene::talking_at(seat) else { return };
    let Scene { alice, carol, phone, sound, gateway, .. } = &scene;
    alice.transfer("nobody");
    let failed = alice.next("transfer");
    assert_eq!((&failed["step"], &failed["cause"]), (&"failed".into(), &"notFound".into()), "{failed}");
    alice.next("transfer refused");
    alice.transfer("carol");
    carol.next("incoming");
    carol.reject(486);
    assert_steps(alice, &["began", "ringing"]);
    let failed = alice.next("transfer");
    assert_eq!((&failed["step"], &failed["cause"]), (&"failed".into(), &"busy".into()), "{failed}");
    alice.next("transfer refused");
    scene.hear_each_other();

    alice.transfer("carol");
    assert_eq!(carol.next("incoming")["from"], "0301234567");
    carol.answer();
    assert_steps(alice, &["began", "ringing", "done"]);
    alice.next("transferred");
    alice.next("ended");
    carol.await_tone(PHONE_HZ);
    sound.await_tone(Law::Mu, CAROL_HZ);
    assert_eq!((phone.received("INVITE").len(), phone.received("REFER").len()), (1, 0));
    carol.hangup();
    phone.wait_for("BYE");
    gateway.assert_all_is_over(1);
}

fn a_page_with_the_sdk_puts_a_phone_through_to_another_that_it_asked_before(seat: &Seat) {
    let Some(scene) = Scene::talking_at(seat) else { return };
    let (colleague, its_sound) = scene.consulted();
    let Scene { alice, phone, sound, gateway, .. } = &scene;
    its_sound.await_tone(Law::Mu, ALICE_HZ);
    alice.join();
    assert_steps(alice, &["began", "done"]);
    for _ in 0..2 {
        alice.next("ended");
    }
    sound.assert_hears(Law::Mu, COLLEAGUE_HZ);
    its_sound.assert_hears(Law::Mu, PHONE_HZ);
    colleague.go_on();
    phone.wait_for("BYE");
    gateway.assert_all_is_over(2);
}

fn a_page_with_the_sdk_puts_its_two_calls_together_and_leaves_them_to_each_other(seat: &Seat) {
    let Some(scene) = Scene::talking_at(seat) else { return };
    let (colleague, its_sound) = scene.consulted();
    let Scene { alice, phone, sound, gateway, .. } = &scene;
    alice.merge();
    alice.next("ended");
    for (who, hz) in [("the phone", PHONE_HZ), ("the colleague", COLLEAGUE_HZ)] {
        assert_heard(who, || alice.listen(1.0).level_at(hz) - 20.0 * PEAK_AT_10_DBM0.log10());
    }
    let second = Duration::from_secs(1);
    for (ear, other) in [(sound, COLLEAGUE_HZ), (&its_sound, PHONE_HZ)] {
        assert_heard("the other", || ear.level_of_next(Law::Mu, other, second) - LEVEL_DBM0);
        assert_heard("the page", || ear.level_of_next(Law::Mu, ALICE_HZ, second) - ALICE_DBM0);
    }
    let speaker = alice.next("speaker");
    assert!(speaker["name"].is_string(), "{speaker}");

    alice.hangup();
    alice.next("ended");
    for (ear, other) in [(sound, COLLEAGUE_HZ), (&its_sound, PHONE_HZ)] {
        assert_heard("the other", || ear.level_of_next(Law::Mu, other, second) - LEVEL_DBM0);
    }
    colleague.go_on();
    phone.wait_for("BYE");
    gateway.assert_all_is_over(2);
}
