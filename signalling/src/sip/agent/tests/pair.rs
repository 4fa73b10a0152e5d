//! Two cores, a seeded link, and virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use webtrunk_engine::{EndCause, LegId};

use super::{description, dial_to};
use crate::adapter::{Command, Dial, Event, Incoming, Origin, Party};
use crate::auth::digest::Attempts;
use crate::sip::agent::{
    Agent, AgentConfig, Doorkeeper, Keyring, LocalNames, Reach, Registered, Route, Verdict,
};
use crate::sip::flow::{Flow, ListenerId, TransportKind};
use crate::sip::identity::CallerId;
use crate::sip::message::{HeaderName, Host, Message, Request, Response, SipUri, StatusCode, Uri};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Caller = 0,
    Callee = 1,
}

/// How bad the link is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) loss: f64,
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    pub(super) seed: u64,
}

/// Two cores on a link.
pub(super) struct Pair {
    pub(super) now: Instant,
    /// What each core told, in order.
    pub(super) told: [Vec<Event>; 2],
    /// Every message that was sent, lost ones too.
    pub(super) wire: Vec<(Side, Message)>,
    agents: [Agent<OpenDoor>; 2],
    link: Link,
    random: StdRng,
    under_way: BTreeMap<(Instant, u64), (Side, bytes::Bytes)>,
    sent: u64,
}

impl Side {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

impl Link {
    /// Loses nothing, 10 ms each way.
    pub(super) const GOOD: Self =
        Self { loss: 0.0, delay: Duration::from_millis(10), jitter: Duration::ZERO, seed: 1 };
}

impl Pair {
    pub(super) fn new() -> Self {
        Self::over(Link::GOOD)
    }

    pub(super) fn over(link: Link) -> Self {
        Self {
            now: Instant::now(),
            told: [Vec::new(), Vec::new()],
            wire: Vec::new(),
            agents: [1, 2].map(|seed| {
                Agent::new(AgentConfig::default(), [seed; 32], OpenDoor, Box::new(Loopback), Box::new(NoKeys))
            }),
            link,
            random: StdRng::seed_from_u64(link.seed),
            under_way: BTreeMap::new(),
            sent: 0,
        }
    }

    /// Dials from caller to callee, with offer number 1, and returns the caller's leg.
    pub(super) fn dial(&mut self) -> LegId {
        self.dial_with(|_| {})
    }

    pub(super) fn dial_with(&mut self, change: impl FnOnce(&mut Dial)) -> LegId {
        let mut dial = Dial {
            caller: Party { user: "ann".to_owned(), display_name: "Ann".to_owned() },
            offer: Some(description(1)),
            ..dial_to("lab")
        };
        change(&mut dial);
        let leg = dial.leg;
        let to = Uri::from(SipUri::new("bob", address(Side::Callee).ip().into(), None));
        let route = Route {
            request_uri: to.clone(),
            to,
            from_host: Host::from(address(Side::Caller).ip()),
            caller_id: CallerId::From,
            route_set: Vec::new(),
            flow: flow(Side::Caller),
            alternatives: Vec::new(),
            reach: Reach::Target,
            may_return: false,
            peer: Origin::Trunk("lab".to_owned()),
            account: Some("lab".to_owned()),
        };
        self.agents[0].dial(dial, route, self.now);
        self.flush();
        leg
    }

    /// Dials and lets the callee's core take the call in.
    pub(super) fn dial_in(&mut self) -> (LegId, LegId) {
        let leg = self.dial();
        self.run_for(Duration::from_millis(100));
        (leg, self.incoming().leg)
    }

    /// Dials, rings and answers with description number 2.
    pub(super) fn connect(&mut self) -> (LegId, LegId) {
        let (caller, callee) = self.dial_in();
        self.command(Side::Callee, Command::Ring { leg: callee, description: None });
        self.run_for(Duration::from_secs(1));
        self.command(Side::Callee, Command::Answer { leg: callee, description: description(2) });
        self.run_for(Duration::from_secs(1));
        (caller, callee)
    }

    pub(super) fn command(&mut self, side: Side, command: Command) {
        self.agents[side as usize].handle_command(command, self.now);
        self.flush();
    }

    pub(super) fn hang_up(&mut self, side: Side, leg: LegId, cause: EndCause) {
        self.command(side, Command::Hangup { leg, cause });
    }

    /// Lets time pass.
    pub(super) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step(end) {}
        self.now = end;
    }

    /// Handles the next arrival or timer up to `end`; whether there was one.
    pub(super) fn step(&mut self, end: Instant) -> bool {
        let arrival = self.under_way.first_key_value().map(|((at, _), _)| *at);
        let timer = self.agents.iter().filter_map(Agent::poll_timeout).min();
        let Some(next) = [arrival, timer].into_iter().flatten().min().filter(|next| *next <= end) else {
            return false;
        };
        self.now = self.now.max(next);
        if arrival == Some(next) {
            let (_, (to, bytes)) = self.under_way.pop_first().expect("it was looked at");
            let message = Message::parse(bytes).expect("a core writes well");
            self.agents[to as usize].handle_message(message, flow(to), self.now);
        } else {
            for agent in &mut self.agents {
                agent.handle_timeout(self.now);
            }
        }
        self.flush();
        true
    }

