//! What we answer over UDP may go to somebody else than who asked: sources of datagrams can be forged. So an
//! answer that leaves no state is hardly longer than its question, or is not given (RFC 3552 4.6.3; QUIC allows
//! itself three times as much, RFC 9000 8.1).

use crate::sip::message::{HeaderName, Request, Response, StatusCode};
use crate::sip::overload;

/// How much longer an answer may be than its request, in percent of that. Chosen by us: what every answer has to
/// repeat, with our tag and two challenges, is that much of a short request that a phone sends. With 150 the shortest REGISTERs are offered
/// MD5 alone, and with 130 they get no answer, so that such phones cannot register at all
/// (`the_shortest_phone_is_offered_both_and_would_get_nothing_within_a_third_more`). An attacker who gains twice what it sends finds better
/// amplifiers at every corner; and no address gets more answers in a second than strangers may ask (`transport/guard.rs`).
const PERCENT_MAX: usize = 200;

/// What compact names of the fields that are repeated, and white space, may have saved a request that we print in
/// full.
const COMPACTED: usize = 24;

/// Our tag in To, which is put on last.
const TAG: usize = ";tag=0123456789abcdef".len();

/// Whether an answer of this many octets gains nothing for who forges the request.
pub(super) const fn is_harmless(answer: usize, request: usize) -> bool {
    answer * 100 <= request * PERCENT_MAX
}

/// The response without what it can do without, as far as it is too long; `None` where it is too long all the
/// same.
pub(super) fn fit(request: &Request, mut response: Response) -> Option<Response> {
    let asked = asked(request);
    loop {
        if is_harmless(response.to_bytes().len() + TAG, asked) {
            return Some(response);
        }
        if !trim(&mut response) {
            return None;
        }
    }
}

/// How long the request was at least when it came.
fn asked(request: &Request) -> usize {
    request.to_bytes().len().saturating_sub(stamps(request) + COMPACTED)
}

/// What we have added to the Via of the request.
fn stamps(request: &Request) -> usize {
    let Ok(via) = request.headers.via() else { return 0 };
    let received = via.params.get("received").map_or(0, |value| ";received=".len() + value.len());
    let rport = via.params.get("rport").map_or(0, |value| "=".len() + value.len());
    received + rport + overload::octets_told(&via)
}

/// Takes out one thing; whether there was one. Of several challenges the last one stays, which every phone takes.
fn trim(response: &mut Response) -> bool {
    let headers = &mut response.headers;
    let mut challenges: Vec<_> = headers.www_authenticates().map(str::to_owned).collect();
    if challenges.len() > 1 {
        challenges.remove(0);
        headers.remove(&HeaderName::WwwAuthenticate);
        challenges.into_iter().for_each(|challenge| headers.push(HeaderName::WwwAuthenticate, challenge));
        return true;
    }
    // A refused method is told which others there are (RFC 3261 8.2.1); who asks what we take may be told less.
    let mut needless = vec![HeaderName::AllowEvents, HeaderName::Accept, HeaderName::Supported];
    if response.status == StatusCode::OK {
        needless.push(HeaderName::Allow);
    }
    match needless.into_iter().find(|name| headers.has(name)) {
        Some(name) => headers.remove(&name),
        None => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::sip::message::Message;

    fn request(fields: &str) -> Request {
        parsed(format!(
            "INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:a>\r\n\
             Call-ID: 1\r\nCSeq: 1 INVITE\r\n{fields}\r\n"
        ))
    }

    fn parsed(text: String) -> Request {
        match Message::parse(text.into()).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a request"),
        }
    }

    fn challenged(request: &Request) -> Response {
        let mut response = request.response(StatusCode::UNAUTHORIZED, None);
        for algorithm in ["SHA-256", "MD5"] {
            let nonce = "x".repeat(32);
            let challenge =
                format!("Digest realm=\"webtrunk\", nonce=\"{nonce}\", algorithm={algorithm}, qop=\"auth\"");
            response.headers.push(HeaderName::WwwAuthenticate, challenge);
        }
        response
    }

    fn algorithms(response: Option<Response>) -> usize {
        response.map_or(0, |response| response.headers.www_authenticates().count())
    }

    #[test]
    fn the_longer_the_request_the_more_it_is_told() {
        let of = |fields: usize| {
            let request = request(&format!("Subject: {}\r\n", "x".repeat(fields)));
            algorithms(fit(&request, challenged(&request)))
        };
        assert_eq!([of(0), of(50), of(300)], [0, 1, 2]);
    }

    /// What a phone says that says no more than it has to (RFC 3261 8.1.1, 10.2), as it is when we have stamped its Via.
    #[test]
    fn the_shortest_phone_is_offered_both_and_would_get_nothing_within_a_third_more() {
        let request = parsed(
            "REGISTER sip:192.168.1.10 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK-524287-1---abc;received=192.168.1.20;rport=5060\r\n\
             Max-Forwards: 70\r\nContact: <sip:1001@192.168.1.20:5060>\r\nTo: <sip:1001@192.168.1.10>\r\n\
             From: <sip:1001@192.168.1.10>;tag=3b1f6f2a\r\nCall-ID: 8f0e1d2c3b4a5968@192.168.1.20\r\n\
             CSeq: 1 REGISTER\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n"
                .to_owned(),
        );
        assert_eq!(algorithms(fit(&request, challenged(&request))), 2);
        let mut shortest = challenged(&request);
        while trim(&mut shortest) {}
        let percent = (shortest.to_bytes().len() + TAG) * 100 / asked(&request);
        assert!((131..150).contains(&percent), "{percent}");
    }

    #[test]
    fn the_challenge_that_every_phone_takes_stays() {
        let request = request(&format!("Subject: {}\r\n", "x".repeat(50)));
        let response = fit(&request, challenged(&request)).unwrap();
        assert!(response.headers.www_authenticates().next().unwrap().contains("algorithm=MD5"));
    }

    proptest! {
        #[test]
        fn no_answer_is_much_longer_than_its_request(fields in 0..1000_usize) {
            let request = request(&format!("Subject: {}\r\n", "x".repeat(fields)));
            if let Some(response) = fit(&request, challenged(&request)) {
                let (answer, asked) = (response.to_bytes().len() + TAG, request.to_bytes().len());
                prop_assert!(answer <= 2 * (asked - COMPACTED));
            }
        }
    }
}
