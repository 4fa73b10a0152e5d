//! The whole SIP core between a peer and a gateway that both do anything at any time: dialogs, calls, offers,
//! timers, and streams that close.

mod body;
mod fields;
mod gateway;
mod peer;
mod step;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use webtrunk_engine::{EndCause, LegId};
use webtrunk_signalling::adapter::{Command, ContentId, Event};
use webtrunk_signalling::sip::agent::{Agent, AgentConfig};
use webtrunk_signalling::sip::flow::{ConnectionId, Flow};
use webtrunk_signalling::sip::message::{HeaderName, Message, Request, Response, StatusCode};

use self::fields::put_abilities;
use self::step::Step;
use crate::transaction::pick;
use crate::world;

/// Of the phones that a call of ours reaches.
const TAGS: [&str; 3] = ["one", "two", "three"];

/// Most steps of one input.
const STEPS_MAX: usize = 100;

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
