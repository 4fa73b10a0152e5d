//! Calls whose page loses its WebSocket, or is loaded anew.

use std::time::Duration;

use webtrunk_codecs::g711::Law;

use super::stage::{PAGE_HZ, PHONE_HZ, Stage};
use crate::support::gateway::{PATIENCE, password};
use crate::support::seat::{Seat, in_chromium, in_each_browser, in_firefox};
use crate::support::sound::Sound;

in_each_browser!(
    a_page_with_the_sdk_comes_back_after_its_websocket_was_cut_and_nobody_hears_a_gap,
    a_page_with_the_sdk_that_is_reloaded_joins_its_call_again,
    a_call_of_the_sdk_outlives_one_loss_of_its_page_after_the_other,
);

fn a_page_with_the_sdk_comes_back_after_its_websocket_was_cut_and_nobody_hears_a_gap(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    let phone = stage.call();
    stage.alice.taken("registered");
    // From now on, for the seconds in which it happens.
    stage.sound.listen();
    let listening = stage.alice.begin_to_listen(13.0);
    stage.wire.cut();
    stage.alice.next("is waiting");
    stage.gateway.log().wait_for(&["the page's connection is lost, the session waits"], PATIENCE);
    std::thread::sleep(Duration::from_secs(10));
    stage.wire.mend();
    stage.alice.next("registered");
    stage.gateway.log().wait_for(&["session resumed"], PATIENCE);
    let page_heard = listening.wait();
    let packets = stage.sound.heard();
    let steps = packets.windows(2).map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp));
    assert!(packets.len() > 600 && steps.clone().all(|step| step == 160), "{:?}", steps.collect::<Vec<_>>());
    let codes = packets.iter().flat_map(|packet| &packet.payload);
    let phone_heard = Sound::telephone(codes.map(|code| Law::Mu.decode(*code)).collect());
    for (who, heard, hz) in [("phone", phone_heard, PAGE_HZ), ("page", page_heard, PHONE_HZ)] {
        let share = heard.share_of_tone(hz);
        assert!(
            share > 0.95,
            "the {who} hears {hz} Hz in {:.1} % of {:.1} s",
            share * 100.0,
            heard.seconds()
        );
    }
    assert_eq!(stage.gateway.log().count(&["\"page calls\""]), 1, "nothing was placed anew");
    stage.end(phone);
}

fn a_page_with_the_sdk_that_is_reloaded_joins_its_call_again(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    let phone = stage.call();
    reload(&stage);
    stage.assert_hear_each_other();
    assert_eq!(phone.received("INVITE").len(), 1, "the phone is told nothing");
    assert!(phone.received("BYE").is_empty());
    stage.end(phone);
}

fn a_call_of_the_sdk_outlives_one_loss_of_its_page_after_the_other(seat: &Seat) {
    lose_in_turn(seat, 3);
}

#[test]
#[ignore = "make pages"]
fn a_call_of_the_sdk_in_chromium_outlives_a_hundred_cuts_and_a_hundred_reloads() {
    in_chromium(|seat| lose_in_turn(seat, 100));
}

#[test]
#[ignore = "make pages"]
fn a_call_of_the_sdk_in_firefox_outlives_a_hundred_cuts_and_a_hundred_reloads() {
    in_firefox(|seat| lose_in_turn(seat, 100));
}

/// So many times the page loses its WebSocket, and then all that it has.
fn lose_in_turn(seat: &Seat, times: usize) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    let phone = stage.call();
    for _ in 0..times {
        stage.alice.taken("registered");
        stage.wire.cut();
        stage.alice.next("is waiting");
        stage.wire.mend();
        stage.alice.next("registered");
        assert_heard(&stage);
        reload(&stage);
        assert_heard(&stage);
    }
    stage.assert_hear_each_other();
    assert_eq!(phone.received("INVITE").len(), 1, "the phone is told nothing");
    assert!(phone.received("BYE").is_empty());
    assert_eq!(stage.gateway.log().count(&["\"session resumed\""]), 2 * times);
    stage.end(phone);
}

/// Fails unless each hears the other from now on, however loud.
fn assert_heard(stage: &Stage) {
    stage.alice.await_tone(PHONE_HZ);
    stage.sound.await_tone(Law::Mu, PAGE_HZ);
}

/// Loads the page anew, which finds its call and joins it.
fn reload(Stage { gateway, alice, line, .. }: &Stage) {
    alice.reload();
    alice.begin_registration(gateway, "alice", &password("alice"), line);
    let restored = alice.next("restored");
    assert_eq!((&restored["peer"], &restored["state"]), (&"0301234567".into(), &"connected".into()));
    alice.next("path");
}
