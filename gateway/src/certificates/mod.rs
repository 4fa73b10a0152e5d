//! Certificates while they are shown: what they say, when they change, and when they end.

mod facts;
mod keeper;
mod shown;
mod watch;

pub use facts::CertificateFacts;
pub use keeper::keep;
pub use shown::Certificates;
