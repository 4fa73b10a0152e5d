//! The REST interface for back ends, on the HTTP server.
//!
//! ```text
//!  back end --- Authorization: Bearer wk_ID_SECRET ---> door --- Caller ---> a handler: scope, customer, what is asked
//!                                                        `---> 401, 429 (problems, RFC 9457)
//! ```
//!
//! A handler begins with the scope that it needs, and whatever it tells of is asked whether the key may know of it.

mod answers;
pub mod caller;
pub mod calls;
mod cors;
pub mod door;
pub mod events;
mod idempotency;
pub mod journal;
pub mod keys;
pub mod logins;
pub mod openapi;
pub mod page;
pub mod people;
pub mod problem;
mod rates;
pub mod recordings;
pub mod registrations;
pub mod scope;
mod server;
mod shared_ring;
pub mod tokens;

pub use idempotency::Idempotency;
pub use server::Rest;
use server::{created, read, told};

/// Where it is served if nobody says.
pub const PATH: &str = "/api/v1";
