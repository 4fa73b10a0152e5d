//! Non-INVITE client transaction, RFC 3261 17.1.2.
//!
//! ```text
//!  +- E: resend       +- E: resend; 1xx: up
//!  v   |    1xx: up   v   |    200-699: up
//! Trying ---------> Proceeding -------------> Completed --- K ---> Terminated
//!  |  |                |                        ^    |                 ^
//!  |  +- 200-699: up --|------------------------+    +- responses:     |
//!  |                   |                                absorbed       |
//!  +-------------------+--- F, failure of the flow: up ----------------+
//! ```
//!
//! On a reliable flow timer E never runs and Completed has no duration.

use std::time::Instant;

use bytes::Bytes;

use super::step::{Step, Tell};
use super::timers::{Resend, TimerConfig};

/// One request other than INVITE and ACK that we sent.
#[derive(Debug)]
pub(super) struct Client {
    state: State,
    is_reliable: bool,
    /// Its flow is gone, and its owner waits for another.
    is_adrift: bool,
    timers: TimerConfig,
}

#[derive(Debug)]
enum State {
    /// Sent, nothing heard. Timer E resends (unreliable flows only), timer F gives up.
    Trying { request: Bytes, resend: Option<Resend>, give_up_at: Instant },
    /// A provisional response came: timer E slows down to T2, timer F goes on.
    Proceeding { request: Bytes, resend: Option<Resend>, give_up_at: Instant },
    /// The final response went up; its retransmissions are absorbed until timer K.
    Completed { until: Instant },
    /// Nothing is left to do.
    Terminated,
}

impl Client {
    /// Sends the request.
    pub(super) fn start(
        request: Bytes,
        is_reliable: bool,
        timers: TimerConfig,
        now: Instant,
    ) -> (Self, Step) {
        let resend = (!is_reliable).then(|| Resend::up_to_t2(&timers, now));
        let step = Step::transmit(request.clone());
        let state = State::Trying { request, resend, give_up_at: now + timers.give_up };
        (Self { state, is_reliable, is_adrift: false, timers }, step)
    }

    /// Takes a response of the peer.
    pub(super) fn handle_response(&mut self, status: u16, now: Instant) -> Step {
        match (&mut self.state, status) {
            (State::Trying { request, give_up_at, .. }, 100..=199) => {
                let resend = (!self.is_reliable).then(|| Resend::each_t2(&self.timers, now));
                let request = std::mem::take(request);
                self.state = State::Proceeding { request, resend, give_up_at: *give_up_at };
                Step::tell(Tell::Message)
            }
            (State::Proceeding { .. }, 100..=199) => Step::tell(Tell::Message),
            (State::Trying { .. } | State::Proceeding { .. }, 200..=699) => {
                self.state = if self.is_reliable {
                    State::Terminated
                } else {
                    State::Completed { until: now + self.timers.t4 }
                };
                Step::tell(Tell::Message)
            }
            (
                State::Trying { .. } | State::Proceeding { .. } | State::Completed { .. } | State::Terminated,
                _,
            ) => Step::NOTHING,
        }
    }

    /// The flow broke, and its owner waits so long for another.
    pub(super) fn await_flow(&mut self, until: Instant) {
        self.is_adrift = true;
        if let State::Trying { give_up_at, .. } | State::Proceeding { give_up_at, .. } = &mut self.state {
            *give_up_at = until + self.timers.give_up;
        }
    }

    /// The peer is somewhere else, and may not have heard of it, or not we its answer.
    pub(super) fn handle_flow_moved(&mut self, now: Instant) -> Step {
        let was_adrift = std::mem::take(&mut self.is_adrift);
        match &mut self.state {
            State::Trying { request, give_up_at, .. } | State::Proceeding { request, give_up_at, .. } => {
                if was_adrift {
                    *give_up_at = now + self.timers.give_up;
                }
                Step::transmit(request.clone())
            }
            State::Completed { .. } | State::Terminated => Step::NOTHING,
        }
    }

    /// Nothing is to come of it any more.
    pub(super) fn terminate(&mut self) {
        self.state = State::Terminated;
    }

    /// The flow broke.
    pub(super) fn handle_flow_failure(&mut self) -> Step {
        match std::mem::replace(&mut self.state, State::Terminated) {
            State::Trying { .. } | State::Proceeding { .. } => Step::tell(Tell::FlowFailed),
            State::Completed { .. } | State::Terminated => Step::NOTHING,
        }
    }

