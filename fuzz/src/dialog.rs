//! The whole SIP core between a peer and a gateway that both do anything at any time: dialogs, calls, offers,
//! timers, and streams that close.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use bytes::Bytes;
use tracing::Span;
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_engine::{EndCause, LegId};
use webtrunk_signalling::adapter::{
    Command, Content, ContentId, ContentKind, Delivery, Dial, Event, Origin, Party, SendText, Target,
    TransferProgress,
};
use webtrunk_signalling::sip::agent::{Agent, AgentConfig, Reach, Route, TextConfig};
use webtrunk_signalling::sip::flow::{ConnectionId, Flow};
use webtrunk_signalling::sip::identity::CallerId;
use webtrunk_signalling::sip::message::{
    HeaderName, Headers, Host, Message, RAck, Request, Response, SipUri, StatusCode, Uri,
};

use crate::transaction::pick;
use crate::world;

/// One thing that happens.
#[derive(Debug, Arbitrary)]
enum Step<'a> {
    /// The peer asks, in a dialog that the peer opened, in one that we opened, or in none: by the lower two bits of `place`. The others
    /// say what it can ([`put_abilities`]) and, where we opened it, by which tag of [`TAGS`].
    Request { method: u8, place: u8, which: u8, branch: u8, flow: u8, body: Body<'a>, extra: Extra<'a> },
    /// The peer says again what it said.
    Again { which: u8, flow: u8 },
    /// The peer answers one of our requests, by the tag that is left of `tag` by three. The rest says what it can, and whether
    /// it wants a PRACK.
    Response { which: u8, status: u8, tag: u8, body: Body<'a>, extra: Extra<'a> },
    /// The peer writes whatever it likes.
    Octets { octets: &'a [u8], flow: u8 },
    /// The gateway calls.
    Dial { is_trunk: bool, has_offer: bool, reach: bool, flow: u8 },
    /// The gateway wants something of a leg.
    Command { which: u8, kind: u8, detail: u8 },
    /// A stream closes, a peer is not there, or a name leads to where it is.
    Broken { flow: u8, kind: u8 },
    /// Time passes: in tenths of a second.
    Wait { tenths: u16 },
    /// The gateway writes.
    Text { is_trunk: bool, length: u16, flow: u8 },
}

/// What a message holds.
#[derive(Debug, Arbitrary)]
enum Body<'a> {
    None,
    Description(u8),
    Octets { content_type: u8, octets: &'a [u8] },
}

/// A field more.
#[derive(Debug, Arbitrary)]
struct Extra<'a> {
    name: u8,
    value: &'a str,
}

const EXTRAS: [HeaderName; 16] = [
    HeaderName::Subject,
    HeaderName::Require,
    HeaderName::Supported,
    HeaderName::SessionExpires,
    HeaderName::MinSe,
    HeaderName::RSeq,
    HeaderName::RAck,
    HeaderName::Contact,
    HeaderName::RecordRoute,
    HeaderName::Allow,
    HeaderName::RetryAfter,
    HeaderName::ReferTo,
    HeaderName::Replaces,
    HeaderName::Authorization,
    HeaderName::CSeq,
    HeaderName::Via,
];

const TYPES: [&str; 4] =
    ["application/sdp", "application/dtmf-relay", "application/trickle-ice-sdpfrag", "multipart/mixed"];

/// Of the phones that a call of ours reaches.
const TAGS: [&str; 3] = ["one", "two", "three"];

/// Most steps of one input.
const STEPS_MAX: usize = 100;

const TRUNK: &str = "lab";

/// How many challenges are answered: those of an INVITE, of its PRACK and of what comes in the call.
const KEYS_MAX: usize = 4;

/// How many calls may come in: few, so that it comes to that.
const CALLS_MAX: usize = 6;

/// Longer than all timers together, those of session timers among them.
const FOR_LONG: Duration = Duration::from_secs(4000);

