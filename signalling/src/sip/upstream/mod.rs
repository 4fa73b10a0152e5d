//! What we owe the trunks between calls: our registrations there, signs of life on their flows, questions whether they live, and the
//! memory of which of their hosts did not answer. All of it is pure; the adapter's task drives it.

mod health;
mod instance;
mod keep_alive;
mod probe;
mod registration;

pub use health::Health;
pub use keep_alive::{KeepAlive, Sign, flow_timer};
pub use probe::{Probe, Turn};
pub use registration::{Next, Registration, RegistrationConfig, RegistrationState, conduct_of};
