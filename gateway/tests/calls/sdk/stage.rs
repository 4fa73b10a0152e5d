//! A gateway with the JSON API, a page that phones by the SDK, and a phone of sipp and our own RTP.

use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;
use webtrunk_codecs::g711::Law;

use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::Sipp;
use crate::sip::trace::Seen;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::page::{Library, LineConfig, Microphone, Page};
use crate::support::process::wait_until;
use crate::support::seat::Seat;
use crate::support::sound::PEAK_AT_10_DBM0;
use crate::support::tools;
use crate::support::wire::Wire;

/// What the page says, its peak, and its level: a sine of full scale has 3.17 dBm0 (ITU-T G.711 table 5).
pub(super) const PAGE_HZ: f64 = 1000.0;
pub(super) const PAGE_PEAK: f64 = 0.25;
const PAGE_DBM0: f64 = 3.17 - 12.04;

/// A tone that is fainter is not heard.
pub(super) const UNHEARD_DBM0: f64 = -50.0;

/// What the phone says.
pub(super) const PHONE_HZ: f64 = 1400.0;

/// Where the phone's RTP is.
const RTP_PORT: u16 = 7000;

/// A gateway with this behind its section for pages, whose office calls alice by 4711. `None` where a tool is missing.
pub(super) fn with_office(seat: &Seat, sections: &str) -> Option<(Gateway, Host)> {
    tools::command("sipp")?;
    let office = Host::new();
    let config = GatewayConfig::default()
        .origin(seat.browser().origin())
        .sections(&format!("{}{sections}", seat.json()))
        .user("alice")
        .trunk("office", &office, &["PCMU"])
        .rule("destination = '4711'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]");
    Some((Gateway::start_at(seat.host(), &config), office))
}

/// The line of a page with the SDK, whose microphone says the usual.
pub(super) fn line() -> LineConfig {
    LineConfig {
        library: Library::Webtrunk,
        microphone: Microphone::Tone { hz: PAGE_HZ, peak: PAGE_PEAK },
        ..LineConfig::default()
    }
}

/// The office calls alice and this page lifts; both hear each other. Gives the phone, and its mouth and ear.
pub(super) fn be_called_by(office: &Host, gateway: &Gateway, page: &Page) -> (Sipp, RtpPeer) {
    let mut sound = RtpPeer::new(office, RTP_PORT);
    let phone = Sipp::caller(office, "caller_talks", gateway.sip(), "4711", &[("FORMATS", "0")]);
    page.next("incoming");
    page.answer();
    let port = phone.wait_for("200").audio_port().expect("it has audio");
    sound.say(SocketAddr::new(gateway.sip().ip(), port), Law::Mu, PHONE_HZ);
    sound.await_tone(Law::Mu, PAGE_HZ);
    page.await_tone(PHONE_HZ);
    (phone, sound)
}

/// All that takes part.
pub(super) struct Stage {
    pub(super) gateway: Gateway,
    pub(super) alice: Page,
    /// What the page's line is made of, for a page that is loaded anew.
    pub(super) line: LineConfig,
    /// The phone's mouth and ear.
    pub(super) sound: RtpPeer,
    pub(super) office: Host,
    /// Between the page and the gateway's WebSocket.
    pub(super) wire: Wire,
    /// Where calls to numbers that begin with 8 are recorded to, when somebody asks.
    pub(super) recordings: TempDir,
}

impl Stage {
    /// Alice's page is connected. `None` where a tool is missing.
    pub(super) fn lay(seat: &Seat) -> Option<Self> {
        tools::command("sipp")?;
        let office = Host::new();
        let recordings = TempDir::new().expect("a folder");
        let recorded = "destination = '8.*'\nactions = [{ record = { format = 'wav', begin = 'asked', info = true } }, \
            { bridge = { trunk = 'office', number = '$0' } }]";
        let config = GatewayConfig::default()
            .recording(recordings.path())
            .rule(recorded)
            .origin(seat.browser().origin())
            .sections(&seat.json())
            // The longest calls take longer than it is until a refresh, which sipp does not answer.
            .sip("session_expires_s = 0")
            .user("alice")
            .user("sue")
            .group("alice", "sales")
            .group("sue", "sales")
            .supervises("sue", "sales")
            .trunk("office", &office, &["PCMU"])
            .rule("destination = '0.*'\nactions = [{ bridge = { trunk = 'office', number = '$0' } }]")
            .rule("destination = 'sue'\nactions = [{ bridge = { user = 'sue' } }]")
            .rule("destination = '4711'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]");
        let gateway = Gateway::start_at(seat.host(), &config);
        let wire = seat.wire(&gateway);
        let line = LineConfig { socket: Some(wire.websocket()), ..line() };
        let alice = seat.open(&gateway, "alice", &line);
        let sound = RtpPeer::new(&office, RTP_PORT);
        Some(Self { gateway, alice, line, sound, office, wire, recordings })
    }