/// Decodes what happens, lets it happen, and ends all.
///
/// # Panics
/// A leg ends twice or never, what is sent is no message, timers stand still, or something stays.
pub fn run(octets: &[u8]) {
    let mut bench = Bench::new();
    world::steps(octets, STEPS_MAX, |step: Step<'_>| bench.take(&step));
    bench.settle();
}

struct Bench {
    agent: Agent<world::Door>,
    now: Instant,
    /// What the core sent, and so what a peer can know.
    requests: Vec<Request>,
    responses: Vec<Response>,
    /// What the peer sent, to be said again.
    theirs: Vec<Request>,
    legs: Vec<LegId>,
    over: BTreeSet<LegId>,
    /// What the peer wrote, out of calls and inside of them.
    texts: Vec<LegId>,
    contents: Vec<ContentId>,
    /// The legs of trunks that are looked up by a name.
    sought: Vec<LegId>,
    cseq: u8,
}

impl Bench {
    fn new() -> Self {
        let config = AgentConfig { calls_max: CALLS_MAX, ..AgentConfig::default() };
        let keys = Box::new(world::Keys { left: KEYS_MAX });
        Self {
            agent: Agent::new(config, [3; 32], world::Door, Box::new(world::Names), keys),
            now: Instant::now(),
            requests: Vec::new(),
            responses: Vec::new(),
            theirs: Vec::new(),
            legs: Vec::new(),
            over: BTreeSet::new(),
            texts: Vec::new(),
            contents: Vec::new(),
            sought: Vec::new(),
            cseq: 0,
        }
    }

    fn take(&mut self, step: &Step<'_>) {
        match step {
            Step::Request { method, place, which, branch, flow, body, extra } => {
                let flow = world::flow(*flow);
                let mut request = self.request(*method, *place, *which, *branch, &flow);
                body.put(&mut request.headers, &mut request.body);
                extra.put(&mut request.headers);
                self.theirs.push(request.clone());
                self.receive(request.to_bytes(), flow);
            }
            Step::Again { which, flow } => {
                let Some(request) = pick(&self.theirs, *which) else { return };
                self.receive(request.to_bytes(), world::flow(*flow));
            }
            Step::Response { which, status, tag, body, extra } => {
                let Some(request) = pick(&self.requests, *which) else { return };
                let status = world::STATUSES[usize::from(*status) % world::STATUSES.len()];
                let (tag, rest) = (TAGS[usize::from(tag % 3)], tag / 3);
                let status = StatusCode::new(status).expect("it is one");
                let mut response = request.response(status, Some(tag));
                response.headers.push(HeaderName::Contact, format!("<sip:{tag}@192.0.2.2:5060>"));
                put_abilities(&mut response.headers, rest & 1);
                if rest & 2 != 0 && status.is_provisional() {
                    response.headers.push(HeaderName::RSeq, (1 + rest / 4 % 4).to_string());
                }
                body.put(&mut response.headers, &mut response.body);
                extra.put(&mut response.headers);
                // A number alone wants no PRACK.
                if response.headers.has(&HeaderName::RSeq) {
                    response.headers.push(HeaderName::Require, "100rel");
                }
                self.receive(response.to_bytes(), world::flow(0));
            }
            Step::Octets { octets, flow } => {
                self.receive(Bytes::copy_from_slice(octets), world::flow(*flow));
            }
            Step::Dial { is_trunk, has_offer, reach, flow } => {
                self.dial(*is_trunk, *has_offer, *reach, world::flow(*flow));
            }
            Step::Command { which, kind, detail } => {
                if let Some(command) = self.command(*which, *kind, *detail) {
                    self.agent.handle_command(command, self.now);
                }
            }
            Step::Broken { flow, kind } => match kind % 4 {
                0 => self.agent.flow_closed(ConnectionId(u64::from(flow % 4)), self.now),
                1 => self.agent.flow_failed(&world::flow(*flow), self.now),
                2 => self.agent.flow_refused(&world::flow(*flow), self.now),
                _ => self.find(world::flow(*flow)),
            },
            Step::Wait { tenths } => self.run_for(Duration::from_millis(100 * u64::from(*tenths))),
            Step::Text { is_trunk, length, flow } => self.write(*is_trunk, *length, world::flow(*flow)),
        }
        self.look();
    }

    /// A name was looked up: a stream leads to where it is, and a datagram nowhere.
    fn find(&mut self, flow: Flow) {
        let at = flow.connection.map(|_| (flow.kind, flow.remote));
        if let Some(leg) = self.sought.pop() {
            self.agent.peer_found(leg, at, self.now);
        }
    }

    fn request(&mut self, method: u8, place: u8, which: u8, branch: u8, flow: &Flow) -> Request {
        self.cseq = self.cseq.saturating_add(1);
        let method = world::METHODS[usize::from(method) % world::METHODS.len()];
        let mut request = world::request(method, branch, which % 4, self.cseq, flow);
        put_abilities(&mut request.headers, place / 4);
        match place % 4 {
            // In a dialog that the peer opened: with the same number for ACK and CANCEL.
            0 | 1 => {
                let Some(known) = pick(&self.responses, which) else { return request };
                let get = |name| known.headers.get(&name).unwrap_or_default().to_owned();
                for name in [HeaderName::From, HeaderName::To, HeaderName::CallId] {
                    let value = get(name.clone());
                    request.headers.set(name, value);
                }
                if let (Ok(cseq), true) = (known.headers.cseq(), ["ACK", "CANCEL"].contains(&method)) {
                    request.headers.set(HeaderName::CSeq, format!("{} {method}", cseq.number));
                }
                if let (Ok(Some(rseq)), Ok(cseq), "PRACK") =
                    (known.headers.rseq(), known.headers.cseq(), method)
                {
                    request.headers.set(HeaderName::RAck, RAck { rseq, cseq }.to_string());
                }
                if method == "CANCEL" {
                    request.headers.set(HeaderName::Via, get(HeaderName::Via));
                    request.headers.set(HeaderName::To, "<sip:bob@192.0.2.1>");
                }
            }
            // In one that we opened.
            2 => {
                let Some(known) = pick(&self.requests, which) else { return request };
                let get = |name| known.headers.get(&name).unwrap_or_default().to_owned();
                let to = get(HeaderName::To);
                let tag = TAGS[usize::from(place / 4 % 3)];
                let from = if to.contains("tag=") { to } else { format!("{to};tag={tag}") };
                request.headers.set(HeaderName::From, from);
                request.headers.set(HeaderName::To, get(HeaderName::From));
                request.headers.set(HeaderName::CallId, get(HeaderName::CallId));
            }
            _ => {}
        }
        request
    }

    fn dial(&mut self, is_trunk: bool, has_offer: bool, reach: bool, flow: Flow) {
        let dial = Dial {
            leg: LegId::next(),
            target: Target::Trunk { trunk: TRUNK.to_owned(), number: "bob".to_owned() },
            caller: Party { user: "ann".to_owned(), display_name: String::new() },
            on_behalf_of: None,
            transferred_by: None,
            offer: has_offer.then(|| description(1)),
            ring_timeout: Duration::from_secs(120),
            headers: Vec::new(),
            has_successor: false,
            hops: 4,
            passed: webtrunk_signalling::adapter::Passage::default(),
            span: Span::none(),
        };
        self.legs.push(dial.leg);
        self.agent.dial(dial, route(is_trunk, reach, flow), self.now);
    }

    fn write(&mut self, is_trunk: bool, length: u16, flow: Flow) {
        let text = SendText {
            leg: LegId::next(),
            target: Target::Trunk { trunk: TRUNK.to_owned(), number: "bob".to_owned() },
            sender: Party { user: "ann".to_owned(), display_name: String::new() },
            on_behalf_of: None,
            content: content(length),
            hops: 4,
            span: Span::none(),
        };
        self.legs.push(text.leg);
        self.agent.send_text(text, route(is_trunk, true, flow), self.now);
    }

    fn command(&self, which: u8, kind: u8, detail: u8) -> Option<Command> {
        let delivery = match detail % 5 {
            0 => Delivery::Done,
            1 => Delivery::Deferred,
            2 => Delivery::TooLarge,
            3 => Delivery::TypeNotTaken,
            _ => Delivery::Failed(EndCause::Busy),
        };
        match kind % 13 {
            10 => pick(&self.texts, which).map(|&leg| Command::AnswerText { leg, delivery }),
            11 => {
                let answer = |&id: &ContentId| Command::AnswerContent { leg: id.leg, id, delivery };
                pick(&self.contents, which).map(answer)
            }
            12 => pick(&self.legs, which).map(|&leg| {
                let id = ContentId { leg, number: u32::from(detail) };
                Command::PassContent { leg, id, content: Box::new(content(detail.into())) }
            }),
            kind => pick(&self.legs, which).map(|&leg| command(leg, kind, detail)),
        }
    }

    fn receive(&mut self, octets: Bytes, flow: Flow) {
        let open = self.agent.calls();
        if let Ok(message) = Message::parse(octets) {
            self.agent.handle_message(message, flow, self.now);
        }
        assert!(self.agent.calls() <= open.max(CALLS_MAX), "more calls came in than may");
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.look();
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.agent.handle_timeout(self.now);
            assert!(self.agent.poll_timeout().is_none_or(|next| next > self.now), "a timer stands still");
            self.look();
        }
        self.now = end;
    }

    /// Takes out what there is to send and to tell.
    fn look(&mut self) {
        while let Some(transmit) = self.agent.poll_transmit() {
            match Message::parse(transmit.bytes).expect("what is sent is a message") {
                Message::Request(request) => self.requests.push(request),
                Message::Response(response) => self.responses.push(response),
            }
        }
        // A peer remembers the latest.
        let keep_latest = |length: usize| length.saturating_sub(64);
        self.requests.drain(..keep_latest(self.requests.len()));
        self.responses.drain(..keep_latest(self.responses.len()));
        while let Some(event) = self.agent.poll_event() {
            let leg = event.leg();
            match &event {
                Event::Incoming(_) => self.legs.push(leg),
                Event::ContentTold { id, .. } => self.contents.push(*id),
                Event::Texted(_) => {
                    self.texts.push(leg);
                    continue;
                }
                // Of a call that never was one.
                Event::Refused(_) => {
                    assert!(!self.legs.contains(&leg), "{event:?} of a leg that there is");
                    continue;
                }
                _ => {}
            }
            assert!(self.legs.contains(&leg), "{event:?} of a leg that nobody knows");
            assert!(!self.over.contains(&leg), "{event:?} after its leg ended");
            if let Event::Ended { .. } | Event::TextSent { .. } = event {
                self.over.insert(leg);
            }
        }
        while self.agent.poll_hop().is_some() {}
        self.sought.extend(std::iter::from_fn(|| self.agent.poll_sought()).map(|(leg, _)| leg));
    }

    /// Ends all calls and lets all timers run out.
    fn settle(&mut self) {
        for leg in self.legs.clone() {
            let hangup = Command::Hangup { leg, cause: EndCause::ShuttingDown };
            self.agent.handle_command(hangup, self.now);
        }
        self.run_for(FOR_LONG);
        let all: BTreeSet<_> = self.legs.iter().copied().collect();
        assert_eq!(self.over, all, "each leg ends");
        let agent = &self.agent;
        let left = (agent.calls(), agent.transactions(), agent.dialogs());
        assert_eq!(left, (0, 0, 0), "calls, transactions, dialogs");
    }
}

