//! `[sip]`: the realm, registrations, and the listeners for phones and trunks.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use toml::Spanned;
use webtrunk_engine::sdp::SrtpPolicy;
use webtrunk_signalling::b2bua::Redirects;
use webtrunk_signalling::sip::agent::{AgentConfig, SessionTimerConfig};
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::passing::PassingConfig;
use webtrunk_signalling::sip::registrar::RegistrarConfig;
use webtrunk_signalling::sip::transport::TransportLimits;

use super::faults::Faults;
use super::listener::{ListenerKeys, Ports, SipListener, Taken};
use super::passing::{self, WrittenDiversion};
use super::redirects::WrittenRedirects;
use super::srtp::Srtp;

/// The SIP adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipSettings {
    /// The realm of our challenges; users' passwords are hashed with it.
    pub realm: String,
    /// The shortest registration that is taken; who asks for less is told so.
    pub expires_min: Duration,
    /// The longest registration that is given, and what is given to who asks for none.
    pub expires_max: Duration,
    /// How many places a user may be registered at.
    pub contacts_max: usize,
    /// How long answered calls go without a refresh.
    pub session_timer: SessionTimerConfig,
    /// How long a host may say nothing to a call before the next one is called.
    pub host_silence: Duration,
    /// Connections of one address whose peers have not yet proved who they are.
    pub strangers_per_address: usize,
    /// Whether the media of registered phones is protected.
    pub phone_srtp: SrtpPolicy,
    /// What becomes of a call that a user's phone or page sends elsewhere.
    pub redirects: Redirects,
    /// What of a call's headers goes along, to users and from them.
    pub passing: PassingConfig,
    /// Whom to ask for the addresses of trunks; where there are none, the system's servers.
    pub nameservers: Vec<SocketAddr>,
    /// Where it listens for phones and trunks; nowhere where it is switched off.
    pub listeners: Vec<SipListener>,
}

/// The realm where none is configured. Chosen by us; changing it makes every stored hash useless.
pub const DEFAULT_REALM: &str = "webtrunk";

/// The longest session interval: a day. Chosen by us, beyond it a refresh tells nothing any more.
const SESSION_EXPIRES_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest registration that can be given: a week. Chosen by us, a phone that is gone is called as long.
const EXPIRES_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long a host may be silent, in ms. Below, one that only repeats its INVITE once is passed over; past it, the transaction
/// is over (RFC 3261 17.1.1.2, timer B).
const SILENCE_RANGE: std::ops::RangeInclusive<u32> = 600..=31_000;

/// How many places a user may be registered at. Chosen by us: all of them ring at once.
const CONTACTS_RANGE: std::ops::RangeInclusive<u32> = 1..=100;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SipSection {
    enabled: Option<bool>,
    realm: Option<Spanned<String>>,
    expires_min_s: Option<Spanned<u32>>,
    expires_max_s: Option<Spanned<u32>>,
    contacts_max: Option<Spanned<u32>>,
    calls_per_user: Option<Spanned<u32>>,
    session_expires_s: Option<Spanned<u32>>,
    session_expires_min_s: Option<Spanned<u32>>,
    host_silence_ms: Option<Spanned<u32>>,
    strangers_per_address: Option<Spanned<u32>>,
    phone_srtp: Option<Srtp>,
    #[serde(default)]
    redirects: WrittenRedirects,
    #[serde(default)]
    headers_allow: Vec<Spanned<String>>,
    #[serde(default)]
    diversion: WrittenDiversion,
    #[serde(default)]
    nameservers: Vec<Spanned<String>>,
    #[serde(default)]
    listeners: Vec<ListenerSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListenerSection {
    name: Option<Spanned<String>>,
    transport: Spanned<Transport>,
    bind: Option<Spanned<String>>,
    external_address: Option<Spanned<String>>,
    #[serde(default)]
    local_networks: Vec<Spanned<String>>,
}

/// As it is written, in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
}

impl Transport {
    /// As it is written.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}

impl<'de> Deserialize<'de> for Transport {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        let all = [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss];
        let known = all.into_iter().find(|own| own.as_str().eq_ignore_ascii_case(&written));
        // WebSocket is read to tell where it belongs, and is nothing to choose here.
        known.ok_or_else(|| de::Error::unknown_variant(&written, &["udp", "tcp", "tls"]))
    }
}

