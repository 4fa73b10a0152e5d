//! Session descriptions: text (RFC 8866) and negotiation (RFC 3264, 9429).

mod session;

pub use session::SessionDescription;
