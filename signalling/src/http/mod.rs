//! An HTTP server for strangers: what one connection and one address may cost it is bounded.

mod gate;
mod guarded;
mod server;

pub use gate::{Gate, Pass};
pub use server::{Arrival, HttpDoor, serve};
