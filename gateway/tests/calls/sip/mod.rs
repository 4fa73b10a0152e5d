//! Calls between SIP phones: sipp plays the scenarios, hosts of loopback play the network.

mod rtp_peer;
mod sipp;
mod stage;
mod trace;

mod audio;
mod cancelled;
mod early_media;
mod hung_up;
mod refused;
