//! Noise: nothing panics, and what was read is what is printed.

use std::str::FromStr;

use bytes::Bytes;
use proptest::prelude::*;
use webtrunk_signalling::sip::message::{
    Framing, HeaderName, Host, Message, Method, NameAddr, Params, Request, SipUri, Uri,
};

use super::corpus;
use super::outcome::outcome;

/// Reads everything that can be read.
fn exercise(octets: &[u8]) -> Result<(), TestCaseError> {
    outcome(octets);
    if let Framing::Complete { len } | Framing::KeepAlive(len) = Framing::find(octets) {
        prop_assert!(0 < len && len <= octets.len());
    }
    let Ok(message) = Message::parse(Bytes::copy_from_slice(octets)) else { return Ok(()) };
    let headers = match &message {
        Message::Request(request) => &request.headers,
        Message::Response(response) => &response.headers,
    };
    let _ = (headers.contact(), headers.expires(), headers.min_expires(), headers.content_type());
    if let Ok(via) = headers.via() {
        let mut stamped = via.clone();
        stamped.stamp("[2001:db8::1]:5060".parse().unwrap());
        prop_assert_eq!(stamped.received(), Some("2001:db8::1".parse().unwrap()));
    }
    for address in [headers.from(), headers.to(), headers.contact()].into_iter().flatten() {
        let printed = address.to_string();
        let again: NameAddr =
            printed.parse().map_err(|e| TestCaseError::fail(format!("{printed:?}: {e}")))?;
        prop_assert_eq!(&again.uri, &address.uri);
        prop_assert_eq!(again.tag(), address.tag());
        prop_assert!(address.uri.matches(&address.uri.detached()));
    }
    let printed = message.to_bytes();
    prop_assert_eq!(Message::parse(printed).unwrap(), message);
    Ok(())
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let cases = corpus::cases();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..8);
    (0..cases.len(), edits).prop_map(move |(case, edits)| {
        let mut octets = cases[case].octets.clone();
        for (at, byte, kind) in edits {
            if octets.is_empty() {
                break;
            }
            let at = at.index(octets.len());
            match kind {
                0 => octets[at] = byte,
                1 => octets.insert(at, byte),
                2 => drop(octets.remove(at)),
                _ => octets.insert(at, b";:,<>\"\\@%[]=\r\n \t?*"[byte as usize % 18]),
            }
        }
        octets
    })
}

fn request() -> impl Strategy<Value = Request> {
    let field = ("[a-zA-Z][a-zA-Z0-9-]{0,12}", "\\PC{0,40}");
    (
        "[A-Z]{1,10}",
        "\\PC{1,12}",
        prop::option::of(any::<u16>()),
        prop::collection::vec(field, 0..12),
        prop::collection::vec(any::<u8>(), 0..300),
    )
        .prop_map(|(method, user, port, fields, body)| {
            let host = Host::from_str("gateway.example").unwrap();
            let method = Method::parse(&method.into()).unwrap();
            let mut request = Request::new(method, SipUri::new(&user, host, port));
            for (name, value) in fields {
                request.headers.push(HeaderName::from(&*name), value);
            }
            request.body = body.into();
            request
        })
}

proptest! {
    #[test]
    fn random_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        exercise(&octets)?;
    }

    #[test]
    fn mutated_messages_never_panic_and_print_as_read(octets in mutated()) {
        exercise(&octets)?;
    }

    #[test]
    fn a_request_that_was_made_is_read_back(request in request()) {
        let printed = request.to_bytes();
        prop_assert_eq!(Message::parse(printed).unwrap(), Message::Request(request));
    }

    #[test]
    fn whatever_is_said_of_a_party_stays_in_its_field(name in "\\PC{0,20}|(?s).{0,20}", tag in "(?s).{0,20}") {
        let address = NameAddr::new("sip:a@b.example".parse::<Uri>().unwrap())
            .with_display_name(&name)
            .with_tag(&tag);
        let mut request = Request::new(Method::Options, "sip:b.example".parse::<Uri>().unwrap());
        request.headers.push(HeaderName::From, address.to_string());
        let Message::Request(read) = Message::parse(request.to_bytes()).unwrap() else { panic!("a request") };
        prop_assert_eq!(read.headers.len(), 1);
        let from = read.headers.from().unwrap();
        prop_assert_eq!(&from.uri, &address.uri);
    }

    #[test]
    fn parameters_hold_what_they_were_given(
        list in prop::collection::vec(("[a-z]{1,8}", prop::option::of("[A-Za-z0-9.-]{1,8}")), 0..6)
    ) {
        let mut params = Params::default();
        for (name, value) in &list {
            params.set(name, value.as_deref());
        }
        for (at, (name, value)) in list.iter().enumerate() {
            let is_last = list[at + 1..].iter().all(|(later, _)| later != name);
            if is_last {
                prop_assert!(params.has(name));
                prop_assert_eq!(params.get(name), value.as_deref());
            }
        }
    }
}
