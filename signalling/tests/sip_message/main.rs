//! The SIP parser against the torture messages of RFC 4475 and RFC 5118, against a corpus of our own
//! that tests the same rules, against another parser, and against noise.
#![allow(clippy::unwrap_used)]

mod corpus;
mod differential;
mod manifest;
mod outcome;
mod properties;
mod stream;
