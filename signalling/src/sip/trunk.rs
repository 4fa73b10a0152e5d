//! Trunks: the peers that carry calls to and from the rest of the world.
//!
//! A trunk is configured. Calls go to its hosts; calls come from its networks, and from the registrar that
//! we are registered at.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::flow::{Flow, TransportKind};
use super::identity::{CallerId, Rewrite};
use super::message::{ByteString, Host};
use super::passing::PassingConfig;
use super::transport::{Network, literal};
use super::trunk_load::TrunkLimits;
use super::upstream::RegistrationConfig;

/// One trunk.
#[derive(Debug, Clone)]
pub struct TrunkConfig {
    /// Its name in rules and logs.
    pub name: String,
    /// Where calls go: a name or an address.
    pub host: String,
    /// The host of its addresses, where that is another name.
    pub domain: Option<String>,
    /// The port there; `None` is the transport's default (RFC 3261 19.1.2).
    pub port: Option<u16>,
    /// How it is reached; not WebSocket.
    pub transport: TransportKind,
    /// Whether the records of its host's name may say otherwise (RFC 3263 4.1).
    pub is_transport_open: bool,
    /// Whether it is shown a certificate of ours that is for it alone
    /// ([`TlsConfig::clients`](super::transport::TlsConfig::clients)).
    pub shows_certificate: bool,
    /// Where its calls come from. Empty: it may not call us, unless it shows a certificate.
    pub source_networks: Vec<Network>,
    /// The name that the certificate is for without which no call is its, but by a stream that we opened to its host; it then may
    /// call from anywhere, unless networks are named too.
    pub certificate_name: Option<String>,
    /// What we answer its challenges with.
    pub credentials: Option<TrunkCredentials>,
    /// What we register there.
    pub registrations: Vec<RegistrationConfig>,
    /// Whether tokens may have accounts there.
    pub takes_page_accounts: bool,
    /// The user by whose password it proves itself, wherever it calls from.
    pub peer_user: Option<String>,
    /// How it and we tell each other who calls.
    pub caller_id: CallerId,
    /// Numbers that it writes another way; the first that matches counts.
    pub rewrites: Vec<Rewrite>,
    /// The most that it may have.
    pub limits: TrunkLimits,
    /// What of a call's headers goes along, to it and from it.
    pub passing: PassingConfig,
    /// How often its hosts are asked whether they live; `None`, never.
    pub probe_interval: Option<Duration>,
}

/// Our account at a trunk.
#[derive(Clone, PartialEq, Eq)]
pub struct TrunkCredentials {
    /// Its name.
    pub username: String,
    /// Its password; never shown.
    pub password: String,
    /// The only realm whose challenges are answered; `None` keeps to the first one that this trunk asks for.
    pub realm: Option<String>,
}

/// All trunks.
#[derive(Debug, Clone, Default)]
pub struct Trunks {
    trunks: Vec<TrunkConfig>,
    /// Where the registrars are that have us, by trunk.
    registrars: HashMap<String, BTreeSet<IpAddr>>,
}

impl TrunkConfig {
    /// A trunk over UDP that is called without account, and may not call us.
    #[must_use]
    pub fn new(name: &str, host: &str) -> Self {
        Self {
            name: name.to_owned(),
            host: host.to_owned(),
            domain: None,
            port: None,
            transport: TransportKind::Udp,
            is_transport_open: false,
            shows_certificate: false,
            source_networks: Vec::new(),
            certificate_name: None,
            credentials: None,
            registrations: Vec::new(),
            takes_page_accounts: false,
            peer_user: None,
            caller_id: CallerId::From,
            rewrites: Vec::new(),
            limits: TrunkLimits::default(),
            passing: PassingConfig::default(),
            probe_interval: None,
        }
    }

    /// The host of its addresses, as a URI has it.
    #[must_use]
    pub fn uri_host(&self) -> Host {
        let host = self.domain.as_deref().unwrap_or(&self.host);
        match literal(host) {
            Some(IpAddr::V4(v4)) => Host::V4(v4),
            Some(IpAddr::V6(v6)) => Host::V6(v6),
            None => Host::Domain(ByteString::from(host)),
        }
    }

    /// The port of its addresses: a domain has none of its host's.
    #[must_use]
    pub const fn uri_port(&self) -> Option<u16> {
        if self.domain.is_some() { None } else { self.port }
    }

    /// The name of an account of ours there, for the keyring: the trunk's, or a registration's own.
    #[must_use]
    pub fn account(&self, registration: &RegistrationConfig) -> String {
        match registration.credentials {
            // No name of a trunk has a slash.
            Some(_) => format!("{}/{}", self.name, registration.user),
            None => self.name.clone(),
        }
    }

