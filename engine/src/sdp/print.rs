//! From types to text, in the order that RFC 8866 5 demands.

use std::fmt::{Formatter, Result};

use super::media::MediaDescription;
use super::session::SessionDescription;
use super::shared::SharedAttributes;

pub(super) fn session(session: &SessionDescription, f: &mut Formatter<'_>) -> Result {
    write!(f, "v=0\r\no={}\r\ns={}\r\n", session.origin, session.name)?;
    if let Some(host) = &session.connection {
        write!(f, "c={}\r\n", host.network())?;
    }
    f.write_str("t=0 0\r\n")?;
    for group in &session.groups {
        write!(f, "a=group:{}", group.semantics)?;
        for mid in &group.mids {
            write!(f, " {mid}")?;
        }
        f.write_str("\r\n")?;
    }
    if session.ice_lite {
        f.write_str("a=ice-lite\r\n")?;
    }
    shared(&session.shared, f)?;
    for attribute in &session.attributes {
        write!(f, "a={attribute}\r\n")?;
    }
    session.media.iter().try_for_each(|media| section(media, f))
}

fn section(media: &MediaDescription, f: &mut Formatter<'_>) -> Result {
    write!(f, "m={} {}", media.kind, media.port)?;
    if media.port_count != 1 {
        write!(f, "/{}", media.port_count)?;
    }
    write!(f, " {}", media.protocol)?;
    for format in &media.formats {
        write!(f, " {format}")?;
    }
    f.write_str("\r\n")?;
    if let Some(host) = &media.connection {
        write!(f, "c={}\r\n", host.network())?;
    }
    if let Some(rtcp) = &media.rtcp {
        write!(f, "a=rtcp:{rtcp}\r\n")?;
    }
    for candidate in &media.candidates {
        write!(f, "a={candidate}\r\n")?;
    }
    if media.end_of_candidates {
        f.write_str("a=end-of-candidates\r\n")?;
    }
    if let Some(mid) = &media.mid {
        write!(f, "a=mid:{mid}\r\n")?;
    }
    shared(&media.shared, f)?;
    if media.rtcp_mux {
        f.write_str("a=rtcp-mux\r\n")?;
    }
    for crypto in &media.crypto {
        write!(f, "a=crypto:{crypto}\r\n")?;
    }
    formats(media, f)?;
    media.attributes.iter().try_for_each(|attribute| write!(f, "a={attribute}\r\n"))
}

fn formats(media: &MediaDescription, f: &mut Formatter<'_>) -> Result {
    for rtpmap in &media.rtpmaps {
        write!(f, "a=rtpmap:{rtpmap}\r\n")?;
    }
    for fmtp in &media.fmtps {
        write!(f, "a=fmtp:{fmtp}\r\n")?;
    }
    if let Some(ms) = media.ptime_ms {
        write!(f, "a=ptime:{ms}\r\n")?;
    }
    if let Some(ms) = media.maxptime_ms {
        write!(f, "a=maxptime:{ms}\r\n")?;
    }
    Ok(())
}

fn shared(shared: &SharedAttributes, f: &mut Formatter<'_>) -> Result {
    if let Some(ufrag) = &shared.ice_ufrag {
        write!(f, "a=ice-ufrag:{ufrag}\r\n")?;
    }
    if let Some(pwd) = &shared.ice_pwd {
        write!(f, "a=ice-pwd:{pwd}\r\n")?;
    }
    if !shared.ice_options.is_empty() {
        write!(f, "a=ice-options:{}\r\n", shared.ice_options.join(" "))?;
    }
    for fingerprint in &shared.fingerprints {
        write!(f, "a=fingerprint:{fingerprint}\r\n")?;
    }
    if let Some(setup) = shared.setup {
        write!(f, "a=setup:{}\r\n", setup.as_str())?;
    }
    match shared.direction {
        Some(direction) => write!(f, "a={}\r\n", direction.as_str()),
        None => Ok(()),
    }
}
