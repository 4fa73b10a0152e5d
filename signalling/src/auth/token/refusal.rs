//! Why a token is refused. The log is told; whoever presents it is told that it is not accepted.

use crate::auth::validity::UnixTime;

/// What is wrong with a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is longer than [`TOKEN_MAX`](super::TOKEN_MAX).
    #[error("it is too long")]
    TooLong,
    /// It has no shape that there is, or not the one that it begins as.
    #[error("it is malformed: {0}")]
    Malformed(&'static str),
    /// It names no key of ours.
    #[error("there is no key {0:?} for its format")]
    UnknownKey(String),
    /// Its key is not in force yet, or no longer.
    #[error("its key {0:?} is not in force now")]
    KeyNotInForce(String),
    /// It was not made by its key, or was changed since.
    #[error("its proof is wrong: another key made it, or somebody changed it")]
    Forged,
    /// It names another algorithm than its key has.
    #[error("it names an algorithm that its key does not have")]
    WrongAlgorithm,
    /// A JWT says that something must be understood which we do not know (RFC 7515 4.1.11).
    #[error("it has critical extensions, which are not understood")]
    CriticalExtension,
    /// What was opened is no JSON, or some claim is of another kind.
    #[error("its claims cannot be read, at octet {column} of its JSON")]
    BadClaims {
        /// Where, counted from 1.
        column: usize,
    },
    /// A claim's value cannot be.
    #[error("its claim {0:?} is empty, too long, or of more than one line")]
    BadClaim(&'static str),
    /// What was opened is not the XML that the web call server has.
    #[error("what it holds is not one element with attributes: {0}")]
    BadXml(&'static str),
    /// It has a claim that there is not.
    #[error("there is no claim {0:?}; a limit that is misspelt would be none")]
    UnknownClaim(String),
    /// It lacks a claim.
    #[error("it has no claim {0:?}")]
    MissingClaim(&'static str),
    /// Its time is over.
    #[error("it expired at {} (UNIX time)", .0.0)]
    Expired(UnixTime),
    /// Its time has not come.
    #[error("it is not good before {} (UNIX time); are both clocks right?", .0.0)]
    NotYet(UnixTime),
    /// It was made in the future.
    #[error("it was made at {} (UNIX time), which is to come; are both clocks right?", .0.0)]
    MadeInFuture(UnixTime),
    /// It is good for longer than its key's tokens may be.
    #[error("it is good for {seconds} s, and its key's tokens for {most} s at most")]
    LivesTooLong {
        /// From its making to its end, in s.
        seconds: u64,
        /// What the key lets it, in s.
        most: u64,
    },
    /// It is for another gateway.
    #[error("it is not made for {0:?}")]
    WrongAudience(String),
    /// It is of somebody else than its key.
    #[error("it is not issued by {0:?}")]
    WrongIssuer(String),
    /// It names another customer than its key's.
    #[error("it names another customer than {0:?}, whose key made it")]
    WrongCustomer(String),
    /// It holds a password that the page can read.
    #[error("it holds a password in clear; a JWT names one that the gateway keeps (password_ref)")]
    ReadablePassword,
    /// It would send an account's password, and calls, to a host that nobody allowed.
    #[error("its account names the host {0:?}, which its key's `hosts` do not")]
    HostNotAllowed(String),
    /// It has to be good once, and has no name to know it by.
    #[error("its key's tokens are good once, and it has no jti to know it by")]
    NoId,
    /// It was used before.
    #[error("it was used before, and is good once")]
    Replayed,
    /// Too many tokens are remembered that were used.
    #[error("too many tokens are remembered that were used; it may be one of them")]
    ReplayListFull,
    /// It has no MAC, and nobody asked for such tokens.
    #[error("it has no MAC behind it, and legacy_tokens is off")]
    LegacyOff,
    /// It has no MAC, and came in the clear.
    #[error("it has no MAC, and came over a connection without TLS")]
    NotEncrypted,
    /// It has no MAC, and came from elsewhere than such tokens may.
    #[error("it has no MAC, and its source is none of its key's `networks`")]
    SourceNotAllowed,
    /// It has no MAC, and a page brought it that may not.
    #[error("it has no MAC, and the page's origin is none of its key's `origins`")]
    OriginNotAllowed,
    /// Too many tokens without a MAC were wrong that came from there.
    #[error("too many tokens without a MAC were wrong that came from there; try again in a minute")]
    TooManyFailures,
}

impl Refusal {
    /// What whoever presents a token is told, whatever is wrong: anything more would help who forges one.
    pub const ANSWER: &str = "the token is not accepted";

    /// One word, to count by.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::TooLong | Self::Malformed(_) => "malformed",
            Self::UnknownKey(_) => "unknown_key",
            Self::KeyNotInForce(_) => "inactive_key",
            Self::Forged | Self::WrongAlgorithm | Self::CriticalExtension => "forged",
            Self::BadClaims { .. }
            | Self::BadClaim(_)
            | Self::BadXml(_)
            | Self::UnknownClaim(_)
            | Self::MissingClaim(_) => "bad_claims",
            Self::Expired(_) => "expired",
            Self::NotYet(_) | Self::MadeInFuture(_) => "not_yet",
            Self::LivesTooLong { .. } => "lives_too_long",
            Self::WrongAudience(_) => "wrong_audience",
            Self::WrongIssuer(_) | Self::WrongCustomer(_) => "wrong_issuer",
            Self::ReadablePassword | Self::HostNotAllowed(_) => "account_not_allowed",
            Self::NoId | Self::Replayed | Self::ReplayListFull => "replayed",
            Self::LegacyOff
            | Self::NotEncrypted
            | Self::SourceNotAllowed
            | Self::OriginNotAllowed
            | Self::TooManyFailures => "legacy_not_allowed",
        }
    }
}
