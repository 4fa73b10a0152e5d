//! The way of a message through the layer: to its machine, or up as something new.

use std::time::Instant;

use super::derived;
use super::layer::{Side, TransactionLayer};
use super::machine::Machine;
use super::matching::MatchId;
use super::outcome::{Received, TransactionKey, Transmit};
use super::step::{Step, Tell};
use crate::sip::flow::Flow;
use crate::sip::message::{HeaderName, Message, Method, Request, Response, StatusCode};

impl<O: Copy> TransactionLayer<O> {
    /// Takes a message from the wire; what is left of it for the transaction user is returned.
    pub fn handle_message(&mut self, message: Message, flow: Flow, now: Instant) -> Option<Received<O>> {
        match message {
            Message::Request(request) => self.handle_request(request, flow, now),
            Message::Response(response) => self.handle_response(response, now),
        }
    }

    fn handle_request(&mut self, mut request: Request, flow: Flow, now: Instant) -> Option<Received<O>> {
        let Ok(mut via) = request.headers.via() else { return None };
        let id = match MatchId::server(&request, &flow) {
            Ok(id) => (Side::Server, id),
            Err(error) => {
                let mut response = request.response(StatusCode::BAD_REQUEST, None);
                response.reason = error.to_string().into();
                self.respond_statelessly(&request, response, flow);
                return None;
            }
        };
        via.stamp(flow.remote);
        request.headers.set_top_via(&via);
        match (self.by_id.get(&id).copied(), &request.method) {
            (Some(key), Method::Ack) => self.handle_ack(key, request, now),
            (None, Method::Ack) => Some(Received::Ack(request)),
            (Some(key), _) => {
                self.handle_retransmission(key);
                None
            }
            (None, Method::Cancel) => self.handle_cancel(&request, flow, now),
            (None, _) => Some(Received::Request(request)),
        }
    }

    fn handle_ack(&mut self, key: TransactionKey, ack: Request, now: Instant) -> Option<Received<O>> {
        let Machine::InviteServer { machine, .. } = &mut self.transactions.get_mut(&key)?.machine else {
            return None;
        };
        let step = machine.handle_ack(now);
        (self.carry_out(key, step) == Some(Tell::Message)).then_some(Received::Ack(ack))
    }

    fn handle_retransmission(&mut self, key: TransactionKey) {
        let step = match &self.transactions[&key].machine {
            Machine::InviteServer { machine, .. } => machine.handle_retransmission(),
            Machine::Server(machine) => machine.handle_retransmission(),
            Machine::InviteClient { .. } | Machine::Client(_) => Step::NOTHING,
        };
        self.carry_out(key, step);
    }

    /// Answers the CANCEL by the state of its INVITE (RFC 3261 9.2). It cannot be challenged, so it must
    /// come from where the INVITE came from (22.1).
    fn handle_cancel(&mut self, cancel: &Request, flow: Flow, now: Instant) -> Option<Received<O>> {
        let id = (Side::Server, MatchId::cancelled(cancel, &flow).ok()?);
        let invite = self.by_id.get(&id).copied().and_then(|key| {
            let transaction = &self.transactions[&key];
            let Machine::InviteServer { machine, to, left } = &transaction.machine else { return None };
            let is_same_source = [Some(transaction.flow), *left]
                .into_iter()
                .flatten()
                .any(|source| source.connection == flow.connection && source.remote.ip() == flow.remote.ip());
            is_same_source.then(|| (key, transaction.owner, to.clone(), machine.is_proceeding()))
        });
        let Some((invite, owner, to, is_proceeding)) = invite else {
            self.respond_statelessly(cancel, cancel.response(StatusCode::CALL_DOES_NOT_EXIST, None), flow);
            return None;
        };
        let key = self.accept(cancel, flow, None)?;
        let tag = self.identifiers.stateless_tag(cancel);
        let mut response = cancel.response(StatusCode::OK, Some(&tag));
        if let Some(to) = to {
            response.headers.set(HeaderName::To, to);
        }
        self.respond(key, &response, now);
        is_proceeding.then(|| Received::Cancel { invite, owner, cancel: Box::new(cancel.clone()) })
    }

    /// Whose request a response answers, and the flow on which that was sent.
    pub fn request_of(&self, response: &Response) -> Option<(Option<O>, Flow)> {
        let id = (Side::Client, MatchId::of_response(response).ok()?);
        let transaction = &self.transactions[self.by_id.get(&id)?];
        Some((transaction.owner, transaction.flow))
    }

    fn handle_response(&mut self, response: Response, now: Instant) -> Option<Received<O>> {
        // A response with two Vias was meant for somebody else (RFC 3261 8.1.3.3).
        if response.headers.vias().ok()?.len() != 1 {
            return None;
        }
        let id = (Side::Client, MatchId::of_response(&response).ok()?);
        let key = *self.by_id.get(&id)?;
        let transaction = self.transactions.get_mut(&key)?;
        let owner = transaction.owner;
        let status = response.status.code();
        if transaction.is_about_copy(status) {
            let flow = transaction.flow;
            if let Machine::InviteClient { invite, .. } = &transaction.machine {
                let bytes = derived::ack(invite, &response).to_bytes();
                self.transmit(Transmit { flow, bytes });
            }
            return None;
        }
        transaction.detour_heard(status);
        let step = match &mut transaction.machine {
            Machine::InviteClient { machine, invite, .. } => {
                machine.handle_response(status, || derived::ack(invite, &response).to_bytes(), now)
            }
            Machine::Client(machine) => machine.handle_response(status, now),
            Machine::InviteServer { .. } | Machine::Server(_) => return None,
        };
        self.cancel_if_possible(key, now);
        let tell = self.carry_out(key, step);
        (tell == Some(Tell::Message)).then_some(Received::Response { key, owner, response })
    }
}
