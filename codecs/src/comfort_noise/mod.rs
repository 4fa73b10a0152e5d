//! Comfort noise, RFC 3389: what is sent and heard instead of silence.
//!
//! ```text
//! samples --> SilenceDetector --> voice: encode as ever
//!                             --> silence: Sid, now and then --> NoiseGenerator --> samples
//! ```
//!
//! A silence descriptor tells how loud the background is and how it sounds, in a few octets. Levels are in
//! dBov: 0 is a square wave of full scale, so that a level is an RMS value over 32768.

mod detector;
mod generator;
mod sid;

pub use detector::{Activity, SilenceDetector};
pub use generator::NoiseGenerator;
pub use sid::{CN_ENCODING_NAME, CN_PAYLOAD_TYPE, SID_ORDER_MAX, Sid};
