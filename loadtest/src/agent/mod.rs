//! Agents: headless callers and answerers with real media, one over WebRTC, one over plain RTP.

mod call;
mod call_task;
mod error;
mod json;
mod media;
mod phone;
mod sdp;
mod sip;
mod webrtc;

pub use call::{Call, CallEnd, CallProgress, Dialing, Incoming};
pub use error::AgentError;
pub use json::{JsonPage, PageAgent, PageError, PageMedia, PageProof};
pub use media::{
    Aside, BadTimes, Heard, HeardDigit, HeardNoise, HeardPacket, Pause, PeerReport, ScriptStep, Sent,
    SentDigit, SentPacket, Silence, Spell, Talk, Uplink, Voice, VoiceError, Weather, packet_number,
};
pub(crate) use media::{Media, PTIME};
pub use phone::{LaterKeys, Phone, PhoneConfig, PhoneSrtp, PhoneTransport};
pub use sdp::{Dialect, Direction, Format, RemoteCrypto, RemoteDescription, RemoteIce, SdpError};
pub use sip::{Credentials, DigestAlgorithm, Trust};
pub use webrtc::{SrtpProfile, WebrtcCaller, WebrtcConfig};
pub(crate) use webrtc::{address_towards, own_address};
