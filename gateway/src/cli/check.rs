//! `webtrunk check`: all faults, those of this machine among them, or what the configuration amounts to.

use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use super::{Failure, doubts, machine, seals};
use webtrunk_engine::sdp::SrtpPolicy;

use crate::config::{Config, ConfigError, MediaConfig, SipListener};

/// Writes the summary of a sound configuration to `out`.
pub(super) fn check(path: &Path, mut out: impl Write) -> Result<(), Failure> {
    let config = Config::load(path)?;
    let lacks = machine::lacks(path, &config);
    if !lacks.is_empty() {
        return Err(ConfigError::Faulty(lacks).into());
    }
    writeln!(out, "{}: sound", path.display())?;
    for line in summary(&config).into_iter().chain(seals::seals(&config)) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn summary(config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(http) = &config.http {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        lines.push(format!("{scheme} on {}", http.bind));
    }
    lines.extend(config.listeners().map(|own| listener(own, &config.sip_ws.path)));
    lines.extend(config.json.as_ref().map(|own| format!("JSON API at {} of the HTTP server", own.path)));
    let media = &config.media;
    let first = media.webrtc_port;
    lines.push(match first {
        0 => "browsers' media on free ports".to_owned(),
        _ => format!("browsers' media from port {first} on, {} in all", media.shards),
    });
    lines.push(format!("RTP on ports {} to {}", media.rtp_ports.start(), media.rtp_ports.end()));
    lines.extend(shortage(media));
    lines.extend(unheard(config));
    lines.extend(readable_keys(config));
    lines.extend(config.recording.as_ref().map(|own| format!("recordings in {}", own.folder.display())));
    lines.extend(config.store.as_ref().map(|own| format!("registrations kept in {}", own.place)));
    lines.extend(config.cdr.as_ref().map(|own| match &own.file {
        Some(file) => {
            format!("records of calls kept for {} days, and written to {}", own.keep_days, file.display())
        }
        None => format!("records of calls kept for {} days", own.keep_days),
    }));
    lines.extend(
        config
            .admin
            .as_ref()
            .map(|own| format!("admin API on {}, its token in {}", own.bind, own.token_file.display())),
    );
    lines.extend(made_up_addresses(config));
    lines.extend(doubts::doubts(config).into_iter().map(|doubt| format!("warning: {doubt}")));
    let counts =
        [("users", config.users.len()), ("trunks", config.trunks.len()), ("rules", config.rules.len())];
    lines.extend(counts.map(|(what, count)| format!("{what}: {count}")));
    if config.rules.is_empty() {
        lines.push("without rules every call is refused".to_owned());
    }
    lines
}

/// Where SRTP is wanted whose keys anybody on the way of the signalling can read.
fn readable_keys(config: &Config) -> Vec<String> {
    let cure = "call over \"tls\" to keep them from others";
    let mut lines = Vec::new();
    for trunk in &config.trunks {
        if trunk.srtp != SrtpPolicy::Forbid && !trunk.sip.transport.is_secure() {
            let (name, transport) = (&trunk.sip.name, trunk.sip.transport.via_name());
            lines.push(format!(
                "warning: keys of SRTP with trunk {name:?} travel over {transport}, readable; {cure}"
            ));
        }
    }
    // Browsers have keys of their own, which travel nowhere.
    let readable = config.sip.listeners.iter().find(|listener| !listener.transport.is_secure());
    if let (SrtpPolicy::Require, Some(listener)) = (config.sip.phone_srtp, readable) {
        let transport = listener.transport.via_name();
        lines.push(format!(
            "warning: sip.phone_srtp is \"require\", and keys of phones that register over {transport} are readable; {cure}"
        ));
    }
    lines
}

/// Addresses that were left as an example has them: peers would send to nobody.
fn made_up_addresses(config: &Config) -> Vec<String> {
    let sections = [("sip", &config.sip.listeners), ("sip_ws", &config.sip_ws.listeners)];
    let of_listeners = sections.iter().flat_map(|(section, listeners)| {
        listeners.iter().enumerate().filter_map(move |(index, listener)| {
            Some((format!("{section}.listeners[{index}].external_address"), listener.external_address?))
        })
    });
    let media = &config.media;
    let of_media = [("addresses", &media.addresses), ("external_addresses", &media.external_addresses)];
    let of_media =
        of_media.iter().flat_map(|(key, all)| all.iter().map(move |own| (format!("media.{key}"), *own)));
    of_listeners
        .chain(of_media)
        .filter(|(_, address)| is_for_documents(*address))
        .map(|(key, address)| {
            format!(
                "warning: {key} names {address}, an address for documents, where nobody is; write yours, or take the \
                 line out"
            )
        })
        .collect()
}

/// RFC 5737 and RFC 3849.
fn is_for_documents(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_documentation(),
        IpAddr::V6(v6) => v6.segments()[..2] == [0x2001, 0xdb8],
    }
}

/// Listeners whose phones plain RTP does not reach: they are refused.
fn unheard(config: &Config) -> impl Iterator<Item = String> {
    let rtp = config.media.rtp_address;
    // The system binds "::" to both.
    let is_dual_stack = rtp == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let binds = config.sip.listeners.iter().enumerate().filter_map(|(index, own)| Some((index, own.bind?)));
    binds.filter(move |(_, bind)| !is_dual_stack && bind.is_ipv4() != rtp.is_ipv4()).map(move |(index, bind)| {
        let family = if bind.is_ipv4() { "IPv4" } else { "IPv6" };
        format!(
            "warning: phones that call over {family} at sip.listeners[{index}].bind = \"{bind}\" are refused, since \
             media.rtp_address = \"{rtp}\" does not reach them; write \"::\", which reaches both"
        )
    })
}

/// What is too little for as many calls as may be, each between two plain phones.
fn shortage(media: &MediaConfig) -> Option<String> {
    let (first, last) = (usize::from(*media.rtp_ports.start()), usize::from(*media.rtp_ports.end()));
    let pairs = (last + 1).saturating_sub(first.next_multiple_of(2)) / 2;
    let needed = media.calls_max.saturating_mul(2);
    (pairs < needed).then(|| {
        format!(
            "warning: media.rtp_ports has {pairs} pairs, and {} calls between phones need {needed}; widen it, or lower \
             media.calls_max",
            media.calls_max
        )
    })
}

fn listener(listener: &SipListener, path: &str) -> String {
    let name = listener.transport.via_name();
    match listener.bind {
        Some(bind) => format!("SIP over {name} on {bind}"),
        None => format!("SIP over {name} at {path} of the HTTP server"),
    }
}
