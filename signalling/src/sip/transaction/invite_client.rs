//! INVITE client transaction, RFC 3261 17.1.1 with the Accepted state of RFC 6026 7.2.
//!
//! ```text
//!  +- A: resend        +- 1xx: up            +- 2xx: up
//!  v   |    1xx: up    v   |      2xx: up    v   |
//! Calling ---------> Proceeding ---------> Accepted --- M --------------> Terminated
//!  |  |                |   |                  ^                            ^     ^
//!  |  +---- 2xx: up ---|---|------------------+                            |     |
//!  |                   |   +- 64*T1 after our CANCEL, flow: up ----> GivenUp     |
//!  |                   | 300-699: ACK, up                           | 300-699: ACK
//!  |  300-699: ACK, up v                                                         |
//!  +--------------> Completed --- D ---------------------------------------------+
//!                      |   ^
//!                      +---+ 300-699: ACK
//! ```
//!
//! A failure of the flow takes Calling to Terminated and Proceeding to GivenUp, and is told. So is timer B, which takes Calling
//! to GivenUp: what comes there is a 2xx that is late, and goes up, for whoever sent it believes to be in a call. It may come by
//! another flow, as may what a 2xx repeats. Once a final response went up, the end is silent. On a reliable flow timer A never
//! runs and Completed has no duration.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::step::{Step, Tell};
use super::timers::{Resend, TimerConfig};

/// How long a phone whose flow broke may ring on, and lift: as long as any may without a word (timer C, RFC 3261 16.6).
const RINGS_MAX: Duration = Duration::from_secs(180);

/// One INVITE that we sent, until nothing more can come of it.
#[derive(Debug)]
pub(super) struct InviteClient {
    state: State,
    is_reliable: bool,
    /// Its flow is gone, and its owner waits for another.
    is_adrift: bool,
    timers: TimerConfig,
}

#[derive(Debug)]
enum State {
    /// Sent, nothing heard. Timer A resends (unreliable flows only), timer B gives up.
    Calling { request: Bytes, resend: Option<Resend>, give_up_at: Instant },
    /// A provisional response came. Only a CANCEL of ours sets a limit (RFC 3261 9.1).
    Proceeding { give_up_at: Option<Instant> },
    /// A 2xx went up; later ones go up too, from this or another fork. Until timer M.
    Accepted { until: Instant },
    /// Nothing came in time, or the flow broke, which was told; a 2xx that comes all the same goes up.
    GivenUp { until: Instant, has_rung: bool },
    /// A failure was acknowledged; its retransmissions get the same ACK. Until timer D.
    Completed { ack: Bytes, until: Instant },
    /// Nothing is left to do.
    Terminated,
}

impl InviteClient {
    /// Sends the INVITE.
    pub(super) fn start(
        request: Bytes,
        is_reliable: bool,
        timers: TimerConfig,
        now: Instant,
    ) -> (Self, Step) {
        let resend = (!is_reliable).then(|| Resend::unbounded(&timers, now));
        let step = Step::transmit(request.clone());
        let state = State::Calling { request, resend, give_up_at: now + timers.give_up };
        (Self { state, is_reliable, is_adrift: false, timers }, step)
    }

    /// Takes a response of the peer; `make_ack` is asked for the ACK of a failure, once.
    pub(super) fn handle_response(
        &mut self,
        status: u16,
        make_ack: impl FnOnce() -> Bytes,
        now: Instant,
    ) -> Step {
        match (&self.state, status) {
            (State::Calling { .. }, 100..=199) => {
                self.state = State::Proceeding { give_up_at: None };
                Step::tell(Tell::Message)
            }
            (State::Proceeding { .. }, 100..=199) => Step::tell(Tell::Message),
            (State::Calling { .. } | State::Proceeding { .. }, 200..=299) => {
                self.state = State::Accepted { until: now + self.timers.give_up };
                Step::tell(Tell::Message)
            }
            (State::Accepted { .. }, 200..=299) => Step::tell(Tell::Message),
            (State::GivenUp { .. }, 200..=299) => {
                self.state = State::Accepted { until: now + self.timers.give_up };
                Step::tell(Tell::Message)
            }
            (State::Calling { .. } | State::Proceeding { .. }, 300..=699) => {
                Step { transmit: Some(self.complete(make_ack(), now)), tell: Some(Tell::Message) }
            }
            (State::GivenUp { .. }, 300..=699) => Step::transmit(self.complete(make_ack(), now)),
            (State::Completed { ack, .. }, 300..=699) => Step::transmit(ack.clone()),
            (
                State::Calling { .. }
                | State::Proceeding { .. }
                | State::Accepted { .. }
                | State::GivenUp { .. }
                | State::Completed { .. }
                | State::Terminated,
                _,
            ) => Step::NOTHING,
        }
    }

    /// Notes that a CANCEL went out: a peer that answers neither must not hold us for ever (RFC 3261 9.1).
    pub(super) fn handle_cancel(&mut self, now: Instant) {
        if let State::Proceeding { give_up_at } = &mut self.state {
            give_up_at.get_or_insert(now + self.timers.give_up);
        }
    }

