//! The registrar, RFC 3261 10.3, with outbound (RFC 5626), Path (RFC 3327) and GRUU (RFC 5627): where users can be
//! reached.

mod binding;
mod departed;
mod flows;
mod gruu;
mod outbound;
mod record;
mod register;
mod table;
#[cfg(test)]
mod tests;
mod update;

pub use binding::Binding;
pub use gruu::Gruu;
pub use record::{Change, Keeper, Record};
pub use register::{Registrar, RegistrarConfig};
