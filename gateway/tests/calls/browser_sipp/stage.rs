//! A gateway with a trunk, whose phone is called by a page.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use webtrunk_codecs::g711::Law;

use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::{Sipp, Values};
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::gateway_config::HTTP_PORT;
use crate::support::gateway_config::password;
use crate::support::host::Host;
use crate::support::lasting_name::{keys, lasting_name};
use crate::support::page::{Library, LineConfig, Microphone, Page};
use crate::support::seat::Seat;
use crate::support::sound::PEAK_AT_10_DBM0;
use crate::support::tools;
use crate::support::wire::Wire;

/// What the page says, its peak, and its level: a sine of full scale has 3.17 dBm0 (ITU-T G.711 table 5).
pub(super) const PAGE_HZ: f64 = 1000.0;
const PAGE_PEAK: f64 = 0.25;
const PAGE_DBM0: f64 = 3.17 - 12.04;

/// What the phone says.
pub(super) const PHONE_HZ: f64 = 1400.0;

/// How long a key is held where a test says it: neither a client's default nor ours.
pub(super) const HELD_MS: u16 = 220;

/// Where the phone's RTP is.
const RTP_PORT: u16 = 7000;

/// What a test may want otherwise.
pub(super) struct CallConfig<'a> {
    /// The page's.
    pub(super) library: Library,
    /// Whether the page refreshes the call itself.
    pub(super) page_refreshes: bool,
    /// What the trunk speaks.
    pub(super) codecs: &'a [&'a str],
    /// More lines for the trunk.
    pub(super) trunk: &'a str,
    /// Whether the call is under way, and not answered, when it is given to the test.
    pub(super) is_early: bool,
    /// More lines for `[sip]`.
    pub(super) sip: &'a str,
    /// More values for the scenario.
    pub(super) values: Values<'a>,
    /// Whether the page's WebSocket leads over a wire that can be cut.
    pub(super) is_wired: bool,
    /// Where the gateway is, on the machine on which the call begins; by default at a host of its own.
    pub(super) machine: Option<&'a str>,
    /// More lines for `[media]`.
    pub(super) media: &'a str,
    /// The gateway's certificate and key, where it serves page and WebSocket over TLS.
    pub(super) tls: Option<&'a (PathBuf, PathBuf)>,
    /// Where the page finds the WebSocket, if not at the gateway's address.
    pub(super) socket: Option<&'a str>,
}

impl Default for CallConfig<'_> {
    fn default() -> Self {
        Self {
            library: Library::Jssip,
            page_refreshes: false,
            codecs: &["PCMU"],
            is_early: false,
            trunk: "",
            sip: "",
            values: &[],
            is_wired: false,
            machine: None,
            media: "",
            tls: None,
            socket: None,
        }
    }
}

impl CallConfig<'_> {
    /// Of a page by this library, in this browser.
    pub(super) fn at(seat: &Seat, library: Library) -> Self {
        Self { library, machine: seat.machine(), ..Self::default() }
    }
}

/// A call that is up between alice's page and the phone.
pub(super) struct Call {
    pub(super) alice: Page,
    pub(super) phone: Sipp,
    /// The phone's mouth and ear.
    pub(super) sound: RtpPeer,
    /// Where the phone sends its RTP.
    pub(super) to: SocketAddr,
    pub(super) gateway: Gateway,
    pub(super) phone_host: Host,
    /// Between the page and the gateway's WebSocket, where a test asked for it.
    pub(super) wire: Option<Wire>,
}

impl Call {
    /// A page of the browser calls the phone, on which sipp plays a scenario that answers. `None` where
    /// a tool is missing.
    pub(super) fn begin(browser: &Browser, scenario: &str) -> Option<Self> {
        Self::begin_with(browser, scenario, "")
    }

    /// The same, with more lines for the trunk.
    pub(super) fn begin_with(browser: &Browser, scenario: &str, trunk: &str) -> Option<Self> {
        Self::begin_by(browser, scenario, &CallConfig { trunk, ..CallConfig::default() })
    }

