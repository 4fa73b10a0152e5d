//! What calls to the rest of the world may cost: numbers that may be called, calls a minute, minutes a day, the longest
//! call; of each user, and of each trunk that is called.
//!
//! ```text
//! a user begins a call ---- calls_per_minute ----------------> or 503
//! a number is called at a trunk ---- numbers ----------------> or 403
//!   |                          `---- minutes_per_day left ---> or 403
//!   v answered: a meter runs, for who calls and for the trunk
//!   ends: by itself, or with `TimeLimit` where the longest call, or the day's minutes, are over
//! ```
//!
//! Whoever has stolen a password calls numbers that pay: many at once, far away, all night. Each of these says no to a
//! part of that; the dial plan says no to all that no rule allows.

mod ledger;
mod limits;
mod meter;
mod numbers;

pub use ledger::{Day, Ledger, Payer, Spent};
pub use limits::CallLimits;
pub use meter::{Meter, Refusal};
pub use numbers::{NotANumber, Numbers, Prefix};
