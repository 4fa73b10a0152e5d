//! An HTTP server for strangers: what one connection and one address may cost it is bounded.

mod frame_guard;
mod gate;
mod guarded;
mod media;
mod origin;
mod server;
pub mod websocket;

pub use frame_guard::{BadFrame, FrameGuard};
pub use gate::{Gate, Pass};
pub use media::{MediaStream, MediaStreams};
pub use origin::{ChangingOrigins, OriginError, OriginPolicy, WebOrigin};
pub use server::{Arrival, HttpDoor, serve};