fn route(is_trunk: bool, reach: bool, flow: Flow) -> Route {
    let to = Uri::from(SipUri::new("bob", Host::from(flow.remote.ip()), None));
    Route {
        request_uri: to.clone(),
        to,
        from_host: Host::from(flow.local.ip()),
        caller_id: CallerId::From,
        route_set: Vec::new(),
        flow,
        alternatives: Vec::new(),
        reach: if reach { Reach::Flow } else { Reach::Target },
        may_return: reach && !is_trunk,
        account: is_trunk.then(|| TRUNK.to_owned()),
        peer: if is_trunk { Origin::Trunk(TRUNK.to_owned()) } else { Origin::User("ann".to_owned()) },
    }
}

/// As long as it may come in by default, and so at most is passed on.
fn content(length: u16) -> Content {
    let body = vec![b'.'; usize::from(length) % (TextConfig::default().octets_max + 1)].into();
    Content { kind: ContentKind::Message, media_type: "text/plain".to_owned(), body }
}

fn command(leg: LegId, kind: u8, detail: u8) -> Command {
    let causes = [EndCause::Hangup, EndCause::Busy, EndCause::Overloaded, EndCause::MediaTimeout];
    let cause = causes[usize::from(detail) % causes.len()];
    let is_odd = detail % 2 == 1;
    let description = description(detail);
    match kind {
        0 => Command::Ring { leg, description: is_odd.then_some(description) },
        1 | 2 => Command::Answer { leg, description },
        3 => Command::Reoffer { leg, offer: description },
        4 => Command::AnswerReoffer { leg, description },
        5 => Command::RefuseReoffer { leg, cause },
        6 => Command::SendDigit { leg, digit: '5', duration: Duration::from_millis(100) },
        7 => Command::AnswerRecord { leg, is_done: is_odd },
        8 => {
            let progress = match detail % 4 {
                0 => TransferProgress::Began,
                1 => TransferProgress::Ringing,
                2 => TransferProgress::Done,
                _ => TransferProgress::Failed(cause),
            };
            Command::TransferProgress { leg, progress }
        }
        _ => Command::Hangup { leg, cause },
    }
}

