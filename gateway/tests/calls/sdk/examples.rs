//! The SDK's examples, used as people use them, served by the server that they come with.

use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;
use webtrunk_codecs::g711::Law;

use super::server::Server;
use super::stage::{PAGE_HZ, PAGE_PEAK, PHONE_HZ, UNHEARD_DBM0};
use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::Sipp;
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::page::Microphone;
use crate::support::process::wait_until;
use crate::support::seat::{Seat, in_each_browser};
use crate::support::tools;
use crate::support::visit::Visit;

/// How a page signs in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    Password,
    Token,
}

struct Stage {
    browser: Browser,
    gateway: Gateway,
    server: Server,
    office: Host,
    /// Of another trunk, which calls too.
    branch: Host,
    sound: RtpPeer,
    /// Of the gateway's certificate, where it has one.
    _folder: TempDir,
}

impl Stage {
    /// Whom the examples are for has their server and the browser on one machine. `None` where a tool is missing.
    fn lay(seat: &Seat, proof: Proof) -> Option<Self> {
        tools::command("sipp")?;
        let server = seat.beside_browser(|| Server::start(None))?;
        let [office, branch] = [Host::new(), Host::new()];
        let comes_in = "destination = '4711'\nfrom_trunk = 'office|branch'\n\
            actions = [{ bridge = { user = 'alice', headers = { set = { X-Case = '42' } } } }]";
        let passwords = if proof == Proof::Password { "passwords = true\n" } else { "" };
        let mut config = GatewayConfig::default()
            .origin(seat.browser().origin())
            .sections(&format!("[json]\n{passwords}{}", server.lines(&[])))
            .user("alice")
            .trunk("office", &office, &["PCMU"])
            .trunk("branch", &branch, &["PCMU"])
            .rule("destination = '0.*'\nactions = [{ bridge = { trunk = 'office', number = '$0' } }]")
            .rule(comes_in);
        let folder = TempDir::new().expect("a folder");
        if proof == Proof::Password {
            config = seat.for_secrets(config, &folder);
        }
        let gateway = Gateway::start_at(seat.host(), &config);
        let sound = RtpPeer::new(&office, 7000);
        let browser = seat.browser().clone();
        Some(Self { browser, gateway, server, office, branch, sound, _folder: folder })
    }

    fn visit(&self, page: &str) -> Visit {
        let microphone = Microphone::Tone { hz: PAGE_HZ, peak: PAGE_PEAK };
        self.browser.visit_speaking(&self.server.page(page, &self.gateway), microphone)
    }

    /// The CRM's page, once it is there.
    fn visit_crm(&self) -> Visit {
        let page = self.visit("crm");
        page.see("#status", "The gateway: connected");
        page
    }

    /// Lets the phone speak, and waits until both are heard.
    fn talk(&mut self, page: &Visit, port: u16) {
        self.sound.say(SocketAddr::new(self.gateway.sip().ip(), port), Law::Mu, PHONE_HZ);
        self.sound.await_tone(Law::Mu, PAGE_HZ);
        let share = || page.begin_to_listen("audio", 1.0).wait().share_of_tone(PHONE_HZ);
        assert!(wait_until(PATIENCE, || share() > 0.9), "the page never hears {PHONE_HZ} Hz");
    }

    fn end(self, calls: usize) {
        self.gateway.assert_all_is_over(calls);
        self.gateway.stop();
    }
}

in_each_browser!(
    the_dialler_of_the_sdk_calls_a_phone,
    the_crm_of_the_sdk_shows_who_calls_by_a_token_of_its_own_server,
    the_crm_of_the_sdk_shows_markup_in_a_callers_name_as_text,
    the_crm_of_the_sdk_has_a_card_for_each_call_and_holds_who_is_not_talked_to,
    the_crm_of_the_sdk_holds_who_is_talked_to_when_somebody_else_lifts,
    the_crm_of_the_sdk_still_holds_who_was_held_when_it_is_loaded_anew,
);