    /// The flow broke, and its owner waits so long for another: nobody can have heard of it until then.
    pub(super) fn await_flow(&mut self, until: Instant) {
        self.is_adrift = true;
        if let State::Calling { give_up_at, .. } = &mut self.state {
            *give_up_at = until + self.timers.give_up;
        }
    }

    /// The peer is somewhere else, and may not have heard of it. Once it has, it answers where it is.
    pub(super) fn handle_flow_moved(&mut self, now: Instant) -> Step {
        let was_adrift = std::mem::take(&mut self.is_adrift);
        match &mut self.state {
            State::Calling { request, give_up_at, .. } => {
                if was_adrift {
                    *give_up_at = now + self.timers.give_up;
                }
                Step::transmit(request.clone())
            }
            State::Proceeding { .. }
            | State::Accepted { .. }
            | State::GivenUp { .. }
            | State::Completed { .. }
            | State::Terminated => Step::NOTHING,
        }
    }

    /// From now on what it sends goes by datagrams.
    pub(super) const fn leave_stream(&mut self) {
        self.is_reliable = false;
    }

    /// The flow broke.
    pub(super) fn handle_flow_failure(&mut self, now: Instant) -> Step {
        match self.state {
            State::Calling { .. } => {
                self.state = State::Terminated;
                Step::tell(Tell::FlowFailed)
            }
            State::Proceeding { .. } => {
                self.state = State::GivenUp { until: now + RINGS_MAX, has_rung: true };
                Step::tell(Tell::FlowFailed)
            }
            State::Accepted { .. } | State::GivenUp { .. } => Step::NOTHING,
            State::Completed { .. } | State::Terminated => {
                self.state = State::Terminated;
                Step::NOTHING
            }
        }
    }

    /// Nothing is to come of it any more.
    pub(super) fn terminate(&mut self) {
        self.state = State::Terminated;
    }

