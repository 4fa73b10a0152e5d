//! Signs of life on a flow that a registrar keeps for us (RFC 5626 4.4).
//!
//! ```text
//!               80 to 100 % of Flow-Timer: ping         10 s without a pong: ping, over UDP twice
//!  Waiting --------------------------------> Pinged -----------------------------------------------+
//!     ^                                       | | ^                                                |
//!     +----------------- pong ----------------+ | +------------------------------------------------+
//!                                               +--- 10 s without a pong, or over UDP 30 s ---> Failed
//! ```

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::sip::flow::TransportKind;
use crate::sip::message::{HeaderName, Response};

/// The signs of life of one flow.
#[derive(Debug)]
pub struct KeepAlive {
    /// The longest silence that the registrar allows.
    silence_max: Duration,
    tries_max: u32,
    state: State,
    random: StdRng,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Waiting { at: Instant },
    Pinged { until: Instant, tries: u32 },
    Failed,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Ask for a sign of life.
    Ping,
    /// The flow has failed.
    Failed,
}

/// How long a pong may take (RFC 5626 4.4.1).
const PONG_MAX: Duration = Duration::from_secs(10);

/// How often a ping over UDP is sent that nobody answers. Chosen by us: two that are lost are no failure, and a half of the time that the
/// retransmissions of RFC 5626 4.4.2 take is enough.
const DATAGRAM_TRIES: u32 = 3;

/// The longest silence where the registrar says nothing of it (RFC 5626 4.4.1, 4.4.2).
const STREAM_SILENCE: Duration = Duration::from_secs(120);
const DATAGRAM_SILENCE: Duration = Duration::from_secs(29);

/// The bounds of what a registrar may ask for. Chosen by us: it must not set our pace, and an hour is no sign of life.
const SILENCE_MIN: Duration = Duration::from_secs(5);
const SILENCE_MAX: Duration = Duration::from_secs(3600);

/// The part of that time after which a ping is due (RFC 5626 4.4.1).
const PING_AFTER: std::ops::RangeInclusive<f64> = 0.8..=1.0;

/// How long a flow may be silent that the registrar keeps; `None` where it does not say that it does.
#[must_use]
pub fn flow_timer(registered: &Response, kind: TransportKind) -> Option<Duration> {
    let headers = &registered.headers;
    if !headers.require().any(|tag| tag.eq_ignore_ascii_case("outbound")) {
        return None;
    }
    let told = headers.get(&HeaderName::FlowTimer).and_then(|text| text.trim().parse::<u32>().ok());
    let usual = if kind.is_reliable() { STREAM_SILENCE } else { DATAGRAM_SILENCE };
    Some(told.map_or(usual, |seconds| Duration::from_secs(seconds.into()).clamp(SILENCE_MIN, SILENCE_MAX)))
}

impl KeepAlive {
    /// For a flow of this kind, on which something was heard now. `seed` is random.
    #[must_use]
    pub fn new(silence_max: Duration, kind: TransportKind, seed: [u8; 32], now: Instant) -> Self {
        let tries_max = if kind.is_reliable() { 1 } else { DATAGRAM_TRIES };
        let random = StdRng::from_seed(seed);
        let mut new = Self { silence_max, tries_max, state: State::Failed, random };
        new.wait(now);
        new
    }

    /// The registrar allows another silence, from the next ping on.
    pub const fn allow(&mut self, silence_max: Duration) {
        self.silence_max = silence_max;
    }

