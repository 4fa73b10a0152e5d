//! Why a text is no session description.

/// A text that cannot be read: where and why. The peer's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("session description, line {line}: {fault}")]
pub struct SdpError {
    /// The line, counted from one.
    pub line: usize,
    /// What is wrong with it.
    pub fault: SdpFault,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SdpFault {
    /// More than 64 KiB.
    #[error("the text is too long")]
    TooLong,
    /// More lines than any honest description has.
    #[error("too many lines")]
    TooManyLines,
    /// More `m=` lines than any honest call has.
    #[error("too many media descriptions")]
    TooManyMedia,
    /// Not of the form `x=...`.
    #[error("not a line of the form x=value")]
    NotALine,
    /// A control character inside a value.
    #[error("control character in the line")]
    ControlCharacter,
    /// A type letter that RFC 8866 does not have.
    #[error("unknown line type {0:?}")]
    UnknownType(char),
    /// The first line is not `v=0`.
    #[error("not version 0 of the protocol")]
    NoVersion,
    /// The description has no `o=`.
    #[error("no origin")]
    NoOrigin,
    /// A line that may come only once, or only before the first `m=`.
    #[error("line {0:?} out of place")]
    OutOfPlace(char),
    /// A line or attribute that has to be understood, and cannot.
    #[error("malformed {0}")]
    Malformed(&'static str),
}
