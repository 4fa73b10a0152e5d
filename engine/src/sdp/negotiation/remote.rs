//! The audio of the peer's description, read for a leg.

use webtrunk_codecs::CodecId;

use super::error::NegotiationError;
use super::format::{PayloadFormat, RemoteFormat};
use super::local::LocalMedia;
use super::sdes::{Part, SrtpPolicy, remote_keys};
use super::transport::RemoteTransport;
use crate::sdp::crypto::Crypto;
use crate::sdp::direction::Direction;
use crate::sdp::media::{MediaDescription, MediaKind};
use crate::sdp::session::SessionDescription;

/// What the peer says of its audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteMedia {
    /// Which section it is, counted from zero.
    pub section: usize,
    /// The formats that we could speak, in the peer's order.
    pub formats: Vec<RemoteFormat>,
    /// What the peer does, from its view; hold in the old way (`c=0.0.0.0`) is told as not receiving.
    pub direction: Direction,
    /// Milliseconds of audio that it wants in a packet.
    pub ptime_ms: Option<u16>,
    /// Milliseconds that it takes at most.
    pub maxptime_ms: Option<u16>,
    /// Whether it asks for VoIP metrics in extended reports (RFC 3611 5).
    pub asks_voip_metrics: bool,
    /// How media reaches it.
    pub transport: RemoteTransport,
    /// Its keys in the description that we can do, best first; none with WebRTC and plain RTP.
    pub crypto: Vec<Crypto>,
}

impl RemoteMedia {
    /// Picks the audio section of an offer: the one agreed on before, else the first that can be met and, where
    /// there is one, is protected.
    pub(super) fn of_offer(
        offer: &SessionDescription,
        local: &LocalMedia,
        agreed_section: Option<usize>,
        srtp: SrtpPolicy,
    ) -> Result<Self, NegotiationError> {
        let is_audio = |media: &MediaDescription| media.kind == MediaKind::Audio && media.is_wanted();
        let sections = offer.media.iter().enumerate().filter(|(_, media)| is_audio(media));
        let (mut plain, mut first_error) = (None, None);
        for (index, media) in sections {
            if agreed_section.is_some_and(|agreed| agreed != index) {
                continue;
            }
            match Self::of_section(offer, index, media, local, (srtp, Part::Offer)) {
                Ok(remote) if !remote.crypto.is_empty() || srtp == SrtpPolicy::Forbid => return Ok(remote),
                Ok(remote) => {
                    plain.get_or_insert(remote);
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        plain.ok_or(first_error.unwrap_or(NegotiationError::NoAudio))
    }

    /// Reads the section of an answer that stands where our audio stood in the offer.
    pub(super) fn of_answer(
        answer: &SessionDescription,
        local: &LocalMedia,
        section: usize,
        srtp: SrtpPolicy,
    ) -> Result<Self, NegotiationError> {
        let media = answer.media.get(section).filter(|media| media.kind == MediaKind::Audio);
        let media = media.ok_or(NegotiationError::NoAudio)?;
        if media.port == 0 {
            return Err(NegotiationError::AudioRefused);
        }
        Self::of_section(answer, section, media, local, (srtp, Part::Answer))
    }

    fn of_section(
        session: &SessionDescription,
        section: usize,
        media: &MediaDescription,
        local: &LocalMedia,
        (srtp, part): (SrtpPolicy, Part),
    ) -> Result<Self, NegotiationError> {
        let is_webrtc = local.transport.is_webrtc();
        let transport = RemoteTransport::of(session, media, is_webrtc)?;
        local.transport.check_reach(&transport)?;
        let crypto = if is_webrtc { Vec::new() } else { remote_keys(media, srtp, part)? };
        let mut formats = RemoteFormat::all_of(media, is_webrtc);
        formats.retain(|remote| match remote.format {
            PayloadFormat::Codec(codec) => local.codecs.contains(&codec),
            PayloadFormat::TelephoneEvent(_) => local.telephone_event,
            PayloadFormat::ComfortNoise(_) => local.comfort_noise,
        });
        if formats.iter().all(|remote| remote.format.codec().is_none()) {
            return Err(NegotiationError::NoCommonCodec);
        }
        let said = session.direction_of(media);
        let direction = match transport {
            RemoteTransport::RtpOnHold => said.limited_to(Direction::SendOnly),
            RemoteTransport::Rtp { .. } | RemoteTransport::Webrtc(_) => said,
        };
        let (ptime_ms, maxptime_ms) = (media.ptime_ms, media.maxptime_ms);
        // RFC 3611 5.1: of the session or of its media.
        let mut said = media.attributes.iter().chain(&session.attributes);
        let asks_voip_metrics = said.any(|attribute| {
            let mut blocks = attribute.value.as_deref().unwrap_or_default().split_ascii_whitespace();
            attribute.name == EXTENDED_REPORTS && blocks.any(|block| block == VOIP_METRICS)
        });
        Ok(Self { section, formats, direction, ptime_ms, maxptime_ms, asks_voip_metrics, transport, crypto })
    }

    /// Whether the peer does not want to hear us: hold, in whichever form (RFC 3264 8.4).
    #[must_use]
    pub const fn is_on_hold(&self) -> bool {
        !self.direction.receives()
    }

    /// The codecs that both sides could use, in the peer's order, each once.
    #[must_use]
    pub fn codecs(&self) -> Vec<CodecId> {
        let mut codecs = Vec::new();
        for codec in self.formats.iter().filter_map(|remote| remote.format.codec()) {
            if !codecs.contains(&codec) {
                codecs.push(codec);
            }
        }
        codecs
    }

    /// The first format of that kind.
    pub(super) fn format(&self, format: PayloadFormat) -> Option<&RemoteFormat> {
        self.formats.iter().find(|remote| remote.format == format)
    }

    /// The events that go with a codec: those of its clock (RFC 4733 2.1), else those that there are. Firefox
    /// offers 8000 Hz alone, beside Opus.
    pub(super) fn telephone_event(&self, codec: CodecId) -> Option<&RemoteFormat> {
        let of_its_clock = self.format(PayloadFormat::TelephoneEvent(codec.clock_rate()));
        let is_event = |remote: &&RemoteFormat| matches!(remote.format, PayloadFormat::TelephoneEvent(_));
        of_its_clock.or_else(|| self.formats.iter().find(is_event))
    }

    /// The comfort noise that goes with a codec: that of its clock (RFC 3389 4). Opus has its own.
    pub(super) fn comfort_noise(&self, codec: CodecId) -> Option<&RemoteFormat> {
        let format = PayloadFormat::ComfortNoise(codec.clock_rate());
        self.format(format).filter(|_| codec != CodecId::Opus)
    }
}

/// The attribute by which extended reports are asked for (RFC 3611 5.1).
pub(super) const EXTENDED_REPORTS: &str = "rtcp-xr";

/// The block of [`EXTENDED_REPORTS`] that we have.
pub(super) const VOIP_METRICS: &str = "voip-metrics";