fn the_dialler_of_the_sdk_calls_a_phone(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat, Proof::Password) else { return };
    let page = stage.visit("dialler");
    page.fill("#user", "alice");
    page.fill("#password", "not hers");
    page.click("#sign-in button");
    page.see("#status", "the proof is not accepted (notAccepted;");
    page.fill("#password", &password("alice"));
    page.click("#sign-in button");
    page.see("#status", "Ready, alice");
    let values = [("RTP_PORT", "7000"), ("FORMATS", "0 101"), ("HELD_MS", "220")];
    let phone = Sipp::callee(&stage.office, "callee_talks", &values);
    page.fill("#number", "0301234567");
    page.click("#dial button");
    page.see("#status", "Talking to 0301234567");
    stage.talk(&page, phone.wait_for("INVITE").audio_port().expect("it has audio"));
    page.click("#keys button");
    stage.gateway.log().wait_for(&["digit pressed"], PATIENCE);
    // Who calls meanwhile takes nothing from her.
    let values = [("FORMATS", "0"), ("STATUS", "486")];
    Sipp::caller(&stage.branch, "caller_refused", stage.gateway.sip(), "4711", &values).finish();
    page.click("#dial button");
    page.see("#status", "There is a call already");
    page.click("#hangup");
    page.see("#status", "The call was hung up.");
    phone.finish();
    stage.end(2);
}

fn the_crm_of_the_sdk_shows_who_calls_by_a_token_of_its_own_server(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat, Proof::Token) else { return };
    let page = stage.visit_crm();
    let values = [("FORMATS", "0")];
    let phone = Sipp::caller(&stage.office, "caller_talks", stage.gateway.sip(), "4711", &values);
    page.see(".name", "Ada Example");
    page.see(".notes", "Waits for a part since Monday. X-Case: 42");
    assert!(phone.received("200").is_empty(), "nobody has lifted yet");
    page.click(".answer");
    page.see("#status", "From Ada Example: connected");
    stage.talk(&page, phone.wait_for("200").audio_port().expect("it has audio"));
    phone.go_on();
    page.see("#status", "The call was hung up.");
    phone.finish();
    stage.end(1);
}

/// Fails when a caller's name is taken for elements of the page.
fn the_crm_of_the_sdk_shows_markup_in_a_callers_name_as_text(seat: &Seat) {
    const NAME: &str = "<img src=x onerror=alert(1)>";
    let Some(mut stage) = Stage::lay(seat, Proof::Token) else { return };
    let page = stage.visit_crm();
    let values = [("FORMATS", "0"), ("CALLER", "4999"), ("NAME", NAME)];
    let phone = Sipp::caller(&stage.office, "caller_talks", stage.gateway.sip(), "4711", &values);
    page.see(".name", NAME);
    page.click(".answer");
    page.see("#status", &format!("From {NAME}: connected"));
    stage.talk(&page, phone.wait_for("200").audio_port().expect("it has audio"));
    phone.go_on();
    page.see("#status", "The call was hung up.");
    phone.finish();
    stage.end(1);
}

fn the_crm_of_the_sdk_has_a_card_for_each_call_and_holds_who_is_not_talked_to(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat, Proof::Token) else { return };
    let page = stage.visit_crm();
    let sip = stage.gateway.sip();
    let first = Sipp::caller(&stage.office, "caller_talks", sip, "4711", &[("FORMATS", "0")]);
    page.see(".name", "Ada Example");
    page.click(".answer");
    page.see("#status", "From Ada Example: connected");
    let port = first.wait_for("200").audio_port().expect("it has audio");
    stage.sound.say(SocketAddr::new(sip.ip(), port), Law::Mu, PHONE_HZ);
    stage.sound.await_tone(Law::Mu, PAGE_HZ);

    let mut other = RtpPeer::new(&stage.branch, 7000);
    let values = [("FORMATS", "0"), ("CALLER", "0301234567")];
    let second = Sipp::caller(&stage.branch, "caller_talks", sip, "4711", &values);
    page.see(".card:last-child .name", "Bert Sample");
    page.see(".card:first-child .name", "Ada Example");
    page.click(".card:last-child .answer");
    page.see("#status", "From Bert Sample: connected");
    let port = second.wait_for("200").audio_port().expect("it has audio");
    other.say(SocketAddr::new(sip.ip(), port), Law::Mu, PHONE_HZ);
    other.await_tone(Law::Mu, PAGE_HZ);
    let at = |ear: &RtpPeer| ear.level_of_next(Law::Mu, PAGE_HZ, Duration::from_millis(500));
    assert!(wait_until(PATIENCE, || at(&stage.sound) < UNHEARD_DBM0), "who waits hears the page");

    page.click(".card:first-child .hold");
    page.see("#status", "From Ada Example: connected");
    stage.sound.await_tone(Law::Mu, PAGE_HZ);
    assert!(wait_until(PATIENCE, || at(&other) < UNHEARD_DBM0), "who waits hears the page");
    second.go_on();
    page.see("#status", "The call was hung up.");
    second.finish();
    page.see(".name", "Ada Example");
    page.click(".hangup");
    first.finish();
    stage.end(2);
}

