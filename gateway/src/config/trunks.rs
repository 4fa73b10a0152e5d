//! `[[trunks]]`: the telephone systems that calls come from and go to.

use std::collections::HashSet;
use std::num::NonZeroU16;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_codecs::CodecId;
use webtrunk_engine::call::KeyMode;
use webtrunk_engine::sdp::SrtpPolicy;
use webtrunk_signalling::b2bua::Redirects;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::identity::CallerId;
use webtrunk_signalling::sip::trunk::TrunkConfig;
use webtrunk_signalling::sip::trunk_load::TrunkLimits;
use webtrunk_signalling::sip::upstream::RegistrationConfig;

use super::faults::Faults;
use super::http::{ClientCertificateSection, PairFiles};
use super::limits::LimitsSection;
use super::nearest::meant;
use super::passing::{self, WrittenDiversion};
use super::redirects::WrittenRedirects;
use super::rewrites::RewriteSection;
use super::secret::Environment;
use super::sip::Transport;
use super::srtp::Srtp;
use super::trunk_credentials::CredentialsSection;
use super::users::{NAME_CURE, is_name};

/// A trunk.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// What SIP has to know of it.
    pub sip: TrunkConfig,
    /// What may be spoken with it, best first; never empty.
    pub codecs: Vec<CodecId>,
    /// Whether its media is protected.
    pub srtp: SrtpPolicy,
    /// How keys travel in its media.
    pub keys: KeyMode,
    /// What it is shown where it asks who calls it over TLS.
    pub client_certificate: Option<PairFiles>,
    /// Whether its parties may have another take their place.
    pub transfers: bool,
    /// What becomes of a call that its answer sends elsewhere.
    pub redirects: Redirects,
    /// Whether it makes the offer where the caller has made none.
    pub late_offer: bool,
    /// Whether messages are passed to it, and what it writes is.
    pub messages: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrunkSection {
    name: Spanned<String>,
    host: Spanned<String>,
    port: Option<NonZeroU16>,
    domain: Option<Spanned<String>>,
    transport: Option<Spanned<Transport>>,
    #[serde(default)]
    networks: Vec<Spanned<String>>,
    credentials: Option<CredentialsSection>,
    #[serde(default)]
    register: Vec<RegisterSection>,
    probe_s: Option<Spanned<u32>>,
    user: Option<Spanned<String>>,
    #[serde(default)]
    caller_id: WrittenCallerId,
    #[serde(default)]
    rewrite: Vec<RewriteSection>,
    calls_max: Option<Spanned<u32>>,
    calls_per_second: Option<Spanned<u32>>,
    #[serde(default)]
    limits: LimitsSection,
    client_certificate: Option<ClientCertificateSection>,
    certificate_name: Option<Spanned<String>>,
    codecs: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    dtmf: Dtmf,
    /// What is left out is not done: most carriers know nothing of it.
    #[serde(default = "forbid")]
    srtp: Srtp,
    /// Who may transfer can have us call others at our cost.
    #[serde(default)]
    transfers: bool,
    #[serde(default)]
    redirects: WrittenRedirects,
    #[serde(default)]
    headers_allow: Vec<Spanned<String>>,
    #[serde(default)]
    diversion: WrittenDiversion,
    /// Some refuse an INVITE without an offer.
    #[serde(default)]
    late_offer: bool,
    /// A message may cost, and who may call need not be who may write.
    #[serde(default)]
    messages: bool,
    /// Who has the key of tokens says by which passwords the gateway registers there.
    page_accounts: Option<Spanned<bool>>,
    /// What it tells lights the lamps of our users.
    #[serde(default)]
    mailboxes: bool,
}

/// A registration of ours at the trunk.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisterSection {
    user: Spanned<String>,
    expires_s: Option<Spanned<u32>>,
    credentials: Option<CredentialsSection>,
}

/// How a trunk and we tell each other who calls.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenCallerId {
    #[default]
    From,
    PAssertedIdentity,
    Privacy,
}

/// How keys travel.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Dtmf {
    #[default]
    Rfc4733,
    Inband,
    Info,
}

fn forbid() -> Srtp {
    Srtp::Forbid
}

/// What every telephone system speaks, better one first where both do.
const DEFAULT_CODECS: [CodecId; 2] = [CodecId::Pcmu, CodecId::Pcma];

/// How long a registration is asked for where nothing is said, and what may be said. Chosen by us: ten minutes
/// keep most NAT bindings' owners busy enough; below a minute registrars refuse, above a day nobody asks.
const EXPIRES_S: u32 = 600;
const EXPIRES_RANGE_S: std::ops::RangeInclusive<u32> = 60..=86_400;

/// How often hosts may be asked whether they live.
const PROBE_RANGE_S: std::ops::RangeInclusive<u32> = 1..=3600;