/// What a peer says that it can, by bits: UPDATE, 100rel, and nothing without 100rel.
fn put_abilities(headers: &mut Headers, bits: u8) {
    if bits & 1 != 0 {
        headers.set(HeaderName::Allow, "INVITE, ACK, BYE, CANCEL, UPDATE, PRACK");
    }
    if bits & 2 != 0 {
        headers.set(HeaderName::Supported, "100rel, timer");
    }
    if bits & 4 != 0 {
        headers.set(HeaderName::Require, "100rel");
    }
}

/// A description that differs from others by its number, and holds or not by its highest bits.
fn description(number: u8) -> Box<SessionDescription> {
    let direction = ["sendrecv", "sendonly", "inactive", "recvonly"][usize::from(number / 64)];
    let text = format!(
        "v=0\r\no=- {number} 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na={direction}\r\n"
    );
    Box::new(SessionDescription::parse(text).expect("it is well written"))
}

impl Body<'_> {
    fn put(&self, headers: &mut Headers, body: &mut Bytes) {
        let (content_type, octets) = match self {
            Body::None => return,
            Body::Description(number) => (TYPES[0], description(*number).to_string().into()),
            Body::Octets { content_type, octets } => {
                (TYPES[usize::from(*content_type) % TYPES.len()], Bytes::copy_from_slice(octets))
            }
        };
        headers.set(HeaderName::ContentType, content_type);
        *body = octets;
    }
}

