//! The two requests that a transaction makes from the INVITE it sent: the ACK of a failure and CANCEL.

use crate::sip::message::{HeaderName, Method, Request, Response};

/// Hops that a request may take (RFC 3261 8.1.1.6).
pub(in crate::sip) const MAX_FORWARDS: &str = "70";

/// What both are made of, and the credentials that the ACK of a 2xx repeats (RFC 3261 13.2.2.4); these two do not.
const KEPT: [HeaderName; 8] = [
    HeaderName::Via,
    HeaderName::Route,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
    HeaderName::Authorization,
    HeaderName::ProxyAuthorization,
];

/// What is kept of an INVITE that was sent: what its ACKs and CANCEL are made of, and nothing else for as long as it rings.
pub(super) fn kept_of(invite: Request) -> Box<Request> {
    let mut kept = Request::new(invite.method, invite.uri);
    for header in invite.headers.iter().filter(|header| KEPT.contains(&header.name)) {
        kept.headers.push(header.name.clone(), header.value.clone());
    }
    Box::new(kept)
}

/// The ACK of a failure, RFC 3261 17.1.1.3: the INVITE's own but for To, which is the response's.
pub(super) fn ack(invite: &Request, response: &Response) -> Request {
    let mut ack = same_hop(invite, Method::Ack);
    if let Some(to) = response.headers.get(&HeaderName::To) {
        ack.headers.set(HeaderName::To, to);
    }
    ack
}

/// The CANCEL of an INVITE, RFC 3261 9.1.
pub(super) fn cancel(invite: &Request) -> Request {
    same_hop(invite, Method::Cancel)
}

fn same_hop(invite: &Request, method: Method) -> Request {
    let cseq = invite.headers.cseq().expect("an INVITE of ours has a CSeq");
    let via = invite.headers.via().expect("send_request put a Via on top");
    let mut request = Request::new(method.clone(), invite.uri.clone());
    request.headers.push(HeaderName::Via, via.to_string());
    request.headers.push(HeaderName::MaxForwards, MAX_FORWARDS);
    for name in [HeaderName::Route, HeaderName::From, HeaderName::To, HeaderName::CallId] {
        for value in invite.headers.get_all(&name) {
            request.headers.push(name.clone(), value);
        }
    }
    request.headers.push(HeaderName::CSeq, format!("{} {method}", cseq.number));
    request
}
