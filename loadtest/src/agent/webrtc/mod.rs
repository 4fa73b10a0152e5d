//! A headless WebRTC caller on webrtc-rs' stack: ICE controlling or lite, DTLS in either role, SRTP.

mod caller;
mod dtls;
mod ice;
mod leg;
mod lite;
mod srtp;
#[cfg(test)]
mod tests;

pub use caller::{WebrtcCaller, WebrtcConfig};
pub(crate) use caller::{address_towards, own_address};
pub use srtp::SrtpProfile;
pub(in crate::agent) use srtp::srtp_context;
