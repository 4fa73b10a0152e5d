//! The transport against an independent stack, a lossy wire and attackers.

mod connect;
mod pair;
mod peer;
mod peer_dtls;
