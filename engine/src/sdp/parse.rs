//! From text to types, line by line (RFC 8866 5).
//!
//! What a call hangs on (`v= o= c= m=`, ICE credentials, fingerprints, DTLS roles) must be right or the
//! text is refused. Other attributes that cannot be read, or come twice, are kept as if unknown.

use std::borrow::Cow;

use super::address::{Host, RtcpAddress};
use super::attribute::Attribute;
use super::candidate::Candidate;
use super::crypto::CryptoLine;
use super::direction::Direction;
use super::error::{SdpError, SdpFault};
use super::fingerprint::{Fingerprint, FingerprintFault};
use super::media::{MediaDescription, MediaKind};
use super::origin::Origin;
use super::protocol::Protocol;
use super::rtpmap::{Fmtp, RtpMap};
use super::session::{Group, SessionDescription};
use super::setup::Setup;
use super::shared::SharedAttributes;

pub(super) fn parse(bytes: &[u8]) -> Result<SessionDescription, SdpError> {
    if bytes.len() > LENGTH_MAX {
        return Err(SdpError { line: 1, fault: SdpFault::TooLong });
    }
    // Names in other character sets are of no use to a call, and no reason to refuse it.
    let text: Cow<'_, str> = String::from_utf8_lossy(bytes);
    let mut parser = Parser::default();
    let mut line = 0;
    for content in text.split('\n') {
        line += 1;
        parser.line(content.trim_ascii_end(), line).map_err(|fault| SdpError { line, fault })?;
    }
    parser.finish().map_err(|fault| SdpError { line, fault })
}

#[derive(Default)]
struct Parser {
    has_version: bool,
    origin: Option<Origin>,
    name: Option<String>,
    connection: Option<Host>,
    groups: Vec<Group>,
    ice_lite: bool,
    shared: SharedAttributes,
    attributes: Vec<Attribute>,
    media: Vec<MediaDescription>,
}

impl Parser {
    fn line(&mut self, line: &str, number: usize) -> Result<(), SdpFault> {
        if line.is_empty() {
            return Ok(());
        }
        if number > LINES_MAX {
            return Err(SdpFault::TooManyLines);
        }
        if line.contains(['\r', '\0']) {
            return Err(SdpFault::ControlCharacter);
        }
        let (letter, value) = split_line(line)?;
        match letter {
            'v' if !self.has_version && value == "0" => self.has_version = true,
            _ if !self.has_version => return Err(SdpFault::NoVersion),
            'v' => return Err(SdpFault::OutOfPlace(letter)),
            'o' if self.origin.is_none() && self.media.is_empty() => {
                self.origin = Some(Origin::parse(value).ok_or(SdpFault::Malformed("origin"))?);
            }
            's' if self.name.is_none() && self.media.is_empty() => {
                self.name = Some(value.to_owned()).filter(|name| !name.is_empty());
            }
            'o' | 's' => return Err(SdpFault::OutOfPlace(letter)),
            'c' => {
                let host = Host::parse_network(value).ok_or(SdpFault::Malformed("connection"))?;
                let slot = self.media.last_mut().map_or(&mut self.connection, |media| &mut media.connection);
                slot.get_or_insert(host);
            }
            'm' if self.media.len() == MEDIA_MAX => return Err(SdpFault::TooManyMedia),
            'm' => self.media.push(parse_media_line(value).ok_or(SdpFault::Malformed("media line"))?),
            'a' => self.attribute(value)?,
            'i' | 'u' | 'e' | 'p' | 'b' | 't' | 'r' | 'z' | 'k' => {}
            _ => return Err(SdpFault::UnknownType(letter)),
        }
        Ok(())
    }

    fn attribute(&mut self, text: &str) -> Result<(), SdpFault> {
        let (name, value) = match text.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let (shared, attributes) = match self.media.last_mut() {
            Some(media) => {
                if media_attribute(media, name, value) {
                    return Ok(());
                }
                (&mut media.shared, &mut media.attributes)
            }
            None => {
                if self.session_attribute(name, value) {
                    return Ok(());
                }
                (&mut self.shared, &mut self.attributes)
            }
        };
        if !shared_attribute(shared, name, value)? {
            attributes.push(Attribute { name: name.to_owned(), value: value.map(str::to_owned) });
        }
        Ok(())
    }

    /// Returns whether the attribute was one of the session's own.
    fn session_attribute(&mut self, name: &str, value: Option<&str>) -> bool {
        match (name, value) {
            ("ice-lite", None) => self.ice_lite = true,
            ("group", Some(value)) => {
                let mut words = value.split_ascii_whitespace().map(str::to_owned);
                let Some(semantics) = words.next() else { return false };
                self.groups.push(Group { semantics, mids: words.collect() });
            }
            _ => return false,
        }
        true
    }

    fn finish(self) -> Result<SessionDescription, SdpFault> {
        if !self.has_version {
            return Err(SdpFault::NoVersion);
        }
        Ok(SessionDescription {
            origin: self.origin.ok_or(SdpFault::NoOrigin)?,
            name: self.name.unwrap_or_else(|| "-".to_owned()),
            connection: self.connection,
            groups: self.groups,
            ice_lite: self.ice_lite,
            shared: self.shared,
            attributes: self.attributes,
            media: self.media,
        })
    }
}