    /// What is due.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Sign> {
        let tries = match self.state {
            State::Waiting { at } if at <= now => 0,
            State::Pinged { until, tries } if until <= now => tries,
            State::Waiting { .. } | State::Pinged { .. } | State::Failed => return None,
        };
        if tries == self.tries_max {
            self.state = State::Failed;
            return Some(Sign::Failed);
        }
        self.state = State::Pinged { until: now + PONG_MAX, tries: tries + 1 };
        Some(Sign::Ping)
    }

    /// A ping was answered.
    pub fn ponged(&mut self, now: Instant) {
        if matches!(self.state, State::Pinged { .. }) {
            self.wait(now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is next needed.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { at } => Some(at),
            State::Pinged { until, .. } => Some(until),
            State::Failed => None,
        }
    }

    fn wait(&mut self, now: Instant) {
        let part = self.random.random_range(PING_AFTER);
        self.state = State::Waiting { at: now + self.silence_max.mul_f64(part) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::StatusCode;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Goes on to when something is due, and gives how long that took.
    fn next(keep_alive: &mut KeepAlive, now: &mut Instant) -> (Duration, Option<Sign>) {
        let at = keep_alive.poll_timeout().expect("it goes on");
        let waited = at - *now;
        *now = at;
        (waited, keep_alive.handle_timeout(at))
    }

    #[test]
    fn a_ping_is_due_before_the_silence_is_too_long_and_never_in_step() {
        let mut waits = Vec::new();
        for seed in 0..50 {
            let mut now = Instant::now();
            let mut keep_alive = KeepAlive::new(MINUTE, TransportKind::Tcp, [seed; 32], now);
            for _ in 0..3 {
                let (waited, sign) = next(&mut keep_alive, &mut now);
                assert_eq!(sign, Some(Sign::Ping));
                waits.push(waited);
                keep_alive.ponged(now);
            }
        }
        assert!(waits.iter().all(|waited| (MINUTE.mul_f64(0.8)..=MINUTE).contains(waited)), "{waits:?}");
        waits.sort();
        waits.dedup();
        assert!(waits.len() > 100, "{waits:?}");
    }

    #[test]
    fn a_registrar_may_allow_another_silence_later() {
        let mut now = Instant::now();
        let mut keep_alive = KeepAlive::new(MINUTE, TransportKind::Tcp, [1; 32], now);
        keep_alive.allow(10 * MINUTE);
        assert!(next(&mut keep_alive, &mut now).0 <= MINUTE, "it may go on as it was until then");
        keep_alive.ponged(now);
        assert!(next(&mut keep_alive, &mut now).0 >= 8 * MINUTE);
    }

    #[test]
    fn a_stream_without_a_pong_has_failed_after_ten_seconds_and_udp_after_three_pings() {
        for (kind, pings) in [(TransportKind::Tls, 1), (TransportKind::Udp, 3)] {
            let mut now = Instant::now();
            let mut keep_alive = KeepAlive::new(MINUTE, kind, [1; 32], now);
            next(&mut keep_alive, &mut now);
            for _ in 1..pings {
                assert_eq!(next(&mut keep_alive, &mut now), (PONG_MAX, Some(Sign::Ping)), "{kind:?}");
            }
            assert_eq!(next(&mut keep_alive, &mut now), (PONG_MAX, Some(Sign::Failed)), "{kind:?}");
            keep_alive.ponged(now);
            assert_eq!(keep_alive.poll_timeout(), None, "it is too late");
        }
    }

    #[test]
    fn a_flow_is_kept_alive_where_the_registrar_keeps_it_and_as_often_as_it_says() {
        let told = |require: &'static str, timer: &'static str, kind| {
            let mut registered = Response::new(StatusCode::OK);
            for (name, value) in [(HeaderName::Require, require), (HeaderName::FlowTimer, timer)] {
                if !value.is_empty() {
                    registered.headers.push(name, value);
                }
            }
            flow_timer(&registered, kind).map(|silence| silence.as_secs())
        };
        assert_eq!(told("", "60", TransportKind::Tcp), None);
        assert_eq!(told("path, outbound", "60", TransportKind::Tcp), Some(60));
        assert_eq!(told("outbound", "0", TransportKind::Tcp), Some(5));
        assert_eq!(told("outbound", "4000000000", TransportKind::Udp), Some(3600));
        assert_eq!(told("outbound", "", TransportKind::Tls), Some(120));
        assert_eq!(told("outbound", "soon", TransportKind::Udp), Some(29));
    }
}
