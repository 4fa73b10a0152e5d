//! Tokens: what a customer's server gives a page, and what the page may do with it.
//!
//! ```text
//!  text --> format, by its shape --> key, by its id --> proven, opened --> claims
//!                                                                            |
//!  Grant <-- not used before? <-- from where it may come? <-- in time, for us, within the key's terms?
//! ```
//!
//! | shape | format | what the page can read |
//! |---|---|---|
//! | `wt1.KEY.TEXT` | our own, AES-256-GCM ([`sealed`]) | nothing but the key's id |
//! | `TEXT.TEXT.TEXT` | JWT, signed by a pinned algorithm ([`jwt`]) | all of it, so it must hold no password |
//! | `APP:HEX.MAC` | the web call server's, with a MAC appended ([`bridge`]) | all of it, where it knows one plaintext |
//! | `APP:HEX` | the same without, off unless somebody wants it ([`legacy`]) | the same, and it can forge others |
//!
//! Whatever is wrong is a [`Refusal`] for the log. The page is told [`Refusal::ANSWER`], and nothing else.

mod account;
pub mod bridge;
mod claims;
mod door;
mod fetched_keys;
mod grant;
mod hex;
mod host;
pub mod jwks;
pub mod jwt;
mod key;
mod keyring;
pub mod legacy;
mod refusal;
pub mod remote_keys;
mod replay;
pub mod sealed;
mod shape;
mod terms;
#[cfg(test)]
mod tests;

pub use account::{Account, Credential};
pub use claims::{Audience, Claims, Destination, Recording, UnknownClaims};
pub use door::TokenDoor;
pub use fetched_keys::FetchedKeys;
pub use grant::Grant;
pub use host::{HostError, HostName, HostPort};
pub use key::{Format, KeyFault, KeyKind, MakeError, TokenKey};
pub use keyring::{Keyring, Unsealed};
pub use legacy::Arrival;
pub use refusal::Refusal;
pub use replay::{OnceId, ReplayList, TokenKeeper, UsedToken};
pub use shape::{Look, is_key_id};
pub use terms::{LIFETIME_MAX, OneUse, Terms};

/// Longest token that is looked at, in octets. Chosen by us: the longest account and a hundred destinations fit.
pub const TOKEN_MAX: usize = 16 * 1024;
