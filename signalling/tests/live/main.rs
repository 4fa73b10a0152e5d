//! SIP on real sockets, against peers that are not ours.

mod support;
mod tls;
mod transports;
mod websocket;
