//! The HTTP server: the test phone's page, the demo's credentials, health, and SIP over WebSocket.

mod assets;
mod demo;
mod headers;
mod server;

pub use server::{BoundHttp, HttpError, Services};