/// How codecs are written; a clock rate where there are several.
const CODEC_NAMES: [&str; 7] = ["opus", "G722", "PCMU", "PCMA", "L16/16000", "L16/48000", "L16/8000"];

/// Checks all trunks; a name may be taken once.
pub(super) fn check(
    sections: &[TrunkSection],
    transports: &[TransportKind],
    users: &[&str],
    asks_for_certificates: bool,
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) -> Vec<Trunk> {
    let mut names = HashSet::new();
    for section in sections {
        if !names.insert(section.name.get_ref()) {
            faults.add(section.name.span(), "another trunk has this name", "rename one of them");
        }
        section.check_listener(transports, faults);
        section.check_certificate(asks_for_certificates, faults);
        if let Some(user) = section.user.as_ref().filter(|user| !users.contains(&user.get_ref().as_str())) {
            let cure =
                meant(user.get_ref(), users.iter().copied(), "add it to [[users]], or correct the name");
            faults.add_absent(&["users"], user.span(), "no user has this name", cure);
        }
    }
    sections.iter().filter_map(|section| section.check(environment, faults)).collect()
}

impl TrunkSection {
    pub(super) const fn limits(&self) -> &LimitsSection {
        &self.limits
    }

    pub(super) fn name(&self) -> &str {
        self.name.get_ref()
    }

    /// Whether it tells of our users' mailboxes.
    pub(super) const fn tells_of_mailboxes(&self) -> bool {
        self.mailboxes
    }

    pub(super) fn has_inline_secret(&self) -> bool {
        let of_registrations = self.register.iter().filter_map(|one| one.credentials.as_ref());
        let mut accounts = self.credentials.iter().chain(of_registrations);
        accounts.any(CredentialsSection::has_inline_secret)
    }

    fn check(&self, environment: Environment<'_>, faults: &mut Faults<'_>) -> Option<Trunk> {
        if !is_name(self.name.get_ref()) {
            faults.add(self.name.span(), "is no trunk name", NAME_CURE);
        }
        if !is_host(self.host.get_ref()) {
            let cure = "write a host name or an address, without scheme and port";
            faults.add(self.host.span(), "is no host", cure);
        }
        if let Some(domain) = self.domain.as_ref().filter(|domain| !is_host(domain.get_ref())) {
            let cure = "write a host name or an address, without scheme and port";
            faults.add(domain.span(), "is no host", cure);
        }
        let networks = faults.parse_all(&self.networks, super::NETWORK_CURE);
        let codecs = self.check_codecs(faults);
        let credentials = match &self.credentials {
            None => None,
            Some(account) => Some(account.fetch(environment, faults)?),
        };
        let registrations = self.check_registrations(environment, faults)?;
        let page_accounts = self.page_accounts.as_ref().filter(|taken| *taken.get_ref());
        if let (Some(taken), Some(_)) = (page_accounts, &self.credentials) {
            // A page whose own account is refused would call by the operator's, at the operator's cost.
            let cure =
                "leave credentials away, or write another trunk of the same host for the gateway's own calls";
            faults.add(taken.span(), "is for trunks without credentials of the gateway", cure);
        }
        let probe_interval = self
            .probe_s
            .as_ref()
            .map(|seconds| Duration::from_secs(faults.number(seconds, PROBE_RANGE_S, " seconds").into()));
        let sip = TrunkConfig {
            name: self.name().to_owned(),
            host: self.host.get_ref().clone(),
            port: self.port.map(NonZeroU16::get),
            domain: self.domain.as_ref().map(|domain| domain.get_ref().clone()),
            transport: self.transport(),
            is_transport_open: self.transport.is_none(),
            shows_certificate: self.client_certificate.is_some(),
            source_networks: networks,
            certificate_name: self.certificate_name.as_ref().map(|name| name.get_ref().clone()),
            credentials,
            registrations,
            takes_page_accounts: page_accounts.is_some(),
            peer_user: self.user.as_ref().map(|user| user.get_ref().clone()),
            caller_id: match self.caller_id {
                WrittenCallerId::From => CallerId::From,
                WrittenCallerId::PAssertedIdentity => CallerId::Asserted,
                WrittenCallerId::Privacy => CallerId::Withheld,
            },
            rewrites: self.rewrite.iter().filter_map(|one| one.check(faults)).collect(),
            limits: self.check_limits(faults),
            passing: passing::check(&self.headers_allow, self.diversion, faults),
            probe_interval,
        };
        let keys = match self.dtmf {
            Dtmf::Rfc4733 => KeyMode::Events,
            Dtmf::Inband => KeyMode::Tones,
            Dtmf::Info => KeyMode::Nothing,
        };
        let client_certificate = self.client_certificate.as_ref().map(|own| own.check(faults));
        let (srtp, transfers, redirects) = (self.srtp.into(), self.transfers, self.redirects.0);
        let Self { late_offer, messages, .. } = *self;
        Some(Trunk {
            sip,
            codecs,
            srtp,
            keys,
            client_certificate,
            transfers,
            redirects,
            late_offer,
            messages,
        })
    }

