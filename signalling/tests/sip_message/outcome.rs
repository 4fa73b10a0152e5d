//! What parsing and validation together make of a message.

use bytes::Bytes;
use webtrunk_signalling::sip::message::{Capabilities, Message, Method};

/// As the gateway's first version: calls, registrations and digits, and no extension.
pub(crate) const CAPABILITIES: Capabilities = Capabilities {
    methods: &[
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Cancel,
        Method::Options,
        Method::Register,
        Method::Info,
    ],
    option_tags: &[],
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A request that goes on to its transaction.
    Request,
    /// A response that goes on to look for its transaction.
    Response,
    /// Answered at once, with this status and reason.
    Answered(u16, String),
    /// Dropped without an answer.
    Dropped,
}

pub(crate) fn outcome(octets: &[u8]) -> Outcome {
    let response = match Message::parse(Bytes::copy_from_slice(octets)) {
        Err(malformed) => malformed.response(),
        Ok(Message::Response(response)) => {
            return if response.validate().is_ok() { Outcome::Response } else { Outcome::Dropped };
        }
        Ok(Message::Request(request)) => match request.validate(&CAPABILITIES) {
            Ok(()) => return Outcome::Request,
            Err(reject) => reject.response(&request, Some("tag-of-ours")),
        },
    };
    let Some(response) = response else { return Outcome::Dropped };
    // An answer must be a message by itself, whatever it was made from.
    let printed = response.to_bytes();
    assert_eq!(Message::parse(printed).unwrap(), Message::Response(response.clone()));
    Outcome::Answered(response.status.code(), response.reason.to_string())
}
