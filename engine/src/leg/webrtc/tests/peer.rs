//! A peer on another stack: rtc-ice as controlling agent, its own DTLS, rtc-srtp. In virtual time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_ice::agent::Agent;
use rtc_ice::agent::agent_config::AgentConfig;
use rtc_ice::candidate::CandidateConfig;
use rtc_ice::candidate::candidate_host::CandidateHostConfig;
use rtc_shared::{TransportContext, TransportMessage, TransportProtocol};
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;
use sansio::Protocol;

use super::super::WebrtcTransport;
use super::peer_dtls::{Abilities, Keys, PeerDtls};
use crate::net::demux::DatagramKind;
use crate::sdp::Fingerprint;

pub(super) struct Peer {
    address: SocketAddr,
    gateway: SocketAddr,
    ice: Agent,
    is_dtls_client: bool,
    dtls: Box<dyn PeerDtls>,
    /// What we send, what we receive.
    srtp: Option<(Context, Context)>,
    outgoing: Vec<Vec<u8>>,
    /// Decrypted RTP and RTCP.
    pub(super) heard: Vec<Vec<u8>>,
    /// Neither answers nor sends.
    pub(super) is_dead: bool,
}

impl Peer {
    pub(super) fn new(address: SocketAddr, gateway: SocketAddr, abilities: &Abilities, now: Instant) -> Self {
        let mut ice = Agent::new(
            now,
            Arc::new(AgentConfig { is_controlling: true, ..AgentConfig::default() }),
            rtc_ice::crypto::default_provider().expect("a provider is built in"),
        )
        .expect("an agent");
        ice.add_local_candidate(host(address)).expect("a candidate");
        Self {
            address,
            gateway,
            ice,
            is_dtls_client: abilities.peer_is_client(),
            dtls: abilities.endpoint(address, gateway, now),
            srtp: None,
            outgoing: Vec::new(),
            heard: Vec::new(),
            is_dead: false,
        }
    }

    pub(super) fn credentials(&self) -> (String, String) {
        let local = self.ice.get_local_credentials();
        (local.ufrag.clone(), local.pwd.clone())
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.dtls.fingerprint()
    }

    /// Takes the gateway's description and starts to check.
    pub(super) fn start(&mut self, gateway: &WebrtcTransport, now: Instant) {
        self.ice.add_remote_candidate(host(self.gateway)).expect("a candidate");
        let (ufrag, password) = (gateway.local_ufrag().to_owned(), gateway.local_pwd().to_owned());
        self.ice.start_connectivity_checks(now, true, ufrag, password).expect("checks start");
    }

    /// Takes new ICE credentials and forgets all checks; [`Self::start`] follows.
    pub(super) fn restart(&mut self, now: Instant) {
        self.ice.restart(now, String::new(), String::new(), true).expect("fresh credentials");
    }

    pub(super) fn is_ready(&self) -> bool {
        self.srtp.is_some()
    }

    pub(super) fn heard_goodbye(&self) -> bool {
        self.dtls.heard_goodbye()
    }

    pub(super) fn handle_datagram(&mut self, datagram: &[u8], now: Instant) {
        if self.is_dead {
            return;
        }
        match DatagramKind::of(datagram).expect("the gateway sends nothing else") {
            DatagramKind::Stun => {
                let transport = TransportContext {
                    local_addr: self.address,
                    peer_addr: self.gateway,
                    ecn: None,
                    transport_protocol: TransportProtocol::UDP,
                };
                let message = TransportMessage { now, transport, message: BytesMut::from(datagram) };
                self.ice.handle_read(message).expect("the gateway's STUN is valid");
                self.start_dtls(now);
            }
            DatagramKind::Dtls => {
                self.dtls.handle_datagram(datagram, now);
                self.srtp = self.srtp.take().or_else(|| self.dtls.keys().map(|keys| self.contexts(&keys)));
            }
            DatagramKind::Rtp => {
                let Some((_, rx)) = &mut self.srtp else { return };
                self.heard.push(rx.decrypt_rtp(datagram).expect("authentic RTP").to_vec());
            }
            DatagramKind::Rtcp => {
                let Some((_, rx)) = &mut self.srtp else { return };
                self.heard.push(rx.decrypt_rtcp(datagram).expect("authentic RTCP").to_vec());
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.is_dead {
            return;
        }
        if Protocol::poll_timeout(&mut self.ice).is_some_and(|at| at <= now) {
            self.ice.handle_timeout(now).expect("checks go on");
        }
        self.dtls.handle_timeout(now);
        self.start_dtls(now);
    }

    pub(super) fn poll_timeout(&mut self) -> Option<Instant> {
        if self.is_dead {
            return None;
        }
        let ice = Protocol::poll_timeout(&mut self.ice);
        ice.into_iter().chain(self.dtls.poll_timeout()).min()
    }

    /// Everything to send to the gateway.
    pub(super) fn take_outgoing(&mut self) -> Vec<Vec<u8>> {
        if self.is_dead {
            return Vec::new();
        }
        while let Some(transmit) = Protocol::poll_write(&mut self.ice) {
            self.outgoing.push(transmit.message.to_vec());
        }
        self.outgoing.extend(std::iter::from_fn(|| self.dtls.poll_transmit()));
        while self.ice.poll_event().is_some() {}
        std::mem::take(&mut self.outgoing)
    }

    pub(super) fn say_rtp(&mut self, packet: &[u8]) {
        let (tx, _) = self.srtp.as_mut().expect("the handshake is complete");
        self.outgoing.push(tx.encrypt_rtp(packet).expect("a packet").to_vec());
    }

    pub(super) fn say_rtcp(&mut self, compound: &[u8]) {
        let (tx, _) = self.srtp.as_mut().expect("the handshake is complete");
        self.outgoing.push(tx.encrypt_rtcp(compound).expect("a packet").to_vec());
    }

    pub(super) fn say_goodbye(&mut self, now: Instant) {
        self.dtls.close(now);
    }

    fn start_dtls(&mut self, now: Instant) {
        if self.is_dtls_client && self.ice.get_selected_candidate_pair().is_some() {
            self.dtls.start(now);
        }
    }

    fn contexts(&self, keys: &Keys) -> (Context, Context) {
        let (profile, key, salt) = match keys.profile {
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => {
                (ProtectionProfile::Aes128CmHmacSha1_80, 16, 14)
            }
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => (ProtectionProfile::AeadAes128Gcm, 16, 12),
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm => (ProtectionProfile::AeadAes256Gcm, 32, 12),
            other => panic!("not offered: {other:?}"),
        };
        let (keys, salts) = keys.material.split_at(2 * key);
        let provider = rtc_dtls::crypto_provider::default_provider().expect("a provider is built in");
        let context = |at: usize| {
            Context::new(
                &keys[at * key..][..key],
                &salts[at * salt..][..salt],
                profile,
                Some(srtp_replay_protection(64)),
                Some(srtcp_replay_protection(64)),
                provider.crypto(),
            )
            .expect("keys of the right length")
        };
        let (client, server) = (context(0), context(1));
        if self.is_dtls_client { (client, server) } else { (server, client) }
    }
}

fn host(address: SocketAddr) -> rtc_ice::candidate::Candidate {
    let base_config = CandidateConfig {
        network: "udp".to_owned(),
        address: address.ip().to_string(),
        port: address.port(),
        component: 1,
        ..CandidateConfig::default()
    };
    CandidateHostConfig { base_config, ..CandidateHostConfig::default() }
        .new_candidate_host()
        .expect("a host candidate")
}
