//! The transaction layer between a peer and a user that both do anything at any time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use bytes::Bytes;
use webtrunk_signalling::sip::flow::{ConnectionId, Flow};
use webtrunk_signalling::sip::identifiers::Identifiers;
use webtrunk_signalling::sip::message::{HeaderName, Message, Method, Request, StatusCode, Uri};
use webtrunk_signalling::sip::transaction::{
    Lane, Received, TransactionConfig, TransactionEvent, TransactionKey, TransactionLayer,
};

use crate::world;

/// One thing that happens.
#[derive(Debug, Arbitrary)]
enum Step<'a> {
    /// The peer asks.
    Request { method: u8, branch: u8, call: u8, is_in_dialog: bool, flow: u8 },
    /// The peer says one of its requests again, or says ACK or CANCEL of it.
    Again { which: u8, kind: u8, flow: u8 },
    /// The peer answers one of our requests.
    Response { which: u8, status: u8, tag: u8 },
    /// The peer writes whatever it likes.
    Octets { octets: &'a [u8], flow: u8 },
    /// The user answers.
    Respond { which: u8, status: u8 },
    /// The user asks.
    Send { method: u8, flow: u8 },
    /// The user wants no answer any more.
    Cancel { which: u8, kind: u8 },
    /// A stream closes, or a peer is not there.
    Broken { flow: u8, kind: u8 },
    /// Time passes: in tenths of a second.
    Wait { tenths: u16 },
}

/// Most steps of one input.
const STEPS_MAX: usize = 200;

/// How many transactions may be open before new ones are refused: few, so that it comes to that.
const TRANSACTIONS_MAX: usize = 8;

/// Longer than all timers together.
const FOR_LONG: Duration = Duration::from_secs(300);

