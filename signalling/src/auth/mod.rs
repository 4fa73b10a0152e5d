//! Authentication: who stands behind a request.

pub mod digest;
pub mod limits;
pub mod repeats;
