//! What a description says of the peer's ICE.

use crate::sdp::Candidate;

/// What a description says of the peer's ICE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteIce {
    /// Its user name fragment.
    pub ufrag: String,
    /// Its password.
    pub password: String,
    /// Whether it only answers checks, so that it has to be checked.
    pub is_lite: bool,
    /// Where it may be found. Of a peer that checks us they are of no use.
    pub candidates: Vec<Candidate>,
}

impl RemoteIce {
    /// A peer that checks us.
    #[must_use]
    pub fn new(ufrag: &str, password: &str) -> Self {
        let (ufrag, password) = (ufrag.to_owned(), password.to_owned());
        Self { ufrag, password, is_lite: false, candidates: Vec::new() }
    }
}
