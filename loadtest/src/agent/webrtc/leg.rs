//! The WebRTC transport of one call: what is STUN goes to ICE, what is DTLS to DTLS, the rest through
//! SRTP. Certificate and roles stay as they are for the life of the call; credentials and candidates change when
//! ICE restarts.

use std::net::SocketAddr;
use std::time::Instant;

use webtrunk_codecs::CodecId;

use super::SrtpProfile;
use super::dtls::{Dtls, DtlsEvent, DtlsRole, Identity};
use super::ice::{FullIce, Ice};
use super::lite::LiteIce;
use super::srtp::Srtp;
use crate::agent::AgentError;
use crate::agent::media::{Leg, Received};
use crate::agent::sdp::{
    Agreement, Dialect, Direction, Format, HostCandidate, LocalDescription, LocalTransport,
    RemoteDescription, RemoteIce, SdpError, WebrtcSecrets, candidates_of,
};

/// The WebRTC transport of one call.
pub(super) struct WebrtcLeg {
    local: SocketAddr,
    ice: Box<dyn Ice>,
    /// The other end's username fragment, once ICE has begun.
    remote_ufrag: Option<String>,
    /// Nothing comes and goes until ICE restarts: the network has changed.
    is_cut: bool,
    dtls: Option<Dtls>,
    srtp: Option<Srtp>,
    /// What was agreed for SRTP.
    profile: Option<SrtpProfile>,
    failure: Option<&'static str>,
    settings: Settings,
    secrets: WebrtcSecrets,
    session_id: u64,
    version: u64,
    ssrc: u32,
    mid: String,
    offered: Direction,
    formats: Vec<Format>,
}

/// How a caller does DTLS-SRTP.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) identity: Identity,
    pub(super) profiles: Vec<SrtpProfile>,
    /// What `a=setup` of an offer says: browsers say `actpass`.
    pub(super) setup: &'static str,
    /// Whether it only answers checks.
    pub(super) is_lite: bool,
    /// Whether its descriptions leave its candidate out, which comes later.
    pub(super) trickles: bool,
    pub(super) dialect: Dialect,
}

impl Settings {
    fn open_ice(&self, local: SocketAddr, now: Instant) -> Result<Box<dyn Ice>, AgentError> {
        if self.is_lite { Ok(Box::new(LiteIce::new())) } else { Ok(Box::new(FullIce::new(local, now)?)) }
    }
}

impl WebrtcLeg {
    /// # Errors
    /// The library refuses the address.
    pub(super) fn new(local: SocketAddr, settings: Settings, now: Instant) -> Result<Self, AgentError> {
        let ice = settings.open_ice(local, now)?;
        let (ufrag, password) = ice.credentials();
        let secrets = WebrtcSecrets {
            ufrag,
            password,
            fingerprint: settings.identity.fingerprint.clone(),
            is_lite: settings.is_lite,
            trickles: settings.trickles,
        };
        Ok(Self {
            local,
            ice,
            remote_ufrag: None,
            is_cut: false,
            dtls: None,
            srtp: None,
            profile: None,
            failure: None,
            settings,
            secrets,
            session_id: rand::random::<u64>() >> 2,
            version: 0,
            ssrc: rand::random(),
            mid: "0".to_owned(),
            offered: Direction::SendRecv,
            formats: Vec::new(),
        })
    }

    fn describe(&mut self, direction: Direction, setup: &'static str) -> String {
        self.version += 1;
        LocalDescription {
            session_id: self.session_id,
            version: self.version,
            address: self.local,
            direction,
            formats: &self.formats,
            ptime_ms: self.settings.dialect.ptime_ms(),
            transport: LocalTransport::Webrtc {
                secrets: &self.secrets,
                setup,
                mid: &self.mid,
                ssrc: self.ssrc,
                elsewhere: &self.settings.dialect.elsewhere,
            },
        }
        .to_string()
    }

    /// Begins ICE and DTLS at the first description; later ones may restart ICE.
    fn connect(&mut self, remote: &RemoteIce, role: DtlsRole, now: Instant) -> Result<(), AgentError> {
        let is_known = self.remote_ufrag.as_ref() == Some(&remote.ufrag);
        self.remote_ufrag = Some(remote.ufrag.clone());
        if let Some(dtls) = &self.dtls {
            if dtls.role() != role {
                return Err(SdpError::Missing("constant DTLS role").into());
            }
            return if is_known { Ok(()) } else { self.ice.start(remote, now) };
        }
        let Settings { identity, profiles, .. } = &self.settings;
        self.dtls = Some(Dtls::new(identity, role, profiles, &remote.fingerprint)?);
        self.ice.start(remote, now)
    }

    /// Where media go.
    fn path(&self) -> Option<SocketAddr> {
        self.ice.selected().filter(|_| !self.is_cut)
    }

    fn role(&self) -> Option<DtlsRole> {
        self.dtls.as_ref().map(Dtls::role)
    }

    fn handle_dtls(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Received {
        self.ice.note_media(from, now);
        let Some(dtls) = &mut self.dtls else { return Received::Broken };
        match dtls.handle_datagram(datagram, now) {
            Some(DtlsEvent::Complete(keys)) => {
                self.profile = Some(keys.profile);
                self.srtp = Srtp::new(&keys, dtls.role() == DtlsRole::Client).ok();
            }
            Some(DtlsEvent::Failed(why)) => {
                tracing::warn!(why, "DTLS failed");
                self.failure = Some(why);
            }
            None => {}
        }
        Received::Control
    }

    /// A client says hello as soon as it knows where to.
    fn start_dtls(&mut self, now: Instant) {
        if let (Some(dtls), Some(_)) = (&mut self.dtls, self.ice.selected()) {
            dtls.start(now);
        }
    }
}

impl Leg for WebrtcLeg {
    fn offer(&mut self, codecs: &[CodecId], direction: Direction) -> String {
        self.formats = self.settings.dialect.offered(codecs);
        self.offered = direction;
        // In a re-offer the role is the one that we have (RFC 8842 5.5).
        let setup = match self.role() {
            None => self.settings.setup,
            Some(_) => "actpass",
        };
        self.describe(direction, setup)
    }

