//! The session description as a value.

use std::fmt;

use super::address::Host;
use super::attribute::Attribute;
use super::direction::Direction;
use super::error::SdpError;
use super::fingerprint::Fingerprint;
use super::media::{MediaDescription, MediaKind};
use super::origin::Origin;
use super::setup::Setup;
use super::shared::SharedAttributes;
use super::{parse, print};

/// A session description, RFC 8866.
///
/// [`Self::parse`] reads it, its [`Display`](fmt::Display) form is the text with CRLF line ends. Lines
/// that no call needs (`i= u= e= p= b= t= r= z= k=`) are checked for form and dropped; attributes that
/// nobody here reads are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription {
    /// The `o=` line.
    pub origin: Origin,
    /// The `s=` line, `-` where there is no name.
    pub name: String,
    /// The `c=` line of the session, for sections without one.
    pub connection: Option<Host>,
    /// Groups of sections (RFC 5888).
    pub groups: Vec<Group>,
    /// The describer only answers connectivity checks (RFC 8839 5.3).
    pub ice_lite: bool,
    /// What holds for every section that does not say otherwise.
    pub shared: SharedAttributes,
    /// All other attributes of the session, in their order.
    pub attributes: Vec<Attribute>,
    /// The `m=` sections.
    pub media: Vec<MediaDescription>,
}

/// Sections that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    /// `BUNDLE` (RFC 9143), `LS` and so on.
    pub semantics: String,
    /// The names of the sections.
    pub mids: Vec<String>,
}

impl SessionDescription {
    /// Reads a description, whose lines may end in CRLF or LF.
    ///
    /// Lenient where real peers err without harm: blank lines, lines out of order, missing `s=` and `t=`.
    /// Malformed values of attributes that a call can do without leave the attribute unread.
    ///
    /// # Errors
    /// [`SdpError`] with the line and its fault.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, SdpError> {
        parse::parse(text.as_ref())
    }

    /// Whether the describer speaks WebRTC for audio: ICE, and SRTP keyed by DTLS. Chooses the kind of leg.
    #[must_use]
    pub fn is_webrtc(&self) -> bool {
        self.media.iter().any(|media| {
            let protocol = &media.protocol;
            media.kind == MediaKind::Audio
                && media.is_wanted()
                && (protocol.is_dtls_srtp() || protocol.is_srtp())
                && self.ice_credentials_of(media).is_some()
                && !self.fingerprints_of(media).is_empty()
        })
    }

    /// The `c=` that holds for a section.
    #[must_use]
    pub fn connection_of<'a>(&'a self, media: &'a MediaDescription) -> Option<&'a Host> {
        media.connection.as_ref().or(self.connection.as_ref())
    }

    /// The direction that holds for a section.
    #[must_use]
    pub fn direction_of(&self, media: &MediaDescription) -> Direction {
        media.shared.direction.or(self.shared.direction).unwrap_or_default()
    }

    /// The ICE credentials, ufrag and pwd, that hold for a section.
    #[must_use]
    pub fn ice_credentials_of<'a>(&'a self, media: &'a MediaDescription) -> Option<(&'a str, &'a str)> {
        self.levels(media).find_map(|shared| Some((shared.ice_ufrag.as_deref()?, shared.ice_pwd.as_deref()?)))
    }

    /// The fingerprints that hold for a section.
    #[must_use]
    pub fn fingerprints_of<'a>(&'a self, media: &'a MediaDescription) -> &'a [Fingerprint] {
        let said = self.levels(media).map(|shared| shared.fingerprints.as_slice());
        said.into_iter().find(|fingerprints| !fingerprints.is_empty()).unwrap_or_default()
    }

    /// The DTLS role that holds for a section.
    #[must_use]
    pub fn setup_of(&self, media: &MediaDescription) -> Option<Setup> {
        self.levels(media).find_map(|shared| shared.setup)
    }

    /// The section that carries the transport of a bundled one: the first of its group (RFC 9143 7.1);
    /// without a group the section itself.
    #[must_use]
    pub fn tagged_section_of<'a>(&'a self, media: &'a MediaDescription) -> &'a MediaDescription {
        let Some(group) = media.mid.as_ref().and_then(|mid| self.bundle_of(mid)) else { return media };
        let tag = group.mids.first();
        self.media
            .iter()
            .find(|section| section.mid.is_some() && section.mid.as_ref() == tag)
            .unwrap_or(media)
    }

    /// The BUNDLE group that a section belongs to.
    #[must_use]
    pub fn bundle_of(&self, mid: &str) -> Option<&Group> {
        let mut bundles = self.groups.iter().filter(|group| group.semantics == Group::BUNDLE);
        bundles.find(|group| group.mids.iter().any(|name| name == mid))
    }

    /// Where to look for what a section does not say itself: the section, the one it is bundled on, the session.
    fn levels<'a>(&'a self, media: &'a MediaDescription) -> impl Iterator<Item = &'a SharedAttributes> {
        [&media.shared, &self.tagged_section_of(media).shared, &self.shared].into_iter()
    }
}

impl fmt::Display for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::session(self, f)
    }
}

impl Group {
    /// Sections that share one transport.
    pub const BUNDLE: &'static str = "BUNDLE";
}
