//! The registrar, RFC 3261 10.3, with the basics of outbound (RFC 5626): where users can be reached.

mod binding;
mod departed;
mod record;
mod register;
mod table;
#[cfg(test)]
mod tests;

pub use binding::Binding;
pub use record::{Change, Keeper, Moment, Record};
pub use register::{Registrar, RegistrarConfig};
