//! SRTP whose keys stand in the descriptions (RFC 4568), on the same independent library as the WebRTC caller's.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rtc_srtp::context::Context;

use crate::agent::sdp::{RemoteCrypto, RemoteDescription, SdpError};
use crate::agent::webrtc::srtp_context;
use crate::agent::{AgentError, SrtpProfile};

/// How a phone keys SRTP in its descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhoneSrtp {
    /// The only one that it offers and takes.
    pub profile: SrtpProfile,
    /// Offers plain RTP with a key (RFC 8643) instead of `RTP/SAVP`, and talks without where the other end has
    /// none.
    pub is_optional: bool,
    /// What becomes of its key in later descriptions.
    pub later: LaterKeys,
}

/// What becomes of a phone's key in its later descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaterKeys {
    /// It stays.
    Kept,
    /// There is another each time.
    Changed,
    /// There is none: the phone wants to go on in the clear.
    Dropped,
}

/// Both directions of one call.
pub(super) struct Sdes {
    config: PhoneSrtp,
    tag: u32,
    ours: Vec<u8>,
    theirs: String,
    tx: Option<Context>,
    rx: Option<Context>,
}

impl Sdes {
    pub(super) fn new(config: PhoneSrtp) -> Self {
        Self { config, tag: 1, ours: Vec::new(), theirs: String::new(), tx: None, rx: None }
    }

    /// The transport of an offer.
    pub(super) const fn protocol(&self) -> &'static str {
        if self.config.is_optional { "RTP/AVP" } else { "RTP/SAVP" }
    }

    /// The value of `a=crypto` in the next description, if there is one.
    pub(super) fn describe(&mut self) -> Option<String> {
        let is_first = self.ours.is_empty();
        if !is_first && self.config.later == LaterKeys::Dropped {
            return None;
        }
        if is_first || self.config.later == LaterKeys::Changed {
            let (key, salt) = self.config.profile.lengths();
            self.ours = (0..key + salt).map(|_| rand::random()).collect();
            self.tx = None;
        }
        let key = BASE64_STANDARD.encode(&self.ours);
        Some(format!("{} {} inline:{key}", self.tag, self.config.profile.sdes_name()))
    }

    /// Takes the other end's description; returns whether it has a key for us.
    ///
    /// # Errors
    /// It has none, where we insist on one.
    pub(super) fn agree(&mut self, remote: &RemoteDescription) -> Result<bool, AgentError> {
        let profile = self.config.profile;
        let ours = |crypto: &&RemoteCrypto| crypto.suite == profile.sdes_name();
        let Some(taken) = remote.crypto.iter().find(ours) else {
            return if self.config.is_optional && remote.crypto.is_empty() {
                Ok(false)
            } else {
                Err(SdpError::Missing("key of our SRTP profile").into())
            };
        };
        self.tag = taken.tag;
        if self.rx.is_none() || self.theirs != taken.key {
            let key = BASE64_STANDARD.decode(&taken.key);
            let key = key.map_err(|_| SdpError::Missing("key in base64"))?;
            self.rx = Some(context(profile, &key)?);
            self.theirs.clone_from(&taken.key);
        }
        Ok(true)
    }

    /// Our last description was sent, so our packets are under its key.
    pub(super) fn begin(&mut self) -> Result<(), AgentError> {
        if self.tx.is_none() {
            self.tx = Some(context(self.config.profile, &self.ours)?);
        }
        Ok(())
    }

    pub(super) const fn profile(&self) -> SrtpProfile {
        self.config.profile
    }

    pub(super) fn protect_rtp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.tx.as_mut()?.encrypt_rtp(packet).ok().map(Into::into)
    }

    pub(super) fn protect_rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.tx.as_mut()?.encrypt_rtcp(packet).ok().map(Into::into)
    }

    pub(super) fn unprotect_rtp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.rx.as_mut()?.decrypt_rtp(packet).ok().map(Into::into)
    }

    pub(super) fn unprotect_rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.rx.as_mut()?.decrypt_rtcp(packet).ok().map(Into::into)
    }
}

fn context(profile: SrtpProfile, key: &[u8]) -> Result<Context, AgentError> {
    let (key_len, salt_len) = profile.lengths();
    let parts = key.split_at_checked(key_len).filter(|(_, salt)| salt.len() == salt_len);
    let (key, salt) = parts.ok_or(SdpError::Missing("key of the profile's length"))?;
    srtp_context(profile, key, salt)
}
