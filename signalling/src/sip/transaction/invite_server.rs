//! INVITE server transaction, RFC 3261 17.2.1 with the Accepted state of RFC 6026 7.1.
//!
//! ```text
//!        +- INVITE: last 1xx again   +- ACK: up; INVITE: absorbed; 2xx from TU: send
//!        v   |     2xx from TU       v   |
//! ---> Proceeding --------------> Accepted --- L -------------------------> Terminated
//!        |   ^                                                               ^  ^
//!        |   +- 1xx from TU: send                                            |  |
//!        | 300-699 from TU: send                                             |  |
//!        v          ACK                                                      |  |
//!      Completed --------> Confirmed --- I ----------------------------------+  |
//!        |   ^   |                                                              |
//!        +---+   +--- H: up ----------------------------------------------------+
//!  G, INVITE: send again
//! ```
//!
//! A failure of the flow ends it from every state and is told where no final response was sent yet.
//! On a reliable flow timer G never runs and Confirmed has no duration. We send 100 before the
//! transaction user has spoken, so there is always a response to repeat.

use std::time::Instant;

use bytes::Bytes;

use super::step::{Step, Tell};
use super::timers::{Resend, TimerConfig};

/// One INVITE that we received, until its final response is settled.
#[derive(Debug)]
pub(super) struct InviteServer {
    state: State,
    is_reliable: bool,
    timers: TimerConfig,
}

#[derive(Debug)]
enum State {
    /// No final response yet; a retransmitted INVITE gets the last provisional one.
    Proceeding { provisional: Bytes },
    /// A 2xx went out. The transaction user repeats it until the ACK; we absorb INVITEs until timer L.
    Accepted { until: Instant },
    /// A failure went out. Timer G repeats it (unreliable flows only), timer H gives up.
    Completed { response: Bytes, resend: Option<Resend>, give_up_at: Instant },
    /// The failure was acknowledged; further ACKs are absorbed until timer I.
    Confirmed { until: Instant },
    /// Nothing is left to do.
    Terminated,
}

impl InviteServer {
    /// Answers the INVITE with `trying`, a 100.
    pub(super) fn start(trying: Bytes, is_reliable: bool, timers: TimerConfig) -> (Self, Step) {
        let step = Step::transmit(trying.clone());
        (Self { state: State::Proceeding { provisional: trying }, is_reliable, timers }, step)
    }

    /// Takes a retransmission of the INVITE.
    pub(super) fn handle_retransmission(&self) -> Step {
        match &self.state {
            State::Proceeding { provisional } => Step::transmit(provisional.clone()),
            State::Completed { response, .. } => Step::transmit(response.clone()),
            State::Accepted { .. } | State::Confirmed { .. } | State::Terminated => Step::NOTHING,
        }
    }

    /// Takes an ACK with this transaction's branch.
    pub(super) fn handle_ack(&mut self, now: Instant) -> Step {
        match &self.state {
            State::Accepted { .. } => return Step::tell(Tell::Message),
            State::Completed { .. } if self.is_reliable => self.state = State::Terminated,
            State::Completed { .. } => self.state = State::Confirmed { until: now + self.timers.t4 },
            State::Proceeding { .. } | State::Confirmed { .. } | State::Terminated => {}
        }
        Step::NOTHING
    }

    /// Sends a response of the transaction user. A second final response is ours to suppress, except
    /// for the repeated 2xx of RFC 3261 13.3.1.4.
    pub(super) fn respond(&mut self, status: u16, response: Bytes, now: Instant) -> Step {
        match (&self.state, status) {
            (State::Proceeding { .. }, 100..=199) => {
                self.state = State::Proceeding { provisional: response.clone() };
                Step::transmit(response)
            }
            (State::Proceeding { .. }, 200..=299) => {
                self.state = State::Accepted { until: now + self.timers.give_up };
                Step::transmit(response)
            }
            (State::Accepted { .. }, 200..=299) => Step::transmit(response),
            (State::Proceeding { .. }, 300..=699) => {
                let resend = (!self.is_reliable).then(|| Resend::up_to_t2(&self.timers, now));
                let give_up_at = now + self.timers.give_up;
                self.state = State::Completed { response: response.clone(), resend, give_up_at };
                Step::transmit(response)
            }
            (
                State::Proceeding { .. }
                | State::Accepted { .. }
                | State::Completed { .. }
                | State::Confirmed { .. }
                | State::Terminated,
                _,
            ) => Step::NOTHING,
        }
    }

    /// The provisional response that was sent last, while no final one was.
    pub(super) const fn provisional(&self) -> Option<&Bytes> {
        match &self.state {
            State::Proceeding { provisional } => Some(provisional),
            State::Accepted { .. }
            | State::Completed { .. }
            | State::Confirmed { .. }
            | State::Terminated => None,
        }
    }

    /// Nothing is to come of it any more.
    pub(super) fn terminate(&mut self) {
        self.state = State::Terminated;
    }

    /// The flow broke.
    pub(super) fn handle_flow_failure(&mut self) -> Step {
        match std::mem::replace(&mut self.state, State::Terminated) {
            State::Proceeding { .. } => Step::tell(Tell::FlowFailed),
            State::Accepted { .. }
            | State::Completed { .. }
            | State::Confirmed { .. }
            | State::Terminated => Step::NOTHING,
        }
    }

