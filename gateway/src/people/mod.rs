//! Users, customers and keys that the store has, beside those in the configuration file: made, changed and ended while the
//! gateway runs.
//!
//! ```text
//! webtrunk user ..., REST ---> People (`change`, `users` ...) ---> one roster with the file ---> telephony, as a reload
//!                                          |                                 ^
//!                                          `--> rows of the store -----------+ at the start
//! ```
//!
//! What may be said of them is what the configuration file may say (`terms`), checked by the same code (`config::people`).

mod body;
mod change;
mod desk;
mod error;
pub(crate) mod render;
mod roll;
mod seal;
mod secret_change;
mod shown;
mod store_keys;
mod terms;
mod turns;

pub(crate) use body::Body;
pub use change::{Change, Made};
pub(crate) use change::{Ground, Named};
pub(crate) use desk::Asked;
pub use desk::{Desk, People};
pub use error::PeopleError;
pub use roll::{
    Roll, Row, StoredAccountPassword, StoredApiKey, StoredCustomer, StoredKey, StoredUpstream, StoredUser,
    UserAtTrunk,
};
pub use seal::{StoreKey, Unopened};
pub use secret_change::SecretChange;
pub use shown::{ShownAccountPassword, ShownApiKey, ShownCustomer, ShownKey, ShownUpstream, ShownUser};
pub use store_keys::StoreKeys;
pub use terms::{
    CustomerTerms, KeyKind, KeyTerms, LimitTerms, LoginTerms, RecordingTerm, UpstreamCredentials,
    UpstreamTerms, UserTerms,
};
