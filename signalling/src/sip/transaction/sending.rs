//! What we send: requests, each with a machine that sees it through, and the ACKs of 2xx.

use std::time::Instant;

use super::client::Client;
use super::derived;
use super::invite_client::InviteClient;
use super::layer::{Side, Transaction, TransactionLayer};
use super::machine::{Machine, Wish};
use super::matching::MatchId;
use super::outcome::{TransactionKey, Transmit};
use super::step::Step;
use super::strays::Strays;
use super::timers::TimerConfig;
use crate::sip::flow::Flow;
use crate::sip::message::{HeaderName, Host, Method, Request, Via};

impl<O: Copy> TransactionLayer<O> {
    /// Sends a request that is neither ACK nor CANCEL. The layer puts the Via on it, `sent_by` in it.
    pub fn send_request(
        &mut self,
        request: Request,
        flow: Flow,
        sent_by: (Host, Option<u16>),
        owner: Option<O>,
        now: Instant,
    ) -> TransactionKey {
        let branch = self.identifiers.branch();
        let request = Self::stamped(request, &flow, sent_by, &branch);
        self.start_client(request, &branch, flow, owner, now)
    }

    /// Sends the ACK of a 2xx, which belongs to no transaction (RFC 3261 13.2.2.4).
    pub fn send_ack(&mut self, ack: Request, flow: Flow, sent_by: (Host, Option<u16>)) {
        let branch = self.identifiers.branch();
        let ack = Self::stamped(ack, &flow, sent_by, &branch);
        self.transmit(Transmit { flow, bytes: ack.to_bytes() });
    }

    /// A request with our Via on it.
    pub(super) fn stamped(
        mut request: Request,
        flow: &Flow,
        (host, port): (Host, Option<u16>),
        branch: &str,
    ) -> Request {
        let via = Via::new(flow.kind, host, port, branch);
        request.headers.push_front(HeaderName::Via, via.to_string());
        request
    }

    /// Sends a request that has its Via, by this branch.
    pub(super) fn start_client(
        &mut self,
        request: Request,
        branch: &str,
        flow: Flow,
        owner: Option<O>,
        now: Instant,
    ) -> TransactionKey {
        let id = (Side::Client, MatchId::client(branch, &request.method));
        let (machine, step) = Self::client(request, &flow, self.config.timers, now);
        let transaction =
            Transaction { machine, flow, owner, id, origin: None, detour: None, deadline: None };
        self.insert(transaction, step)
    }

    /// The machine that sends a request of ours.
    pub(super) fn client(
        request: Request,
        flow: &Flow,
        timers: TimerConfig,
        now: Instant,
    ) -> (Machine, Step) {
        let (bytes, is_reliable) = (request.to_bytes(), flow.kind.is_reliable());
        if request.method == Method::Invite {
            let (machine, step) = InviteClient::start(bytes, is_reliable, timers, now);
            let (invite, strays) = (derived::kept_of(request), Strays::default());
            (Machine::InviteClient { machine, invite, wish: Wish::Answer, strays }, step)
        } else {
            let (machine, step) = Client::start(bytes, is_reliable, timers, now);
            (Machine::Client(machine), step)
        }
    }
}
