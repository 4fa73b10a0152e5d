//! Calls between SIP phones: sipp plays the scenarios, hosts of loopback play the network.

pub(crate) mod rtp_digits;
pub(crate) mod rtp_peer;
pub(crate) mod sipp;
pub(crate) mod stage;
mod strangers;
pub(crate) mod trace;

mod audio;
mod bindings;
mod called_before;
mod cancelled;
mod certified;
mod circle;
mod crossing;
pub(crate) mod devices;
#[allow(dead_code, reason = "the tests of the SIP adapter use more of it")]
#[path = "../../../../signalling/tests/live/support/digest.rs"]
mod digest;
mod early_media;
mod first_store;
mod foreign_realms;
mod forked;
mod hops;
mod hung_up;
mod ipv6;
mod keep_alives;
mod kept;
mod limits;
mod malformed;
mod manners;
mod offers;
mod phone_at_trunk;
mod probed;
mod proofs;
mod proxied;
pub(crate) mod proxy;
mod quality;
pub(crate) mod raw_phone;
mod redirected;
mod redirected_phones;
mod refused;
mod registered_phone;
mod registrar;
mod registrar_wishes;
mod registration;
mod reliable;
mod rested;
mod rolling;
mod rule_headers;
pub(crate) mod script;
mod session_timers;
mod silent_holds;
mod spans;
mod tls_trunk;
mod tones;
mod trunk_password;
mod upstream;
