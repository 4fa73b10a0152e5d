//! Offer and answer (RFC 3264) as far as one audio stream needs, over RTP or WebRTC (RFC 9429).

mod describe;
mod error;
mod format;
mod layout;
mod local;
mod negotiated;
mod offer_answer;
mod payload_types;
mod reach;
mod remote;
mod sdes;
mod transport;

pub use error::NegotiationError;
pub use format::{PayloadFormat, RemoteFormat};
pub use local::{LocalMedia, LocalTransport};
pub use negotiated::{AnswerWish, ComfortNoise, Negotiated, Receivable, TelephoneEvent};
pub use offer_answer::Negotiator;
pub use remote::RemoteMedia;
pub use sdes::{SdesKeys, SrtpPolicy};
pub use transport::{RemoteTransport, RemoteWebrtc};