    /// Whether our registrations and probes there are the same.
    #[must_use]
    pub fn is_kept_up_like(&self, other: &Self) -> bool {
        self.is_found_like(other) && self.registrations == other.registrations
    }

    /// Whether all is the same by which registrations and probes are made: those that both have are the same too.
    #[must_use]
    pub fn is_found_like(&self, other: &Self) -> bool {
        let of = |trunk: &Self| {
            let hosts = (trunk.host.clone(), trunk.port, trunk.transport, trunk.is_transport_open);
            let accounts = (trunk.credentials.clone(), trunk.takes_page_accounts);
            (hosts, trunk.domain.clone(), accounts, trunk.probe_interval)
        };
        self.name == other.name && of(self) == of(other)
    }

    /// The account that a user of ours has there.
    #[must_use]
    pub fn account_of(&self, user: &str) -> Option<&RegistrationConfig> {
        self.registrations.iter().find(|one| one.of_user.as_deref() == Some(user))
    }

    /// The user of ours whose account this is.
    #[must_use]
    pub fn user_of(&self, account: &str) -> Option<&str> {
        self.registrations.iter().find(|one| one.user == account)?.of_user.as_deref()
    }

    /// The name by which the certificate of ours is found that it is shown; `None` where that is everybody's.
    #[must_use]
    pub fn identity(&self) -> Option<&str> {
        self.shows_certificate.then_some(self.name.as_str())
    }

    /// The port that calls go to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.transport.is_secure() { 5061 } else { 5060 })
    }
}

impl Trunks {
    /// The trunks, in the order in which their networks are asked.
    #[must_use]
    pub fn new(trunks: Vec<TrunkConfig>) -> Self {
        Self { trunks, registrars: HashMap::new() }
    }

    /// These are the trunks from now on; where the registrars are that have us stays known.
    pub fn take_up(&mut self, trunks: &Self) {
        self.trunks.clone_from(&trunks.trunks);
        let Self { trunks, registrars } = self;
        registrars.retain(|name, _| {
            trunks.iter().any(|trunk| trunk.name == *name && !trunk.registrations.is_empty())
        });
    }

    /// A registrar of a trunk has us, at these addresses: its calls come from there.
    pub fn registered(&mut self, trunk: &str, addresses: impl Iterator<Item = IpAddr>) {
        self.registrars.insert(trunk.to_owned(), addresses.map(|address| address.to_canonical()).collect());
    }

    /// An account more at a trunk, which takes those of pages; whether it has it now. It does not where the same address,
    /// or another one of the same user, is there already.
    pub fn add_account(&mut self, trunk: &str, account: RegistrationConfig) -> bool {
        let taking = |known: &&mut TrunkConfig| known.name == trunk && known.takes_page_accounts;
        let Some(known) = self.trunks.iter_mut().find(taking) else { return false };
        let mut others = known.registrations.iter();
        if others.any(|other| other.user == account.user || other.of_user == account.of_user) {
            return false;
        }
        known.registrations.push(account);
        true
    }

    /// Such an account is no more.
    pub fn remove_account(&mut self, trunk: &str, user: &str) {
        if let Some(known) = self.trunks.iter_mut().find(|known| known.name == trunk) {
            known.registrations.retain(|one| one.user != user);
        }
    }

