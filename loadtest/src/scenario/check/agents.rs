//! The populations.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use toml::Spanned;
use webtrunk_codecs::CodecId;
use webtrunk_codecs::l16::L16Rate;

use super::{accounts, network, within, within_at};
use crate::agent::{LaterKeys, PhoneSrtp, PhoneTransport, SrtpProfile, Trust, address_towards};
use crate::scenario::fault::Faults;
use crate::scenario::file::{
    AgentsSection, CodecWord, DigitsWord, File, KindWord, ProfileWord, TargetSection, TransportWord,
};
use crate::scenario::{Accounts, Kind, Population};

/// Agents of one population at most: each has a connection.
const COUNT_MAX: usize = 5000;

pub(super) fn check(file: &File, folder: &Path, faults: &mut Faults<'_>) -> Vec<Population> {
    let mut populations: Vec<Population> = Vec::new();
    for (at, section) in file.agents.iter().enumerate() {
        let name = &section.get_ref().name;
        if populations.iter().any(|known| known.name == *name.get_ref()) {
            faults.add(name.span(), format!("agents[{at}].name"), "stands there twice", "take another");
        }
        populations.extend(population(at, section, &file.target, folder, faults));
    }
    populations
}

fn population(
    at: usize,
    section: &Spanned<AgentsSection>,
    target: &TargetSection,
    folder: &Path,
    faults: &mut Faults<'_>,
) -> Option<Population> {
    let key = format!("agents[{at}]");
    let (span, section) = (section.span(), section.get_ref());
    let count = section.count.as_ref().map_or(1, |it| *it.get_ref());
    within_at(faults, span.clone(), format!("{key}.count"), &count, 1..=COUNT_MAX);
    let kind = kind(&key, section, faults);
    let server = match section.kind {
        KindWord::Phone if kind == Kind::Phone(PhoneTransport::Tls) => &target.sip_tls,
        KindWord::Phone => &target.sip,
        KindWord::Webrtc => &target.sip_ws,
        KindWord::Json => &target.json,
    };
    let (word, example) = match section.kind {
        KindWord::Phone if kind == Kind::Phone(PhoneTransport::Tls) => ("sip_tls", "127.0.0.1:5061"),
        KindWord::Phone => ("sip", "127.0.0.1:5060"),
        KindWord::Webrtc => ("sip_ws", "ws://127.0.0.1:8080/sip"),
        KindWord::Json => ("json", "ws://127.0.0.1:8080/api/v1"),
    };
    let is_reached_by_itself = matches!(kind, Kind::Phone(PhoneTransport::Udp | PhoneTransport::Tcp));
    let needs_server = section.role.calls() || !is_reached_by_itself;
    match server {
        None if needs_server => {
            let cure = format!("add {word} = \"{example}\" to [target]");
            faults.add(span.clone(), key.clone(), "has nowhere to go", cure);
        }
        Some(server) if !is_server(section.kind, server.get_ref()) => {
            let cure = format!("write it as \"{example}\"");
            faults.add(server.span(), format!("target.{word}"), "is no address of a server", cure);
        }
        _ => {}
    }
    let name = section.name.get_ref();
    let (accounts, has_password) = accounts::check(&key, name, section.accounts.as_ref(), folder, faults)?;
    let is_deaf = section.register.as_ref().map_or(!has_password, |it| !*it.get_ref());
    if kind == Kind::Phone(PhoneTransport::Tls) && section.role.answers() && is_deaf {
        let cure = "give accounts with a password, and leave register true";
        faults.add(
            span.clone(),
            key.clone(),
            "over TLS is called along the connection that it registered by",
            cure,
        );
    }
    if let Some(register) = &section.register
        && *register.get_ref()
        && !has_password
    {
        faults.add(
            register.span(),
            format!("{key}.register"),
            "nobody can without a password",
            "give accounts",
        );
    }
    if kind == Kind::Page && !has_password {
        let cure = "give accounts with a password, a secret or a token";
        faults.add(span.clone(), key.clone(), "pages must prove who they are", cure);
    }
    if kind != Kind::Page && matches!(accounts, Accounts::Token { .. }) {
        faults.add(
            span.clone(),
            format!("{key}.accounts"),
            "the JSON API alone takes tokens",
            "give a password",
        );
    }
    if let Some(rings) = &section.rings_seconds {
        within(faults, format!("{key}.rings_seconds"), rings, 0.0..=120.0);
    }
    let returns_digits = returns_digits(&key, section, faults);
    let network = network::check(&format!("{key}.network"), &section.network, faults);
    let profiles: Vec<_> = section.srtp.iter().map(|word| profile(*word.get_ref())).collect();
    let srtp = match (section.kind, profiles.first()) {
        (KindWord::Phone, Some(profile)) => {
            Some(PhoneSrtp { profile: *profile, is_optional: false, later: LaterKeys::Kept })
        }
        _ => None,
    };
    Some(Population {
        name: name.clone(),
        kind,
        role: section.role,
        count,
        server: server.as_ref().map(|it| it.get_ref().clone()),
        trust: trust(target, folder),
        domain: target.domain.clone(),
        accounts,
        has_password,
        registers: section
            .register
            .as_ref()
            .map_or(has_password && kind != Kind::Page && section.role.answers(), |it| *it.get_ref()),
        codecs: section.codecs.iter().map(|word| codec(*word)).collect(),
        profiles,
        srtp,
        bind: section.bind.unwrap_or_else(|| bind_towards(server.as_ref().map(|it| it.get_ref().as_str()))),
        media_address: section.media_address,
        rings: Duration::from_secs_f64(
            section.rings_seconds.as_ref().map_or(0.0, |it| it.get_ref().max(0.0)),
        ),
        returns_digits,
        network,
        takes_noise: false,
    })
}

