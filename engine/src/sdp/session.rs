//! The session description as a value.

/// A session description, RFC 8866.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription {}