fn split_line(line: &str) -> Result<(char, &str), SdpFault> {
    let (letter, value) = line.split_once('=').ok_or(SdpFault::NotALine)?;
    let mut letters = letter.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Ok((letter, value)),
        _ => Err(SdpFault::NotALine),
    }
}

fn parse_media_line(value: &str) -> Option<MediaDescription> {
    let mut words = value.split_ascii_whitespace();
    let kind = MediaKind::parse(words.next()?);
    let ports = words.next()?;
    let (port, count) = ports.split_once('/').unwrap_or((ports, "1"));
    let protocol = Protocol::parse(words.next()?);
    let formats: Vec<String> = words.map(str::to_owned).collect();
    if formats.is_empty() || formats.len() > FORMATS_MAX {
        return None;
    }
    let mut media = MediaDescription::new(kind, port.parse().ok()?, protocol, formats);
    media.port_count = count.parse().ok()?;
    Some(media)
}

/// Returns whether the attribute was one of a section's own, and could be read.
fn media_attribute(media: &mut MediaDescription, name: &str, value: Option<&str>) -> bool {
    let Some(value) = value.map(str::trim_ascii) else {
        return match name {
            "rtcp-mux" => set(&mut media.rtcp_mux),
            "end-of-candidates" => set(&mut media.end_of_candidates),
            _ => false,
        };
    };
    match name {
        "rtpmap" => push(&mut media.rtpmaps, RtpMap::parse(value)),
        "fmtp" => push(&mut media.fmtps, Fmtp::parse(value)),
        "candidate" => push(&mut media.candidates, Candidate::parse(value).ok()),
        "crypto" => push(&mut media.crypto, Some(CryptoLine::new(value))),
        "ptime" => fill(&mut media.ptime_ms, parse_milliseconds(value)),
        "maxptime" => fill(&mut media.maxptime_ms, parse_milliseconds(value)),
        "mid" => fill(&mut media.mid, is_word(value).then(|| value.to_owned())),
        "rtcp" => fill(&mut media.rtcp, RtcpAddress::parse(value)),
        _ => false,
    }
}

/// Returns whether the attribute was one that may stand at both levels.
fn shared_attribute(
    shared: &mut SharedAttributes,
    name: &str,
    value: Option<&str>,
) -> Result<bool, SdpFault> {
    let Some(value) = value.map(str::trim_ascii) else {
        return Ok(fill(&mut shared.direction, Direction::parse(name)));
    };
    Ok(match name {
        "ice-ufrag" => fill(&mut shared.ice_ufrag, Some(ice_ufrag(value)?)),
        "ice-pwd" => fill(&mut shared.ice_pwd, Some(ice_pwd(value)?)),
        "ice-options" => {
            shared.ice_options.extend(value.split_ascii_whitespace().map(str::to_owned));
            true
        }
        "fingerprint" => match Fingerprint::parse(value) {
            Ok(fingerprint) => push(&mut shared.fingerprints, Some(fingerprint)),
            Err(FingerprintFault::UnknownFunction) => false,
            Err(FingerprintFault::Malformed) => return Err(SdpFault::Malformed("fingerprint")),
        },
        "setup" => fill(&mut shared.setup, Some(Setup::parse(value).ok_or(SdpFault::Malformed("setup"))?)),
        _ => false,
    })
}

pub(super) fn ice_ufrag(value: &str) -> Result<String, SdpFault> {
    ice_word(value, UFRAG_LENGTH_MIN, "ICE ufrag")
}

pub(super) fn ice_pwd(value: &str) -> Result<String, SdpFault> {
    ice_word(value, PWD_LENGTH_MIN, "ICE password")
}

fn ice_word(value: &str, length_min: usize, what: &'static str) -> Result<String, SdpFault> {
    let is_sound = (length_min..=ICE_WORD_LENGTH_MAX).contains(&value.len()) && is_word(value);
    if is_sound { Ok(value.to_owned()) } else { Err(SdpFault::Malformed(what)) }
}

fn is_word(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic())
}

/// Whole milliseconds; phones exist that write `20.0`.
fn parse_milliseconds(value: &str) -> Option<u16> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let ms = whole.parse().ok().filter(|&ms| ms > 0)?;
    fraction.bytes().all(|b| b == b'0').then_some(ms)
}

fn set(flag: &mut bool) -> bool {
    *flag = true;
    true
}

/// Takes the value unless there is one already; returns whether it was taken.
fn fill<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    if slot.is_some() || value.is_none() {
        return false;
    }
    *slot = value;
    true
}

fn push<T>(list: &mut Vec<T>, value: Option<T>) -> bool {
    let Some(value) = value else { return false };
    list.push(value);
    true
}

/// A browser's offer with audio, video and data is about 8 KiB. Chosen by us.
const LENGTH_MAX: usize = 64 * 1024;
/// A browser's offer with video has about 200 lines. Chosen by us.
const LINES_MAX: usize = 2000;
/// Chosen by us; one is used.
const MEDIA_MAX: usize = 16;
/// There are no more payload types.
const FORMATS_MAX: usize = 128;
/// RFC 8839 5.4 for all three.
const UFRAG_LENGTH_MIN: usize = 4;
const PWD_LENGTH_MIN: usize = 22;
const ICE_WORD_LENGTH_MAX: usize = 256;