    /// Fires what is due at `now`.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Step {
        match &mut self.state {
            State::Trying { give_up_at, .. } | State::Proceeding { give_up_at, .. } if *give_up_at <= now => {
                self.state = State::Terminated;
                Step::tell(Tell::TimedOut)
            }
            State::Trying { request, resend: Some(resend), .. }
            | State::Proceeding { request, resend: Some(resend), .. }
                if resend.is_due(now) =>
            {
                resend.advance(now);
                Step::transmit(request.clone())
            }
            State::Completed { until } if *until <= now => {
                self.state = State::Terminated;
                Step::NOTHING
            }
            State::Trying { .. } | State::Proceeding { .. } | State::Completed { .. } | State::Terminated => {
                Step::NOTHING
            }
        }
    }

    /// Whether no response came yet.
    pub(super) const fn is_trying(&self) -> bool {
        matches!(self.state, State::Trying { .. })
    }

    /// When `handle_timeout` is next needed.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Trying { resend, give_up_at, .. } | State::Proceeding { resend, give_up_at, .. } => {
                Some(resend.map_or(*give_up_at, |resend| resend.at().min(*give_up_at)))
            }
            State::Completed { until } => Some(*until),
            State::Terminated => None,
        }
    }

    /// Whether the final response is still to come.
    pub(super) const fn awaits_peer(&self) -> bool {
        matches!(self.state, State::Trying { .. } | State::Proceeding { .. })
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
        insta::assert_snapshot!(draw(|start| columns(false, start), ROWS, name, Client::poll_timeout), @r"
                     | Trying                    | Proceeding                | Completed     | Terminated
        100          | up -> Proceeding          | up                        | -             | -
        200          | up -> Completed           | up -> Completed           | -             | -
        401          | up -> Completed           | up -> Completed           | -             | -
        timer E, T1  | send BYE                  | -                         | -             | -
        timer E, T2  | send BYE                  | send BYE                  | -             | -
        timers F, K  | timed out -> Terminated   | timed out -> Terminated   | -> Terminated | -
        flow failure | flow failed -> Terminated | flow failed -> Terminated | -> Terminated | -
        next timer   | 500ms                     | 4s                        | 5s            | none
        ");
    }

    #[test]
    fn every_input_in_every_state_on_tcp() {
        insta::assert_snapshot!(draw(|start| columns(true, start), ROWS, name, Client::poll_timeout), @r"
                     | Trying                    | Proceeding                | Completed | Terminated
        100          | up -> Proceeding          | up                        | -         | -
        200          | up -> Terminated          | up -> Terminated          | -         | -
        401          | up -> Terminated          | up -> Terminated          | -         | -
        timer E, T1  | -                         | -                         | -         | -
        timer E, T2  | -                         | -                         | -         | -
        timers F, K  | timed out -> Terminated   | timed out -> Terminated   | -         | -
        flow failure | flow failed -> Terminated | flow failed -> Terminated | -         | -
        next timer   | 32s                       | 32s                       | none      | none
        ");
    }

    const ROWS: &[Row<Client>] = &[
        ("100", |client, now| client.handle_response(100, now)),
        ("200", |client, now| client.handle_response(200, now)),
        ("401", |client, now| client.handle_response(401, now)),
        ("timer E, T1", |client, now| client.handle_timeout(now + Duration::from_millis(500))),
        ("timer E, T2", |client, now| client.handle_timeout(now + Duration::from_secs(4))),
        ("timers F, K", |client, now| client.handle_timeout(much_later(now))),
        ("flow failure", |client, _| client.handle_flow_failure()),
    ];

    fn columns(is_reliable: bool, now: Instant) -> Vec<Column<Client>> {
        let after = |statuses: &[u16]| {
            let request = Bytes::from_static(b"BYE");
            let (mut client, _) = Client::start(request, is_reliable, TimerConfig::default(), now);
            for status in statuses {
                client.handle_response(*status, now);
            }
            client
        };
        let mut terminated = after(&[]);
        terminated.handle_flow_failure();
        vec![
            ("Trying", after(&[])),
            ("Proceeding", after(&[100])),
            ("Completed", after(&[200])),
            ("Terminated", terminated),
        ]
    }

    fn name(client: &Client) -> &'static str {
        match client.state {
            State::Trying { .. } => "Trying",
            State::Proceeding { .. } => "Proceeding",
            State::Completed { .. } => "Completed",
            State::Terminated => "Terminated",
        }
    }
}