    fn answer(
        &mut self,
        offer: &str,
        codecs: &[CodecId],
        direction: Direction,
        now: Instant,
    ) -> Result<(String, Agreement), AgentError> {
        let offer = RemoteDescription::parse(offer)?;
        let ice = offer.ice.as_ref().ok_or(SdpError::Missing("ICE credentials"))?;
        let agreement = Agreement::from_offer(&offer, codecs, direction)?;
        let role = match (&*ice.setup, self.role()) {
            ("active", _) => DtlsRole::Server,
            ("passive", _) => DtlsRole::Client,
            (_, known) => known.unwrap_or(DtlsRole::Client),
        };
        if self.remote_ufrag.as_ref().is_some_and(|known| *known != ice.ufrag) {
            self.restart_ice(now)?;
        }
        self.connect(ice, role, now)?;
        self.mid = offer.mid.clone().unwrap_or_else(|| self.mid.clone());
        self.formats = self.settings.dialect.answered(&agreement);
        let setup = if role == DtlsRole::Client { "active" } else { "passive" };
        Ok((self.describe(agreement.direction, setup), agreement))
    }

    fn accept(&mut self, answer: &str, now: Instant) -> Result<Agreement, AgentError> {
        let answer = RemoteDescription::parse(answer)?;
        let ice = answer.ice.as_ref().ok_or(SdpError::Missing("ICE credentials"))?;
        let agreement = Agreement::from_answer(&answer, self.offered)?;
        let role = if ice.setup == "active" { DtlsRole::Server } else { DtlsRole::Client };
        self.connect(ice, role, now)?;
        Ok(agreement)
    }

    fn restart_ice(&mut self, now: Instant) -> Result<(), AgentError> {
        self.ice = self.settings.open_ice(self.local, now)?;
        (self.secrets.ufrag, self.secrets.password) = self.ice.credentials();
        self.is_cut = false;
        Ok(())
    }

    fn move_to(&mut self, local: SocketAddr) {
        self.local = local;
        self.is_cut = true;
    }

    fn fragment(&self) -> Option<String> {
        let WebrtcSecrets { ufrag, password, .. } = &self.secrets;
        let (mid, candidate) = (&self.mid, HostCandidate(self.local));
        Some(format!(
            "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:{mid}\r\n\
             {candidate}a=end-of-candidates\r\n"
        ))
    }

    fn take_candidates(&mut self, fragment: &str, now: Instant) {
        let candidates: Vec<_> = candidates_of(fragment).collect();
        if let Err(error) = self.ice.take_candidates(&candidates, now) {
            tracing::warn!(%error, "candidates of no use");
        }
    }

    fn receive_formats(&self) -> &[Format] {
        &self.formats
    }

    fn ssrc(&self) -> u32 {
        self.ssrc
    }

    fn is_ready(&self) -> bool {
        self.srtp.is_some() && self.ice.selected().is_some()
    }

    fn failure(&self) -> Option<&'static str> {
        self.failure
    }

    fn srtp_profile(&self) -> Option<SrtpProfile> {
        self.profile
    }

    fn is_closed_by_peer(&self) -> bool {
        self.dtls.as_ref().is_some_and(Dtls::is_closed_by_peer)
    }

    fn handle_datagram(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Received {
        // RFC 7983 7, and RFC 5761 4 for RTCP.
        match *datagram {
            _ if self.is_cut => Received::Control,
            [0..=3, ..] => {
                self.ice.handle_datagram(datagram, from, now);
                self.start_dtls(now);
                Received::Control
            }
            [20..=63, ..] => self.handle_dtls(datagram, from, now),
            [128..=191, second, ..] => {
                self.ice.note_media(from, now);
                let Some(srtp) = &mut self.srtp else { return Received::Broken };
                let opened = if (192..=223).contains(&second) {
                    srtp.unprotect_rtcp(datagram).map(Received::Rtcp)
                } else {
                    srtp.unprotect_rtp(datagram).map(Received::Rtp)
                };
                opened.unwrap_or(Received::Broken)
            }
            _ => Received::Broken,
        }
    }

    fn protect_rtp(&mut self, packet: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
        Some((self.path()?, self.srtp.as_mut()?.protect_rtp(packet)?))
    }

    fn protect_rtcp(&mut self, packet: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
        Some((self.path()?, self.srtp.as_mut()?.protect_rtcp(packet)?))
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.ice.handle_timeout(now);
        self.start_dtls(now);
        if let Some(dtls) = &mut self.dtls {
            dtls.handle_timeout(now);
        }
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let dtls = self.dtls.as_ref().and_then(Dtls::poll_timeout);
        self.ice.poll_timeout().into_iter().chain(dtls).min()
    }

    fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        if let Some(transmit) = self.ice.poll_transmit().filter(|_| !self.is_cut) {
            return Some(transmit);
        }
        let to = self.path()?;
        Some((to, self.dtls.as_mut()?.poll_transmit()?))
    }

    fn close(&mut self, now: Instant) {
        if let Some(dtls) = &mut self.dtls {
            dtls.close(now);
        }
    }
}
