//! The sections of a session: their number and order stay for its life (RFC 3264 8), refused ones too.

use super::local::LocalTransport;
use crate::rtp::PayloadType;
use crate::sdp::media::{MediaDescription, MediaKind};
use crate::sdp::protocol::Protocol;
use crate::sdp::rtpmap::parse_payload_type;
use crate::sdp::session::{Group, SessionDescription};

/// All sections, of which one is our audio and the others are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    sections: Vec<Outline>,
    audio: usize,
    is_bundled: bool,
}

/// What of a section never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Outline {
    kind: MediaKind,
    protocol: Protocol,
    formats: Vec<String>,
    mid: Option<String>,
}

impl Layout {
    /// The layout of a first offer of ours: audio and nothing else.
    pub(super) fn audio_only(transport: &LocalTransport) -> Self {
        let is_webrtc = transport.is_webrtc();
        let audio = Outline {
            kind: MediaKind::Audio,
            protocol: transport.protocol(),
            formats: Vec::new(),
            mid: is_webrtc.then(|| "0".to_owned()),
        };
        Self { sections: vec![audio], audio: 0, is_bundled: is_webrtc }
    }

    /// The layout of a peer's offer. BUNDLE needs rtcp-mux (RFC 9143 9.3) and so is left to WebRTC.
    pub(super) fn of_offer(offer: &SessionDescription, audio: usize, is_webrtc: bool) -> Self {
        let outline = |media: &MediaDescription| Outline {
            kind: media.kind.clone(),
            protocol: media.protocol.clone(),
            formats: media.formats.clone(),
            mid: media.mid.clone(),
        };
        let audio_mid = offer.media.get(audio).and_then(|media| media.mid.as_deref());
        let is_bundled = is_webrtc && audio_mid.is_some_and(|mid| offer.bundle_of(mid).is_some());
        Self { sections: offer.media.iter().map(outline).collect(), audio, is_bundled }
    }

    /// Which section is our audio.
    pub(super) const fn audio(&self) -> usize {
        self.audio
    }

    /// By which name our audio goes.
    pub(super) fn audio_mid(&self) -> Option<&str> {
        self.sections.get(self.audio)?.mid.as_deref()
    }

    /// The payload types that the offer used, whatever for.
    pub(super) fn payload_types(&self) -> impl Iterator<Item = PayloadType> + '_ {
        let words = self.sections.iter().flat_map(|section| &section.formats);
        words.filter_map(|word| parse_payload_type(word))
    }

    /// The group that we make: the accepted section alone.
    pub(super) fn bundle(&self) -> Option<Group> {
        let mid = self.sections.get(self.audio)?.mid.clone().filter(|_| self.is_bundled)?;
        Some(Group { semantics: Group::BUNDLE.to_owned(), mids: vec![mid] })
    }

    /// All sections, with port zero and no attribute but `a=mid`.
    pub(super) fn refused_sections(&self) -> Vec<MediaDescription> {
        let refused = |outline: &Outline| {
            let Outline { kind, protocol, formats, mid } = outline.clone();
            MediaDescription { mid, ..MediaDescription::new(kind, 0, protocol, formats) }
        };
        self.sections.iter().map(refused).collect()
    }
}
