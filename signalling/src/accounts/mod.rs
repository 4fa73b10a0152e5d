//! SIP accounts that the gateway holds for pages: a page phones by one, and never sees it.
//!
//! ```text
//!  JSON API: a page comes in by a token -------- Hold ---> SIP: registers it, and calls by it, both ways
//!            it is gone, and its grace with it - Leave --> SIP: ends the registration
//!            `registration` <------------------- Standing - SIP
//! ```
//!
//! Where an account's requests go is said by a trunk of the configuration, never by the token alone.

mod desk;
mod trunks;

pub use desk::AccountDesk;
pub use trunks::{AccountTrunk, AccountTrunks, NoTrunk};

use std::fmt;
use std::time::Duration;

use crate::auth::secret::SecretText;

/// Names an account that is held, for the life of the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub u64);

/// For how long an account is registered; its registrar may shorten or lengthen it. As for trunks.
pub const ACCOUNT_EXPIRES: Duration = Duration::from_secs(600);

/// An account that is held.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldAccount {
    /// The trunk that it is at.
    pub trunk: String,
    /// The user part of its address.
    pub user: String,
    /// The name that its password belongs to.
    pub auth_name: String,
    /// Its password.
    pub password: SecretText,
    /// The user of ours who has it: calls to it are for that one, and that one's calls go out by it.
    pub of_user: String,
    /// Whether it is registered, to be called.
    pub registers: bool,
}

/// What is wanted of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountWish {
    /// It is held from now on.
    Hold(AccountId, Box<HeldAccount>),
    /// It is held no more.
    Leave(AccountId),
}

/// Where an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountStanding {
    /// Its registrar was asked for the first time, or is about to be.
    Registering,
    /// Its registrar has us.
    Registered,
    /// Its registrar does not answer, or does not take the password: it is asked again later.
    Failing,
    /// It cannot be held: its registrar does not want it, or another has its place.
    Refused,
    /// It is not to be registered: calls go out by it, and none come in.
    OutboundOnly,
}

impl HeldAccount {
    /// Whether both are the same address, or the account of the same user, at one trunk: one of them can be held.
    #[must_use]
    pub fn rivals(&self, other: &Self) -> bool {
        self.trunk == other.trunk && (self.user == other.user || self.of_user == other.of_user)
    }

    /// Whether a page that wants the other has all that it wants in this one: the same, and registered if it wants that.
    #[must_use]
    pub fn serves(&self, other: &Self) -> bool {
        let are_same = (&self.auth_name, &self.password) == (&other.auth_name, &other.password);
        self.is_same_place(other) && are_same && (self.registers || !other.registers)
    }

    /// Whether both are the same address of the same user, by whatever password.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.trunk == other.trunk && self.user == other.user && self.of_user == other.of_user
    }
}

/// Without the password.
impl fmt::Debug for HeldAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldAccount")
            .field("trunk", &self.trunk)
            .field("user", &self.user)
            .field("of_user", &self.of_user)
            .finish_non_exhaustive()
    }
}
