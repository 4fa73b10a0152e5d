//! What a leg agrees on with its peer: descriptions in and out, and what follows for transport and media.

use std::net::IpAddr;
use std::time::Instant;

use tracing::{Span, info};
use webtrunk_codecs::CodecId;

use super::error::DescriptionError;
use super::leg::{Leg, Watch};
use super::rtp::RtpTransport;
use super::transport::LegTransport;
use crate::dtls::DtlsRole;
use crate::ice::RemoteIce;
use crate::media::{Listening, SendAgreement};
use crate::sdp::{
    AnswerWish, CandidateFragment, Direction, FragmentError, Negotiated, NegotiationError, OpusParameters,
    RemoteTransport, SessionDescription, Setup,
};

impl Leg {
    pub(crate) fn create_offer(
        &mut self,
        direction: Direction,
    ) -> Result<SessionDescription, DescriptionError> {
        Ok(self.negotiator.create_offer(direction)?)
    }

    /// Makes an offer that restarts ICE; on plain RTP any offer.
    pub(crate) fn restart_ice(
        &mut self,
        direction: Direction,
        now: Instant,
    ) -> Result<SessionDescription, DescriptionError> {
        if !self.negotiator.is_stable() {
            return Err(NegotiationError::OfferOutstanding.into());
        }
        self.take_ice_credentials(now);
        self.create_offer(direction)
    }

    pub(crate) fn receive_offer(
        &mut self,
        offer: &SessionDescription,
        signalled_from: Option<IpAddr>,
    ) -> Result<(), DescriptionError> {
        self.negotiator.receive_offer(offer)?;
        self.note_signalled_from(signalled_from);
        Ok(())
    }

    pub(crate) fn create_answer(
        &mut self,
        prefer: Option<CodecId>,
        opus_fmtp: OpusParameters,
        now: Instant,
    ) -> Result<SessionDescription, DescriptionError> {
        if self.is_ice_restart_offered() {
            self.span.in_scope(|| info!("the peer restarts ICE"));
            self.take_ice_credentials(now);
        }
        let wish = AnswerWish { direction: Direction::SendRecv, prefer, opus_fmtp: Some(opus_fmtp) };
        let transport = &self.transport;
        let (description, agreed) =
            self.negotiator.create_answer_if(wish, |agreed| check_remote(transport, agreed))?;
        self.agree(agreed, now);
        Ok(description)
    }

    pub(crate) fn receive_answer(
        &mut self,
        answer: &SessionDescription,
        signalled_from: Option<IpAddr>,
        now: Instant,
    ) -> Result<(), DescriptionError> {
        let transport = &self.transport;
        let agreed = self.negotiator.receive_answer_if(answer, |agreed| check_remote(transport, agreed))?;
        self.note_signalled_from(signalled_from);
        self.agree(agreed, now);
        Ok(())
    }

    /// Notes where the peer's signalling came from, by which its media may be found.
    fn note_signalled_from(&mut self, from: Option<IpAddr>) {
        if let (LegTransport::Rtp(transport), Some(from)) = (&mut self.transport, from) {
            transport.set_signalled_from(from);
        }
    }

    /// Takes candidates that came after the peer's description.
    pub(crate) fn add_candidates(
        &mut self,
        fragment: &CandidateFragment,
        now: Instant,
    ) -> Result<(), FragmentError> {
        let LegTransport::Webrtc(link) = &mut self.transport else { return Err(FragmentError::NoIce) };
        let mid = self.negotiator.audio_mid().ok_or(FragmentError::UnknownMid)?;
        let candidates = fragment.candidates_of(mid)?.to_vec();
        let count = candidates.len();
        let ice = RemoteIce { candidates, ..RemoteIce::new(&fragment.ufrag, &fragment.pwd) };
        link.transport.add_candidates(ice, now)?;
        self.span.in_scope(|| info!(count, "candidates came"));
        Ok(())
    }

    pub(crate) fn roll_back(&mut self) {
        self.negotiator.rollback();
        if let LegTransport::Webrtc(link) = &mut self.transport {
            link.transport.give_up_restart();
            let (ufrag, pwd) = (link.transport.local_ufrag(), link.transport.local_pwd());
            self.negotiator.set_ice_credentials(ufrag, pwd);
        }
    }

