//! Certificates while they are shown: what they say, when they change, and when they end.

mod facts;
mod keeper;
mod watch;

pub use facts::CertificateFacts;
pub use keeper::keep;
