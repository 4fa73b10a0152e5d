//! What both ends of a call keep, RFC 3261 12.

use std::net::SocketAddr;

use webtrunk_signalling::sip::message::{
    ByteString, CSeq, HeaderName, Headers, Method, NameAddr, ParseError, Request, Response, Uri,
};

/// A dialog, or an attempt at one: before the other end's tag is known it is only good for INVITE.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    pub(crate) call_id: ByteString,
    pub(crate) local: NameAddr,
    pub(crate) remote: NameAddr,
    /// The other end's Contact, once it is known.
    target: Option<Uri>,
    routes: Vec<NameAddr>,
    local_number: u32,
    /// Where requests go, unless a route or the target says an address.
    peer: SocketAddr,
}

impl Dialog {
    /// The caller's side, before anybody answered.
    pub(crate) fn outgoing(call_id: &str, local: NameAddr, remote: NameAddr, peer: SocketAddr) -> Self {
        let call_id = call_id.into();
        Self { call_id, local, remote, target: None, routes: Vec::new(), local_number: 0, peer }
    }

    /// The callee's side.
    ///
    /// # Errors
    /// The INVITE lacks what a dialog is made of.
    pub(crate) fn incoming(invite: &Request, our_tag: &str, peer: SocketAddr) -> Result<Self, ParseError> {
        Ok(Self {
            call_id: invite.headers.call_id()?,
            local: invite.headers.to()?.with_tag(our_tag),
            remote: invite.headers.from()?,
            target: Some(invite.headers.contact()?.uri),
            routes: invite.headers.record_routes()?,
            local_number: 0,
            peer,
        })
    }

    /// A response that makes the dialog.
    pub(crate) fn handle_response(&mut self, response: &Response) {
        if let Ok(to) = response.headers.to() {
            self.remote = to;
        }
        if let Ok(contact) = response.headers.contact() {
            self.target = Some(contact.uri);
        }
        if let Ok(mut routes) = response.headers.record_routes() {
            routes.reverse();
            self.routes = routes;
        }
    }

    /// By a re-INVITE of the other end, or its answer to ours; the route stays as it is (RFC 3261 12.2.1.2).
    pub(crate) fn refresh_target(&mut self, headers: &Headers) {
        if let Ok(contact) = headers.contact() {
            self.target = Some(contact.uri);
        }
    }

    /// The next request, without Via and Contact.
    pub(crate) fn request(&mut self, method: Method) -> Request {
        self.local_number += 1;
        self.numbered(method, self.local_number)
    }

    /// The ACK of a 2xx, or the CANCEL of an INVITE: its number is that of the INVITE.
    pub(crate) fn companion(&self, method: Method, invite: &Request) -> Request {
        self.numbered(method, invite.headers.cseq().map_or(self.local_number, |cseq| cseq.number))
    }

    /// Where to send a request (RFC 3261 8.1.2, without DNS: a name means the peer that we have, and so
    /// does a dialog that nobody answered yet).
    pub(crate) fn next_hop(&self) -> SocketAddr {
        let hop = self.routes.first().map(|route| &route.uri).or(self.target.as_ref());
        hop.and_then(address_of).unwrap_or(self.peer)
    }

    /// The URI of a call that takes our place in this one (RFC 3891; of its parts RFC 5589 7.3 tells).
    pub(crate) fn replacing(&self) -> String {
        let tag = |of: &NameAddr| of.tag().unwrap_or_default().to_owned();
        let replaces = format!("{};to-tag={};from-tag={}", self.call_id, tag(&self.remote), tag(&self.local));
        format!("{}?Replaces={}", self.target.as_ref().unwrap_or(&self.remote.uri), escaped(&replaces))
    }

    fn numbered(&self, method: Method, number: u32) -> Request {
        let target = match self.target.as_ref().unwrap_or(&self.remote.uri) {
            Uri::Sip(uri) => Uri::Sip(uri.as_request_uri()),
            other => other.clone(),
        };
        let mut request = Request::new(method.clone(), target);
        for route in &self.routes {
            request.headers.push(HeaderName::Route, route.to_string());
        }
        request.headers.push(HeaderName::MaxForwards, "70");
        request.headers.push(HeaderName::From, self.local.to_string());
        request.headers.push(HeaderName::To, self.remote.to_string());
        request.headers.push(HeaderName::CallId, self.call_id.clone());
        request.headers.push(HeaderName::CSeq, CSeq { number, method }.to_string());
        request
    }
}

