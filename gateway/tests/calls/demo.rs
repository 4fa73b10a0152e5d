//! The demo, as a newcomer meets it: its page signs in by itself, calls the numbers that it shows and
//! another tab, and everything is heard.

use crate::support::browser::Browser;
use crate::support::demo::Demo;
use crate::support::page::Listening;
use crate::support::sound::Sound;
use crate::support::speech::{self, Scorer};
use crate::support::tools;
use crate::support::visit::Visit;
use crate::test_phone::{bundle, dial, see_levels};

/// What plays the other side.
const LOUDSPEAKER: &str = "#remote";

/// The announcement's length and the time that the demo and the network take before it.
const ANNOUNCEMENT_S: f64 = 12.0;

/// Below this speech is not what it was: the browser's buffer stretches what it plays on a busy machine,
/// which costs some, but less than an echo, a lost half or another voice.
const PESQ_MIN: f64 = 3.0;

/// How far speech may be from its level.
const GAIN_DB_MAX: f64 = 1.0;

/// A demo that has somewhere to send audio, a browser that visits it, and who scores what is heard.
fn start() -> Option<(Demo, Browser, Scorer)> {
    bundle()?;
    let (browser, scorer) = (Browser::shared()?, Scorer::find()?);
    if webtrunk::addresses::reachable().is_empty() {
        return tools::not_possible("this machine has no network, so the demo is silent");
    }
    Some((Demo::start(), browser, scorer))
}

/// Opens the demo's page, which signs in by itself.
fn open(browser: &Browser, demo: &Demo, user: &str) -> Visit {
    let visit = browser.visit(&demo.page_of(user));
    visit.see("#status", "Ready");
    assert_eq!(visit.value("#user"), user);
    visit
}

/// Starts to listen for as long as the microphone takes to say all of its speech once.
fn begin_to_hear_all(visit: &Visit) -> Listening {
    visit.begin_to_listen(LOUDSPEAKER, Sound::read(&speech::file()).seconds())
}

/// Fails unless this is as much as the microphone says, from wherever on.
fn assert_all_was_heard(heard: &Sound) {
    let said = Sound::read(&speech::file()).energy();
    let gain_db = 10.0 * (heard.energy() / said).log10();
    assert!(gain_db.abs() < GAIN_DB_MAX, "the speech is heard with {gain_db:.2} dB");
}

#[test]
fn the_echo_the_announcement_and_another_tab_are_heard() {
    let Some((demo, browser, scorer)) = start() else { return };
    let alice = open(&browser, &demo, "alice");
    dial(&alice, "9196");
    alice.see("#status", "Connected: 9196");
    see_levels(&alice);
    assert_all_was_heard(&begin_to_hear_all(&alice).wait());
    alice.click("#hangup");
    alice.see("#status", "You hung up");

    let mut calls = 1;
    speech::assert_one_call(|| {
        calls += 1;
        dial(&alice, "07010002000");
        let heard = alice.begin_to_listen(LOUDSPEAKER, ANNOUNCEMENT_S).wait();
        alice.see("#status", "The other side hung up");
        let score = scorer.best(&heard);
        let is_good = score.pesq >= PESQ_MIN && score.gain_db.abs() < GAIN_DB_MAX;
        if is_good { Ok(()) } else { Err(format!("{score:?}")) }
    });

    let bob = open(&browser, &demo, "bob");
    dial(&alice, "bob");
    bob.see("#incoming-caller", "alice");
    bob.click("#accept");
    see_levels(&alice);
    see_levels(&bob);
    let heard = [&alice, &bob].map(begin_to_hear_all);
    for listening in heard {
        assert_all_was_heard(&listening.wait());
    }
    bob.click("#hangup");
    alice.see("#status", "The other side hung up");
    demo.finish(calls + 1);
}

#[test]
fn the_page_tells_where_there_is_no_network() {
    let (Some(_), Some(mut demo)) = (bundle(), Demo::start_without_network()) else { return };
    let Some(browser) = Browser::start_by(|program| demo.beside(program)) else { return };
    let alice = open(&browser, &demo, "alice");
    alice.see("#notice", "This machine has no network address besides loopback");
    dial(&alice, "9196");
    alice.see("#status", "Connected: 9196");
    alice.see("#status", "No sound could be sent: no path");
    assert_eq!(demo.log().count(&["\"level\":\"ERROR\""]), 0);
    demo.stop();
}
