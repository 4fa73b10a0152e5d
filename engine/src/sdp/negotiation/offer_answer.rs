//! One leg's negotiation, RFC 3264, from its first offer to its last.
//!
//! ```text
//!              create_offer                      receive_offer
//!           +---------------- Stable ------------------+
//!           v                 ^    ^                   v
//!      LocalOffer             |    |              RemoteOffer
//!           |                 |    |                   |
//!           +-- receive_answer     create_answer ------+
//!           +-- rollback               rollback -------+
//! ```
//!
//! In `Stable` a further answer to the offer that was answered last replaces it: a forked INVITE has one
//! from each branch, and a 200 may bring another than the 183 before it (RFC 3261 13.2.2.4), also where the first
//! branch has offered anew meanwhile (RFC 3311).
//!
//! Neither a refused offer nor an error changes what was agreed. For the leg's life stay: our
//! fingerprint, the DTLS role, the meaning of each payload type, the number and order of
//! sections. A new offer while another is open is refused ([`NegotiationError::OfferOutstanding`]).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use webtrunk_codecs::{ClockRate, CodecId};

use super::describe::{Audio, describe};
use super::error::NegotiationError;
use super::format::PayloadFormat;
use super::layout::Layout;
use super::local::LocalMedia;
use super::negotiated::{AnswerWish, Negotiated, Receivable};
use super::payload_types::PayloadTypes;
use super::remote::RemoteMedia;
use super::sdes::{LocalKeys, SdesKeys, SrtpPolicy, answered_keys};
use super::transport::RemoteTransport;
use crate::sdp::crypto::Crypto;
use crate::sdp::direction::Direction;
use crate::sdp::opus_parameters::OpusParameters;
use crate::sdp::session::SessionDescription;
use crate::sdp::setup::Setup;

/// Makes and reads the offers and answers of one leg.
#[derive(Debug, Clone)]
pub struct Negotiator {
    pub(super) local: LocalMedia,
    /// What we ask of an Opus sender at present.
    opus_fmtp: OpusParameters,
    payload_types: PayloadTypes,
    keys: LocalKeys,
    sent: Option<Sent>,
    /// In a box: while a call rings there is none.
    agreed: Option<Box<Agreement>>,
    state: State,
}

/// What is kept of the description that was sent last, to know the same again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sent {
    version: u64,
    /// Of the whole text.
    hash: u64,
}

#[derive(Debug, Clone)]
enum State {
    /// No offer is open.
    Stable,
    /// Ours is out.
    LocalOffer(LocalOffer),
    /// The peer's is in.
    RemoteOffer { layout: Layout, remote: RemoteMedia, setup: Setup },
}

/// What we offered.
#[derive(Debug, Clone)]
struct LocalOffer {
    layout: Layout,
    formats: Vec<Receivable>,
    direction: Direction,
    setup: Setup,
    crypto: Vec<Crypto>,
}

#[derive(Debug, Clone)]
struct Agreement {
    layout: Layout,
    remote: RemoteMedia,
    /// Our DTLS role.
    setup: Setup,
    negotiated: Negotiated,
    /// The offer of ours that was answered last, if one was.
    offer: Option<LocalOffer>,
}

impl Sent {
    fn of(description: &SessionDescription) -> Self {
        let mut hasher = DefaultHasher::new();
        description.to_string().hash(&mut hasher);
        Self { version: description.origin.version, hash: hasher.finish() }
    }
}

impl Negotiator {
    /// A negotiation in which nothing was said yet.
    #[must_use]
    pub fn new(local: LocalMedia) -> Self {
        let opus_fmtp = local.opus_fmtp;
        let payload_types = PayloadTypes::default();
        let keys = LocalKeys::default();
        Self { local, opus_fmtp, payload_types, keys, sent: None, agreed: None, state: State::Stable }
    }

    /// Leaves telephone-events out of what is said and taken from now on.
    pub fn leave_out_telephone_events(&mut self) {
        self.local.telephone_event = false;
    }

    /// Makes an offer, the first or a new one. All our codecs are in it; the one in use comes first.
    ///
    /// # Errors
    /// [`NegotiationError::OfferOutstanding`] while another offer is open.
    pub fn create_offer(&mut self, direction: Direction) -> Result<SessionDescription, NegotiationError> {
        if !matches!(self.state, State::Stable) {
            return Err(NegotiationError::OfferOutstanding);
        }
        let layout = match &self.agreed {
            Some(agreed) => agreed.layout.clone(),
            None => Layout::audio_only(&self.local.transport),
        };
        let formats = self.offered_formats();
        let setup = self.agreed.as_ref().map_or(Setup::Active, |agreed| agreed.setup);
        let crypto = self.offered_keys();
        let asks_voip_metrics = self.offers_voip_metrics();
        let opus = self.opus_fmtp;
        let audio = Audio { formats: &formats, direction, setup, opus, crypto: &crypto, asks_voip_metrics };
        let offer = self.stamp(&layout, &audio);
        self.state = State::LocalOffer(LocalOffer { layout, formats, direction, setup, crypto });
        Ok(offer)
    }

