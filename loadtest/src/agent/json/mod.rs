//! A page without a SIP stack: the JSON API over a WebSocket, and WebRTC media beside it. What it sends is written out
//! here and in its users, not taken from the gateway's types, so that both cannot share a mistake.

mod agent;
mod media;
mod page;
mod proof;

pub use agent::PageAgent;
pub use media::PageMedia;
pub use page::{JsonPage, PageError};
pub use proof::PageProof;
