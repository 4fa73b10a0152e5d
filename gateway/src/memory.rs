//! The memory that the process has: whether there is some for one more call, and when what calls have left is given back to the
//! system.
//!
//! The C library keeps what is freed for those who ask next. That is right while calls come, and wrong when a flood is over:
//! then it is given back, by a thread of its own (docs/PERFORMANCE.md tells what it costs).

mod budget;
mod heap;
mod tidier;
mod tidiness;

pub(crate) use budget::MemoryBudget;
pub(crate) use tidier::Tidier;
