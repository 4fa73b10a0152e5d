//! The HTTP server: the test phone's page, the demo's credentials, health, status, and SIP over WebSocket.

mod assets;
pub(crate) mod basic;
mod credentials;
mod demo;
mod headers;
mod health;
mod local;
mod server;
mod status;

pub use server::{BoundHttp, HttpError, Services};
