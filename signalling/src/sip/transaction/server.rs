//! Non-INVITE server transaction, RFC 3261 17.2.2.
//!
//! ```text
//!    +- request: absorbed   +- request: send again
//!    v   |  1xx from TU     v   |    200-699 from TU: send
//! ---> Trying ---------> Proceeding ----------------------> Completed --- J ---> Terminated
//!        |                                                   ^   |   ^
//!        +---- 200-699 from TU: send ------------------------+   +---+ request: send again
//! ```
//!
//! A failure of the flow ends it from every state; nobody is told, since the transaction user learns of
//! the flow itself. On a reliable flow Completed has no duration.

use std::time::Instant;

use bytes::Bytes;

use super::step::Step;
use super::timers::TimerConfig;

/// One request other than INVITE and ACK that we received.
#[derive(Debug)]
pub(super) struct Server {
    state: State,
    is_reliable: bool,
    timers: TimerConfig,
}

#[derive(Debug)]
enum State {
    /// No response yet; a retransmission has nothing to be answered with.
    Trying,
    /// A provisional response went out.
    Proceeding { provisional: Bytes },
    /// The final response went out and is repeated for each retransmission until timer J.
    Completed { response: Bytes, until: Instant },
    /// Nothing is left to do.
    Terminated,
}

impl Server {
    /// Begins with the request's arrival.
    pub(super) const fn start(is_reliable: bool, timers: TimerConfig) -> Self {
        Self { state: State::Trying, is_reliable, timers }
    }

    /// Takes a retransmission of the request.
    pub(super) fn handle_retransmission(&self) -> Step {
        match &self.state {
            State::Proceeding { provisional: response } | State::Completed { response, .. } => {
                Step::transmit(response.clone())
            }
            State::Trying | State::Terminated => Step::NOTHING,
        }
    }

    /// Sends a response of the transaction user; anything after the final one is suppressed.
    pub(super) fn respond(&mut self, status: u16, response: Bytes, now: Instant) -> Step {
        match (&self.state, status) {
            (State::Trying | State::Proceeding { .. }, 100..=199) => {
                self.state = State::Proceeding { provisional: response.clone() };
                Step::transmit(response)
            }
            (State::Trying | State::Proceeding { .. }, 200..=699) => {
                self.state = if self.is_reliable {
                    State::Terminated
                } else {
                    State::Completed { response: response.clone(), until: now + self.timers.give_up }
                };
                Step::transmit(response)
            }
            (State::Trying | State::Proceeding { .. } | State::Completed { .. } | State::Terminated, _) => {
                Step::NOTHING
            }
        }
    }

    /// Whether no final response was sent.
    pub(super) const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Trying | State::Proceeding { .. })
    }

    /// The flow broke.
    pub(super) fn handle_flow_failure(&mut self) {
        self.state = State::Terminated;
    }

    /// Fires what is due at `now`.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.state, State::Completed { until, .. } if until <= now) {
            self.state = State::Terminated;
        }
    }

    /// When `handle_timeout` is next needed.
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Completed { until, .. } => Some(*until),
            State::Trying | State::Proceeding { .. } | State::Terminated => None,
        }
    }

    /// Whether nothing is left to do.
    pub(super) const fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{Column, Row, draw, much_later};
    use super::*;

    #[test]
    fn every_input_in_every_state_on_udp() {
        insta::assert_snapshot!(draw(|start| columns(false, start), ROWS, name, Server::poll_timeout), @r"
                      | Trying                 | Proceeding            | Completed     | Terminated
        request again | -                      | send 182              | send 200      | -
        TU: 100       | send 100 -> Proceeding | send 100              | -             | -
        TU: 200       | send 200 -> Completed  | send 200 -> Completed | -             | -
        TU: 481       | send 481 -> Completed  | send 481 -> Completed | -             | -
        timer J       | -                      | -                     | -> Terminated | -
        flow failure  | -> Terminated          | -> Terminated         | -> Terminated | -
        next timer    | none                   | none                  | 32s           | none
        ");
    }

    #[test]
    fn every_input_in_every_state_on_tcp() {
        insta::assert_snapshot!(draw(|start| columns(true, start), ROWS, name, Server::poll_timeout), @r"
                      | Trying                 | Proceeding             | Completed | Terminated
        request again | -                      | send 182               | -         | -
        TU: 100       | send 100 -> Proceeding | send 100               | -         | -
        TU: 200       | send 200 -> Terminated | send 200 -> Terminated | -         | -
        TU: 481       | send 481 -> Terminated | send 481 -> Terminated | -         | -
        timer J       | -                      | -                      | -         | -
        flow failure  | -> Terminated          | -> Terminated          | -         | -
        next timer    | none                   | none                   | none      | none
        ");
    }

    const ROWS: &[Row<Server>] = &[
        ("request again", |server, _| server.handle_retransmission()),
        ("TU: 100", |server, now| respond(server, 100, now)),
        ("TU: 200", |server, now| respond(server, 200, now)),
        ("TU: 481", |server, now| respond(server, 481, now)),
        ("timer J", |server, now| {
            server.handle_timeout(much_later(now));
            Step::NOTHING
        }),
        ("flow failure", |server, _| {
            server.handle_flow_failure();
            Step::NOTHING
        }),
    ];

    fn columns(is_reliable: bool, now: Instant) -> Vec<Column<Server>> {
        let after = |statuses: &[u16]| {
            let mut server = Server::start(is_reliable, TimerConfig::default());
            for status in statuses {
                respond(&mut server, *status, now);
            }
            server
        };
        let mut terminated = after(&[]);
        terminated.handle_flow_failure();
        vec![
            ("Trying", after(&[])),
            ("Proceeding", after(&[182])),
            ("Completed", after(&[200])),
            ("Terminated", terminated),
        ]
    }

    fn respond(server: &mut Server, status: u16, now: Instant) -> Step {
        server.respond(status, Bytes::from(status.to_string()), now)
    }

    fn name(server: &Server) -> &'static str {
        match server.state {
            State::Trying => "Trying",
            State::Proceeding { .. } => "Proceeding",
            State::Completed { .. } => "Completed",
            State::Terminated => "Terminated",
        }
    }
}
