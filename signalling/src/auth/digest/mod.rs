//! Digest authentication, RFC 7616 and RFC 8760, as SIP uses it (RFC 3261 22).
//!
//! The server side keeps nothing until a response was right: its nonces are a time, a salt and a MAC
//! over both and the peer's address. The client side answers the one realm that it was made for.

mod algorithm;
mod client;
mod fields;
mod nonce;
mod replay;
mod server;
#[cfg(test)]
mod tests;

pub use algorithm::{Algorithm, Ha1};
pub use client::{Attempts, ClientError, DigestClient};
pub use fields::{Challenge, Protection, Qop, Response};
pub use server::{Credentials, Denied, DigestConfig, DigestServer};