    /// The page calls a phone, which lifts and talks until one hangs up.
    pub(super) fn call(&mut self) -> Sipp {
        self.call_to("0301234567")
    }

    /// The same by this number.
    pub(super) fn call_to(&mut self, number: &str) -> Sipp {
        let phone = self.be_lifted(number);
        self.talk(&phone.wait_for("INVITE"));
        phone
    }

    /// The page calls a number, and a phone lifts that says nothing yet.
    pub(super) fn be_lifted(&self, number: &str) -> Sipp {
        let values = [("RTP_PORT", &*RTP_PORT.to_string()), ("FORMATS", "0 101"), ("HELD_MS", "220")];
        let phone = Sipp::callee(&self.office, "callee_talks", &values);
        self.alice.call(number);
        self.alice.next("accepted");
        phone
    }

    /// A phone calls the page, which lifts; both talk until the phone hangs up.
    pub(super) fn be_called(&mut self) {
        let values = [("FORMATS", "0")];
        let phone = Sipp::caller(&self.office, "caller_talks", self.gateway.sip(), "4711", &values);
        assert_eq!(self.alice.next("incoming")["from"], "2001");
        phone.wait_for("180");
        self.alice.answer();
        self.alice.next("accepted");
        self.talk(&phone.wait_for("200"));
        phone.go_on();
        assert_eq!(self.alice.next("ended")["cause"], "hangup");
        phone.finish();
    }

    /// Lets the phone speak to where a description of the gateway's wants it, until both are heard.
    pub(super) fn talk(&mut self, described: &Seen) {
        let port = described.audio_port().expect("it has audio");
        self.sound.say(SocketAddr::new(self.gateway.sip().ip(), port), Law::Mu, PHONE_HZ);
        self.assert_hear_each_other();
    }

    /// Fails unless both hear each other from now on, as loud as the other speaks.
    pub(super) fn assert_hear_each_other(&self) {
        self.sound.await_tone(Law::Mu, PAGE_HZ);
        self.alice.await_tone(PHONE_HZ);
        let level = self.sound.level_of_next(Law::Mu, PAGE_HZ, Duration::from_secs(1));
        assert!((level - PAGE_DBM0).abs() <= 1.0, "{PAGE_HZ} Hz with {level:.2} dBm0");
        self.alice.assert_hears(PHONE_HZ, PEAK_AT_10_DBM0, 0.5);
    }

    /// Fails unless the phone hears nothing of what the page's usual microphone says.
    pub(super) fn assert_page_is_unheard(&self) {
        let level = || self.sound.level_of_next(Law::Mu, PAGE_HZ, Duration::from_millis(500));
        let is_silent = wait_until(PATIENCE, || level() < UNHEARD_DBM0) && level() < UNHEARD_DBM0;
        assert!(is_silent, "the page is heard with {:.2} dBm0", level());
    }

    /// The page hangs up, and nothing is left.
    pub(super) fn end(self, phone: Sipp) {
        self.alice.hangup();
        assert_eq!(self.alice.next("ended")["cause"], "hangup");
        phone.finish();
        self.assert_over(1);
    }

    /// Nothing is left of so many calls.
    pub(super) fn assert_over(self, calls: usize) {
        assert!(self.alice.taken("fault").is_empty(), "nothing went wrong unasked");
        self.gateway.assert_all_is_over(calls);
        self.gateway.stop();
    }
}
