//! The world around a call that is rehearsed: our addresses, the engine's settings, and users who are taken to be
//! registered.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use webtrunk_codecs::CodecId;
use webtrunk_engine::call::{KeyMode, Supplies};
use webtrunk_engine::config::EngineConfig;
use webtrunk_engine::dtls::DtlsCertificate;
use webtrunk_engine::media::{Prompt, WallClock};
use webtrunk_engine::sdp::SrtpPolicy;
use webtrunk_signalling::adapter::{MediaProfile, Origin, RecordingPolicy};
use webtrunk_signalling::b2bua::{Directory, Place, Redirects};
use webtrunk_signalling::locations::{ContactInfo, Locations};
use webtrunk_signalling::routing::BridgeTarget;
use webtrunk_signalling::sip::passing::HeaderRange;
use webtrunk_signalling::sip::transport::{Addresses, ListenerAddress};

use super::{Contact, Failure};
use crate::config::Config;
use crate::directory::GatewayDirectory;
use crate::wiring;

/// Where callees are: an address for documents (RFC 5737).
pub(super) const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 20));

/// Browsers' port where any free one is taken.
const USUAL_PORT: u16 = 10_000;

/// Our listeners, as they would be.
pub(super) fn addresses(config: &Config) -> Addresses {
    let http = config.http.as_ref().map(|http| http.bind);
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let all = config.listeners().map(|own| ListenerAddress {
        name: own.name.as_str().into(),
        kind: own.transport,
        bound: own.bind.or(http).unwrap_or(nowhere),
        external_address: own.external_address,
        local_networks: own.local_networks.clone(),
    });
    Addresses::new(all.collect())
}

/// What legs are made with.
pub(super) fn supplies(config: &Config, now: Instant, at: SystemTime) -> Result<Arc<Supplies>, Failure> {
    let engine = wiring::engine(config);
    // A port that is not chosen yet would refuse the media.
    let webrtc_port = if engine.webrtc_port == 0 { USUAL_PORT } else { engine.webrtc_port };
    let streams = config.http.as_ref().map(|http| wiring::media_streams(&config.media, http.bind));
    // Those that are presumed are at IPv4 addresses, which a gateway of IPv6 alone must not be blamed for.
    let rtp_address = match engine.rtp_address {
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        IpAddr::V4(_) => engine.rtp_address,
    };
    Ok(Arc::new(Supplies {
        config: EngineConfig { webrtc_tcp: streams.unwrap_or_default(), webrtc_port, rtp_address, ..engine },
        clock: WallClock::new(now, at),
        certificate: Arc::new(DtlsCertificate::generate()?),
    }))
}

/// The gateway's directory, in which users are registered at one place each.
pub(super) struct Presumed {
    directory: GatewayDirectory,
    contact: ContactInfo,
}

impl Presumed {
    pub(super) fn new(config: &Config, addresses: &Addresses, contact: Option<Contact>) -> Self {
        let has_browsers = !config.sip_ws.listeners.is_empty() || config.json.is_some();
        let usual = if has_browsers { Contact::Browser } else { Contact::Phone };
        let profile = match contact.unwrap_or(usual) {
            Contact::Browser => MediaProfile::Webrtc,
            Contact::Phone => MediaProfile::Rtp,
        };
        Self {
            directory: GatewayDirectory::new(config, Locations::default(), addresses.clone()),
            contact: ContactInfo { binding: 0, adapter: "sip", profile, address: ELSEWHERE },
        }
    }

    /// What users are taken to have.
    pub(super) const fn contact(&self) -> MediaProfile {
        self.contact.profile
    }

    /// The headers that users are told: as pages of the JSON API, where browsers come by nothing else.
    pub(super) fn headers_allowed<'c>(&self, config: &'c Config) -> &'c [HeaderRange] {
        let pages = config.json.as_ref().filter(|_| config.sip_ws.listeners.is_empty());
        match (self.contact(), pages) {
            (MediaProfile::Webrtc, Some(json)) => &json.headers,
            (MediaProfile::Webrtc | MediaProfile::Rtp, _) => &config.sip.passing.headers,
        }
    }
}

impl Directory for Presumed {
    fn places(&self, target: &BridgeTarget) -> Vec<Place> {
        match target {
            BridgeTarget::User(user) => vec![self.directory.place_of_contact(user, &self.contact)],
            BridgeTarget::Trunk { .. } => self.directory.places(target),
        }
    }

    fn knows(&self, user: &str) -> bool {
        self.directory.knows(user)
    }

    fn caller_codecs(&self, origin: &Origin, profile: MediaProfile) -> Vec<CodecId> {
        self.directory.caller_codecs(origin, profile)
    }

    fn caller_srtp(&self, origin: &Origin) -> SrtpPolicy {
        self.directory.caller_srtp(origin)
    }

    fn caller_keys(&self, origin: &Origin) -> KeyMode {
        self.directory.caller_keys(origin)
    }

    fn number_of(&self, user: &str) -> Option<String> {
        self.directory.number_of(user)
    }

    fn own_trunks(&self, user: &str) -> Option<Arc<[Arc<str>]>> {
        self.directory.own_trunks(user)
    }

    fn recording(&self, party: &Origin) -> RecordingPolicy {
        self.directory.recording(party)
    }

    fn counted_with(&self, user: &str) -> Option<String> {
        self.directory.counted_with(user)
    }

    fn calls_max(&self, user: &str) -> Option<usize> {
        self.directory.calls_max(user)
    }

    fn may_transfer(&self, origin: &Origin) -> bool {
        self.directory.may_transfer(origin)
    }

    fn may_pick_up(&self, who: &Origin, of: &Origin) -> bool {
        self.directory.may_pick_up(who, of)
    }

    fn redirects(&self, origin: &Origin) -> Redirects {
        self.directory.redirects(origin)
    }

    fn makes_late_offers(&self, callee: &Origin) -> bool {
        self.directory.makes_late_offers(callee)
    }

    fn may_text(&self, party: &Origin) -> bool {
        self.directory.may_text(party)
    }

    fn prompt(&self, name: &str) -> Option<Prompt> {
        self.directory.prompt(name)
    }

    fn media_address(&self, peer: Option<IpAddr>) -> IpAddr {
        self.directory.media_address(peer)
    }
}