    /// Takes the peer's offer and tells what is in it; [`Self::create_answer`] or [`Self::rollback`] follows.
    ///
    /// # Errors
    /// [`NegotiationError`] where it cannot be met, or another offer is open.
    pub fn receive_offer(&mut self, offer: &SessionDescription) -> Result<&RemoteMedia, NegotiationError> {
        if !matches!(self.state, State::Stable) {
            return Err(NegotiationError::OfferOutstanding);
        }
        let agreed_section = self.agreed.as_ref().map(|agreed| agreed.layout.audio());
        let remote = RemoteMedia::of_offer(offer, &self.local, agreed_section, self.srtp_policy())?;
        let setup = answered_setup(&remote.transport, self.agreed.as_ref().map(|agreed| agreed.setup))?;
        let layout = Layout::of_offer(offer, remote.section, self.local.transport.is_webrtc());
        self.state = State::RemoteOffer { layout, remote, setup };
        self.remote_offer().ok_or(NegotiationError::NoOffer)
    }

    /// Answers the peer's offer: one codec, and digits and comfort noise where both sides have them.
    ///
    /// # Errors
    /// [`NegotiationError::NoOffer`] where none is open.
    pub fn create_answer(
        &mut self,
        wish: AnswerWish,
    ) -> Result<(SessionDescription, Negotiated), NegotiationError> {
        self.create_answer_if(wish, |_| Ok(()))
    }

    /// As [`Self::create_answer`], if `check` has nothing against what would be agreed.
    ///
    /// # Errors
    /// [`NegotiationError::NoOffer`] where none is open, or what `check` says; nothing was changed then.
    pub fn create_answer_if<E: From<NegotiationError>>(
        &mut self,
        wish: AnswerWish,
        check: impl FnOnce(&Negotiated) -> Result<(), E>,
    ) -> Result<(SessionDescription, Negotiated), E> {
        let State::RemoteOffer { layout, remote, setup } = &self.state else {
            return Err(NegotiationError::NoOffer.into());
        };
        let (layout, remote, setup) = (layout.clone(), remote.clone(), *setup);
        let codec = self.choose(&remote, wish.prefer)?;
        let mut payload_types = self.payload_types.clone();
        let audio = remote.format(PayloadFormat::Codec(codec)).ok_or(NegotiationError::NoCommonCodec)?;
        let answered = [Some(audio), remote.telephone_event(codec), remote.comfort_noise(codec)];
        let receivable = answered.into_iter().flatten().filter_map(|remote| {
            let payload_type = payload_types.answer(remote.format, remote.payload_type)?;
            Some(Receivable { payload_type, format: remote.format })
        });
        let receivable: Vec<Receivable> = receivable.collect();
        payload_types.learn(&remote.formats, layout.payload_types());

        let direction = wish.direction.limited_to(remote.direction.reversed());
        let in_use = self.keys_in_use().copied();
        let srtp = self.keys.answer(&remote.crypto, in_use.as_ref());
        let negotiated = Negotiated::new(&remote, audio, direction, (setup, srtp), receivable.clone());
        let negotiated = negotiated.ok_or(NegotiationError::NoCommonCodec)?;
        check(&negotiated)?;
        self.local.transport.suit(&remote.transport);
        self.payload_types = payload_types;
        self.opus_fmtp = wish.opus_fmtp.unwrap_or(self.opus_fmtp);
        let opus = self.opus_fmtp;
        let crypto = srtp.map(|keys| Crypto { tag: keys.tag, key: keys.tx });
        let asks_voip_metrics = remote.asks_voip_metrics;
        let crypto = crypto.as_slice();
        let audio = Audio { formats: &receivable, direction, setup, opus, crypto, asks_voip_metrics };
        let answer = self.stamp(&layout, &audio);
        // Another branch may still answer our offer, whatever was agreed with this one since.
        let offer = self.agreed.as_ref().and_then(|agreed| agreed.offer.clone());
        self.conclude(Agreement { layout, remote, setup, negotiated: negotiated.clone(), offer });
        Ok((answer, negotiated))
    }

    /// Takes the peer's answer to our offer.
    ///
    /// # Errors
    /// [`NegotiationError`] where it does not meet the offer, which then stays open: roll it back or end the leg.
    pub fn receive_answer(&mut self, answer: &SessionDescription) -> Result<Negotiated, NegotiationError> {
        self.receive_answer_if(answer, |_| Ok(()))
    }

