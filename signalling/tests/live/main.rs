//! SIP on real sockets, against peers that are not ours.

mod calls;
mod floods;
mod registration;
mod support;
mod tls;
mod torture;
mod transports;
mod upstream;
mod websocket;
#[path = "../wire/mod.rs"]
mod wire;
