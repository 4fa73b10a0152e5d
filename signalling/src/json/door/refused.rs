//! Who is not let in: why, for the log, and what it is told.

use crate::accounts::NoTrunk;

/// Why a page is not let in, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::json) enum Refused {
    #[error("its token is refused: {0}")]
    Token(#[from] crate::auth::token::Refusal),
    #[error("its token says nothing of whom it is: it has neither sub nor account")]
    Nobody,
    #[error("it names {0:?}, which cannot be a user's name, or is another's")]
    Name(String),
    #[error("it names {0:?}, who is disabled")]
    Disabled(String),
    #[error("its token is of the customer {0:?}, which is not configured")]
    Customer(String),
    #[error("its token wants its calls recorded, and there is no folder to record to ([recording])")]
    NoRecordings,
    #[error("its token shows the number {0:?}, which is none of its customer's")]
    Number(String),
    #[error("{0}")]
    Trunk(#[from] NoTrunk),
    #[error("its account names hosts and no password")]
    NoPassword,
    #[error("its account names the password {0:?}, which is not kept for its customer")]
    UnknownPassword(String),
    #[error("its name {0}")]
    Ephemeral(#[from] crate::auth::ephemeral::EphemeralRefusal),
    #[error("passwords are not taken")]
    NoPasswords,
    #[error("user or password is wrong")]
    Password,
    #[error(
        "its password came unencrypted from another machine, and anybody on the way may have it; serve pages by TLS"
    )]
    NotEncrypted,
    #[error("too much was wrong that came from there; it has to wait a minute")]
    Waits,
}

/// What whoever is refused is told, whatever is wrong.
pub(in crate::json) const ANSWER: &str = "the proof is not accepted";
