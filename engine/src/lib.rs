//! Calls, legs and their media; not one SIP word inside.
//!
//! [`Engine`](engine::Engine) owns one media thread a shard. A call lives on one shard from first to
//! last; whoever controls it holds a [`CallHandle`](call::CallHandle) and hears
//! [`CallEvent`](call::CallEvent)s. All below `call/actor.rs` and `net/` is plain structs that are
//! stepped by hand.

pub mod call;
pub mod config;
pub mod dtls;
pub mod engine;
pub mod ice;
mod ids;
pub mod leg;
pub mod media;
pub mod net;
mod placement;
pub mod rtp;
pub mod sdp;
pub mod srtp;

pub use ids::{CallId, EndCause, LegId, NoCallId};
