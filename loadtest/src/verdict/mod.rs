//! What is said of each call, and of the load tester itself: heard or silent, by whom, how late, how well.

mod call;
mod cut;
mod digit_trip;
mod digits;
mod direction;
mod excused;
mod finding;
mod hummed;
mod lateness;
mod limits;
mod pauses;
mod spoken;
mod spread;
mod tail;

pub use call::{CallVerdict, Excuse, Happened, Said, Side};
pub use cut::{Cut, CutVerdict};
pub use digit_trip::DigitTrip;
pub use direction::DirectionVerdict;
pub use finding::{Finding, FindingKind};
pub use lateness::{Fitness, LATE_PERCENT_MAX, Lateness};
pub use limits::Limits;
pub use spread::{Bar, Spread};