    /// As [`Self::receive_answer`], if `check` has nothing against what would be agreed.
    ///
    /// # Errors
    /// [`NegotiationError`], or what `check` says; our offer stays open, and nothing was changed.
    pub fn receive_answer_if<E: From<NegotiationError>>(
        &mut self,
        answer: &SessionDescription,
        check: impl FnOnce(&Negotiated) -> Result<(), E>,
    ) -> Result<Negotiated, E> {
        let answered = match &self.state {
            State::LocalOffer(offer) => Some(offer),
            State::Stable => self.agreed.as_ref().and_then(|agreed| agreed.offer.as_ref()),
            State::RemoteOffer { .. } => None,
        };
        let offer = answered.ok_or(NegotiationError::NoOffer)?.clone();
        let mut remote =
            RemoteMedia::of_answer(answer, &self.local, offer.layout.audio(), self.srtp_policy())?;
        remote.formats.retain(|remote| offer.formats.iter().any(|offered| offered.format == remote.format));
        let audio = remote.formats.iter().find(|remote| remote.format.codec().is_some());
        let audio = audio.ok_or(NegotiationError::NoCommonCodec)?;
        if matches!(&remote.transport, RemoteTransport::Webrtc(webrtc) if !fits_answer(webrtc.setup, offer.setup))
        {
            return Err(NegotiationError::DtlsRoleConflict.into());
        }
        let srtp = answered_keys(&offer.crypto, &remote.crypto)?;
        let is_answered = |offered: &Receivable| remote.format(offered.format).is_some();
        let receivable = offer.formats.iter().copied().filter(is_answered).collect();
        let direction = offer.direction.limited_to(remote.direction.reversed());
        let negotiated = Negotiated::new(&remote, audio, direction, (offer.setup, srtp), receivable);
        let negotiated = negotiated.ok_or(NegotiationError::NoCommonCodec)?;
        check(&negotiated)?;
        self.local.transport.suit(&remote.transport);
        let (layout, setup) = (offer.layout.clone(), offer.setup);
        self.conclude(Agreement {
            layout,
            remote,
            setup,
            negotiated: negotiated.clone(),
            offer: Some(offer),
        });
        Ok(negotiated)
    }

    /// Whether no offer is open, so that one can be made.
    #[must_use]
    pub const fn is_stable(&self) -> bool {
        matches!(self.state, State::Stable)
    }

    /// Forgets the open offer, whosever it was: it was refused, or crossed another. What was agreed stays.
    pub fn rollback(&mut self) {
        self.state = State::Stable;
    }

    /// What is agreed at present.
    #[must_use]
    pub fn agreed(&self) -> Option<&Negotiated> {
        self.agreed.as_ref().map(|agreed| &agreed.negotiated)
    }

    /// By which name our audio goes in what is agreed.
    #[must_use]
    pub fn audio_mid(&self) -> Option<&str> {
        self.agreed.as_ref()?.layout.audio_mid()
    }

    /// By which name our audio goes in the descriptions that the peer has of us; `None` where it has none, or media
    /// does without names.
    #[must_use]
    pub fn described_mid(&self) -> Option<&str> {
        match &self.state {
            State::LocalOffer(offer) => offer.layout.audio_mid(),
            State::Stable | State::RemoteOffer { .. } => self.audio_mid(),
        }
    }

    /// The peer's offer that waits for our answer.
    #[must_use]
    pub const fn remote_offer(&self) -> Option<&RemoteMedia> {
        match &self.state {
            State::RemoteOffer { remote, .. } => Some(remote),
            State::Stable | State::LocalOffer(_) => None,
        }
    }

    /// The codecs that both sides could use, in the peer's order: by its open offer, else by what it said last.
    #[must_use]
    pub fn remote_codecs(&self) -> Vec<CodecId> {
        let remote = self.remote_offer().or(self.agreed.as_ref().map(|agreed| &agreed.remote));
        remote.map(RemoteMedia::codecs).unwrap_or_default()
    }

    /// A phone is asked for VoIP metrics until it does not say that it takes part; a browser, which has none,
    /// is not.
    fn offers_voip_metrics(&self) -> bool {
        match &self.agreed {
            Some(agreed) => agreed.remote.asks_voip_metrics,
            None => !self.local.transport.is_webrtc(),
        }
    }

    fn choose(&self, remote: &RemoteMedia, prefer: Option<CodecId>) -> Result<CodecId, NegotiationError> {
        let offered = remote.codecs();
        let in_use = self.agreed().map(|negotiated| negotiated.codec);
        let order = prefer.into_iter().chain(in_use).chain(self.local.codecs.iter().copied());
        let mut choices = order.filter(|codec| offered.contains(codec) && self.local.codecs.contains(codec));
        choices.next().ok_or(NegotiationError::NoCommonCodec)
    }

