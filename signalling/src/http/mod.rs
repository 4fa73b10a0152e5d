//! An HTTP server for strangers: what one connection and one address may cost it is bounded.

mod gate;
mod guarded;
mod media;
mod server;
pub mod websocket;

pub use gate::{Gate, Pass};
pub use media::{MediaStream, MediaStreams};
pub use server::{Arrival, HttpDoor, serve};