    /// The trunk of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&TrunkConfig> {
        self.trunks.iter().find(|trunk| trunk.name == name)
    }

    /// Whether this user is registered at this host, by whichever trunk.
    #[must_use]
    pub fn registers(&self, user: &str, host: &Host) -> bool {
        let there = self.trunks.iter().filter(|trunk| trunk.uri_host() == *host);
        there.flat_map(|trunk| &trunk.registrations).any(|registered| registered.user == user)
    }

    /// The trunk that sent something on this flow for `user`; where several are at one address the one
    /// that has proven itself by its certificate, then the one that registered this user, else the first. No trunk is a WebSocket
    /// client: a web page on a trunk's machine is just a web page. `proves` says whether by a certificate the peer is a trunk.
    #[must_use]
    pub fn at(
        &self,
        flow: &Flow,
        user: Option<&str>,
        proves: &dyn Fn(&TrunkConfig) -> bool,
    ) -> Option<&TrunkConfig> {
        if flow.kind.is_websocket() {
            return None;
        }
        let source = flow.remote.ip();
        let is_there = |trunk: &&TrunkConfig| {
            let is_from = trunk.is_from(source) || self.has_us(trunk, source);
            match &trunk.certificate_name {
                None => is_from,
                Some(_) => (is_from || trunk.source_networks.is_empty()) && proves(trunk),
            }
        };
        let is_certified = |trunk: &TrunkConfig| trunk.certificate_name.is_some() && is_there(&trunk);
        let has_certified = self.trunks.iter().any(is_certified);
        let there = self.trunks.iter().filter(is_there);
        // An address is shared by more than have the key of a certificate. The first of the least is taken.
        there.min_by_key(|trunk| {
            let is_for = trunk.registrations.iter().any(|one| Some(one.user.as_str()) == user);
            (has_certified && !proves(trunk), !is_for)
        })
    }

    fn has_us(&self, trunk: &TrunkConfig, source: IpAddr) -> bool {
        self.registrars.get(&trunk.name).is_some_and(|known| known.contains(&source.to_canonical()))
    }

    /// The trunk that proves itself by this user's password.
    #[must_use]
    pub fn of_user(&self, user: &str) -> Option<&TrunkConfig> {
        self.trunks.iter().find(|trunk| trunk.peer_user.as_deref() == Some(user))
    }

    /// Where trunks' calls come from.
    pub fn networks(&self) -> impl Iterator<Item = Network> {
        self.trunks.iter().flat_map(|trunk| trunk.source_networks.iter().copied())
    }

    /// All trunks, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &TrunkConfig> {
        self.trunks.iter()
    }
}

impl TrunkConfig {
    fn is_from(&self, source: IpAddr) -> bool {
        self.source_networks.iter().any(|network| network.contains(source))
    }
}