    /// What is protected once stays protected.
    fn srtp_policy(&self) -> SrtpPolicy {
        if self.keys_in_use().is_some() { SrtpPolicy::Require } else { self.local.transport.srtp() }
    }

    fn keys_in_use(&self) -> Option<&SdesKeys> {
        self.agreed().and_then(|agreed| agreed.srtp.as_ref())
    }

    /// The keys of our offer; what was agreed to be plain stays plain.
    fn offered_keys(&mut self) -> Vec<Crypto> {
        let in_use = self.keys_in_use().copied();
        let is_plain = self.local.transport.srtp() == SrtpPolicy::Forbid || self.agreed.is_some();
        if is_plain && in_use.is_none() { Vec::new() } else { self.keys.offer(in_use.as_ref()) }
    }

    /// All that we can receive. There are events of every clock, and of 8000 Hz always: not every Opus peer
    /// has its clock's. Of comfort noise there is one for each clock but that of Opus, which has its own.
    fn offered_formats(&mut self) -> Vec<Receivable> {
        let mut codecs = self.local.codecs.clone();
        let in_use = self.agreed().map(|negotiated| negotiated.codec);
        codecs.sort_by_key(|codec| Some(*codec) != in_use);
        let mut formats: Vec<PayloadFormat> = codecs.iter().copied().map(PayloadFormat::Codec).collect();
        if self.local.telephone_event {
            for clock in [ClockRate::HZ_48000, ClockRate::HZ_16000, ClockRate::HZ_8000] {
                let is_wanted = clock == ClockRate::HZ_8000;
                if is_wanted || codecs.iter().any(|codec| codec.clock_rate() == clock) {
                    formats.push(PayloadFormat::TelephoneEvent(clock));
                }
            }
        }
        if self.local.comfort_noise {
            let mut clocks: Vec<ClockRate> = Vec::new();
            for codec in codecs.iter().filter(|codec| **codec != CodecId::Opus) {
                if !clocks.contains(&codec.clock_rate()) {
                    clocks.push(codec.clock_rate());
                }
            }
            formats.extend(clocks.into_iter().map(PayloadFormat::ComfortNoise));
        }
        let numbered = formats.into_iter().filter_map(|format| {
            let payload_type = self.payload_types.offer(format)?;
            Some(Receivable { payload_type, format })
        });
        numbered.collect()
    }

    /// Writes our description; its version rises by one if anything but the version changed (RFC 3264 8).
    fn stamp(&mut self, layout: &Layout, audio: &Audio<'_>) -> SessionDescription {
        let last_version = self.sent.map_or(0, |sent| sent.version);
        let mut description = describe(&self.local, layout, audio, last_version);
        if self.sent != Some(Sent::of(&description)) {
            description.origin.version = last_version.wrapping_add(1);
            self.sent = Some(Sent::of(&description));
        }
        description
    }

    fn conclude(&mut self, agreement: Agreement) {
        let ours = agreement.negotiated.srtp.map(|keys| keys.tx);
        if let Some(former) = self.keys_in_use().map(|keys| keys.tx).filter(|former| Some(*former) != ours) {
            self.keys.forget(former);
        }
        // Of forked answers one may come again whose key another one's had replaced.
        ours.into_iter().for_each(|key| self.keys.keep(key));
        self.agreed = Some(Box::new(agreement));
        self.state = State::Stable;
    }
}

/// Our role in an answer: the one that we have, else client wherever the offer allows it, because a client
/// need not believe forged ClientHellos.
fn answered_setup(remote: &RemoteTransport, role: Option<Setup>) -> Result<Setup, NegotiationError> {
    let RemoteTransport::Webrtc(webrtc) = remote else { return Ok(Setup::Active) };
    match (webrtc.setup, role) {
        (Setup::ActPass, None) => Ok(Setup::Active),
        (Setup::ActPass, Some(role)) => Ok(role),
        (Setup::Passive, None | Some(Setup::Active)) => Ok(Setup::Active),
        (Setup::Active, None | Some(Setup::Passive)) => Ok(Setup::Passive),
        (Setup::Active | Setup::Passive | Setup::HoldConn, _) => Err(NegotiationError::DtlsRoleConflict),
    }
}

/// Whether the role in an answer goes with ours in the offer; `actpass`, which answers may not say, is taken
/// for the other one.
fn fits_answer(remote: Setup, ours: Setup) -> bool {
    remote != ours && remote != Setup::HoldConn
}
