//! Calls, legs and their media; not one SIP word inside.

pub mod dtls;
pub mod ice;
mod ids;
pub mod leg;
pub mod net;
pub mod rtp;
pub mod sdp;
pub mod srtp;

pub use ids::{CallId, EndCause, LegId};
