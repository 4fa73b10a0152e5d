//! What the other end described.

use std::io::Cursor;
use std::net::{IpAddr, SocketAddr};

use rtc_sdp::{MediaDescription, SessionDescription};
use webtrunk_codecs::CodecId;

use super::{Direction, Format};

/// The audio of the other end's description.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteDescription {
    /// Where it wants RTP, unless ICE finds another way. Port zero refuses the stream.
    pub address: SocketAddr,
    /// What it does, by its own view.
    pub direction: Direction,
    /// Its payload types, best first.
    pub formats: Vec<Format>,
    /// The transport in the m-line: `RTP/AVP`, `UDP/TLS/RTP/SAVPF`.
    pub protocol: String,
    /// Packet duration that it asks for, in milliseconds.
    pub ptime_ms: Option<u32>,
    /// `a=mid`.
    pub mid: Option<String>,
    /// Keys of SRTP, where they stand in the description.
    pub crypto: Vec<RemoteCrypto>,
    /// What ICE and DTLS need; `None` for plain RTP.
    pub ice: Option<RemoteIce>,
    /// The whole text.
    pub text: String,
}

/// An `a=crypto` (RFC 4568) with one key and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCrypto {
    /// Ties an answer to an offer.
    pub tag: u32,
    /// The cipher.
    pub suite: String,
    /// Key and salt in base64.
    pub key: String,
}

/// What ICE and DTLS need to know of the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteIce {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`.
    pub password: String,
    /// Whether it only answers checks.
    pub is_lite: bool,
    /// Host candidates over UDP, component 1.
    pub candidates: Vec<SocketAddr>,
    /// The SHA-256 fingerprint: pairs of hexadecimal digits with colons, upper case.
    pub fingerprint: String,
    /// `a=setup`.
    pub setup: String,
}

/// A description is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Not SDP.
    #[error("the peer's session description cannot be read: {0}")]
    Syntax(String),
    /// Something that must be there is not.
    #[error("the peer's session description has no {0}")]
    Missing(&'static str),
    /// The peer takes none of our codecs.
    #[error("no codec in common; the peer has {0}")]
    NoCodec(String),
    /// The peer refused the stream.
    #[error("the peer refused the audio")]
    Refused,
}

impl RemoteDescription {
    /// Reads the first audio stream.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, SdpError> {
        let session = SessionDescription::unmarshal(&mut Cursor::new(text))
            .map_err(|error| SdpError::Syntax(error.to_string()))?;
        let media = session
            .media_descriptions
            .iter()
            .find(|media| media.media_name.media == "audio")
            .ok_or(SdpError::Missing("audio stream"))?;
        let connection = media.connection_information.as_ref().or(session.connection_information.as_ref());
        let ip: IpAddr = connection
            .and_then(|it| it.address.as_ref())
            .and_then(|it| it.address.parse().ok())
            .ok_or(SdpError::Missing("connection address"))?;
        let port = u16::try_from(media.media_name.port.value).unwrap_or(0);
        let attributes = Attributes { session: &session, media };
        let direction = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive]
            .into_iter()
            .find(|it| attributes.has(it.as_str()))
            .unwrap_or_default();
        Ok(Self {
            address: SocketAddr::new(ip, port),
            direction,
            formats: attributes.formats(),
            protocol: media.media_name.protos.join("/"),
            ptime_ms: attributes.value("ptime").and_then(|it| it.trim().parse().ok()),
            mid: attributes.value("mid").map(str::to_owned),
            crypto: attributes.values("crypto").filter_map(crypto).collect(),
            ice: attributes.ice()?,
            text: text.to_owned(),
        })
    }

    /// The first payload type of this codec.
    #[must_use]
    pub fn format_of(&self, codec: CodecId) -> Option<&Format> {
        self.formats.iter().find(|format| format.codec() == Some(codec))
    }
}

/// Attributes of the stream, or else of the session.
struct Attributes<'a> {
    session: &'a SessionDescription,
    media: &'a MediaDescription,
}