/// As a header in a URI has it (RFC 3261 19.1.1).
fn escaped(text: &str) -> String {
    let octet = |it: u8| match it {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' => char::from(it).to_string(),
        _ => format!("%{it:02X}"),
    };
    text.bytes().map(octet).collect()
}

/// The address that a URI names, where it names one.
pub(crate) fn address_of(uri: &Uri) -> Option<SocketAddr> {
    let uri = uri.as_sip()?;
    Some(SocketAddr::new(uri.host.ip()?, uri.port.unwrap_or(DEFAULT_PORT)))
}

/// RFC 3261 19.1.2.
const DEFAULT_PORT: u16 = 5060;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;
    use webtrunk_signalling::sip::message::Message;

    use super::*;

    fn peer() -> SocketAddr {
        "192.0.2.9:5060".parse().unwrap()
    }

    fn outgoing() -> Dialog {
        let local = "<sip:alice@example.com>;tag=1".parse().unwrap();
        Dialog::outgoing("call", local, "<sip:bob@example.com>".parse().unwrap(), peer())
    }

    /// A 200 with these headers.
    fn answer(headers: &str) -> Response {
        let text = format!("SIP/2.0 200 OK\r\nTo: <sip:bob@example.com>;tag=2\r\n{headers}\r\n");
        let Message::Response(answer) = Message::parse(Bytes::from(text)).unwrap() else {
            panic!("a response");
        };
        answer
    }

    #[test]
    fn an_answer_names_target_route_and_tag() {
        let mut dialog = outgoing();
        assert_eq!(
            dialog.request(Method::Invite).headers.get(&HeaderName::To),
            Some("<sip:bob@example.com>")
        );
        dialog.handle_response(&answer(
            "Record-Route: <sip:192.0.2.2;lr>, <sip:192.0.2.1:5070;lr>\r\nContact: <sip:bob@192.0.2.7:5090>\r\n",
        ));
        let bye = dialog.request(Method::Bye);
        assert_eq!(bye.uri.to_string(), "sip:bob@192.0.2.7:5090");
        assert_eq!(bye.headers.get(&HeaderName::To), Some("<sip:bob@example.com>;tag=2"));
        assert_eq!(bye.headers.get(&HeaderName::CSeq), Some("2 BYE"));
        let routes: Vec<_> = bye.headers.routes().unwrap().iter().map(|it| it.uri.to_string()).collect();
        assert_eq!(routes, ["sip:192.0.2.1:5070;lr", "sip:192.0.2.2;lr"]);
        assert_eq!(dialog.next_hop(), "192.0.2.1:5070".parse::<SocketAddr>().unwrap());
    }

    #[test]
    fn the_answer_to_a_re_invite_changes_the_target_and_leaves_the_route() {
        let mut dialog = outgoing();
        dialog.handle_response(&answer(
            "Record-Route: <sip:192.0.2.1:5070;lr>\r\nContact: <sip:bob@192.0.2.7:5090>\r\n",
        ));
        dialog.refresh_target(&answer("Contact: <sip:bob@192.0.2.7:5091>\r\n").headers);
        let bye = dialog.request(Method::Bye);
        assert_eq!(bye.uri.to_string(), "sip:bob@192.0.2.7:5091");
        assert_eq!(bye.headers.routes().unwrap().len(), 1);
        assert_eq!(dialog.next_hop(), "192.0.2.1:5070".parse::<SocketAddr>().unwrap());
    }

    #[test]
    fn a_dialog_that_nobody_answered_goes_to_the_peer() {
        assert_eq!(outgoing().next_hop(), peer());
    }

    #[test]
    fn who_takes_our_place_is_told_our_dialog() {
        let mut dialog = outgoing();
        dialog.handle_response(&answer("Contact: <sip:bob@192.0.2.7:5090>\r\n"));
        let expected = "sip:bob@192.0.2.7:5090?Replaces=call%3Bto-tag%3D2%3Bfrom-tag%3D1";
        assert_eq!(dialog.replacing(), expected);
    }

    #[test]
    fn an_acknowledgement_has_the_number_of_its_invite() {
        let mut dialog = outgoing();
        let invite = dialog.request(Method::Invite);
        dialog.request(Method::Info);
        let ack = dialog.companion(Method::Ack, &invite);
        assert_eq!(ack.headers.get(&HeaderName::CSeq), Some("1 ACK"));
    }
}
