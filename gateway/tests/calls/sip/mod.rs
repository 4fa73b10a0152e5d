//! Calls between SIP phones: sipp plays the scenarios, hosts of loopback play the network.

pub(crate) mod rtp_digits;
pub(crate) mod rtp_peer;
pub(crate) mod sipp;
mod stage;
mod trace;

mod audio;
mod cancelled;
mod early_media;
mod hung_up;
mod offers;
mod raw_phone;
mod refused;
mod registration;
