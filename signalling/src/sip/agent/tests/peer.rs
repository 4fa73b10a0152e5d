//! One core and a peer whose messages the test writes itself.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use bytes::Bytes;
use webtrunk_engine::LegId;
use webtrunk_engine::sdp::SessionDescription;

use super::pair::{Loopback, NoKeys, start_line};
use super::{description, dial_to};
use crate::adapter::{Command, Dial, Event, Origin};
use crate::sip::agent::{
    Agent, AgentConfig, Alternative, Doorkeeper, Keyring, Reach, Registered, Route, Verdict,
};
use crate::sip::flow::{ConnectionId, Flow, ListenerId, TransportKind};
use crate::sip::identity::CallerId;
use crate::sip::message::{
    HeaderName, Headers, Host, Message, Method, Reject, Request, Response, SipUri, StatusCode, Uri,
};
use crate::sip::transaction::Transmit;

/// A core and what it sent and told.
pub(super) struct Peer {
    pub(super) agent: Agent<Door>,
    pub(super) flow: Flow,
    pub(super) now: Instant,
    pub(super) told: Vec<Event>,
    /// Where the next call goes when it gets no answer.
    pub(super) alternatives: Vec<Alternative>,
    /// Whether users' phones are known again when they come back by another stream.
    pub(super) comes_back: bool,
    sent: VecDeque<Transmit>,
    cseq: u32,
}

/// The peer's side of an answered call that it placed.
pub(super) struct InboundCall {
    pub(super) leg: LegId,
    pub(super) to: String,
}

/// A message to be put on the wire.
pub(super) trait Printed {
    fn print(&self) -> Bytes;
}

impl Printed for Request {
    fn print(&self) -> Bytes {
        self.to_bytes()
    }
}

impl Printed for Response {
    fn print(&self) -> Bytes {
        self.to_bytes()
    }
}

/// The stream of another user's phone.
pub(super) const EVES: ConnectionId = ConnectionId(666);

/// Where nobody may be any more when the core looks.
pub(super) const AWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 99));

/// Where a trunk is.
pub(super) const LAB: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));

/// Lets users in who name themselves.
pub(super) struct Door;

impl Doorkeeper for Door {
    fn admit(&mut self, request: &Request, _: &Flow, _: Instant) -> Verdict {
        match request.headers.get(&HeaderName::Authorization) {
            Some(user) => Verdict::Accept { origin: Origin::User(user.to_owned()) },
            None => {
                let mut headers = Headers::new();
                headers.push(HeaderName::WwwAuthenticate, "Digest realm=\"lab\", nonce=\"1\", qop=\"auth\"");
                Verdict::Challenge(headers)
            }
        }
    }

    fn trunk_at(&self, _: &Request, flow: &Flow) -> Option<&str> {
        (flow.remote.ip() == LAB).then_some("lab")
    }

    fn admit_in_dialog(&mut self, request: &Request, flow: &Flow, user: &str, now: Instant) -> Verdict {
        match self.admit(request, flow, now) {
            Verdict::Accept { origin: Origin::User(proven) } if proven != user => {
                Verdict::Reject(Reject::new(StatusCode::FORBIDDEN))
            }
            verdict => verdict,
        }
    }

    fn may_be_at(&self, _: &str, source: IpAddr) -> bool {
        source != AWAY
    }

    fn is_anothers(&mut self, flow: &Flow, _: &str, _: Instant) -> bool {
        flow.connection == Some(EVES)
    }

    fn register(&mut self, request: &Request, _: &Origin, flow: &Flow, _: Instant) -> Registered {
        // A test's client says by what connection it was here before.
        let left = request.headers.get(&HeaderName::Subject).and_then(|id| id.parse().ok());
        let left = left.map(|id| Flow { connection: Some(ConnectionId(id)), ..*flow });
        Registered { response: request.response(StatusCode::OK, None), left: left.into_iter().collect() }
    }
}

/// A trunk's own account is called like the trunk.
fn trunk_of(peer: &Origin) -> Option<String> {
    match peer {
        Origin::Trunk(name) => Some(name.clone()),
        Origin::User(_) => None,
    }
}

impl Peer {
    pub(super) fn new() -> Self {
        Self::with_keyring(Box::new(NoKeys))
    }

    pub(super) fn with_keyring(keyring: Box<dyn Keyring + Send>) -> Self {
        let flow = Flow {
            kind: TransportKind::Udp,
            listener: ListenerId(0),
            local: ([192, 0, 2, 1], 5060).into(),
            remote: ([192, 0, 2, 2], 5060).into(),
            connection: None,
        };
        Self {
            agent: Agent::new(AgentConfig::default(), [3; 32], Door, Box::new(Loopback), keyring),
            flow,
            now: Instant::now(),
            told: Vec::new(),
            alternatives: Vec::new(),
            comes_back: true,
            sent: VecDeque::new(),
            cseq: 1,
        }
    }

