//! The test phone that the gateway serves, used as a newcomer uses it.

use std::path::{Path, PathBuf};

use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::process::wait_until;
use crate::support::tools;
use crate::support::visit::Visit;

/// A meter shows this at -30 dB; speech is louder.
const LOUD: f64 = 0.5;

/// And this at -54 dB.
const SILENT: f64 = 0.1;

/// The gateway, and the browser that visits it; `None` where there is no browser or no page.
fn start() -> Option<(Gateway, Browser)> {
    let browser = Browser::shared()?;
    bundle()?;
    let config = GatewayConfig::default()
        .user("alice")
        .user("bob")
        .rule("destination = '9196'\nactions = ['answer', 'echo']")
        .rule("destination = 'alice|bob'\nactions = [{ bridge = { user = '$0' } }]");
    Some((Gateway::start(&config), browser))
}

/// The page that `make web` builds; `None` where it did not.
pub(crate) fn bundle() -> Option<PathBuf> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist/index.html");
    tools::path(&page, "run make web")
}

/// Signs in, with a microphone that stays as it is.
fn sign_in(browser: &Browser, gateway: &Gateway, user: &str) -> Visit {
    let visit = browser.visit(&format!("{}?processing=off", gateway.page()));
    visit.fill("#sign-in-user", user);
    visit.fill("#sign-in-password", &password(user));
    visit.click("#sign-in button");
    visit.see("#status", "Ready");
    visit
}

/// Dials, and does not wait for anything.
pub(crate) fn dial(visit: &Visit, target: &str) {
    visit.fill("#target", target);
    visit.click("#dial");
}

fn await_level(visit: &Visit, meter: &str, is_right: impl Fn(f64) -> bool) {
    let level = || visit.value(meter).as_f64().expect("a meter");
    assert!(wait_until(PATIENCE, || is_right(level())), "{meter} stays at {}", level());
}

/// Waits until both meters show speech.
pub(crate) fn see_levels(visit: &Visit) {
    for meter in ["#level-out", "#level-in"] {
        await_level(visit, meter, |level| level > LOUD);
    }
}

#[test]
fn it_calls_the_echo_and_shows_both_levels() {
    let Some((gateway, browser)) = start() else { return };
    let phone = sign_in(&browser, &gateway, "alice");
    dial(&phone, "9196");
    phone.see("#status", "Connected: 9196");
    see_levels(&phone);
    phone.click(".details summary");
    phone.see("#facts", "opus, 48 kHz");
    phone.click("#mute");
    await_level(&phone, "#level-in", |level| level < SILENT);
    phone.click("#mute");
    see_levels(&phone);
    phone.click("#pad button");
    gateway.log().wait_for(&["digit pressed"], PATIENCE);
    phone.click("#hangup");
    phone.see("#status", "You hung up");
    gateway.assert_all_is_over(1);
    gateway.stop();
}

#[test]
fn it_is_called_by_another_tab() {
    let Some((gateway, browser)) = start() else { return };
    let [alice, bob] = ["alice", "bob"].map(|user| sign_in(&browser, &gateway, user));
    dial(&alice, "bob");
    alice.see("#status", "Ringing: bob");
    bob.see("#incoming-caller", "alice");
    assert_eq!(bob.value("title"), "alice calls", "who looks at another tab sees it");
    bob.click("#accept");
    for (visit, other) in [(&alice, "bob"), (&bob, "alice")] {
        visit.see("#status", &format!("Connected: {other}"));
        see_levels(visit);
    }
    alice.click("#hangup");
    bob.see("#status", "The other side hung up");

    dial(&bob, "alice");
    alice.see("#incoming-caller", "bob");
    alice.click("#reject");
    bob.see("#status", "Busy");
    assert_eq!(alice.value("title"), "Webtrunk test phone");
    gateway.assert_all_is_over(2);
    gateway.stop();
}

#[test]
fn it_says_that_another_phone_of_its_user_answered() {
    let Some((gateway, browser)) = start() else { return };
    let [alice, desk, mobile] = ["alice", "bob", "bob"].map(|user| sign_in(&browser, &gateway, user));
    dial(&alice, "bob");
    for phone in [&desk, &mobile] {
        phone.see("#incoming-caller", "alice");
    }
    mobile.click("#accept");
    desk.see("#status", "Answered elsewhere");
    mobile.see("#status", "Connected: alice");
    see_levels(&mobile);
    alice.click("#hangup");
    mobile.see("#status", "The other side hung up");
    gateway.assert_all_is_over(1);
    gateway.stop();
}

#[test]
fn it_says_in_words_why_there_is_no_call() {
    let Some((gateway, browser)) = start() else { return };
    let visit = browser.visit(&gateway.page());
    visit.fill("#sign-in-user", "alice");
    visit.fill("#sign-in-password", "not hers");
    visit.click("#sign-in button");
    visit.see("#sign-in-fault", "Wrong user or password");
    visit.fill("#sign-in-user", "bob");
    visit.fill("#sign-in-password", &password("bob"));
    visit.click("#sign-in button");
    visit.see("#status", "Ready");
    assert_eq!(visit.value("#user"), "bob");

    dial(&visit, "bob");
    visit.see("#status", "That is you");
    dial(&visit, "nobody");
    visit.see("#status", "No such number");
    dial(&visit, "sip:alice@webtrunk.test");
    visit.see("#status", "alice is not signed in");
    gateway.stop();
}