    /// Fires what is due at `now`.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Step {
        match &mut self.state {
            State::Completed { give_up_at, .. } if *give_up_at <= now => {
                self.state = State::Terminated;
                Step::tell(Tell::TimedOut)
            }
            State::Completed { response, resend: Some(resend), .. } if resend.is_due(now) => {
                resend.advance(now);
                Step::transmit(response.clone())
            }
            State::Accepted { until } | State::Confirmed { until } if *until <= now => {
                self.state = State::Terminated;
                Step::NOTHING
            }
            State::Proceeding { .. }
            | State::Accepted { .. }
            | State::Completed { .. }
            | State::Confirmed { .. }
            | State::Terminated => Step::NOTHING,
        }
    }

    /// When `handle_timeout` is next needed.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Completed { resend: Some(resend), give_up_at, .. } => Some(resend.at().min(*give_up_at)),
            State::Completed { resend: None, give_up_at, .. } => Some(*give_up_at),
            State::Accepted { until } | State::Confirmed { until } => Some(*until),
            State::Proceeding { .. } | State::Terminated => None,
        }
    }

    /// Whether a CANCEL still has an effect: no final response was sent (RFC 3261 9.2).
    pub(super) const fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// Whether the ACK of a failure is still to come.
    pub(super) const fn awaits_peer(&self) -> bool {
        matches!(self.state, State::Completed { .. })
    }

    /// Whether nothing is left to do.
    pub(super) const fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::table::{Column, Row, draw, much_later};
    use super::*;

    #[test]
    fn every_input_in_every_state_on_udp() {
        insta::assert_snapshot!(draw(|start| columns(false, start), ROWS, name, InviteServer::poll_timeout), @r"
                       | Proceeding                | Accepted      | Completed               | Confirmed     | Terminated
        INVITE again   | send 180                  | -             | send 486                | -             | -
        ACK            | -                         | up            | -> Confirmed            | -             | -
        TU: 183        | send 183                  | -             | -                       | -             | -
        TU: 200        | send 200 -> Accepted      | send 200      | -                       | -             | -
        TU: 486        | send 486 -> Completed     | -             | -                       | -             | -
        timer G        | -                         | -             | send 486                | -             | -
        timers H, I, L | -                         | -> Terminated | timed out -> Terminated | -> Terminated | -
        flow failure   | flow failed -> Terminated | -> Terminated | -> Terminated           | -> Terminated | -
        next timer     | none                      | 32s           | 500ms                   | 5s            | none
        ");
    }

    #[test]
    fn every_input_in_every_state_on_tcp() {
        insta::assert_snapshot!(draw(|start| columns(true, start), ROWS, name, InviteServer::poll_timeout), @r"
                       | Proceeding                | Accepted      | Completed               | Confirmed | Terminated
        INVITE again   | send 180                  | -             | send 486                | -         | -
        ACK            | -                         | up            | -> Terminated           | -         | -
        TU: 183        | send 183                  | -             | -                       | -         | -
        TU: 200        | send 200 -> Accepted      | send 200      | -                       | -         | -
        TU: 486        | send 486 -> Completed     | -             | -                       | -         | -
        timer G        | -                         | -             | -                       | -         | -
        timers H, I, L | -                         | -> Terminated | timed out -> Terminated | -         | -
        flow failure   | flow failed -> Terminated | -> Terminated | -> Terminated           | -         | -
        next timer     | none                      | 32s           | 32s                     | none      | none
        ");
    }

    const ROWS: &[Row<InviteServer>] = &[
        ("INVITE again", |invite, _| invite.handle_retransmission()),
        ("ACK", |invite, now| invite.handle_ack(now)),
        ("TU: 183", |invite, now| respond(invite, 183, now)),
        ("TU: 200", |invite, now| respond(invite, 200, now)),
        ("TU: 486", |invite, now| respond(invite, 486, now)),
        ("timer G", |invite, now| invite.handle_timeout(now + Duration::from_millis(500))),
        ("timers H, I, L", |invite, now| invite.handle_timeout(much_later(now))),
        ("flow failure", |invite, _| invite.handle_flow_failure()),
    ];

    fn columns(is_reliable: bool, now: Instant) -> Vec<Column<InviteServer>> {
        let after = |statuses: &[u16]| {
            let trying = Bytes::from_static(b"100");
            let (mut invite, _) = InviteServer::start(trying, is_reliable, TimerConfig::default());
            for status in statuses {
                respond(&mut invite, *status, now);
            }
            invite
        };
        let mut confirmed = after(&[486]);
        confirmed.handle_ack(now);
        let mut terminated = after(&[]);
        terminated.handle_flow_failure();
        vec![
            ("Proceeding", after(&[180])),
            ("Accepted", after(&[200])),
            ("Completed", after(&[486])),
            ("Confirmed", confirmed),
            ("Terminated", terminated),
        ]
    }

    fn respond(invite: &mut InviteServer, status: u16, now: Instant) -> Step {
        invite.respond(status, Bytes::from(status.to_string()), now)
    }

    fn name(invite: &InviteServer) -> &'static str {
        match invite.state {
            State::Proceeding { .. } => "Proceeding",
            State::Accepted { .. } => "Accepted",
            State::Completed { .. } => "Completed",
            State::Confirmed { .. } => "Confirmed",
            State::Terminated => "Terminated",
        }
    }
}
