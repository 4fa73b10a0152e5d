//! Two pages, and a phone at a trunk that one of them calls.

use std::net::SocketAddr;

use webtrunk_codecs::g711::Law;

use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::{Sipp, Values};
use crate::sip::trace::Seen;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::page::{Library, LineConfig, Microphone, Page};
use crate::support::seat::Seat;
use crate::support::tools;

pub(super) const ALICE_HZ: f64 = 1000.0;
pub(super) const CAROL_HZ: f64 = 1800.0;
pub(super) const PHONE_HZ: f64 = 1400.0;
pub(super) const COLLEAGUE_HZ: f64 = 600.0;

/// Where the phone's RTP is.
const RTP_PORT: u16 = 7000;

/// The number of the colleague's phone.
pub(super) const COLLEAGUE: &str = "11";

/// Alice's call with the phone, and carol beside it. A colleague's phone is at another host, which is of the same trunk
/// when it calls, and is called by a trunk of its own.
pub(super) struct Scene {
    pub(super) alice: Page,
    pub(super) carol: Page,
    pub(super) phone: Sipp,
    /// The phone's mouth and ear.
    pub(super) sound: RtpPeer,
    pub(super) gateway: Gateway,
    pub(super) colleague_host: Host,
    _phone_host: Host,
}

impl Scene {
    /// Alice, by this library, and the phone, by this scenario, hear each other. `None` where a tool is missing.
    pub(super) fn talking(library: Library, scenario: &str, values: Values<'_>, trunk: &str) -> Option<Self> {
        Self::talking_by(GatewayConfig::default(), library, scenario, values, trunk)
    }

    /// The same with what a configuration has already.
    pub(super) fn talking_by(
        config: GatewayConfig,
        library: Library,
        scenario: &str,
        values: Values<'_>,
        trunk: &str,
    ) -> Option<Self> {
        Some(Self::calling(config, library, scenario, values, trunk)?.lifted())
    }

    /// Alice, by our SDK in this browser, and the phone hear each other.
    pub(super) fn talking_at(seat: &Seat) -> Option<Self> {
        let config = GatewayConfig::default().sections(&seat.json());
        Some(Self::calling_at(seat, config, Library::Webtrunk, "callee_talks", &[], "")?.lifted())
    }

    /// The phone lifts.
    fn lifted(self) -> Self {
        self.alice.next("accepted");
        self.hear_each_other();
        self
    }

    /// Alice calls the phone.
    pub(super) fn calling(
        config: GatewayConfig,
        library: Library,
        scenario: &str,
        values: Values<'_>,
        trunk: &str,
    ) -> Option<Self> {
        Self::calling_at(&Seat::near()?, config, library, scenario, values, trunk)
    }

    fn calling_at(
        seat: &Seat,
        config: GatewayConfig,
        library: Library,
        scenario: &str,
        values: Values<'_>,
        trunk: &str,
    ) -> Option<Self> {
        tools::command("sipp")?;
        let [phone_host, colleague_host] = [Host::new(), Host::new()];
        let [phone_ip, colleague_ip] = [&phone_host, &colleague_host].map(Host::ip);
        let carol = "destination = 'carol'\nactions = [{ bridge = { user = 'carol' } }]";
        let config = config
            .origin(seat.browser().origin())
            .user("alice")
            .user("carol")
            .trunk_lines(&format!(
                "name = 'provider'\nhost = '{phone_ip}'\nnetworks = ['{phone_ip}', '{colleague_ip}']\n\
                 codecs = ['PCMU']\n{trunk}"
            ))
            .trunk_lines(&format!("name = 'colleague'\nhost = '{colleague_ip}'\ncodecs = ['PCMU']"))
            .rule("destination = '0.*'\nactions = [{ bridge = { trunk = 'provider', number = '$0' } }]")
            .rule("destination = '1.*'\nactions = [{ bridge = { trunk = 'colleague', number = '$0' } }]")
            .rule(carol)
            .rule(&format!("from_trunk = 'provider'\n{carol}"));
        let gateway = Gateway::start_at(seat.host(), &config);
        let pages = [("alice", ALICE_HZ, library), ("carol", CAROL_HZ, Library::Jssip)];
        let [alice, carol] = pages.map(|(user, hz, library)| {
            let microphone = Microphone::Tone { hz, peak: 0.25 };
            seat.open(&gateway, user, &LineConfig { library, microphone, ..LineConfig::default() })
        });
        let mut sound = RtpPeer::new(&phone_host, RTP_PORT);
        let port = RTP_PORT.to_string();
        let of_phone = [("RTP_PORT", &*port), ("FORMATS", "0 101")];
        let values: Vec<_> = values.iter().copied().chain(of_phone).collect();
        let phone = Sipp::callee(&phone_host, scenario, &values);
        alice.call("0301234567");
        let port = phone.wait_for("INVITE").audio_port().expect("the gateway offers");
        sound.say(SocketAddr::new(gateway.sip().ip(), port), Law::Mu, PHONE_HZ);
        Some(Self { alice, carol, phone, sound, gateway, colleague_host, _phone_host: phone_host })
    }

    /// The colleague's phone, which waits to be called.
    pub(super) fn colleague(&self) -> (Sipp, RtpPeer) {
        let port = RTP_PORT.to_string();
        let phone =
            Sipp::callee(&self.colleague_host, "callee_talks", &[("RTP_PORT", &*port), ("FORMATS", "0 101")]);
        (phone, RtpPeer::new(&self.colleague_host, RTP_PORT))
    }

    /// Has the colleague speak to where this message of the gateway says.
    pub(super) fn let_speak(&self, colleague: &mut RtpPeer, told: &Seen) {
        let port = told.audio_port().expect("the gateway describes its audio");
        colleague.say(SocketAddr::new(self.gateway.sip().ip(), port), Law::Mu, COLLEAGUE_HZ);
    }

    /// Alice calls the colleague too, who lifts and is heard by her.
    pub(super) fn consulted(&self) -> (Sipp, RtpPeer) {
        let (colleague, mut its_sound) = self.colleague();
        self.alice.consult(COLLEAGUE);
        self.let_speak(&mut its_sound, &colleague.wait_for("INVITE"));
        self.alice.await_tone(COLLEAGUE_HZ);
        (colleague, its_sound)
    }

    /// Alice and the phone do.
    pub(super) fn hear_each_other(&self) {
        self.alice.await_tone(PHONE_HZ);
        self.sound.await_tone(Law::Mu, ALICE_HZ);
    }
}
