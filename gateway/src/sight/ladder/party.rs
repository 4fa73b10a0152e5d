//! Who stands at the head of a column.

use std::net::SocketAddr;

use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::message::{Message, Uri};
use webtrunk_signalling::sip::trace::{Direction, Seen};

/// A peer, or ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Whom it is called; empty where nothing says.
    pub name: String,
    /// How it is reached; `None` for ourselves.
    pub place: Option<(TransportKind, SocketAddr)>,
}

impl Party {
    /// Ourselves.
    pub(super) fn gateway() -> Self {
        Self { name: "webtrunk".to_owned(), place: None }
    }

    /// Who sent or gets a message: by From where it sends a request, by To where it gets one.
    pub(super) fn of(seen: &Seen, message: Option<&Message>) -> Self {
        let name = match (message, seen.direction) {
            (Some(Message::Request(request)), Direction::In) => request.headers.from().ok(),
            (Some(Message::Request(request)), Direction::Out) => request.headers.to().ok(),
            (Some(Message::Response(response)), Direction::In) => response.headers.to().ok(),
            (Some(Message::Response(response)), Direction::Out) => response.headers.from().ok(),
            (None, _) => None,
        };
        let name = name.map(|address| user_of(&address.uri)).unwrap_or_default();
        Self { name, place: Some((seen.kind, seen.remote)) }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> String {
        self.place.map_or_else(String::new, |(kind, address)| format!("{} {address}", kind.via_name()))
    }
}

fn user_of(uri: &Uri) -> String {
    uri.as_sip().map_or_else(|| uri.to_string(), |uri| uri.dialled().into_owned())
}
