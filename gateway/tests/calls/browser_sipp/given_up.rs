//! Calls that a page gives up before anybody lifts.

use webtrunk_codecs::g711::Law;

use super::stage::{Call, CallConfig, PHONE_HZ};
use crate::support::page::Library;
use crate::support::seat::{Seat, in_chromium, in_each_browser};

in_each_browser!(the_sdk_hears_early_media_and_gives_up, the_sdk_gives_up_while_it_rings);

#[test]
fn jssip_hears_early_media_and_gives_up() {
    in_chromium(|seat| early_media_is_heard_and_given_up(seat, Library::Jssip));
}

#[test]
fn sipjs_hears_early_media_and_gives_up() {
    in_chromium(|seat| early_media_is_heard_and_given_up(seat, Library::Sipjs));
}

fn the_sdk_hears_early_media_and_gives_up(seat: &Seat) {
    early_media_is_heard_and_given_up(seat, Library::Webtrunk);
}

#[test]
fn sipjs_gives_up_while_it_rings() {
    in_chromium(|seat| given_up_while_it_rings(seat, Library::Sipjs));
}

fn the_sdk_gives_up_while_it_rings(seat: &Seat) {
    given_up_while_it_rings(seat, Library::Webtrunk);
}

fn given_up_while_it_rings(seat: &Seat, library: Library) {
    let config = CallConfig { is_early: true, ..CallConfig::at(seat, library) };
    let Some(call) = Call::begin_by(seat.browser(), "callee_rings", &config) else { return };
    call.phone.wait_for_sent("180");
    // The page must have heard of it, or there is nothing that it could cancel.
    call.alice.next("progress");
    give_up(call);
}

fn early_media_is_heard_and_given_up(seat: &Seat, library: Library) {
    let config = CallConfig { is_early: true, ..CallConfig::at(seat, library) };
    let Some(mut call) = Call::begin_by(seat.browser(), "callee_early_rings", &config) else { return };
    call.sound.say(call.to, Law::Mu, PHONE_HZ);
    call.alice.await_tone(PHONE_HZ);
    give_up(call);
}

fn give_up(call: Call) {
    let Call { alice, phone, gateway, .. } = call;
    alice.hangup();
    phone.wait_for("CANCEL");
    phone.finish();
    gateway.assert_all_is_over(1);
}
