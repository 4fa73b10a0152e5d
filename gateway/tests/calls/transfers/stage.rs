//! Two pages, and a phone at a trunk that one of them calls.

use std::net::SocketAddr;

use webtrunk_codecs::g711::Law;

use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::{Sipp, Values};
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::page::{Library, LineConfig, Microphone, Page};
use crate::support::tools;
use crate::support::turn::Turn;

pub(super) const ALICE_HZ: f64 = 1000.0;
pub(super) const CAROL_HZ: f64 = 1800.0;
pub(super) const PHONE_HZ: f64 = 1400.0;

/// Where the phone's RTP is.
const RTP_PORT: u16 = 7000;

/// Alice's call with the phone, and carol beside it.
pub(super) struct Scene {
    pub(super) alice: Page,
    pub(super) carol: Page,
    pub(super) phone: Sipp,
    /// The phone's mouth and ear.
    pub(super) sound: RtpPeer,
    pub(super) gateway: Gateway,
    _phone_host: Host,
    _turn: Turn,
}

impl Scene {
    /// Alice, by this library, and the phone, by this scenario, hear each other. `None` where a tool is missing.
    pub(super) fn talking(library: Library, scenario: &str, values: Values<'_>, trunk: &str) -> Option<Self> {
        let browser = Browser::shared()?;
        tools::command("sipp")?;
        let turn = Turn::take();
        let phone_host = Host::new();
        let carol = "destination = 'carol'\nactions = [{ bridge = { user = 'carol' } }]";
        let config = GatewayConfig::default()
            .origin(browser.origin())
            .user("alice")
            .user("carol")
            .trunk("provider", &phone_host, &["PCMU"])
            .last_trunk(trunk)
            .rule("destination = '0.*'\nactions = [{ bridge = { trunk = 'provider', number = '$0' } }]")
            .rule(carol)
            .rule(&format!("from_trunk = 'provider'\n{carol}"));
        let gateway = Gateway::start(&config);
        let pages = [("alice", ALICE_HZ, library), ("carol", CAROL_HZ, Library::Jssip)];
        let [alice, carol] = pages.map(|(user, hz, library)| {
            let page = browser.open();
            let microphone = Microphone::Tone { hz, peak: 0.25 };
            page.register(&gateway, user, &LineConfig { library, microphone, ..LineConfig::default() });
            page
        });
        let mut sound = RtpPeer::new(&phone_host, RTP_PORT);
        let port = RTP_PORT.to_string();
        let of_phone = [("RTP_PORT", &*port), ("FORMATS", "0 101")];
        let values: Vec<_> = values.iter().copied().chain(of_phone).collect();
        let phone = Sipp::callee(&phone_host, scenario, &values);
        alice.call_through("0301234567");
        let port = phone.wait_for("INVITE").audio_port().expect("the gateway offers");
        sound.say(SocketAddr::new(gateway.sip().ip(), port), Law::Mu, PHONE_HZ);
        let scene = Self { alice, carol, phone, sound, gateway, _phone_host: phone_host, _turn: turn };
        scene.hear_each_other();
        Some(scene)
    }

    /// Alice and the phone do.
    pub(super) fn hear_each_other(&self) {
        self.alice.await_tone(PHONE_HZ);
        self.sound.await_tone(Law::Mu, ALICE_HZ);
    }
}
