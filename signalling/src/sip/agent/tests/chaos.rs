//! A peer that does anything at any time: nothing panics, each leg ends once, and nothing stays.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use webtrunk_engine::{EndCause, LegId};

use super::description;
use super::peer::Peer;
use crate::adapter::{Command, Event, Origin};
use crate::sip::flow::ConnectionId;
use crate::sip::message::{HeaderName, Message, Request, Response, StatusCode};

const METHODS: [&str; 11] = [
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
    "NEWMETHOD",
];

#[test]
fn whatever_a_peer_does_each_leg_ends_once_and_nothing_stays() {
    for seed in 0..150 {
        let mut chaos = Chaos::new(seed);
        for _ in 0..150 {
            chaos.step();
        }
        chaos.settle();
        chaos.check(seed);
    }
}

struct Chaos {
    random: StdRng,
    peer: Peer,
    /// What the core sent, and so what a peer can know.
    requests: Vec<Request>,
    responses: Vec<Response>,
    /// What the peer sent, to be repeated.
    ours: Vec<Request>,
    legs: BTreeSet<LegId>,
}

impl Chaos {
    fn new(seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        let peer = if seed.is_multiple_of(2) { Peer::new() } else { Peer::over_websocket() };
        Self { random, peer, requests: vec![], responses: vec![], ours: vec![], legs: BTreeSet::new() }
    }

    fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..30 => self.send_request(),
            30..35 => self.repeat_request(),
            35..55 => self.send_response(),
            55..62 => {
                let origins = [Origin::User("ann".to_owned()), Origin::Trunk("lab".to_owned())];
                let origin = origins.choose(&mut self.random).expect("two").clone();
                let (leg, invite) = self.peer.called(origin);
                self.legs.insert(leg);
                self.requests.push(invite);
            }
            62..85 => self.command(),
            85..88 => {
                let connection = ConnectionId(self.random.random_range(0..4));
                self.peer.agent.flow_closed(connection, self.peer.now);
                self.peer.flow.connection = self.peer.flow.connection.map(|_| ConnectionId(3));
                self.peer.flush();
            }
            _ => {
                let millis = [0, 100, 600, 5_000, 40_000].choose(&mut self.random).copied();
                self.peer.run_for(Duration::from_millis(millis.unwrap_or_default()));
            }
        }
        self.look();
    }

    /// Takes note of what came of it.
    fn look(&mut self) {
        for message in self.peer.sent_messages() {
            match message {
                Message::Request(request) => self.requests.push(request),
                Message::Response(response) => self.responses.push(response),
            }
        }
        self.legs.extend(self.peer.told.iter().map(super::leg_of));
    }

    fn send_request(&mut self) {
        let method = METHODS.choose(&mut self.random).expect("some");
        let mut request = self.peer.request(method);
        match self.random.random_range(0..10) {
            // In a dialog that the peer opened,
            0..4 => {
                if let Some(known) = self.responses.choose(&mut self.random) {
                    for name in [HeaderName::From, HeaderName::To, HeaderName::CallId] {
                        let value = known.headers.get(&name).unwrap_or_default();
                        request.headers.set(name, value);
                    }
                    if let Ok(cseq) = known.headers.cseq()
                        && self.random.random_bool(0.5)
                    {
                        request.headers.set(HeaderName::CSeq, format!("{} {method}", cseq.number));
                    }
                    if self.random.random_bool(0.3) {
                        request
                            .headers
                            .set(HeaderName::Via, known.headers.get(&HeaderName::Via).unwrap_or_default());
                    }
                }
            }
            // in one that we opened,
            4..7 => {
                if let Some(known) = self.requests.choose(&mut self.random) {
                    let get = |name| known.headers.get(&name).unwrap_or_default().to_owned();
                    let tag = ["one", "two"].choose(&mut self.random).expect("two");
                    let to = get(HeaderName::To);
                    let from = if to.contains("tag=") { to } else { format!("{to};tag={tag}") };
                    request.headers.set(HeaderName::From, from);
                    request.headers.set(HeaderName::To, get(HeaderName::From));
                    request.headers.set(HeaderName::CallId, get(HeaderName::CallId));
                }
            }
            // or a new one.
            _ => request.headers.set(HeaderName::CallId, format!("{}", self.random.random::<u32>())),
        }
        if self.random.random_bool(0.6) {
            request.headers.set(HeaderName::ContentType, "application/sdp");
            request.body = description(self.random.random_range(0..9)).to_string().into();
        } else if self.random.random_bool(0.2) {
            request.headers.set(HeaderName::ContentType, "application/sdp");
            request.body = "v=nonsense".into();
        }
        if self.random.random_bool(0.05) {
            request.headers.remove(&HeaderName::Contact);
        }
        self.ours.push(request.clone());
        self.peer.receive(request);
    }

    fn repeat_request(&mut self) {
        if let Some(request) = self.ours.choose(&mut self.random).cloned() {
            self.peer.receive(request);
        }
    }

    fn send_response(&mut self) {
        let latest = self.requests.len().saturating_sub(4);
        let Some(request) = self.requests[latest..].choose(&mut self.random).cloned() else { return };
        let statuses = [100, 180, 183, 200, 200, 200, 202, 302, 401, 407, 408, 481, 487, 486, 491, 503, 603];
        let status = *statuses.choose(&mut self.random).expect("some");
        let tag = *["one", "two", "three"].choose(&mut self.random).expect("some");
        let has_body = self.random.random_bool(0.8);
        let number = self.random.random_range(0..9);
        self.peer.respond_with(&request, status, tag, |response| {
            response.headers.remove(&HeaderName::ContentType);
            response.body.clear();
            if has_body && response.status != StatusCode::TRYING {
                response.headers.push(HeaderName::ContentType, "application/sdp");
                response.body = description(number).to_string().into();
            }
        });
    }

    fn command(&mut self) {
        let legs: Vec<_> = self.legs.iter().rev().take(4).copied().collect();
        let Some(leg) = legs.choose(&mut self.random).copied() else { return };
        let description = description(self.random.random_range(0..9));
        let cause =
            *[EndCause::Hangup, EndCause::Busy, EndCause::Overloaded].choose(&mut self.random).expect("some");
        let command = match self.random.random_range(0..8) {
            0 => Command::Ring { leg, description: self.random.random_bool(0.5).then_some(description) },
            1 | 2 => Command::Answer { leg, description },
            3 => Command::Reoffer { leg, offer: description },
            4 => Command::AnswerReoffer { leg, description },
            5 => Command::RefuseReoffer { leg, cause },
            6 => Command::SendDigit { leg, digit: '5', duration: Duration::from_millis(100) },
            _ => Command::Hangup { leg, cause },
        };
        self.peer.command(command);
    }

    /// Ends all calls and lets every timer run out.
    fn settle(&mut self) {
        for leg in self.legs.clone() {
            self.peer.command(Command::Hangup { leg, cause: EndCause::ShuttingDown });
        }
        self.peer.run_for(Duration::from_secs(700));
        self.look();
    }

    fn check(&self, seed: u64) {
        let mut over = BTreeSet::new();
        for event in &self.peer.told {
            let leg = super::leg_of(event);
            assert!(!over.contains(&leg), "seed {seed}: {event:?} after its leg ended");
            if matches!(event, Event::Ended { .. }) {
                over.insert(leg);
            }
        }
        assert_eq!(over, self.legs, "seed {seed}: each leg ends");
        let agent = &self.peer.agent;
        let left = (agent.calls(), agent.transactions(), agent.dialogs());
        assert_eq!(left, (0, 0, 0), "seed {seed}: calls, transactions, dialogs");
    }
}
