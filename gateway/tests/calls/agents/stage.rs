//! The gateway between two trunks, at each of which a phone of ours is, and a user with WebRTC.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use serde_json::Value;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, Credentials, Phone, PhoneConfig, Voice, WebrtcCaller, WebrtcConfig};

use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::relay::{Faults, Relay};

/// The level of every tone, in dBm0.
pub(super) const LEVEL_DBM0: f64 = -10.0;

/// What the caller says, and the callee.
pub(super) const CALLER_HZ: u16 = 440;
pub(super) const CALLEE_HZ: u16 = 850;

/// The gateway's ports for RTP where a relay carries them.
pub(super) const RTP_PORTS: RangeInclusive<u16> = 20_000..=20_003;

/// The gateway and its peers' hosts. Numbers that begin with 9 are the carrier's.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    /// Of the trunk "office", which calls.
    pub(super) office: Host,
    /// Of the trunk "carrier", which is called.
    pub(super) carrier: Host,
}

impl Stage {
    /// A gateway whose trunks speak these codecs.
    pub(super) fn new(codecs: &[&str]) -> Self {
        Self::with(codecs, GatewayConfig::default())
    }

    /// A stage with what a configuration has already.
    pub(crate) fn with(codecs: &[&str], config: GatewayConfig) -> Self {
        Self::with_lines(codecs, config, "")
    }

    /// A stage whose carrier has these lines too.
    pub(super) fn with_carrier(codecs: &[&str], lines: &str) -> Self {
        Self::with_lines(codecs, GatewayConfig::default(), lines)
    }

    /// A stage with what a configuration has already, whose carrier has these lines too.
    pub(super) fn with_lines(codecs: &[&str], config: GatewayConfig, carrier_lines: &str) -> Self {
        Self::at(Host::new(), codecs, config, carrier_lines)
    }

    /// The same on this host.
    pub(super) fn at(own: Host, codecs: &[&str], config: GatewayConfig, carrier_lines: &str) -> Self {
        let office = Host::new();
        let seen_at = office.at(SIP_PORT);
        Self::with_office(own, office, seen_at, codecs, config, carrier_lines)
    }

    /// A stage on which the phone at the office is behind the relay, which the gateway's descriptions and
    /// contacts name towards it as the gateway's own address; towards the carrier they do not.
    pub(super) fn behind(relay: &Relay, codecs: &[&str], config: GatewayConfig) -> Self {
        let office = Host::new();
        let external = format!("external_address = \"{}\"", relay.ip());
        let config = config.listeners(&external);
        Self::with_office(Host::new(), office, (relay.ip(), SIP_PORT).into(), codecs, config, "")
    }

    /// The same with what the phone at the office is like when a NAT is in front of it: its signalling and media come
    /// from the relay, and its description and Contact name an address at which nobody is.
    pub(super) fn behind_nat(relay: &Relay, faults: Faults) -> (Self, PhoneConfig) {
        Self::behind_nat_with(relay, faults, GatewayConfig::default())
    }