impl Extra<'_> {
    fn put(&self, headers: &mut Headers) {
        if !self.value.is_empty() {
            headers.set(EXTRAS[usize::from(self.name) % EXTRAS.len()].clone(), self.value);
        }
    }
}

/// That what is hard to come by chance can be said in steps at all.
#[cfg(test)]
mod tests {
    use webtrunk_signalling::sip::message::Method;

    use super::*;

    /// A request of a peer is in a dialog that it opened, in one that we opened, or in none.
    const THEIRS: u8 = 0;
    const OURS: u8 = 2;
    const NONE: u8 = 3;

    /// Besides, that a peer can do UPDATE and 100rel; and that a response wants a PRACK.
    const CAN: u8 = 4 * (1 + 2);
    const RELIABLY: u8 = 3 * (1 + 2);

    const DIAL: Step<'static> = Step::Dial { is_trunk: true, has_offer: true, reach: false, flow: 0 };
    const RING: Step<'static> = Step::Command { which: 0, kind: 0, detail: 1 };
    const REOFFER: Step<'static> = Step::Command { which: 0, kind: 3, detail: 5 };
    const ANSWER_OFFER: Step<'static> = Step::Command { which: 0, kind: 4, detail: 6 };

    #[test]
    fn a_callee_may_offer_anew_before_it_answers() {
        let bench = played([
            DIAL,
            say(0, 183, RELIABLY, Body::Description(2)),
            say(0, 200, 0, Body::None),
            ask("UPDATE", OURS, 0, Body::Description(3)),
            ANSWER_OFFER,
        ]);
        assert_eq!(answered(&bench, &Method::Update), [200]);
        bench.over();
    }

