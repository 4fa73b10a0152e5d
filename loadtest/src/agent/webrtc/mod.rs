//! A headless WebRTC caller on webrtc-rs' stack: ICE controlling, DTLS in either role, SRTP.

mod caller;
mod dtls;
mod ice;
mod leg;
mod srtp;
#[cfg(test)]
mod tests;

pub use caller::{WebrtcCaller, WebrtcConfig};
pub use srtp::SrtpProfile;
pub(in crate::agent) use srtp::srtp_context;