impl From<Transport> for TransportKind {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Udp => Self::Udp,
            Transport::Tcp => Self::Tcp,
            Transport::Tls => Self::Tls,
            Transport::Ws => Self::Ws,
            Transport::Wss => Self::Wss,
        }
    }
}

impl SipSection {
    pub(super) fn check(
        &self,
        has_certificate: bool,
        taken: &mut Taken,
        faults: &mut Faults<'_>,
    ) -> SipSettings {
        let realm = match &self.realm {
            Some(realm) if !is_realm(realm.get_ref()) => {
                faults.add(realm.span(), "is no realm", REALM_CURE);
                DEFAULT_REALM.to_owned()
            }
            Some(realm) => realm.get_ref().clone(),
            None => DEFAULT_REALM.to_owned(),
        };
        let mut listeners = Vec::new();
        for section in &self.listeners {
            if let Some(listener) = section.check(has_certificate, faults) {
                let bind = section.bind.as_ref().map(Spanned::span);
                taken.add(bind.unwrap_or_else(|| section.transport.span()), &listener, faults);
                listeners.push(listener);
            }
        }
        if !self.is_enabled() {
            listeners.clear();
        }
        let [expires_min, expires_max] = self.check_expiry(faults);
        let contacts_max = self.check_contacts(faults);
        let session_timer = self.check_session_timer(faults);
        let host_silence = self.check_silence(faults);
        let strangers_per_address = self.check_strangers(faults);
        let passing = passing::check(&self.headers_allow, self.diversion, faults);
        let nameservers = faults.parse_all(&self.nameservers, NAMESERVER_CURE);
        SipSettings {
            realm,
            expires_min,
            expires_max,
            contacts_max,
            session_timer,
            host_silence,
            strangers_per_address,
            // Whoever has it gets it; phones without pass over the keys that they are offered.
            phone_srtp: self.phone_srtp.unwrap_or(Srtp::Offer).into(),
            redirects: self.redirects.0,
            passing,
            nameservers,
            listeners,
        }
    }

    /// Notes listeners whose ports the HTTP server or the media has.
    pub(super) fn check_ports(&self, ports: Ports<'_>, faults: &mut Faults<'_>) {
        for listener in &self.listeners {
            let is_datagram = *listener.transport.get_ref() == Transport::Udp;
            listener.keys().check_port(is_datagram, ports, faults);
        }
    }

    pub(super) fn listener_names(&self) -> HashSet<&str> {
        self.listeners.iter().map(ListenerSection::name).collect()
    }

    pub(super) fn has_no_listener(&self) -> bool {
        self.listeners.is_empty()
    }

    pub(super) const fn calls_per_user(&self) -> Option<&Spanned<u32>> {
        self.calls_per_user.as_ref()
    }

    fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }

    /// The transports of all listeners that are switched on, whether or not they are sound.
    pub(super) fn transports(&self) -> Vec<TransportKind> {
        let listeners = self.listeners.iter().filter(|_| self.is_enabled());
        listeners.map(|listener| (*listener.transport.get_ref()).into()).collect()
    }

    fn check_strangers(&self, faults: &mut Faults<'_>) -> usize {
        let limits = TransportLimits::default();
        let Some(written) = &self.strangers_per_address else { return limits.connections_per_address };
        let strangers = *written.get_ref() as usize;
        if strangers == 0 || strangers > limits.connections {
            faults.add(written.span(), "is out of range", format!("write 1 to {}", limits.connections));
        }
        strangers
    }

    fn check_silence(&self, faults: &mut Faults<'_>) -> Duration {
        let Some(written) = &self.host_silence_ms else { return AgentConfig::default().silence_max };
        Duration::from_millis(faults.number(written, SILENCE_RANGE, " milliseconds").into())
    }

    fn check_contacts(&self, faults: &mut Faults<'_>) -> usize {
        let Some(written) = &self.contacts_max else { return RegistrarConfig::default().contacts_max };
        faults.number(written, CONTACTS_RANGE, "") as usize
    }

    fn check_session_timer(&self, faults: &mut Faults<'_>) -> SessionTimerConfig {
        let usual = SessionTimerConfig::default();
        let read = |written: &Option<Spanned<u32>>, usual: Duration| {
            written.as_ref().map_or(usual, |written| Duration::from_secs((*written.get_ref()).into()))
        };
        let expires_min = read(&self.session_expires_min_s, usual.expires_min);
        // Where only the shortest is written, what we ask for follows it.
        let expires = read(&self.session_expires_s, usual.expires.max(expires_min));
        if let Some(written) = &self.session_expires_min_s
            && (expires_min.is_zero() || expires_min > SESSION_EXPIRES_MAX)
        {
            let cure = format!("write 1 to {} seconds", SESSION_EXPIRES_MAX.as_secs());
            faults.add(written.span(), "is out of range", cure);
        }
        if let Some(written) = &self.session_expires_s
            && !expires.is_zero()
            && !(expires_min..=SESSION_EXPIRES_MAX).contains(&expires)
        {
            let (min, max) = (expires_min.as_secs(), SESSION_EXPIRES_MAX.as_secs());
            let cure = format!("write {min} (session_expires_min_s) to {max} seconds, or 0 to ask for none");
            faults.add(written.span(), "is out of range", cure);
        }
        SessionTimerConfig { expires, expires_min }
    }

    /// The shortest and the longest registration.
    fn check_expiry(&self, faults: &mut Faults<'_>) -> [Duration; 2] {
        let usual = RegistrarConfig::default();
        let read = |written: &Spanned<u32>| Duration::from_secs((*written.get_ref()).into());
        let max = self.expires_max_s.as_ref().map_or(usual.expires_max, read);
        // Where only the longest is written, what we want at least follows it.
        let min = self.expires_min_s.as_ref().map_or(usual.expires_min.min(max), read);
        if let Some(written) = &self.expires_max_s
            && (max.is_zero() || max > EXPIRES_MAX)
        {
            faults.add(
                written.span(),
                "is out of range",
                format!("write 1 to {} seconds", EXPIRES_MAX.as_secs()),
            );
        }
        if let Some(written) = &self.expires_min_s
            && (min.is_zero() || min > max)
        {
            let cure = format!("write 1 to {} (expires_max_s) seconds", max.as_secs());
            faults.add(written.span(), "is out of range", cure);
        }
        [min, max]
    }
}

impl ListenerSection {
    /// What rules call it.
    fn name(&self) -> &str {
        let named = self.name.as_ref().map(|name| name.get_ref().as_str());
        named.unwrap_or_else(|| self.transport.get_ref().as_str())
    }

    fn keys(&self) -> ListenerKeys<'_> {
        ListenerKeys {
            name: self.name.as_ref(),
            bind: self.bind.as_ref(),
            external_address: self.external_address.as_ref(),
            local_networks: &self.local_networks,
        }
    }

    fn check(&self, has_certificate: bool, faults: &mut Faults<'_>) -> Option<SipListener> {
        let transport = TransportKind::from(*self.transport.get_ref());
        let span = self.transport.span();
        if transport.is_websocket() {
            let cure = "write [sip_ws] to have it at the HTTP server, and [[sip_ws.listeners]] with bind for a port of \
                        its own";
            faults.add(span, "SIP over WebSocket has a section of its own", cure);
            return None;
        }
        if self.bind.is_none() {
            faults.add_missing(span, "this listener has no address", "add bind = \"address:port\"");
            return None;
        }
        if transport.is_secure() && !has_certificate {
            let cure = "add [tls] with certificate and private_key";
            faults.add_absent(&["tls"], span, "a secure listener needs a certificate", cure);
        }
        self.keys().check(transport, self.name(), faults)
    }
}

const NAMESERVER_CURE: &str = "write address:port, such as \"192.0.2.53:53\"";

/// The cure for a bad realm.
pub(crate) const REALM_CURE: &str = "write a name without quotes, such as your domain";

/// What can stand between quotes in a header field (RFC 3261 25.1).
pub(crate) fn is_realm(text: &str) -> bool {
    !text.is_empty() && !text.contains(|char: char| char.is_control() || char == '"' || char == '\\')
}