    pub(super) fn limit_calls(&mut self, calls_max: usize) {
        let config = AgentConfig { calls_max, ..AgentConfig::default() };
        self.agent = Agent::new(config, [3; 32], Door, Box::new(Loopback), Box::new(NoKeys));
    }

    pub(super) fn keep_calls(&mut self) {
        let config = AgentConfig { keeps_calls: true, ..AgentConfig::default() };
        self.agent = Agent::new(config, [3; 32], Door, Box::new(Loopback), Box::new(NoKeys));
    }

    pub(super) fn limit_rate(&self, max_cps: Option<NonZeroU32>) {
        self.agent.room.limit(max_cps);
    }

    pub(super) fn over_websocket() -> Self {
        let mut peer = Self::new();
        peer.flow.kind = TransportKind::Wss;
        peer.flow.remote.set_port(40_000);
        peer.flow.connection = Some(ConnectionId(1));
        peer
    }

    /// A request outside of any dialog, with credentials.
    pub(super) fn request(&mut self, method: &str) -> Request {
        self.cseq += 1;
        let cseq = self.cseq;
        let kind = self.flow.kind.via_name();
        let text = format!(
            "{method} sip:bob@192.0.2.1 SIP/2.0\r\n\
             Via: SIP/2.0/{kind} 192.0.2.2:5060;branch=z9hG4bK{cseq}\r\n\
             Max-Forwards: 70\r\n\
             From: \"Ann\" <sip:ann@192.0.2.2>;tag=ann\r\n\
             To: <sip:bob@192.0.2.1>\r\n\
             Call-ID: call\r\n\
             CSeq: {cseq} {method}\r\n\
             Contact: <sip:ann@192.0.2.2:5060>\r\n\
             Authorization: ann\r\n\r\n"
        );
        match Message::parse(Bytes::from(text)) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    /// A request in the dialog of `call`.
    pub(super) fn request_in(&mut self, call: &InboundCall, method: &str) -> Request {
        let mut request = self.request(method);
        request.headers.set(HeaderName::To, call.to.as_str());
        request
    }

    /// A request of who answers an INVITE of the core by this tag, in the dialog that this makes.
    pub(super) fn request_of_callee(&mut self, invite: &Request, tag: &str, method: &str) -> Request {
        let mut request = self.request(method);
        let of_invite = |name| invite.headers.get(&name).expect("is whole").to_owned();
        request.headers.set(HeaderName::CallId, of_invite(HeaderName::CallId));
        request.headers.set(HeaderName::To, of_invite(HeaderName::From));
        request.headers.set(HeaderName::From, format!("{};tag={tag}", of_invite(HeaderName::To)));
        request
    }

    pub(super) fn receive(&mut self, message: impl Printed) {
        let message = Message::parse(message.print()).expect("what is printed can be parsed");
        self.agent.handle_message(message, self.flow, self.now);
        self.flush();
    }

    pub(super) fn command(&mut self, command: Command) {
        self.agent.handle_command(command, self.now);
        self.flush();
    }

    pub(super) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.flush();
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.agent.handle_timeout(self.now);
            self.flush();
        }
        self.now = end;
    }

    /// Places a call and has it answered and acknowledged.
    pub(super) fn call_in(&mut self) -> InboundCall {
        self.call_in_with(&[])
    }

    /// The same, with more headers in the INVITE.
    pub(super) fn call_in_with(&mut self, headers: &[(&str, &'static str)]) -> InboundCall {
        let (leg, _) = self.invite_in(headers);
        let cseq = self.cseq;
        self.command(Command::Answer { leg, description: description(2) });
        let ok = self.sent_responses().pop().expect("the answer");
        assert_eq!(ok.status, StatusCode::OK);
        let to = ok.headers.get(&HeaderName::To).expect("a To").to_owned();
        let call = InboundCall { leg, to };
        let mut ack = self.request_in(&call, "ACK");
        ack.headers.set(HeaderName::CSeq, format!("{cseq} ACK"));
        self.receive(ack);
        assert!(matches!(self.told.last(), Some(Event::Acknowledged { .. })));
        call
    }

    /// Places a call with an offer and these headers, and returns the core's leg and the INVITE.
    pub(super) fn invite_in(&mut self, headers: &[(&str, &'static str)]) -> (LegId, Request) {
        let mut invite = self.request("INVITE");
        for (name, value) in headers {
            invite.headers.push(HeaderName::from(*name), *value);
        }
        invite.headers.set(HeaderName::ContentType, "application/sdp");
        invite.body = description(1).to_string().into();
        self.receive(invite.clone());
        let Some(Event::Incoming(incoming)) = self.told.last() else { panic!("a call came in") };
        (incoming.leg, invite)
    }

    /// Has the core call us with an offer, and returns its leg and INVITE.
    pub(super) fn called(&mut self, peer: Origin) -> (LegId, Request) {
        self.called_at(peer, Reach::Flow)
    }

    pub(super) fn called_at(&mut self, peer: Origin, reach: Reach) -> (LegId, Request) {
        self.called_with(peer, reach, Some(description(1)))
    }

    pub(super) fn called_with(
        &mut self,
        peer: Origin,
        reach: Reach,
        offer: Option<Box<SessionDescription>>,
    ) -> (LegId, Request) {
        let leg = self.dial(peer, reach, offer);
        (leg, self.sent_request())
    }

    /// Has the core call us, of which nothing comes.
    pub(super) fn dial_in_vain(&mut self) -> LegId {
        self.dial(Origin::User("bob".to_owned()), Reach::Flow, Some(description(1)))
    }

    fn dial(&mut self, peer: Origin, reach: Reach, offer: Option<Box<SessionDescription>>) -> LegId {
        let to = Uri::from(SipUri::new("bob", Host::from(self.flow.remote.ip()), None));
        let dial = Dial { offer, ..dial_to("lab") };
        let leg = dial.leg;
        let route = Route {
            request_uri: to.clone(),
            to,
            from_host: Host::from(self.flow.local.ip()),
            caller_id: CallerId::From,
            route_set: Vec::new(),
            flow: self.flow,
            alternatives: std::mem::take(&mut self.alternatives),
            reach,
            may_return: self.comes_back && matches!(peer, Origin::User(_)),
            account: trunk_of(&peer),
            peer,
        };
        self.agent.dial(dial, route, self.now);
        self.flush();
        leg
    }

    /// Answers a request of the core.
    pub(super) fn respond(&mut self, request: &Request, status: u16, tag: &str) {
        self.respond_with(request, status, tag, |_| {});
    }

    pub(super) fn respond_with(
        &mut self,
        request: &Request,
        status: u16,
        tag: &str,
        change: impl FnOnce(&mut Response),
    ) {
        let status = StatusCode::new(status).expect("a status code");
        let mut response = request.response(status, Some(tag));
        response.headers.push(HeaderName::Contact, format!("<sip:{tag}@192.0.2.2:5060>"));
        if request.method == Method::Invite && status.is_success() {
            response.headers.push(HeaderName::ContentType, "application/sdp");
            response.body = description(2).to_string().into();
        }
        change(&mut response);
        self.receive(response);
    }

    /// What the core sent since the last look: start lines.
    pub(super) fn lines(&mut self) -> Vec<String> {
        self.sent_messages().iter().map(start_line).collect()
    }

    pub(super) fn sent_messages(&mut self) -> Vec<Message> {
        let parse = |transmit: Transmit| Message::parse(transmit.bytes).expect("a core writes well");
        self.sent.drain(..).map(parse).collect()
    }

    pub(super) fn sent_responses(&mut self) -> Vec<Response> {
        let messages = self.sent_messages().into_iter();
        messages
            .filter_map(|message| match message {
                Message::Response(response) => Some(response),
                Message::Request(_) => None,
            })
            .collect()
    }

    pub(super) fn sent_requests(&mut self) -> Vec<Request> {
        let messages = self.sent_messages().into_iter();
        messages
            .filter_map(|message| match message {
                Message::Request(request) => Some(request),
                Message::Response(_) => None,
            })
            .collect()
    }

    /// The two requests since the last look.
    pub(super) fn two_sent_requests(&mut self) -> [Request; 2] {
        self.sent_requests().try_into().expect("two requests")
    }

    /// The one response since the last look.
    pub(super) fn sent_response(&mut self) -> Response {
        let mut responses = self.sent_responses();
        assert_eq!(responses.len(), 1, "{responses:?}");
        responses.remove(0)
    }

    /// The one request since the last look.
    pub(super) fn sent_request(&mut self) -> Request {
        let mut messages = self.sent_messages();
        assert_eq!(messages.len(), 1, "{messages:?}");
        match messages.remove(0) {
            Message::Request(request) => request,
            Message::Response(response) => panic!("{response:?}"),
        }
    }

    /// The flows of what was sent since the last look.
    pub(super) fn sent_flows(&mut self) -> Vec<Flow> {
        self.sent.drain(..).map(|transmit| transmit.flow).collect()
    }

    pub(super) fn flush(&mut self) {
        self.sent.extend(std::iter::from_fn(|| self.agent.poll_transmit()));
        self.told.extend(std::iter::from_fn(|| self.agent.poll_event()));
    }
}
