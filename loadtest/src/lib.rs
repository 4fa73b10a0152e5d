//! Callers and answerers with real media, for load tests and end-to-end tests.
//!
//! Nothing here shares the gateway's inside: signalling uses its message parser alone, and ICE, DTLS and
//! SRTP are those of another project, so that an agreement between both ends means something.

pub mod agent;
pub mod capacity;
pub mod drive;
pub mod fleet;
pub mod hear;
pub mod load;
pub mod report;
pub mod scenario;
pub mod sipp;
pub mod verdict;
