//! What we owe the trunks between calls: our registrations there, questions whether they live, and the
//! memory of which of their hosts did not answer. All of it is pure; the adapter's task drives it.

mod health;
mod probe;
mod registration;

pub use health::Health;
pub use probe::{Probe, Turn};
pub use registration::{Next, Registration, RegistrationConfig, RegistrationState, conduct_of};
