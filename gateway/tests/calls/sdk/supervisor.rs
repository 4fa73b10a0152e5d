//! The SDK's example for supervisors: an agent's page and a phone talk, and a third page is with them.

use std::net::SocketAddr;
use std::time::Duration;

use webtrunk_codecs::g711::Law;

use super::server::Server;
use super::stage::{PAGE_HZ, PAGE_PEAK, PHONE_HZ};
use crate::sip::rtp_peer::{LEVEL_DBM0, RtpPeer};
use crate::sip::sipp::Sipp;
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::page::{Library, LineConfig, Microphone, Page};
use crate::support::process::wait_until;
use crate::support::sound::PEAK_AT_10_DBM0;
use crate::support::tools;
use crate::support::visit::Visit;

/// What the supervisor says.
const SUPERVISOR_HZ: f64 = 600.0;

/// A tone that is heard is as loud as it was said but for this; one that is not is so much fainter.
const OFF_MAX_DB: f64 = 2.0;
const SILENT_DB: f64 = 25.0;

/// The levels of tones at an ear, in dB beside what was said.
struct Ears<'s> {
    agent: &'s Page,
    phone: &'s RtpPeer,
    supervisor: &'s Visit,
}

impl Ears<'_> {
    fn at_agent(&self, hz: f64, peak: f64) -> f64 {
        self.agent.listen(1.0).level_at(hz) - 20.0 * peak.log10()
    }

    fn at_phone(&self, hz: f64, dbm0: f64) -> f64 {
        self.phone.level_of_next(Law::Mu, hz, Duration::from_secs(1)) - dbm0
    }

    fn at_supervisor(&self, hz: f64, peak: f64) -> f64 {
        self.supervisor.begin_to_listen("audio", 1.0).wait().level_at(hz) - 20.0 * peak.log10()
    }

    /// Fails unless the agent and the phone hear each other, and the supervisor both.
    fn assert_talk(&self) {
        assert_heard("the phone at the agent", || self.at_agent(PHONE_HZ, PEAK_AT_10_DBM0));
        assert_heard("the agent at the phone", || self.at_phone(PAGE_HZ, 3.17 + 20.0 * PAGE_PEAK.log10()));
        assert_heard("the phone at the supervisor", || self.at_supervisor(PHONE_HZ, PEAK_AT_10_DBM0));
        assert_heard("the agent at the supervisor", || self.at_supervisor(PAGE_HZ, PAGE_PEAK));
    }

    /// The supervisor at the agent and at the phone.
    fn of_supervisor(&self) -> [f64; 2] {
        [self.at_agent(SUPERVISOR_HZ, PEAK_AT_10_DBM0), self.at_phone(SUPERVISOR_HZ, LEVEL_DBM0)]
    }
}

fn assert_heard(who: &str, level: impl Fn() -> f64) {
    let mut told = 0.0;
    let is_heard = wait_until(PATIENCE, || {
        told = level();
        told.abs() < OFF_MAX_DB
    });
    assert!(is_heard, "{who} is heard with {told:.1} dB");
}

/// Signs in, and watches alice.
fn sign_in(page: &Visit, user: &str) {
    page.fill("#user", user);
    page.fill("#password", &password(user));
    page.fill("#agents", "alice");
    page.click("#sign-in button");
    page.see("#status", &format!("Ready, {user}"));
}

#[test]
fn the_supervisors_page_of_the_sdk_hears_both_whispers_to_the_agent_alone_and_barges_in() {
    let (Some(browser), Some(_)) = (Browser::shared(), tools::command("sipp")) else { return };
    let Some(server) = Server::start(None) else { return };
    let office = Host::new();
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .sections(&format!(
            "[json]\npasswords = true\n{}",
            server.lines().replace("[\"", &format!("[{:?}, \"", browser.origin()))
        ))
        .user("alice")
        .user("mallory")
        .user("sue")
        .group("alice", "sales")
        .group("mallory", "sales")
        .group("sue", "sales")
        .supervises("sue", "sales")
        .trunk("office", &office, &["PCMU"])
        .rule("destination = '4711'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]");
    let gateway = Gateway::start(&config);
    let agent = browser.open();
    let line = LineConfig {
        library: Library::Webtrunk,
        microphone: Microphone::Tone { hz: PAGE_HZ, peak: PAGE_PEAK },
        ..LineConfig::default()
    };
    agent.register(&gateway, "alice", &line);
    let visit = || {
        let microphone = Microphone::Tone { hz: SUPERVISOR_HZ, peak: PEAK_AT_10_DBM0 };
        browser.visit_speaking(&server.page("supervisor", &gateway), microphone)
    };
    let page = visit();
    sign_in(&page, "sue");
    page.see("#agent-alice", "idle");

    let mut sound = RtpPeer::new(&office, 7000);
    let phone = Sipp::caller(&office, "caller_talks", gateway.sip(), "4711", &[("FORMATS", "0")]);
    agent.next("incoming");
    page.see("#agent-alice", "ringing");
    agent.answer();
    let port = phone.wait_for("200").audio_port().expect("it has audio");
    sound.say(SocketAddr::new(gateway.sip().ip(), port), Law::Mu, PHONE_HZ);
    page.see("#agent-alice", "talking");
    page.click("#agent-alice .listen");
    page.see("#status", "Listening to alice");
    let ears = Ears { agent: &agent, phone: &sound, supervisor: &page };
    ears.assert_talk();
    let heard = ears.of_supervisor();
    assert!(heard.iter().all(|level| *level < -SILENT_DB), "who listens is heard: {heard:?}");

    page.click("#agent-alice .whisper");
    page.see("#status", "Whispering to alice");
    assert_heard("who whispers at the agent", || ears.of_supervisor()[0]);
    ears.assert_talk();
    let heard = ears.of_supervisor();
    assert!(heard[0].abs() < OFF_MAX_DB && heard[1] < -SILENT_DB, "the agent alone hears it: {heard:?}");

    page.click("#agent-alice .barge");
    page.see("#status", "Talking with alice");
    assert_heard("who barges in at the phone", || ears.of_supervisor()[1]);
    ears.assert_talk();
    let heard = ears.of_supervisor();
    assert!(heard.iter().all(|level| level.abs() < OFF_MAX_DB), "both hear it: {heard:?}");

    // Who is no supervisor sees the call, and is not let in.
    let other = visit();
    sign_in(&other, "mallory");
    other.click("#agent-alice .barge");
    other.see("#status", "This call is not allowed.");

    page.click("#leave");
    page.see("#status", "The call was hung up.");
    assert_heard("the phone at the agent", || ears.at_agent(PHONE_HZ, PEAK_AT_10_DBM0));
    let heard = ears.of_supervisor();
    assert!(heard.iter().all(|level| *level < -SILENT_DB), "who left is heard: {heard:?}");
    phone.go_on();
    phone.finish();
    page.see("#agent-alice", "idle");
    gateway.assert_all_is_over(1);
    gateway.stop();
}
