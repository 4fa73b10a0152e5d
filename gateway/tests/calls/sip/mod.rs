//! Calls between SIP phones: sipp plays the scenarios, hosts of loopback play the network.

pub(crate) mod rtp_digits;
pub(crate) mod rtp_peer;
pub(crate) mod sipp;
pub(crate) mod stage;
mod strangers;
pub(crate) mod trace;

mod audio;
mod cancelled;
mod circle;
mod crossing;
pub(crate) mod devices;
mod early_media;
mod forked;
mod hops;
mod hung_up;
mod ipv6;
mod kept;
mod limits;
mod malformed;
mod manners;
mod offers;
mod phone_at_trunk;
mod proxied;
mod quality;
pub(crate) mod raw_phone;
mod redirected;
mod redirected_phones;
mod refused;
mod registered_phone;
mod registration;
mod reliable;
mod session_timers;
mod spans;
mod tls_trunk;
mod trunk_password;
mod upstream;
