//! Session descriptions: text (RFC 8866) and negotiation (RFC 3264, 9429).
//!
//! [`SessionDescription`] is the document as types; [`Negotiator`] keeps what one leg and its peer
//! agreed, from the first offer to the last. Nothing here knows time, sockets or signalling.

mod address;
mod attribute;
mod candidate;
mod crypto;
mod direction;
mod error;
mod fingerprint;
mod fragment;
mod media;
mod negotiation;
mod opus_parameters;
mod origin;
mod parse;
mod print;
mod protocol;
mod rtpmap;
mod session;
mod setup;
mod shared;
mod telephone_events;
#[cfg(test)]
mod tests;

pub use address::{Host, RtcpAddress};
pub use attribute::Attribute;
pub use candidate::{Candidate, CandidateError, CandidateKind, CandidateTransport, TcpType};
pub use crypto::{Crypto, CryptoFault, CryptoLine};
pub use direction::Direction;
pub use error::{SdpError, SdpFault};
pub use fingerprint::{Fingerprint, HashFunction};
pub use fragment::{CandidateFragment, FRAGMENT_TYPE, FragmentError};
pub use media::{MediaDescription, MediaKind};
pub use negotiation::{
    AnswerWish, ComfortNoise, LocalMedia, LocalTransport, Negotiated, NegotiationError, Negotiator,
    PayloadFormat, Receivable, RemoteFormat, RemoteMedia, RemoteTransport, RemoteWebrtc, SdesKeys,
    SrtpPolicy, TelephoneEvent,
};
pub use opus_parameters::OpusParameters;
pub use origin::Origin;
pub use protocol::Protocol;
pub use rtpmap::{Fmtp, RtpMap};
pub use session::{Group, SessionDescription};
pub use setup::Setup;
pub use shared::SharedAttributes;
pub use telephone_events::TelephoneEvents;
