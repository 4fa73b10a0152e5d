//! A phone that says nothing: the page that hears nothing of it is told so, and not that it is itself unheard.

use std::net::SocketAddr;

use webtrunk_codecs::g711::Law;

use super::stage::{PAGE_HZ, Stage};
use crate::support::seat::{Seat, in_each_browser};

/// Silence in G.711 by the mu law.
const SILENCE: u8 = 0xff;

in_each_browser!(a_page_with_the_sdk_is_told_that_it_hears_nobody_where_a_phone_says_nothing);

fn a_page_with_the_sdk_is_told_that_it_hears_nobody_where_a_phone_says_nothing(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    let phone = stage.be_lifted("0301234567");
    let port = phone.wait_for("INVITE").audio_port().expect("it has audio");
    stage.sound.say_code(SocketAddr::new(stage.gateway.sip().ip(), port), Law::Mu, SILENCE);
    stage.sound.await_tone(Law::Mu, PAGE_HZ);
    assert_eq!(stage.alice.next("oneWay")["isSelfUnheard"], false);
    stage.sound.await_tone(Law::Mu, PAGE_HZ);
    assert!(stage.alice.taken("oneWay").is_empty(), "it is told once");
    stage.end(phone);
}
