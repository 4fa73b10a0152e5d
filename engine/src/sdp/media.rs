//! One `m=` section (RFC 8866 5.14).

use std::fmt;

use super::address::{Host, RtcpAddress};
use super::attribute::Attribute;
use super::candidate::Candidate;
use super::crypto::CryptoLine;
use super::protocol::Protocol;
use super::rtpmap::{Fmtp, RtpMap, parse_payload_type};
use super::shared::SharedAttributes;
use crate::rtp::PayloadType;

/// What kind of media an `m=` line describes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// `audio`.
    Audio,
    /// `video`.
    Video,
    /// `application`: data channels.
    Application,
    /// `image`: fax.
    Image,
    /// `text`: real-time text.
    Text,
    /// `message`: MSRP.
    Message,
    /// A kind that is not registered.
    Other(String),
}

/// A media description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaDescription {
    /// The first word of the line.
    pub kind: MediaKind,
    /// Where media is wanted; zero refuses or removes the media, unless it is only to be bundled.
    pub port: u16,
    /// How many port pairs are wanted; one where nothing is said.
    pub port_count: u16,
    /// Transport and profile.
    pub protocol: Protocol,
    /// Payload types, best first; other words where the protocol is not RTP.
    pub formats: Vec<String>,
    /// The `c=` line; where it is missing, the session's holds.
    pub connection: Option<Host>,
    /// What the payload types stand for.
    pub rtpmaps: Vec<RtpMap>,
    /// Their parameters.
    pub fmtps: Vec<Fmtp>,
    /// Milliseconds of audio that the describer wants in a packet.
    pub ptime_ms: Option<u16>,
    /// Milliseconds that it takes at most.
    pub maxptime_ms: Option<u16>,
    /// Names the section (RFC 5888).
    pub mid: Option<String>,
    /// Direction, ICE credentials, fingerprints and DTLS role of this section.
    pub shared: SharedAttributes,
    /// ICE candidates that were understood; others stay among `attributes`, to be passed over (RFC 8839 5.1).
    pub candidates: Vec<Candidate>,
    /// No more candidates follow (RFC 8840 8.2).
    pub end_of_candidates: bool,
    /// RTP and RTCP share one port (RFC 5761).
    pub rtcp_mux: bool,
    /// Where RTCP is wanted, unless on the port above the media's (RFC 3605).
    pub rtcp: Option<RtcpAddress>,
    /// Keys of SRTP, one of which is to be taken.
    pub crypto: Vec<CryptoLine>,
    /// All other attributes, in their order.
    pub attributes: Vec<Attribute>,
}

impl MediaKind {
    pub(super) fn parse(word: &str) -> Self {
        match word {
            "audio" => Self::Audio,
            "video" => Self::Video,
            "application" => Self::Application,
            "image" => Self::Image,
            "text" => Self::Text,
            "message" => Self::Message,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Application => "application",
            Self::Image => "image",
            Self::Text => "text",
            Self::Message => "message",
            Self::Other(word) => word,
        })
    }
}

impl MediaDescription {
    /// A section of which no more is said than its `m=` line.
    #[must_use]
    pub fn new(kind: MediaKind, port: u16, protocol: Protocol, formats: Vec<String>) -> Self {
        Self {
            kind,
            port,
            port_count: 1,
            protocol,
            formats,
            connection: None,
            rtpmaps: Vec::new(),
            fmtps: Vec::new(),
            ptime_ms: None,
            maxptime_ms: None,
            mid: None,
            shared: SharedAttributes::default(),
            candidates: Vec::new(),
            end_of_candidates: false,
            rtcp_mux: false,
            rtcp: None,
            crypto: Vec::new(),
            attributes: Vec::new(),
        }
    }

    /// The payload types of an RTP section, best first; words that are none are passed over.
    pub fn payload_types(&self) -> impl Iterator<Item = PayloadType> + '_ {
        self.formats.iter().filter_map(|word| parse_payload_type(word))
    }

    /// What a payload type was said to stand for.
    #[must_use]
    pub fn rtpmap(&self, payload_type: PayloadType) -> Option<&RtpMap> {
        self.rtpmaps.iter().find(|rtpmap| rtpmap.payload_type == payload_type)
    }

    /// The parameters of a payload type.
    #[must_use]
    pub fn fmtp(&self, payload_type: PayloadType) -> Option<&str> {
        let fmtp = self.fmtps.iter().find(|fmtp| fmtp.payload_type == payload_type);
        fmtp.map(|fmtp| fmtp.parameters.as_str())
    }

    /// Whether an attribute that nobody here reads is there.
    #[must_use]
    pub fn has_attribute(&self, name: &str) -> bool {
        self.attributes.iter().any(|attribute| attribute.name == name)
    }

    /// Whether the describer wants the section at all. Port zero refuses it, unless the section is only
    /// waiting to be bundled (RFC 9143 6).
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.port != 0 || self.has_attribute("bundle-only")
    }
}
