//! Calls, legs and their media; not one SIP word inside.

mod ids;
pub mod rtp;
pub mod sdp;
pub mod srtp;

pub use ids::{CallId, EndCause, LegId};
