//! Calls that a page gives up before anybody lifts.

use webtrunk_codecs::g711::Law;

use super::stage::{Call, CallConfig, PHONE_HZ};
use crate::support::browser::Browser;
use crate::support::page::Library;

#[test]
fn jssip_hears_early_media_and_gives_up() {
    early_media_is_heard_and_given_up(Library::Jssip);
}

#[test]
fn sipjs_hears_early_media_and_gives_up() {
    early_media_is_heard_and_given_up(Library::Sipjs);
}

#[test]
fn the_sdk_hears_early_media_and_gives_up() {
    early_media_is_heard_and_given_up(Library::Webtrunk);
}

#[test]
fn sipjs_gives_up_while_it_rings() {
    given_up_while_it_rings(Library::Sipjs);
}

#[test]
fn the_sdk_gives_up_while_it_rings() {
    given_up_while_it_rings(Library::Webtrunk);
}

fn given_up_while_it_rings(library: Library) {
    let Some(browser) = Browser::shared() else { return };
    let config = CallConfig { library, is_early: true, ..CallConfig::default() };
    let Some(call) = Call::begin_by(&browser, "callee_rings", &config) else { return };
    call.phone.wait_for_sent("180");
    // The page must have heard of it, or there is nothing that it could cancel.
    call.alice.next("progress");
    give_up(call);
}

fn early_media_is_heard_and_given_up(library: Library) {
    let Some(browser) = Browser::shared() else { return };
    let config = CallConfig { library, is_early: true, ..CallConfig::default() };
    let Some(mut call) = Call::begin_by(&browser, "callee_early_rings", &config) else { return };
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