    /// The call that came in at the callee last.
    pub(super) fn incoming(&self) -> &Incoming {
        let incoming = self.told[1].iter().rev().find_map(|event| match event {
            Event::Incoming(incoming) => Some(incoming),
            _ => None,
        });
        incoming.expect("a call came in")
    }

    /// Why a side's leg ended; panics where it ended twice.
    pub(super) fn ended(&self, side: Side, leg: LegId) -> Option<EndCause> {
        let mut causes = self.told[side as usize].iter().filter_map(|event| match event {
            Event::Ended { leg: ended, cause } if *ended == leg => Some(*cause),
            _ => None,
        });
        let cause = causes.next();
        assert_eq!(causes.next(), None, "{leg} ended twice");
        cause
    }

    /// Nothing is left on either side.
    pub(super) fn is_silent(&self) -> bool {
        self.left() == [(0, 0, 0); 2]
    }

    /// Calls, transactions and dialogs that are open on each side.
    pub(super) fn left(&self) -> [(usize, usize, usize); 2] {
        [0, 1].map(|side: usize| {
            let agent = &self.agents[side];
            (agent.calls(), agent.transactions(), agent.dialogs())
        })
    }

    /// The start lines of what a side sent.
    pub(super) fn lines(&self, side: Side) -> Vec<String> {
        self.wire.iter().filter(|(from, _)| *from == side).map(|(_, message)| start_line(message)).collect()
    }

    /// Loses everything from now on.
    pub(super) const fn cut(&mut self) {
        self.link.loss = 1.0;
    }

    pub(super) fn agent(&mut self, side: Side) -> &mut Agent<OpenDoor> {
        &mut self.agents[side as usize]
    }

    fn flush(&mut self) {
        for side in [Side::Caller, Side::Callee] {
            while let Some(transmit) = self.agents[side as usize].poll_transmit() {
                assert_eq!(transmit.flow.remote, address(side.other()), "sent to nobody");
                let message = Message::parse(transmit.bytes.clone()).expect("a core writes well");
                self.wire.push((side, message));
                if !self.random.random_bool(self.link.loss) {
                    let jitter = self.link.jitter.mul_f64(self.random.random::<f64>());
                    let at = self.now + self.link.delay + jitter;
                    self.sent += 1;
                    self.under_way.insert((at, self.sent), (side.other(), transmit.bytes));
                }
            }
            while let Some(event) = self.agents[side as usize].poll_event() {
                self.told[side as usize].push(event);
            }
        }
    }
}

pub(super) fn start_line(message: &Message) -> String {
    match message {
        Message::Request(request) => request.method.to_string(),
        Message::Response(response) => {
            let cseq = response.headers.cseq().expect("a core writes well");
            format!("{} {}", response.status, cseq.method)
        }
    }
}

fn address(side: Side) -> SocketAddr {
    ([192, 0, 2, 1 + side as u8], 5060).into()
}

/// The flow as this side sees it.
fn flow(side: Side) -> Flow {
    Flow {
        kind: TransportKind::Udp,
        listener: ListenerId(0),
        local: address(side),
        remote: address(side.other()),
        connection: None,
    }
}

/// Lets everybody in.
pub(super) struct OpenDoor;

impl Doorkeeper for OpenDoor {
    fn admit(&mut self, _: &Request, _: &Flow, _: Instant) -> Verdict {
        Verdict::Accept { origin: Origin::Trunk("lab".to_owned()) }
    }

    fn register(&mut self, request: &Request, _: &Origin, _: &Flow, _: Instant) -> Registered {
        Registered { response: request.response(StatusCode::OK, None), left: Vec::new() }
    }
}

/// Names that are addresses.
pub(super) struct Loopback;

impl LocalNames for Loopback {
    fn sent_by(&self, flow: &Flow) -> (Host, Option<u16>) {
        (flow.local.ip().into(), Some(flow.local.port()))
    }

    fn contact(&self, flow: &Flow) -> SipUri {
        let mut uri = SipUri::new("webtrunk", flow.local.ip().into(), Some(flow.local.port()));
        if flow.kind.is_websocket() {
            uri.params.set("transport", Some("ws"));
        }
        uri
    }

    fn listener(&self, flow: &Flow) -> std::sync::Arc<str> {
        flow.kind.via_name().into()
    }

    fn flow_to(&self, kind: TransportKind, remote: SocketAddr) -> Option<Flow> {
        let local = ([192, 0, 2, 1], 5060).into();
        Some(Flow { kind, listener: ListenerId(0), local, remote, connection: None })
    }
}

/// Has no account anywhere.
pub(super) struct NoKeys;

impl Keyring for NoKeys {
    fn answer(
        &mut self,
        _: &str,
        _: &Response,
        _: &Request,
        _: &mut Attempts,
    ) -> Option<(HeaderName, String)> {
        None
    }
}
