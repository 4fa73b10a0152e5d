//! A SIP phone: UDP or TCP, RTP or SRTP with keys in the description, G.711 or whatever it is told to speak.

mod agent;
mod leg;
mod sdes;

pub use agent::{Phone, PhoneConfig, PhoneTransport};
pub use sdes::{LaterKeys, PhoneSrtp};