/// Decodes what happens, lets it happen, and ends all.
///
/// # Panics
/// Something is said twice or that is no message, timers stand still, limits do not hold, or something stays.
pub fn run(octets: &[u8]) {
    let mut bench = Bench::new();
    world::steps(octets, STEPS_MAX, |step: Step<'_>| bench.take(&step));
    bench.settle();
}

struct Bench {
    layer: TransactionLayer<u32>,
    now: Instant,
    /// Of the peer, as they came.
    theirs: Vec<Request>,
    /// Accepted, with their requests.
    accepted: Vec<(TransactionKey, Request)>,
    /// What we sent, as the peer sees it.
    ours: Vec<Request>,
    sent: Vec<TransactionKey>,
    over: BTreeSet<TransactionKey>,
}

impl Bench {
    fn new() -> Self {
        let config = TransactionConfig { transactions_max: TRANSACTIONS_MAX, ..TransactionConfig::default() };
        Self {
            layer: TransactionLayer::new(config, Identifiers::new([5; 32])),
            now: Instant::now(),
            theirs: Vec::new(),
            accepted: Vec::new(),
            ours: Vec::new(),
            sent: Vec::new(),
            over: BTreeSet::new(),
        }
    }

    fn take(&mut self, step: &Step<'_>) {
        match *step {
            Step::Request { method, branch, call, is_in_dialog, flow } => {
                let flow = world::flow(flow);
                let method = world::METHODS[usize::from(method) % world::METHODS.len()];
                let mut request = world::request(method, branch % 8, call % 4, 1, &flow);
                if is_in_dialog {
                    request.headers.set(HeaderName::To, "<sip:bob@192.0.2.1>;tag=ours");
                }
                self.theirs.push(request.clone());
                self.receive(Message::Request(request), flow);
            }
            Step::Again { which, kind, flow } => self.again(which, kind, world::flow(flow)),
            Step::Response { which, status, tag } => {
                let Some(request) = pick(&self.ours, which).cloned() else { return };
                let status = world::STATUSES[usize::from(status) % world::STATUSES.len()];
                let status = StatusCode::new(status).expect("it is one");
                let response = request.response(status, Some(["one", "two"][usize::from(tag) % 2]));
                self.receive(Message::Response(response), world::flow(0));
            }
            Step::Octets { octets, flow } => {
                if let Ok(message) = Message::parse(Bytes::copy_from_slice(octets)) {
                    self.receive(message, world::flow(flow));
                }
            }
            Step::Respond { which, status } => {
                let Some((key, request)) = pick(&self.accepted, which) else { return };
                let status = world::STATUSES[usize::from(status) % world::STATUSES.len()];
                let response = request.response(StatusCode::new(status).expect("it is one"), Some("ours"));
                self.layer.respond(*key, &response, self.now);
            }
            Step::Send { method, flow } => self.send(method, world::flow(flow)),
            Step::Cancel { which, kind } => {
                let Some(&key) = pick(&self.sent, which) else { return };
                match kind % 3 {
                    0 => self.layer.cancel(key, self.now),
                    1 => self.layer.abandon(key, Some("SIP;cause=200".to_owned()), self.now),
                    _ => self.layer.forget(key),
                }
            }
            Step::Broken { flow, kind } => {
                let until = (kind % 2 == 1).then(|| self.now + Duration::from_secs(60));
                match kind % 3 {
                    0 => {
                        let stream = Lane::Stream(ConnectionId(u64::from(flow % 4)));
                        self.layer.flow_failed(stream, |_| until, self.now);
                    }
                    1 => self.layer.flow_failed(Lane::of(&world::flow(flow)), |_| until, self.now),
                    _ => self.layer.flow_refused(&world::flow(flow), self.now),
                }
            }
            Step::Wait { tenths } => self.run_for(Duration::from_millis(100 * u64::from(tenths % 1000))),
        }
        self.look();
    }

    fn again(&mut self, which: u8, kind: u8, flow: Flow) {
        let Some(mut request) = pick(&self.theirs, which).cloned() else { return };
        let method = match kind % 4 {
            0 => Some(Method::Ack),
            1 => Some(Method::Cancel),
            _ => None,
        };
        if let Some(method) = method {
            request.headers.set(HeaderName::CSeq, format!("1 {method}"));
            request.method = method;
        }
        self.receive(Message::Request(request), flow);
    }

    fn send(&mut self, method: u8, flow: Flow) {
        let name = world::METHODS[usize::from(method) % world::METHODS.len()];
        if ["ACK", "CANCEL"].contains(&name) {
            return;
        }
        let mut request = world::request(name, 0, method % 4, 1, &flow);
        request.headers.remove(&HeaderName::Via);
        request.uri = "sip:bob@192.0.2.2".parse::<Uri>().expect("it is one");
        let sent_by = (flow.local.ip().into(), Some(flow.local.port()));
        self.sent.push(self.layer.send_request(request, flow, sent_by, Some(1), self.now));
    }

    fn receive(&mut self, message: Message, flow: Flow) {
        match self.layer.handle_message(message, flow, self.now) {
            Some(Received::Request(request)) => {
                if let Some(key) = self.layer.accept(&request, flow, Some(2)) {
                    let most = TRANSACTIONS_MAX + TRANSACTIONS_MAX / 8;
                    assert!(self.layer.len() <= most, "one more than there may be");
                    self.accepted.push((key, request));
                }
            }
            // The layer sends CANCEL by itself, and owns it.
            Some(Received::Response { key, response, .. }) => {
                let is_to_cancel = response.headers.cseq().is_ok_and(|cseq| cseq.method == Method::Cancel);
                assert!(is_to_cancel || self.sent.contains(&key), "an answer to nothing");
            }
            Some(Received::Cancel { invite, .. }) => {
                assert!(self.accepted.iter().any(|(key, _)| *key == invite), "nothing to be cancelled");
            }
            Some(Received::Ack(_)) | None => {}
        }
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.layer.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.layer.handle_timeout(self.now);
            assert!(self.layer.poll_timeout().is_none_or(|next| next > self.now), "a timer stands still");
            self.look();
        }
        self.now = end;
    }

    /// Takes out what there is to say.
    fn look(&mut self) {
        let mut count = 0;
        while let Some(transmit) = self.layer.poll_transmit() {
            count += 1;
            match Message::parse(transmit.bytes).expect("what is sent is a message") {
                Message::Request(request) if self.ours.len() < STEPS_MAX => self.ours.push(request),
                Message::Request(_) | Message::Response(_) => {}
            }
        }
        let most = 4 + 2 * (self.sent.len() + self.accepted.len());
        assert!(count <= most, "{count} messages for one thing that happened");
        while let Some(event) = self.layer.poll_event() {
            let (TransactionEvent::TimedOut { key, .. } | TransactionEvent::FlowFailed { key, .. }) = event;
            assert!(self.over.insert(key), "{event:?} of what was over");
        }
    }

    /// Answers all that waits for the user, wants no answer any more, and lets all timers run out.
    fn settle(&mut self) {
        for (key, request) in &self.accepted {
            let response = request.response(StatusCode::SERVER_INTERNAL_ERROR, Some("ours"));
            self.layer.respond(*key, &response, self.now);
        }
        for key in &self.sent {
            self.layer.cancel(*key, self.now);
        }
        self.look();
        self.run_for(FOR_LONG);
        assert_eq!(self.layer.len(), 0, "all are over");
        assert!(self.layer.is_settled());
    }
}

/// One of a list by any number; the later ones first.
pub(crate) fn pick<T>(list: &[T], which: u8) -> Option<&T> {
    let at = usize::from(which).checked_rem(list.len())?;
    list.iter().rev().nth(at)
}