/// Bert is called, and lifts while Ada, who called meanwhile, is talked to.
fn the_crm_of_the_sdk_holds_who_is_talked_to_when_somebody_else_lifts(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat, Proof::Token) else { return };
    let page = stage.visit_crm();
    let sip = stage.gateway.sip();
    let bert = Sipp::callee(&stage.office, "callee_early", &[("FORMATS", "0")]);
    page.click("#customers li:last-child button");
    page.see(".name", "Bert Sample");
    let port = bert.wait_for("INVITE").audio_port().expect("it has audio");
    stage.sound.say(SocketAddr::new(sip.ip(), port), Law::Mu, PHONE_HZ);

    let mut other = RtpPeer::new(&stage.branch, 7000);
    let ada = Sipp::caller(&stage.branch, "caller_talks", sip, "4711", &[("FORMATS", "0")]);
    page.see(".card:last-child .name", "Ada Example");
    page.click(".card:last-child .answer");
    page.see("#status", "From Ada Example: connected");
    let port = ada.wait_for("200").audio_port().expect("it has audio");
    other.say(SocketAddr::new(sip.ip(), port), Law::Mu, PHONE_HZ);
    other.await_tone(Law::Mu, PAGE_HZ);

    bert.go_on();
    page.see("#status", "To Bert Sample: connected");
    stage.sound.await_tone(Law::Mu, PAGE_HZ);
    let at = || other.level_of_next(Law::Mu, PAGE_HZ, Duration::from_millis(500));
    assert!(wait_until(PATIENCE, || at() < UNHEARD_DBM0), "who waits hears the page");

    ada.go_on();
    page.see("#status", "The call was hung up.");
    ada.finish();
    page.see(".name", "Bert Sample");
    page.click(".hangup");
    bert.finish();
    stage.end(2);
}

/// Ada waits while Bert is talked to. Fails when a reload has both hear the page.
fn the_crm_of_the_sdk_still_holds_who_was_held_when_it_is_loaded_anew(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat, Proof::Token) else { return };
    let page = stage.visit_crm();
    let sip = stage.gateway.sip();
    let ada = Sipp::caller(&stage.office, "caller_talks", sip, "4711", &[("FORMATS", "0")]);
    page.click(".answer");
    page.see("#status", "From Ada Example: connected");
    stage.talk(&page, ada.wait_for("200").audio_port().expect("it has audio"));
    let mut other = RtpPeer::new(&stage.branch, 7000);
    let values = [("FORMATS", "0"), ("CALLER", "0301234567")];
    let bert = Sipp::caller(&stage.branch, "caller_talks", sip, "4711", &values);
    page.see(".card:last-child .name", "Bert Sample");
    page.click(".card:last-child .answer");
    page.see("#status", "From Bert Sample: connected");
    let port = bert.wait_for("200").audio_port().expect("it has audio");
    other.say(SocketAddr::new(sip.ip(), port), Law::Mu, PHONE_HZ);
    other.await_tone(Law::Mu, PAGE_HZ);
    let at_ada = |time| stage.sound.level_of_next(Law::Mu, PAGE_HZ, time);
    assert!(wait_until(PATIENCE, || at_ada(Duration::from_millis(500)) < UNHEARD_DBM0), "Ada waits");

    page.reload();
    page.see(".name", "Ada Example");
    page.see(".name", "Bert Sample");
    let joined = || stage.gateway.log().count(&["a leg wants another's place"]);
    assert!(wait_until(PATIENCE, || joined() == 2), "{} of both calls are joined", joined());
    other.await_tone(Law::Mu, PAGE_HZ);
    let level = at_ada(Duration::from_secs(3));
    assert!(level < UNHEARD_DBM0, "who waits hears the page with {level:.2} dBm0");

    // Ada's call is joined too, and can be taken back.
    bert.go_on();
    page.see("#status", "The call was hung up.");
    bert.finish();
    page.click(".hold");
    page.see("#status", "From Ada Example: connected");
    stage.sound.await_tone(Law::Mu, PAGE_HZ);
    page.click(".hangup");
    ada.finish();
    stage.end(2);
}