    /// Without somebody who vouches for certificates, nobody could be this trunk.
    fn check_certificate(&self, is_asked_for: bool, faults: &mut Faults<'_>) {
        let Some(name) = &self.certificate_name else { return };
        if !is_host(name.get_ref()) {
            faults.add(
                name.span(),
                "is no name of a certificate",
                "write the host name or address that it is for",
            );
        }
        if !is_asked_for {
            let cure = "add client_authorities to [tls]";
            faults.add_absent(&["tls"], name.span(), "nobody is asked for a certificate", cure);
        }
        // Whoever has the password would be it without the certificate.
        if let Some(user) = &self.user {
            let cure = "take out user, or certificate_name";
            faults.add(user.span(), "is for trunks without certificate_name", cure);
        }
    }

    /// What is written, or where the host's records say nothing else.
    fn transport(&self) -> TransportKind {
        self.transport.as_ref().map_or(TransportKind::Udp, |written| (*written.get_ref()).into())
    }

    fn check_limits(&self, faults: &mut Faults<'_>) -> TrunkLimits {
        for limit in self.calls_max.iter().chain(&self.calls_per_second) {
            if *limit.get_ref() == 0 {
                let cure = "write 1 or more; to have no calls, write no rule";
                faults.add(limit.span(), "is out of range", cure);
            }
        }
        TrunkLimits {
            calls_max: self.calls_max.as_ref().map(|max| *max.get_ref() as usize),
            calls_per_second: self.calls_per_second.as_ref().map(|rate| *rate.get_ref()),
        }
    }

    fn check_registrations(
        &self,
        environment: Environment<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<Vec<RegistrationConfig>> {
        let mut checked: Vec<RegistrationConfig> = Vec::new();
        for section in &self.register {
            let (user, span) = (section.user.get_ref(), section.user.span());
            if !is_name(user) {
                faults.add(span.clone(), "is no user part of an address", NAME_CURE);
            }
            if checked.iter().any(|other| other.user == *user) {
                faults.add(span.clone(), "is registered twice", "take one out");
            }
            if self.credentials.is_none() && section.credentials.is_none() {
                let cure = "add credentials, here or to the trunk";
                faults.add_absent(&["trunks"], span, "nothing answers the registrar's challenge", cure);
            }
            let expires = check_expires(section.expires_s.as_ref(), faults);
            let credentials = match &section.credentials {
                None => None,
                Some(account) => Some(account.fetch(environment, faults)?),
            };
            checked.push(RegistrationConfig { user: user.clone(), expires, credentials, of_user: None });
        }
        Some(checked)
    }

    /// Calls leave from the listener of their transport.
    fn check_listener(&self, transports: &[TransportKind], faults: &mut Faults<'_>) {
        let transport = self.transport();
        let written = self.transport.as_ref().map(Spanned::span);
        if transport.is_websocket() {
            let cure = "use \"udp\", \"tcp\" or \"tls\"";
            faults.add(written.unwrap_or_default(), "trunks are not called over WebSocket", cure);
        } else if !transports.contains(&transport) {
            let span = written.unwrap_or_else(|| self.name.span());
            let name = transport.via_name();
            faults.add_absent(
                &["sip", "trunks"],
                span,
                format!("no listener can call it over {name}"),
                "add one to [[sip.listeners]]",
            );
        }
    }

    fn check_codecs(&self, faults: &mut Faults<'_>) -> Vec<CodecId> {
        let Some(written) = &self.codecs else { return DEFAULT_CODECS.to_vec() };
        let known = || CODEC_NAMES.join(", ");
        if written.get_ref().is_empty() {
            faults.add_missing_below(
                written.span(),
                "names no codec",
                format!("name one at least of {}", known()),
            );
        }
        let mut codecs = Vec::new();
        for name in written.get_ref() {
            match CodecId::parse(name.get_ref()) {
                Some(codec) if codecs.contains(&codec) => {
                    faults.add(name.span(), "is named twice", "take one out");
                }
                Some(codec) => codecs.push(codec),
                None => faults.add(name.span(), "is no codec of ours", format!("use one of {}", known())),
            }
        }
        codecs
    }
}

/// How long a registration is asked for.
pub(super) fn check_expires(written: Option<&Spanned<u32>>, faults: &mut Faults<'_>) -> Duration {
    let seconds = written.map_or(EXPIRES_S, |seconds| faults.number(seconds, EXPIRES_RANGE_S, " seconds"));
    Duration::from_secs(seconds.into())
}

/// A host name of RFC 1123 or an address, IPv6 with or without brackets.
fn is_host(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let is_label = |label: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(is_allowed)
    };
    let is_name = text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label);
    is_name || bare.parse::<std::net::Ipv6Addr>().is_ok()
}
