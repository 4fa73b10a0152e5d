//! Calls through rtpengine, which speaks no SIP: it is told of both descriptions by its own protocol, NG.

mod bencode;
mod call;
mod client;

pub(super) use call::RelayedCall;
pub(super) use client::NgClient;
