//! A plain SIP phone: UDP or TCP, RTP, G.711 or whatever it is told to speak.

mod agent;
mod leg;

pub use agent::{Phone, PhoneConfig, PhoneTransport};