    #[test]
    fn a_caller_may_offer_anew_before_it_is_answered() {
        let bench = played([
            ask("INVITE", NONE + CAN, 0, Body::Description(1)),
            RING,
            ask("PRACK", THEIRS, 0, Body::None),
            ask("UPDATE", THEIRS, 0, Body::Description(3)),
            ANSWER_OFFER,
        ]);
        assert_eq!(
            (answered(&bench, &Method::Prack), answered(&bench, &Method::Update)),
            (vec![200], vec![200])
        );
        bench.over();
    }

    #[test]
    fn a_prack_may_be_challenged_after_its_invite() {
        let bench = played([
            DIAL,
            say(0, 401, 0, Body::None),
            say(0, 183, RELIABLY, Body::Description(2)),
            say(0, 401, 0, Body::None),
            say(0, 200, 0, Body::None),
        ]);
        assert_eq!((asked(&bench, &Method::Invite), asked(&bench, &Method::Prack)), (2, 2));
        bench.over();
    }

    #[test]
    fn a_phone_that_lost_the_call_may_ask_for_something_in_it() {
        let bench = played([
            DIAL,
            say(0, 183, 0, Body::Description(2)),
            say(0, 200, 1, Body::Description(3)),
            ask("UPDATE", OURS, 1, Body::Description(4)),
            ask("BYE", OURS, 1, Body::None),
        ]);
        assert_eq!(
            (answered(&bench, &Method::Update), answered(&bench, &Method::Bye)),
            (vec![481], vec![481])
        );
        bench.over();
    }

    #[test]
    fn an_offer_of_ours_may_be_cancelled_and_made_again() {
        let bench = played([
            DIAL,
            say(0, 200, 0, Body::Description(2)),
            REOFFER,
            say(0, 180, 0, Body::None),
            Step::Wait { tenths: 322 },
            say(0, 200, 0, Body::None),
            say(1, 487, 0, Body::None),
            REOFFER,
        ]);
        assert_eq!((asked(&bench, &Method::Invite), asked(&bench, &Method::Cancel)), (3, 1));
        bench.over();
    }

    impl Bench {
        fn over(mut self) {
            self.settle();
        }
    }

    fn played<const N: usize>(steps: [Step<'static>; N]) -> Bench {
        let mut bench = Bench::new();
        steps.iter().for_each(|step| bench.take(step));
        bench
    }

    fn ask(method: &str, place: u8, which: u8, body: Body<'static>) -> Step<'static> {
        let method = world::METHODS.iter().position(|known| *known == method).expect("one of them");
        let method = u8::try_from(method).expect("they are few");
        Step::Request {
            method,
            place,
            which,
            branch: method,
            flow: 0,
            body,
            extra: Extra { name: 0, value: "" },
        }
    }

    fn say(which: u8, status: u16, tag: u8, body: Body<'static>) -> Step<'static> {
        let status = world::STATUSES.iter().position(|known| *known == status).expect("one of them");
        let status = u8::try_from(status).expect("they are few");
        Step::Response { which, status, tag, body, extra: Extra { name: 0, value: "" } }
    }

    /// What we said to requests of this method.
    fn answered(bench: &Bench, method: &Method) -> Vec<u16> {
        let is_to = |response: &&Response| response.headers.cseq().is_ok_and(|cseq| cseq.method == *method);
        bench.responses.iter().filter(is_to).map(|response| response.status.code()).collect()
    }

    fn asked(bench: &Bench, method: &Method) -> usize {
        bench.requests.iter().filter(|request| request.method == *method).count()
    }
}