    /// Whether the offer that waits for our answer has other ICE credentials than before.
    fn is_ice_restart_offered(&self) -> bool {
        match (&self.transport, self.negotiator.remote_offer().map(|remote| &remote.transport)) {
            (LegTransport::Webrtc(link), Some(RemoteTransport::Webrtc(remote))) => {
                link.transport.is_restarted_by(&remote.ufrag, &remote.pwd)
            }
            _ => false,
        }
    }

    /// New ICE credentials, which the next description shows.
    fn take_ice_credentials(&mut self, now: Instant) {
        if let LegTransport::Webrtc(link) = &mut self.transport {
            link.transport.restart_ice(now);
            let (ufrag, pwd) = (link.transport.local_ufrag(), link.transport.local_pwd());
            self.negotiator.set_ice_credentials(ufrag, pwd);
        }
    }

    /// Takes what [`check_remote`] has nothing against.
    fn agree(&mut self, agreed: Negotiated, now: Instant) {
        match (&mut self.transport, &agreed.remote) {
            (LegTransport::Rtp(transport), RemoteTransport::Rtp { rtp, rtcp }) => {
                transport.set_remote(*rtp, *rtcp, now);
                set_keys(transport, &agreed, self.agreed.is_none(), &self.span);
                if self.watch == Watch::Connecting {
                    self.watch = Watch::Connected { heard_at: now };
                    self.reports.begin(now);
                }
            }
            (LegTransport::Webrtc(link), RemoteTransport::Webrtc(remote)) => {
                let (fingerprints, role) = (remote.fingerprints.clone(), our_role(remote.setup));
                let ice = RemoteIce {
                    ufrag: remote.ufrag.clone(),
                    password: remote.pwd.clone(),
                    is_lite: remote.ice_lite,
                    candidates: remote.candidates.clone(),
                };
                link.transport.set_remote(ice, fingerprints, role, now).expect("what is agreed was checked");
            }
            (LegTransport::Rtp(transport), RemoteTransport::RtpOnHold) => {
                transport.forget_remote();
                set_keys(transport, &agreed, self.agreed.is_none(), &self.span);
            }
            (LegTransport::Rtp(_), RemoteTransport::Webrtc(_))
            | (LegTransport::Webrtc(_), RemoteTransport::Rtp { .. } | RemoteTransport::RtpOnHold) => {
                unreachable!("the negotiator refuses a description of the other transport")
            }
        }
        self.receiver.agree(&agreed);
        self.reports.agree(&agreed);
        let listening = self.listening.get_or_insert_with(|| Box::new(Listening::new(agreed.codec, now)));
        if self.sender.says_tones() {
            listening.hear_tones();
        }
        self.sender.agree(SendAgreement::new(&agreed));
        self.agreed = Some(Box::new(agreed));
        // What a hold kept silent is not missed at once when the hold ends.
        if let Watch::Connected { heard_at } = &mut self.watch {
            *heard_at = now;
        }
        self.expect_audio(now);
    }
}

/// Whether a description still means the peer that the transport knows.
fn check_remote(transport: &LegTransport, agreed: &Negotiated) -> Result<(), DescriptionError> {
    if let (LegTransport::Webrtc(link), RemoteTransport::Webrtc(remote)) = (transport, &agreed.remote) {
        let role = our_role(remote.setup);
        link.transport.check_remote(&remote.ufrag, &remote.pwd, &remote.fingerprints, role)?;
    }
    Ok(())
}

/// Takes the keys of the descriptions, and tells of the cipher, or that there is none, once.
fn set_keys(transport: &mut RtpTransport, agreed: &Negotiated, is_first: bool, span: &Span) {
    let before = transport.profile();
    transport.set_keys(agreed.srtp);
    span.in_scope(|| match transport.profile() {
        Some(profile) if Some(profile) != before => info!(?profile, keys = "SDES", "media is encrypted"),
        None if is_first || before.is_some() => info!("media is not encrypted"),
        Some(_) | None => {}
    });
}

/// Our DTLS role by that of the peer.
fn our_role(remote: Setup) -> DtlsRole {
    match remote {
        Setup::Active => DtlsRole::Server,
        Setup::Passive | Setup::ActPass | Setup::HoldConn => DtlsRole::Client,
    }
}