impl fmt::Debug for TrunkCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrunkCredentials")
            .field("username", &self.username)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::flow::ListenerId;

    fn trunk(name: &str, networks: &[&str]) -> TrunkConfig {
        TrunkConfig {
            source_networks: networks.iter().map(|text| text.parse().expect("a range")).collect(),
            credentials: Some(TrunkCredentials {
                username: "webtrunk".into(),
                password: "open sesame".into(),
                realm: None,
            }),
            ..TrunkConfig::new(name, "sip.provider.example")
        }
    }

    fn flow(kind: TransportKind, remote: &str) -> Flow {
        Flow {
            kind,
            listener: ListenerId(0),
            local: "192.0.2.1:5060".parse().expect("an address"),
            remote: remote.parse().expect("an address"),
            connection: None,
        }
    }

    #[test]
    fn a_trunk_that_shows_a_certificate_is_nobody_without_it() {
        let certified =
            |networks| TrunkConfig { certificate_name: Some("sbc.test".into()), ..trunk("sbc", networks) };
        for (networks, remote, shown, expected) in [
            (&[][..], "203.0.113.7:41000", "sbc.test", Some("sbc")),
            (&[], "203.0.113.7:41000", "other.test", None),
            (&["198.51.100.7"], "198.51.100.7:41000", "", None),
            (&["198.51.100.7"], "198.51.100.7:41000", "sbc.test", Some("sbc")),
            (&["198.51.100.7"], "203.0.113.7:41000", "sbc.test", None),
        ] {
            let trunks = Trunks::new(vec![certified(networks)]);
            let proves = |trunk: &TrunkConfig| trunk.certificate_name.as_deref() == Some(shown);
            let at = trunks.at(&flow(TransportKind::Tls, remote), None, &proves);
            assert_eq!(at.map(|trunk| &*trunk.name), expected, "{networks:?} {remote} {shown}");
        }

        // One that is known by the address alone is another's, wherever it is written.
        let neighbour = || trunk("neighbour", &["198.51.100.0/24"]);
        for trunks in [[neighbour(), certified(&[])], [certified(&[]), neighbour()]] {
            let trunks = Trunks::new(trunks.into());
            let flow = flow(TransportKind::Tls, "198.51.100.7:41000");
            for (shown, expected) in [("sbc.test", "sbc"), ("other.test", "neighbour")] {
                let proves = |trunk: &TrunkConfig| trunk.certificate_name.as_deref() == Some(shown);
                let at = trunks.at(&flow, None, &proves);
                assert_eq!(at.map(|trunk| &*trunk.name), Some(expected), "{shown}");
            }
        }
    }

    /// Both trunks are at the host whose certificate was verified when it was dialled, the third at its address alone.
    #[test]
    fn a_call_by_a_stream_that_we_dialled_is_of_the_trunk_of_that_host_whose_account_is_called() {
        let registered = |name: &str, user: &str, networks: &[&str]| {
            let expires = Duration::from_secs(600);
            let one = RegistrationConfig { user: user.into(), expires, credentials: None, of_user: None };
            TrunkConfig { registrations: vec![one], ..trunk(name, networks) }
        };
        let there = &["198.51.100.7"];
        let trunks = Trunks::new(vec![
            registered("plain", "100", there),
            TrunkConfig { host: "sip.other.example".into(), ..registered("neighbour", "300", there) },
            TrunkConfig { certificate_name: Some("sbc.test".into()), ..registered("certified", "200", &[]) },
        ]);
        let flow = flow(TransportKind::Tls, "198.51.100.7:5061");
        let called = |proves: &dyn Fn(&TrunkConfig) -> bool| {
            let at = |user| trunks.at(&flow, Some(user), proves).map(|trunk| trunk.name.clone());
            ["100", "200", "300"].map(|user| at(user).unwrap_or_default())
        };
        let dialled = |trunk: &TrunkConfig| trunk.host == "sip.provider.example";
        assert_eq!(called(&dialled), ["plain", "certified", "plain"]);
        let shown = |trunk: &TrunkConfig| trunk.certificate_name.is_some();
        assert_eq!(called(&shown), ["certified"; 3], "it has opened the stream");
        let nobody = |_: &TrunkConfig| false;
        assert_eq!(called(&nobody), ["plain", "plain", "neighbour"]);
    }

    /// Whose removal could undo what another trunk of the same provider has just made.
    #[test]
    fn an_address_is_registered_at_a_host_whichever_of_its_trunks_does_so() {
        let account = RegistrationConfig {
            user: "4930123".to_owned(),
            expires: Duration::from_secs(3600),
            credentials: None,
            of_user: None,
        };
        let second = TrunkConfig { registrations: vec![account], ..trunk("second", &[]) };
        let elsewhere = TrunkConfig::new("elsewhere", "sip.other.example");
        let host = elsewhere.uri_host();
        let trunks = Trunks::new(vec![trunk("first", &[]), second, elsewhere]);
        let provider = trunk("first", &[]).uri_host();
        assert!(trunks.registers("4930123", &provider) && !trunks.registers("4930124", &provider));
        assert!(!trunks.registers("4930123", &host));
    }

    #[test]
    fn a_source_belongs_to_the_first_trunk_that_names_it() {
        let trunks = Trunks::new(vec![
            trunk("silent", &[]),
            trunk("one", &["198.51.100.7"]),
            trunk("net", &["198.51.100.0/24"]),
        ]);
        let at =
            |kind, remote| trunks.at(&flow(kind, remote), None, &|_| false).map(|trunk| trunk.name.as_str());
        assert_eq!(at(TransportKind::Udp, "198.51.100.7:5060"), Some("one"));
        assert_eq!(at(TransportKind::Tcp, "198.51.100.8:41000"), Some("net"));
        assert_eq!(at(TransportKind::Udp, "203.0.113.7:5060"), None);
        assert_eq!(at(TransportKind::Wss, "198.51.100.7:5060"), None);
    }

    #[test]
    fn a_registrar_that_has_us_is_its_trunk_and_told_apart_by_whom_it_calls() {
        let registered = |name: &str, user: &str| {
            let expires = Duration::from_secs(600);
            let one = RegistrationConfig { user: user.into(), expires, credentials: None, of_user: None };
            TrunkConfig { registrations: vec![one], ..trunk(name, &[]) }
        };
        let mut trunks = Trunks::new(vec![registered("first", "100"), registered("second", "200")]);
        let flow = flow(TransportKind::Udp, "198.51.100.7:5060");
        let at =
            |trunks: &Trunks, user| trunks.at(&flow, Some(user), &|_| false).map(|trunk| trunk.name.clone());
        assert_eq!(at(&trunks, "100"), None, "not before it has us");
        for name in ["first", "second"] {
            trunks.registered(name, std::iter::once([198, 51, 100, 7].into()));
        }
        let names = ["100", "200", "300"].map(|user| at(&trunks, user).unwrap_or_default());
        assert_eq!(names, ["first", "second", "first"]);
    }

    #[test]
    fn the_port_follows_the_transport() {
        let plain = trunk("plain", &[]);
        let secure = TrunkConfig { transport: TransportKind::Tls, ..plain.clone() };
        let named = TrunkConfig { port: Some(5080), ..secure.clone() };
        assert_eq!((plain.port(), secure.port(), named.port()), (5060, 5061, 5080));
    }

    #[test]
    fn a_password_is_not_shown() {
        assert!(!format!("{:?}", trunk("t", &[])).contains("sesame"));
    }
}