    /// The same with what a configuration has already.
    pub(super) fn behind_nat_with(
        relay: &Relay,
        faults: Faults,
        config: GatewayConfig,
    ) -> (Self, PhoneConfig) {
        const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 255, 255, 254));
        let config = config.media("shards = 1").rtp_ports(*RTP_PORTS.start(), *RTP_PORTS.end());
        let stage = Self::behind(relay, &["PCMU"], config);
        for port in RTP_PORTS.chain([SIP_PORT]) {
            relay.carry((stage.gateway.sip().ip(), port).into(), [faults; 2]);
        }
        let server = Some(SocketAddr::new(relay.ip(), SIP_PORT));
        let caller = PhoneConfig { server, behind_nat: Some(NOBODY), ..stage.caller(CodecId::Pcmu) };
        (stage, caller)
    }

    fn with_office(
        own: Host,
        office: Host,
        seen_at: SocketAddr,
        codecs: &[&str],
        config: GatewayConfig,
        carrier_lines: &str,
    ) -> Self {
        let carrier = Host::new();
        let bridge = "actions = [{ bridge = { trunk = 'carrier', number = '$0' } }]";
        let config = config
            .user("alice")
            .listeners(&format!("local_networks = [\"{}\"]", carrier.ip()))
            .trunk_at("office", seen_at, codecs)
            .trunk("carrier", &carrier, codecs)
            .last_trunk(carrier_lines)
            .rule(&format!("destination = '9\\d+'\n{bridge}"))
            .rule(&format!("destination = '9\\d+'\nfrom_trunk = 'office'\n{bridge}"));
        Self { gateway: Gateway::start_at(own, &config), office, carrier }
    }

    /// What the phone at the office is like.
    pub(super) fn caller(&self, codec: CodecId) -> PhoneConfig {
        self.phone(&self.office, codec, CALLER_HZ)
    }

    /// What the phone at the carrier is like.
    pub(crate) fn callee(&self, codec: CodecId) -> PhoneConfig {
        self.phone(&self.carrier, codec, CALLEE_HZ)
    }

    /// What alice's WebRTC caller is like.
    pub(super) fn alice(&self) -> WebrtcConfig {
        WebrtcConfig {
            media_address: Some(self.gateway.sip().ip()),
            voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
            ..WebrtcConfig::new(&self.gateway.websocket(), "alice", &password("alice"))
        }
    }

    /// The same with a second user, bob, whom the first may call.
    pub(super) fn with_bob(codecs: &[&str]) -> Self {
        let bridge = "destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]";
        Self::with(codecs, GatewayConfig::default().user("bob").rule(bridge))
    }

    /// What bob's WebRTC caller is like.
    pub(super) fn bob(&self) -> WebrtcConfig {
        WebrtcConfig {
            credentials: Credentials::new("bob", &password("bob")),
            voice: Some(Voice::tone(CALLEE_HZ, LEVEL_DBM0)),
            ..self.alice()
        }
    }

    /// How many of the gateway's paths were opened without and with transcoding.
    pub(super) fn paths(&self) -> (usize, usize) {
        let count = |how: &str| self.gateway.log().count(&["\"path opened\"", how]);
        (count("\"transcoded\":false"), count("\"transcoded\":true"))
    }

    /// The figures that the gateway logs of its leg of this transport at its end.
    pub(super) fn figures(&self, transport: &str) -> Value {
        let lines: Vec<Value> =
            self.gateway.log().lines().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let is_added = |line: &&Value| line["message"] == "leg added" && line["transport"] == transport;
        let leg = &lines.iter().find(is_added).expect("a leg")["span"]["id"];
        let is_removed = |line: &&Value| line["message"] == "leg removed" && line["span"]["id"] == *leg;
        lines.iter().find(is_removed).expect("its end").clone()
    }

    fn phone(&self, host: &Host, codec: CodecId, hz: u16) -> PhoneConfig {
        PhoneConfig {
            bind: host.at(SIP_PORT),
            server: Some(self.gateway.sip()),
            user: "2001".to_owned(),
            codecs: vec![codec],
            voice: Some(Voice::tone(hz, LEVEL_DBM0)),
            ..PhoneConfig::default()
        }
    }
}

/// Starts a phone.
pub(crate) async fn phone(config: PhoneConfig) -> Phone {
    Phone::new(config).await.expect("the host is ours")
}

/// Starts a WebRTC caller.
pub(super) async fn webrtc(config: WebrtcConfig) -> WebrtcCaller {
    WebrtcCaller::new(config).await.expect("the gateway listens")
}

/// Takes the next call.
pub(super) async fn lift(callee: &Phone) -> Call {
    let incoming =
        tokio::time::timeout(PATIENCE, callee.next_incoming()).await.expect("in time").expect("a call");
    incoming.ring();
    incoming.answer().await.expect("a codec in common")
}

/// Takes a user's next call.
pub(super) async fn lift_webrtc(callee: &WebrtcCaller) -> Call {
    let incoming =
        tokio::time::timeout(PATIENCE, callee.next_incoming()).await.expect("in time").expect("a call");
    incoming.ring();
    incoming.answer().await.expect("a codec in common")
}

/// One phone calls the other; gives both ends.
pub(super) async fn talk(caller: &Phone, callee: &Phone) -> (Call, Call) {
    let (call, lifted) = tokio::join!(caller.call("9100"), lift(callee));
    (call.expect("an answer"), lifted)
}

/// A user calls a phone; gives both ends.
pub(super) async fn talk_from_webrtc(caller: &WebrtcCaller, callee: &Phone) -> (Call, Call) {
    let (call, lifted) = tokio::join!(caller.call("9100"), lift(callee));
    (call.expect("an answer"), lifted)
}