impl Attributes<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        let of_media = self.media.attribute(key).flatten();
        of_media.or_else(|| self.session.attribute(key).map(String::as_str))
    }

    fn has(&self, key: &str) -> bool {
        self.media.has_attribute(key) || self.session.has_attribute(key)
    }

    fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.media.attributes.iter().filter(move |it| it.key == key).filter_map(|it| it.value.as_deref())
    }

    fn formats(&self) -> Vec<Format> {
        let types = self.media.media_name.formats.iter().filter_map(|format| format.parse::<u8>().ok());
        types
            .filter_map(|payload_type| {
                let of_type = |value: &str| {
                    let (number, rest) = value.split_once(' ')?;
                    (number.parse() == Ok(payload_type)).then(|| rest.trim().to_owned())
                };
                let rtpmap = self.values("rtpmap").find_map(of_type);
                let rtpmap = rtpmap.or_else(|| static_rtpmap(payload_type).map(str::to_owned))?;
                let mut parts = rtpmap.split('/');
                Some(Format {
                    payload_type,
                    name: parts.next()?.to_owned(),
                    clock_rate_hz: parts.next()?.parse().ok()?,
                    parameters: self.values("fmtp").find_map(of_type).unwrap_or_default(),
                })
            })
            .collect()
    }

    fn ice(&self) -> Result<Option<RemoteIce>, SdpError> {
        let Some(ufrag) = self.value("ice-ufrag") else { return Ok(None) };
        let password = self.value("ice-pwd").ok_or(SdpError::Missing("ice-pwd"))?;
        let fingerprint = self.value("fingerprint").ok_or(SdpError::Missing("fingerprint"))?;
        let (function, fingerprint) =
            fingerprint.trim().split_once(' ').ok_or(SdpError::Missing("fingerprint"))?;
        if !function.eq_ignore_ascii_case("sha-256") {
            return Err(SdpError::Missing("SHA-256 fingerprint"));
        }
        Ok(Some(RemoteIce {
            ufrag: ufrag.to_owned(),
            password: password.to_owned(),
            is_lite: self.has("ice-lite"),
            candidates: self.values("candidate").filter_map(host_candidate).collect(),
            fingerprint: fingerprint.trim().to_ascii_uppercase(),
            setup: self.value("setup").ok_or(SdpError::Missing("setup"))?.to_owned(),
        }))
    }
}

/// RFC 4568 9.1: tag, suite, key.
fn crypto(value: &str) -> Option<RemoteCrypto> {
    let fields: Vec<_> = value.split_ascii_whitespace().collect();
    let [tag, suite, key] = fields[..] else { return None };
    let key = key.strip_prefix("inline:")?.to_owned();
    Some(RemoteCrypto { tag: tag.parse().ok()?, suite: suite.to_owned(), key })
}

/// The host candidates over UDP in a fragment of a description (RFC 8840 9).
pub(crate) fn candidates_of(fragment: &str) -> impl Iterator<Item = SocketAddr> {
    fragment.lines().filter_map(|line| host_candidate(line.trim().strip_prefix("a=candidate:")?))
}

/// RFC 8839 5.1: foundation, component, transport, priority, address, port, `typ`, type.
fn host_candidate(value: &str) -> Option<SocketAddr> {
    let fields: Vec<_> = value.split_ascii_whitespace().collect();
    let [_, "1", transport, _, address, port, "typ", "host", ..] = fields[..] else { return None };
    transport.eq_ignore_ascii_case("udp").then_some(())?;
    Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?))
}

/// RFC 3551 table 4, as far as it concerns us.
fn static_rtpmap(payload_type: u8) -> Option<&'static str> {
    match payload_type {
        0 => Some("PCMU/8000"),
        8 => Some("PCMA/8000"),
        9 => Some("G722/8000"),
        18 => Some("G729/8000"),
        _ => None,
    }
}
