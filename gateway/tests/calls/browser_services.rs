//! What the gateway itself gives to a browser: echo, tone, announcement, each by the dial plan.

use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::page::{DigitsBy, LineConfig, Microphone, Page};
use crate::support::sound::{PEAK_AT_10_DBM0, Sound};
use crate::support::speech::{self, Scorer, Stage};

fn start(browser: &Browser) -> (Gateway, Page) {
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .rule("destination = '9196'\nactions = ['answer', 'echo']")
        .rule(
            "destination = '9197'\nactions = ['answer', { play = { prompt = 'announcement', repeat = true } }]",
        )
        .rule("destination = '9198'\nactions = ['answer', { play = { prompt = 'announcement' } }, 'hangup']")
        .rule(
            "destination = '9199'\nactions = ['answer', { menu = { prompts = ['announcement'], keys = { 1 = \
             [{ tone = { frequency_hz = 440 } }], 2 = [{ tone = { frequency_hz = 850 } }] } } }]",
        )
        .rule("destination = '70\\d'\nactions = ['answer', { tone = { frequency_hz = 440 } }]")
        .rule("destination = '7\\d\\d'\nactions = ['answer', { tone = { frequency_hz = 850 } }]");
    let gateway = Gateway::start(&config);
    let alice = browser.open();
    let microphone = Microphone::Tone { hz: 1020.0, peak: 0.25 };
    alice.register(
        &gateway,
        "alice",
        &LineConfig { microphone, watches_frames: true, ..LineConfig::default() },
    );
    (gateway, alice)
}

#[test]
fn the_echo_gives_back_what_it_hears() {
    let Some(browser) = Browser::shared() else { return };
    let (gateway, alice) = start(&browser);
    alice.call_through("9196");
    alice.await_tone(1020.0);
    alice.assert_hears(1020.0, 0.25, 0.3);
    assert_eq!(alice.codecs(), ["audio/opus", "audio/opus"]);
    alice.hangup();
    alice.next("ended");
    gateway.assert_all_is_over(1);
    gateway.stop();
}

#[test]
fn the_first_rule_whose_pattern_matches_the_whole_number_decides() {
    let Some(browser) = Browser::shared() else { return };
    let (gateway, alice) = start(&browser);
    for (number, hz) in [("701", 440.0), ("711", 850.0)] {
        alice.call_through(number);
        alice.await_tone(hz);
        alice.assert_hears(hz, PEAK_AT_10_DBM0, 0.3);
        alice.hangup();
        alice.next("ended");
    }
    for number in ["7011", "0701", "alice"] {
        alice.call(number);
        let end = alice.next("ended");
        assert_eq!((&end["by"], &end["status"]), (&"remote".into(), &404.into()), "{number}: {end}");
    }
    gateway.assert_all_is_over(2);
    gateway.stop();
}

#[test]
fn an_announcement_is_heard_as_it_was_recorded() {
    let (Some(browser), Some(scorer)) = (Browser::shared(), Scorer::find()) else { return };
    let (gateway, alice) = start(&browser);
    let mut calls = 0;
    speech::assert_one_call(|| {
        calls += 1;
        alice.call_through("9197");
        let heard = alice.receive(speech::TWICE_S);
        alice.hangup();
        alice.next("ended");
        scorer.judge(&heard, &[Stage::opus_of_gateway(48_000)])
    });
    gateway.assert_all_is_over(calls);
    gateway.stop();
}

#[test]
fn an_announcement_is_played_to_its_end_and_then_the_call_is_over() {
    let Some(browser) = Browser::shared() else { return };
    let (gateway, alice) = start(&browser);
    let listening = alice.begin_to_listen(14.0);
    alice.call_through("9198");
    let heard = listening.wait().energy();
    let said = Sound::read(&speech::file()).energy();
    let gain_db = 10.0 * (heard / said).log10();
    assert!(gain_db.abs() < 0.5, "the whole of what was heard has {gain_db:.2} dB");
    assert_eq!(alice.next("ended")["by"], "remote");
    gateway.assert_all_is_over(1);
    gateway.stop();
}

#[test]
fn a_page_chooses_from_a_menu_by_its_keys() {
    let Some(browser) = Browser::shared() else { return };
    let (gateway, alice) = start(&browser);
    for (key, by, hz) in [("1", DigitsBy::Info, 440.0), ("2", DigitsBy::Rfc4733, 850.0)] {
        alice.call_through("9199");
        alice.begin_to_listen(1.0).wait();
        alice.send_digits(key, by, 160);
        alice.await_tone(hz);
        alice.assert_hears(hz, PEAK_AT_10_DBM0, 0.3);
        alice.hangup();
        alice.next("ended");
    }
    gateway.assert_all_is_over(2);
    gateway.stop();
}