    /// Fires what is due at `now`.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Step {
        match &mut self.state {
            State::Calling { give_up_at, .. } | State::Proceeding { give_up_at: Some(give_up_at) }
                if *give_up_at <= now =>
            {
                let has_rung = self.is_proceeding();
                self.state = State::GivenUp { until: now + self.timers.give_up, has_rung };
                Step::tell(Tell::TimedOut)
            }
            State::Calling { request, resend: Some(resend), .. } if resend.is_due(now) => {
                resend.advance(now);
                Step::transmit(request.clone())
            }
            State::Accepted { until } | State::GivenUp { until, .. } | State::Completed { until, .. }
                if *until <= now =>
            {
                self.state = State::Terminated;
                Step::NOTHING
            }
            State::Calling { .. }
            | State::Proceeding { .. }
            | State::Accepted { .. }
            | State::GivenUp { .. }
            | State::Completed { .. }
            | State::Terminated => Step::NOTHING,
        }
    }

    /// When `handle_timeout` is next needed.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Calling { resend: Some(resend), give_up_at, .. } => Some(resend.at().min(*give_up_at)),
            State::Calling { resend: None, give_up_at, .. } => Some(*give_up_at),
            State::Proceeding { give_up_at } => *give_up_at,
            State::Accepted { until } | State::GivenUp { until, .. } | State::Completed { until, .. } => {
                Some(*until)
            }
            State::Terminated => None,
        }
    }

    /// Whether no response came yet.
    pub(super) const fn is_calling(&self) -> bool {
        matches!(self.state, State::Calling { .. })
    }

    /// Whether a CANCEL may be sent: only between the first provisional and the final response (RFC 3261 9.1).
    pub(super) const fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// Whether the peer has rung by it, and may still: then, and only then, a CANCEL is of use (RFC 3261 9.1).
    pub(super) const fn may_ring(&self) -> bool {
        matches!(self.state, State::Proceeding { .. } | State::GivenUp { has_rung: true, .. })
    }

    /// Whether the final response is still to come.
    pub(super) const fn awaits_peer(&self) -> bool {
        matches!(self.state, State::Calling { .. } | State::Proceeding { .. })
    }

    /// Whether nothing is left to do.
    pub(super) const fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// A failure came, of which this is the ACK.
    fn complete(&mut self, ack: Bytes, now: Instant) -> Bytes {
        self.state = if self.is_reliable {
            State::Terminated
        } else {
            State::Completed { ack: ack.clone(), until: now + self.timers.give_up }
        };
        ack
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::table::{Column, Row, draw, much_later};
    use super::*;

    #[test]
    fn every_input_in_every_state_on_udp() {
        insta::assert_snapshot!(draw(|start| columns(false, start), ROWS, name, InviteClient::poll_timeout), @r"
                                     | Calling                   | Proceeding               | Proceeding, cancelled    | Accepted      | GivenUp               | Completed     | Terminated
        180                          | up -> Proceeding          | up                       | up                       | -             | -                     | -             | -
        200                          | up -> Accepted            | up -> Accepted           | up -> Accepted           | up            | up -> Accepted        | -             | -
        302                          | send ACK up -> Completed  | send ACK up -> Completed | send ACK up -> Completed | -             | send ACK -> Completed | send ACK      | -
        699                          | send ACK up -> Completed  | send ACK up -> Completed | send ACK up -> Completed | -             | send ACK -> Completed | send ACK      | -
        timer A                      | send INVITE               | -                        | -                        | -             | -                     | -             | -
        timers B, D, M, after CANCEL | timed out -> GivenUp      | -                        | timed out -> GivenUp     | -> Terminated | -> Terminated         | -> Terminated | -
        flow failure                 | flow failed -> Terminated | flow failed -> GivenUp   | flow failed -> GivenUp   | -             | -                     | -> Terminated | -
        next timer                   | 500ms                     | none                     | 32s                      | 32s           | 64s                   | 32s           | none
        ");
    }

    #[test]
    fn every_input_in_every_state_on_tcp() {
        insta::assert_snapshot!(draw(|start| columns(true, start), ROWS, name, InviteClient::poll_timeout), @r"
                                     | Calling                   | Proceeding                | Proceeding, cancelled     | Accepted      | GivenUp                | Completed | Terminated
        180                          | up -> Proceeding          | up                        | up                        | -             | -                      | -         | -
        200                          | up -> Accepted            | up -> Accepted            | up -> Accepted            | up            | up -> Accepted         | -         | -
        302                          | send ACK up -> Terminated | send ACK up -> Terminated | send ACK up -> Terminated | -             | send ACK -> Terminated | -         | -
        699                          | send ACK up -> Terminated | send ACK up -> Terminated | send ACK up -> Terminated | -             | send ACK -> Terminated | -         | -
        timer A                      | -                         | -                         | -                         | -             | -                      | -         | -
        timers B, D, M, after CANCEL | timed out -> GivenUp      | -                         | timed out -> GivenUp      | -> Terminated | -> Terminated          | -         | -
        flow failure                 | flow failed -> Terminated | flow failed -> GivenUp    | flow failed -> GivenUp    | -             | -                      | -         | -
        next timer                   | 32s                       | none                      | 32s                       | 32s           | 64s                    | none      | none
        ");
    }

    #[test]
    fn an_unanswered_invite_is_sent_seven_times_and_given_up_after_32_s() {
        let start = Instant::now();
        let (mut invite, _) = begin(false, start);
        let mut resent = 0;
        let mut now = start;
        while invite.awaits_peer() {
            now = invite.poll_timeout().expect("it is given up");
            let step = invite.handle_timeout(now);
            resent += usize::from(step.transmit.is_some());
        }
        assert_eq!((resent + 1, now - start), (7, Duration::from_secs(32)));
    }

    const ROWS: &[Row<InviteClient>] = &[
        ("180", |invite, now| invite.handle_response(180, ack, now)),
        ("200", |invite, now| invite.handle_response(200, ack, now)),
        ("302", |invite, now| invite.handle_response(302, ack, now)),
        ("699", |invite, now| invite.handle_response(699, ack, now)),
        ("timer A", |invite, now| invite.handle_timeout(now + Duration::from_millis(500))),
        ("timers B, D, M, after CANCEL", |invite, now| invite.handle_timeout(much_later(now))),
        ("flow failure", |invite, now| invite.handle_flow_failure(now)),
    ];

    fn columns(is_reliable: bool, now: Instant) -> Vec<Column<InviteClient>> {
        let after = |statuses: &[u16]| {
            let (mut invite, _) = begin(is_reliable, now);
            for status in statuses {
                invite.handle_response(*status, ack, now);
            }
            invite
        };
        let mut cancelled = after(&[180]);
        cancelled.handle_cancel(now);
        let mut given_up = after(&[]);
        given_up.handle_timeout(now + TimerConfig::default().give_up);
        let mut terminated = after(&[]);
        terminated.terminate();
        vec![
            ("Calling", after(&[])),
            ("Proceeding", after(&[180])),
            ("Proceeding, cancelled", cancelled),
            ("Accepted", after(&[200])),
            ("GivenUp", given_up),
            ("Completed", after(&[486])),
            ("Terminated", terminated),
        ]
    }

    fn begin(is_reliable: bool, now: Instant) -> (InviteClient, Step) {
        InviteClient::start(Bytes::from_static(b"INVITE"), is_reliable, TimerConfig::default(), now)
    }

    fn ack() -> Bytes {
        Bytes::from_static(b"ACK")
    }

    fn name(invite: &InviteClient) -> &'static str {
        match invite.state {
            State::Calling { .. } => "Calling",
            State::Proceeding { .. } => "Proceeding",
            State::Accepted { .. } => "Accepted",
            State::GivenUp { .. } => "GivenUp",
            State::Completed { .. } => "Completed",
            State::Terminated => "Terminated",
        }
    }
}
