//! Authentication: who stands behind a request.

pub mod bucket;
pub mod digest;
pub mod limits;
pub mod repeats;
pub mod sources;
