//! The SDK's example for supervisors: an agent's page and a phone talk, and a third page is with them.

use std::net::SocketAddr;

use tempfile::TempDir;
use webtrunk_codecs::g711::Law;

use super::ears::{Ears, SUPERVISOR_HZ};
use super::server::Server;
use super::stage::{PHONE_HZ, line};
use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::Sipp;
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig, password};
use crate::support::host::Host;
use crate::support::lasting_name::keys;
use crate::support::page::{LineConfig, Microphone, Page};
use crate::support::seat::{Seat, in_each_browser};
use crate::support::sound::PEAK_AT_10_DBM0;
use crate::support::tools;
use crate::support::visit::Visit;

/// Signs in, and watches alice.
fn sign_in(page: &Visit, user: &str) {
    page.fill("#user", user);
    page.fill("#password", &password(user));
    page.fill("#agents", "alice");
    page.click("#sign-in button");
    page.see("#status", &format!("Ready, {user}"));
}

/// An agent's page and a phone, which talk.
struct Floor {
    gateway: Gateway,
    server: Server,
    browser: Browser,
    agent: Page,
    phone: Sipp,
    sound: RtpPeer,
    _office: Host,
    /// Of the gateway's certificate, where it has one.
    _folder: TempDir,
}

impl Floor {
    /// What the page shows of the agent meanwhile is looked at. `None` where a tool is missing.
    fn lay(seat: &Seat) -> Option<(Self, Visit)> {
        tools::command("sipp")?;
        let server = seat.beside_browser(|| Server::start(None))?;
        let browser = seat.browser().clone();
        let office = Host::new();
        let config = GatewayConfig::default()
            .origin(browser.origin())
            .sections(&format!("[json]\npasswords = true\n{}{}", server.lines(&[browser.origin()]), keys()))
            .user("alice")
            .user("mallory")
            .user("sue")
            .group("alice", "sales")
            .group("mallory", "sales")
            .group("sue", "sales")
            .supervises("sue", "sales")
            .trunk("office", &office, &["PCMU"])
            .rule("destination = '4711'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]");
        let folder = TempDir::new().expect("a folder");
        let gateway = Gateway::start_at(seat.host(), &seat.for_secrets(config, &folder));
        let line = LineConfig { socket: Some(gateway.json_api()), ..line() };
        let agent = seat.open(&gateway, "alice", &line);
        let page = visit(&browser, &server, &gateway);
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
        Some((Self { gateway, server, browser, agent, phone, sound, _office: office, _folder: folder }, page))
    }

    /// The supervisor leaves, and is heard no more; the two talk on until the phone hangs up.
    fn leave_and_end(self, page: &Visit) {
        page.click("#leave");
        page.see("#status", "The call was hung up.");
        let hears = || page.begin_to_listen("audio", 1.0).wait();
        let ears = Ears { agent: &self.agent, phone: &self.sound, supervisor: &hears };
        ears.assert_supervisor_is_heard([false, false]);
        self.agent.await_tone(PHONE_HZ);
        self.phone.go_on();
        self.phone.finish();
        page.see("#agent-alice", "idle");
        self.gateway.assert_all_is_over(1);
        self.gateway.stop();
    }
}

/// The supervisor's page, in which she speaks.
fn visit(browser: &Browser, server: &Server, gateway: &Gateway) -> Visit {
    let microphone = Microphone::Tone { hz: SUPERVISOR_HZ, peak: PEAK_AT_10_DBM0 };
    browser.visit_speaking(&server.page("supervisor", gateway), microphone)
}

in_each_browser!(
    the_supervisors_page_of_the_sdk_hears_both_whispers_to_the_agent_alone_and_barges_in,
    two_quick_clicks_in_the_supervisors_page_of_the_sdk_are_done_one_after_the_other,
);

fn the_supervisors_page_of_the_sdk_hears_both_whispers_to_the_agent_alone_and_barges_in(seat: &Seat) {
    let Some((floor, page)) = Floor::lay(seat) else { return };
    page.click("#agent-alice .listen");
    page.see("#status", "Listening to alice");
    let hears = || page.begin_to_listen("audio", 1.0).wait();
    let ears = Ears { agent: &floor.agent, phone: &floor.sound, supervisor: &hears };
    ears.assert_talk();
    ears.assert_supervisor_is_heard([false, false]);

    page.click("#agent-alice .whisper");
    page.see("#status", "Whispering to alice");
    ears.assert_supervisor_is_heard([true, false]);
    ears.assert_talk();

    page.click("#agent-alice .barge");
    page.see("#status", "Talking with alice");
    ears.assert_supervisor_is_heard([true, true]);
    ears.assert_talk();

    // Who is no supervisor sees the call, and is not let in.
    let other = visit(&floor.browser, &floor.server, &floor.gateway);
    sign_in(&other, "mallory");
    other.click("#agent-alice .barge");
    other.see("#status", "This call is not allowed.");
    floor.leave_and_end(&page);
}

/// Fails when the second click finds a call that is not up, or begins another.
fn two_quick_clicks_in_the_supervisors_page_of_the_sdk_are_done_one_after_the_other(seat: &Seat) {
    let Some((floor, page)) = Floor::lay(seat) else { return };
    page.click("#agent-alice .listen");
    page.click("#agent-alice .whisper");
    page.see("#status", "Whispering to alice");
    let hears = || page.begin_to_listen("audio", 1.0).wait();
    let ears = Ears { agent: &floor.agent, phone: &floor.sound, supervisor: &hears };
    ears.assert_supervisor_is_heard([true, false]);
    ears.assert_talk();
    assert_eq!(floor.gateway.log().count(&["\"page supervises\""]), 1, "it is one call");
    floor.leave_and_end(&page);
}
