//! What is around a SIP core here: four flows, a door for those who name themselves, and how requests look.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use webtrunk_signalling::adapter::Origin;
use webtrunk_signalling::auth::digest::Attempts;
use webtrunk_signalling::sip::agent::{Doorkeeper, Keyring, LocalNames, Registered, Verdict};
use webtrunk_signalling::sip::flow::{ConnectionId, Flow, ListenerId, TransportKind};
use webtrunk_signalling::sip::message::{
    HeaderName, Headers, Host, Message, Request, Response, SipUri, StatusCode,
};

/// What a peer may ask for.
pub(crate) const METHODS: [&str; 16] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "UPDATE",
    "INFO",
    "OPTIONS",
    "REGISTER",
    "PRACK",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
    "MESSAGE",
    "PUBLISH",
    "NEWMETHOD",
    "INVITE",
];

/// What a peer may answer.
pub(crate) const STATUSES: [u16; 24] = [
    100, 180, 183, 199, 200, 202, 204, 299, 300, 302, 401, 407, 408, 415, 420, 422, 481, 487, 488, 491, 500,
    503, 600, 603,
];

/// What happens by these octets, a step at a time; at most so many steps, since an input has to end in time.
pub(crate) fn steps<'a, S: Arbitrary<'a>>(octets: &'a [u8], max: usize, mut take: impl FnMut(S)) {
    let mut input = Unstructured::new(octets);
    let Ok(steps) = input.arbitrary_iter() else { return };
    steps.take(max).map_while(Result::ok).for_each(&mut take);
}

/// The flow by a number: datagrams, or one of three streams.
pub(crate) fn flow(number: u8) -> Flow {
    let (kind, connection) = match number % 4 {
        0 => (TransportKind::Udp, None),
        1 => (TransportKind::Tcp, Some(ConnectionId(1))),
        2 => (TransportKind::Wss, Some(ConnectionId(2))),
        _ => (TransportKind::Wss, Some(ConnectionId(3))),
    };
    let remote = ([192, 0, 2, 2], 5060).into();
    Flow { kind, listener: ListenerId(0), local: ([192, 0, 2, 1], 5060).into(), remote, connection }
}

/// A request outside of any dialog, of a peer that names itself.
pub(crate) fn request(method: &str, branch: u8, call: u8, cseq: u8, flow: &Flow) -> Request {
    let kind = flow.kind.via_name();
    let text = format!(
        "{method} sip:bob@192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/{kind} 192.0.2.2:5060;branch=z9hG4bK{branch}\r\n\
         Max-Forwards: 70\r\n\
         From: \"Ann\" <sip:ann@192.0.2.2>;tag=ann\r\n\
         To: <sip:bob@192.0.2.1>\r\n\
         Call-ID: call{call}\r\n\
         CSeq: {cseq} {method}\r\n\
         Contact: <sip:ann@192.0.2.2:5060>\r\n\
         Authorization: ann\r\n\r\n"
    );
    match Message::parse(Bytes::from(text)) {
        Ok(Message::Request(request)) => request,
        other => panic!("it is well written: {other:?}"),
    }
}

/// Lets in who names itself.
pub(crate) struct Door;

impl Doorkeeper for Door {
    fn admit(&mut self, request: &Request, _: &Flow, _: Instant) -> Verdict {
        match request.headers.get(&HeaderName::Authorization) {
            Some("lab") => Verdict::Accept { origin: Origin::Trunk("lab".to_owned()) },
            Some(user) => Verdict::Accept { origin: Origin::User(user.to_owned()) },
            None => {
                let mut headers = Headers::new();
                headers.push(HeaderName::WwwAuthenticate, "Digest realm=\"lab\", nonce=\"1\", qop=\"auth\"");
                Verdict::Challenge(headers)
            }
        }
    }

    fn register(&mut self, request: &Request, _: &Origin, flow: &Flow, _: Instant) -> Registered {
        let left = flow.connection.map(|_| self::flow(2)).into_iter().collect();
        Registered { response: request.response(StatusCode::OK, None), left }
    }
}

/// Names that are addresses.
pub(crate) struct Names;

impl LocalNames for Names {
    fn sent_by(&self, flow: &Flow) -> (Host, Option<u16>) {
        (flow.local.ip().into(), Some(flow.local.port()))
    }

    fn contact(&self, flow: &Flow) -> SipUri {
        SipUri::new("webtrunk", flow.local.ip().into(), Some(flow.local.port()))
    }

    fn listener(&self, flow: &Flow) -> Arc<str> {
        flow.kind.via_name().into()
    }

    fn flow_to(&self, kind: TransportKind, remote: SocketAddr) -> Option<Flow> {
        let local = ([192, 0, 2, 1], 5060).into();
        Some(Flow { kind, listener: ListenerId(0), local, remote, connection: None })
    }
}

/// An account that answers so many challenges and no other.
pub(crate) struct Keys {
    pub(crate) left: usize,
}

impl Keyring for Keys {
    fn answer(
        &mut self,
        _: &str,
        _: &Response,
        _: &Request,
        _: &mut Attempts,
    ) -> Option<(HeaderName, String)> {
        self.left = self.left.checked_sub(1)?;
        Some((HeaderName::Authorization, "Digest username=\"webtrunk\"".to_owned()))
    }
}
