//! `[[trunks]]`: the telephone systems that calls come from and go to.

use std::collections::HashSet;
use std::num::NonZeroU16;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_codecs::CodecId;
use webtrunk_engine::call::KeyMode;
use webtrunk_engine::sdp::SrtpPolicy;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::trunk::{TrunkConfig, TrunkCredentials};

use super::faults::Faults;
use super::secret::{Environment, SecretSource, fetch};
use super::sip::Transport;
use super::srtp::Srtp;
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrunkSection {
    name: Spanned<String>,
    host: Spanned<String>,
    port: Option<NonZeroU16>,
    #[serde(default = "udp")]
    transport: Spanned<Transport>,
    #[serde(default)]
    networks: Vec<Spanned<String>>,
    credentials: Option<CredentialsSection>,
    codecs: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    dtmf: Dtmf,
    /// What is left out is not done: most carriers know nothing of it.
    #[serde(default = "forbid")]
    srtp: Srtp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialsSection {
    user: String,
    password: Spanned<SecretSource>,
    realm: Option<String>,
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

fn udp() -> Spanned<Transport> {
    Spanned::new(0..0, Transport::Udp)
}

fn forbid() -> Srtp {
    Srtp::Forbid
}

/// What every telephone system speaks, better one first where both do.
const DEFAULT_CODECS: [CodecId; 2] = [CodecId::Pcmu, CodecId::Pcma];

/// How codecs are written; a clock rate where there are several.
const CODEC_NAMES: [&str; 7] = ["opus", "G722", "PCMU", "PCMA", "L16/16000", "L16/48000", "L16/8000"];

/// Checks all trunks; a name may be taken once.
pub(super) fn check(
    sections: &[TrunkSection],
    transports: &[TransportKind],
    environment: Environment<'_>,
    faults: &mut Faults<'_>,
) -> Vec<Trunk> {
    let mut names = HashSet::new();
    for section in sections {
        if !names.insert(section.name.get_ref()) {
            faults.add(section.name.span(), "another trunk has this name", "rename one of them");
        }
        section.check_listener(transports, faults);
    }
    sections.iter().filter_map(|section| section.check(environment, faults)).collect()
}

impl TrunkSection {
    pub(super) fn name(&self) -> &str {
        self.name.get_ref()
    }

    pub(super) fn has_inline_secret(&self) -> bool {
        self.credentials.as_ref().is_some_and(|account| account.password.get_ref().is_inline())
    }

    fn check(&self, environment: Environment<'_>, faults: &mut Faults<'_>) -> Option<Trunk> {
        if !is_name(self.name.get_ref()) {
            faults.add(self.name.span(), "is no trunk name", NAME_CURE);
        }
        if !is_host(self.host.get_ref()) {
            let cure = "write a host name or an address, without scheme and port";
            faults.add(self.host.span(), "is no host", cure);
        }
        let networks = faults.parse_all(&self.networks, super::NETWORK_CURE);
        let codecs = self.check_codecs(faults);
        let credentials = match &self.credentials {
            None => None,
            Some(account) => Some(TrunkCredentials {
                username: account.user.clone(),
                password: fetch(&account.password, environment, faults)?.expose().to_owned(),
                realm: account.realm.clone(),
            }),
        };
        let sip = TrunkConfig {
            name: self.name().to_owned(),
            host: self.host.get_ref().clone(),
            port: self.port.map(NonZeroU16::get),
            transport: TransportKind::from(*self.transport.get_ref()),
            source_networks: networks,
            credentials,
        };
        let keys = match self.dtmf {
            Dtmf::Rfc4733 => KeyMode::Events,
            Dtmf::Inband => KeyMode::Tones,
            Dtmf::Info => KeyMode::Nothing,
        };
        Some(Trunk { sip, codecs, srtp: self.srtp.into(), keys })
    }

    /// Calls leave from the listener of their transport.
    fn check_listener(&self, transports: &[TransportKind], faults: &mut Faults<'_>) {
        let transport = TransportKind::from(*self.transport.get_ref());
        if transport.is_websocket() {
            let cure = "use \"udp\", \"tcp\" or \"tls\"";
            faults.add(self.transport.span(), "trunks are not called over WebSocket", cure);
        } else if !transports.contains(&transport) {
            let is_written = !self.transport.span().is_empty();
            let span = if is_written { self.transport.span() } else { self.name.span() };
            let name = transport.via_name();
            faults.add_missing(
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
            faults.add(written.span(), "names no codec", format!("name one at least of {}", known()));
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
