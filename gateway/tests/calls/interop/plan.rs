//! What is between an office and a phone, in what manner, and how the gateway and a second one are told of it.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::support::gateway::{GatewayConfig, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

/// What is between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    /// Kamailio, at which the gateway and the far phone register.
    Registrar,
    /// Kamailio, which stays on the way of calls by addresses.
    Proxy,
    /// A second Webtrunk, at which the gateway registers.
    Webtrunk,
}

/// All that a test wants otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) between: Between,
    /// The gateway and the server speak TLS; media between them are encrypted by keys in the descriptions.
    pub(super) is_secure: bool,
    pub(super) is_ipv6: bool,
    /// More lines for `[sip]` of the gateway.
    pub(super) sip: &'static str,
    /// More lines for `[sip]` of the second Webtrunk.
    pub(super) their_sip: &'static str,
    /// Whether the far phone refreshes its calls, every 45 s.
    pub(super) is_far_refreshing: bool,
}

/// Where everybody is.
pub(super) struct Places {
    pub(super) own: Host,
    pub(super) server: Host,
    pub(super) office: Host,
    pub(super) far: Host,
    pub(super) third: Host,
}

/// The network of [`Plan::is_ipv6`] and how many hosts it has.
pub(super) const IPV6_NETWORK: &str = "fd00:99::";
pub(super) const HOSTS: u16 = 5;

/// Where TLS is spoken.
pub(super) const TLS_PORT: u16 = SIP_PORT + 1;

impl Plan {
    pub(super) const fn new(between: Between) -> Self {
        Self { between, is_secure: false, is_ipv6: false, sip: "", their_sip: "", is_far_refreshing: false }
    }

    pub(super) fn places(&self) -> Places {
        let host = |number: u16| {
            if self.is_ipv6 { Host::among_others(&format!("{IPV6_NETWORK}{number}")) } else { Host::new() }
        };
        Places { own: host(1), server: host(2), office: host(3), far: host(4), third: host(5) }
    }

    /// Whether the gateway has an account at the server.
    pub(super) const fn is_registered_at(&self) -> bool {
        matches!(self.between, Between::Registrar | Between::Webtrunk)
    }

    /// What the office dials to reach the far phone.
    pub(super) const fn far_number(&self) -> &'static str {
        match self.between {
            Between::Registrar => "bob",
            Between::Proxy | Between::Webtrunk => "9100",
        }
    }

    /// What the far phone dials to reach the office.
    pub(super) const fn office_number(&self) -> &'static str {
        match self.between {
            Between::Registrar => "gate",
            Between::Proxy => "100",
            Between::Webtrunk => "7100",
        }
    }

    /// The gateway's. Its certificate and key come first, then the server's certificate.
    pub(super) fn gateway(&self, places: &Places, [own, key, theirs]: [&PathBuf; 3]) -> GatewayConfig {
        let (ip, secret) = (places.server.ip(), password("gate"));
        let provider = if self.is_registered_at() {
            format!(
                "credentials = {{ user = 'gate', password = '{secret}' }}\n\
                 register = [{{ user = 'gate', expires_s = 60 }}]"
            )
        } else {
            format!("networks = ['{ip}']")
        };
        let manner = if self.is_secure { "transport = 'tls'\nsrtp = 'require'" } else { "transport = 'udp'" };
        let shown = if self.is_registered_at() { ", shown_number = 'gate'" } else { "" };
        let config = GatewayConfig::default()
            .trunk("office", &places.office, &["PCMU"])
            .trunk("third", &places.third, &["PCMU"])
            .trunk_lines(&format!(
                "name = 'provider'\nhost = '{ip}'\n{manner}\ncodecs = ['PCMU']\ntransfers = true\n{provider}"
            ))
            .rule(&format!(
                "destination = 'bob|9\\d+'\nfrom_trunk = 'office'\n\
                 actions = [{{ bridge = {{ trunk = 'provider', number = '$0'{shown} }} }}]"
            ))
            .rule(
                "destination = 'gate|100'\nfrom_trunk = 'provider'\n\
                 actions = [{ bridge = { trunk = 'office', number = '100' } }]",
            )
            .rule(
                "destination = '8\\d+'\nfrom_trunk = 'provider'\n\
                 actions = [{ bridge = { trunk = 'third', number = '$0' } }]",
            )
            .sip(self.sip);
        if self.is_secure {
            config.tls(own, key).trusting(theirs).sip(&tls_listener(&places.own))
        } else {
            config
        }
    }

    /// That of the second Webtrunk, with its certificate and key.
    pub(super) fn provider(&self, places: &Places, [certificate, key]: [&PathBuf; 2]) -> GatewayConfig {
        let config = GatewayConfig::default()
            .user("gate")
            .trunk("network", &places.far, &["PCMU"])
            .last_trunk("transfers = true")
            .trunk("third", &places.third, &["PCMU"])
            .rule("destination = '9\\d+'\nactions = [{ bridge = { trunk = 'network', number = '$0' } }]")
            .rule("destination = '7\\d+'\nfrom_trunk = 'network'\nactions = [{ bridge = { user = 'gate' } }]")
            .rule(
                "destination = '8\\d+'\nfrom_trunk = 'network'\n\
                 actions = [{ bridge = { trunk = 'third', number = '$0' } }]",
            )
            .sip(self.their_sip);
        if self.is_secure {
            let secured = format!("phone_srtp = 'require'\n{}", tls_listener(&places.server));
            config.tls(certificate, key).sip(&secured)
        } else {
            config
        }
    }

    /// Where Kamailio sends calls for the gateway: what its `$du` is.
    pub(super) fn way_to(&self, gateway: &Host) -> String {
        let (port, transport) = if self.is_secure { (TLS_PORT, "tls") } else { (SIP_PORT, "udp") };
        format!("sip:{};transport={transport}", gateway.at(port))
    }

    /// Where Kamailio listens, in its words.
    pub(super) fn listeners(&self, server: &Host) -> Vec<String> {
        let tls = self.is_secure.then(|| format!("tls:{}", server.at(TLS_PORT)));
        [format!("udp:{}", server.at(SIP_PORT))].into_iter().chain(tls).collect()
    }

    /// Whom the third phone speaks SIP with.
    pub(super) fn server_of_third(&self, places: &Places) -> SocketAddr {
        let host = if self.between == Between::Webtrunk { &places.server } else { &places.own };
        host.at(SIP_PORT)
    }
}

fn tls_listener(host: &Host) -> String {
    format!("[[sip.listeners]]\ntransport = 'tls'\nbind = '{}'", host.at(TLS_PORT))
}