    /// The same, as a test configures it.
    pub(super) fn begin_by(browser: &Browser, scenario: &str, more: &CallConfig<'_>) -> Option<Self> {
        tools::command("sipp")?;
        let phone_host = Host::new();
        let mut config = GatewayConfig::default()
            .origin(browser.origin())
            .user("alice")
            .trunk("provider", &phone_host, more.codecs)
            .last_trunk(more.trunk)
            .sip(more.sip)
            .media(more.media)
            .rule(
                "destination = \"0.*\"\nactions = [{ bridge = { trunk = \"provider\", number = \"$0\" } }]",
            );
        if more.library == Library::Webtrunk {
            config = config.sections(&format!("[json]\norigins = [{:?}]\n{}", browser.origin(), keys()));
        }
        if let Some((certificate, key)) = more.tls {
            config = config.tls(certificate, key);
        }
        let host = more.machine.map_or_else(Host::new, Host::machine);
        let gateway = Gateway::start_at(host, &config);
        let wire = more.is_wired.then(|| Wire::to(SocketAddr::new(gateway.sip().ip(), HTTP_PORT)));
        let secure = more.tls.map(|_| gateway.secure_websocket());
        let socket = wire.as_ref().map(Wire::websocket).or(secure).or(more.socket.map(str::to_owned));
        let alice = browser.open();
        let microphone = Microphone::Tone { hz: PAGE_HZ, peak: PAGE_PEAK };
        // A password is not taken from another machine without TLS.
        let lasting = (more.library == Library::Webtrunk).then(|| lasting_name("alice"));
        let (login, password) = lasting.map_or((None, password("alice")), |(name, made)| (Some(name), made));
        let line = LineConfig {
            microphone,
            library: more.library,
            refreshes: more.page_refreshes,
            socket,
            login,
            ..LineConfig::default()
        };
        alice.begin_registration(&gateway, "alice", &password, &line);
        alice.next("registered");
        let sound = RtpPeer::new(&phone_host, RTP_PORT);
        let port = RTP_PORT.to_string();
        let values = [("RTP_PORT", &*port), ("FORMATS", "0 101"), ("HELD_MS", &HELD_MS.to_string())];
        let values: Vec<_> = more.values.iter().copied().chain(values).collect();
        let phone = Sipp::callee(&phone_host, scenario, &values);
        if more.is_early {
            alice.call("0301234567")
        } else {
            alice.call_through("0301234567")
        }
        let port = phone.wait_for("INVITE").audio_port().expect("the gateway offers");
        let to = SocketAddr::new(gateway.sip().ip(), port);
        Some(Self { alice, phone, sound, to, gateway, phone_host, wire })
    }

    /// Lets the phone speak, and waits until both are heard.
    pub(super) fn talk(&mut self) {
        self.sound.say(self.to, Law::Mu, PHONE_HZ);
        self.alice.await_tone(PHONE_HZ);
        self.sound.await_tone(Law::Mu, PAGE_HZ);
    }

    /// Fails unless both hear each other from now on, as loud as the other speaks.
    pub(super) fn assert_hear_each_other(&self) {
        self.sound.await_tone(Law::Mu, PAGE_HZ);
        self.alice.await_tone(PHONE_HZ);
        let level = self.sound.level_of_next(Law::Mu, PAGE_HZ, Duration::from_secs(1));
        assert!((level - PAGE_DBM0).abs() <= 1.0, "{PAGE_HZ} Hz with {level:.2} dBm0");
        self.alice.assert_hears(PHONE_HZ, PEAK_AT_10_DBM0, 0.5);
    }

    pub(super) fn phone_ip(&self) -> String {
        self.phone_host.ip().to_string()
    }

    /// The page hangs up, and nothing is left.
    pub(super) fn end(self) {
        let Self { alice, phone, gateway, .. } = self;
        alice.hangup();
        alice.next("ended");
        phone.finish();
        gateway.assert_all_is_over(1);
        gateway.stop();
    }
}