/// Whether those who answer send each digit back that they hear.
fn returns_digits(key: &str, section: &AgentsSection, faults: &mut Faults<'_>) -> bool {
    let Some(digits) = &section.digits else { return false };
    let returns = *digits.get_ref() == DigitsWord::Return;
    let mut fault =
        |problem: &str| faults.add(digits.span(), format!("{key}.digits"), problem, "take it out");
    if !section.role.answers() {
        fault("nobody of them answers");
    } else if returns && matches!(section.kind, KindWord::Json) {
        fault("pages are told of digits by events, and hear none");
    }
    returns
}

fn kind(key: &str, section: &AgentsSection, faults: &mut Faults<'_>) -> Kind {
    let transport = match section.transport.as_ref().map(|it| *it.get_ref()) {
        Some(TransportWord::Tcp) => PhoneTransport::Tcp,
        Some(TransportWord::Tls) => PhoneTransport::Tls,
        Some(TransportWord::Udp) | None => PhoneTransport::Udp,
    };
    match section.kind {
        KindWord::Phone => return Kind::Phone(transport),
        KindWord::Webrtc | KindWord::Json => {}
    }
    if let Some(given) = &section.transport {
        let cure = "take it out: the URL in [target] tells ws from wss";
        faults.add(given.span(), format!("{key}.transport"), "is for phones", cure);
    }
    if section.kind == KindWord::Json { Kind::Page } else { Kind::Webrtc }
}

/// Where phones are of which nothing is said: from loopback there is no way to another machine.
fn bind_towards(server: Option<&str>) -> SocketAddr {
    let own = server.and_then(|server| address_towards(server.parse().ok()?));
    SocketAddr::new(own.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), 0)
}

fn is_server(kind: KindWord, server: &str) -> bool {
    match kind {
        KindWord::Phone => server.parse::<SocketAddr>().is_ok(),
        KindWord::Webrtc | KindWord::Json => ["ws://", "wss://"].iter().any(|scheme| {
            server.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        }),
    }
}

fn trust(target: &TargetSection, folder: &Path) -> Trust {
    match &target.ca {
        _ if target.insecure => Trust::Anybody,
        Some(file) => Trust::Authority(folder.join(file)),
        None => Trust::Nobody,
    }
}

const fn codec(word: CodecWord) -> CodecId {
    match word {
        CodecWord::Opus => CodecId::Opus,
        CodecWord::Pcmu => CodecId::Pcmu,
        CodecWord::Pcma => CodecId::Pcma,
        CodecWord::G722 => CodecId::G722,
        CodecWord::L16 => CodecId::L16(L16Rate::Wide),
    }
}

const fn profile(word: ProfileWord) -> SrtpProfile {
    match word {
        ProfileWord::Cm128 => SrtpProfile::Aes128CmHmacSha1_80,
        ProfileWord::Gcm128 => SrtpProfile::AeadAes128Gcm,
        ProfileWord::Gcm256 => SrtpProfile::AeadAes256Gcm,
    }
}
