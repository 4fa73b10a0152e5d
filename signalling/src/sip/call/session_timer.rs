//! Session timers, RFC 4028: how both sides learn that a call is over which nobody ended.
//!
//! ```text
//!                      2xx, refresher is us                      half the interval
//!  Off ---------------------------------------------> Ours -------------------------> refresh, and wait
//!   |  2xx of a peer without timers (it never expires)  ^ <---------- 2xx ---------------'   |
//!   |                                                   |                                    | expired
//!   |                  2xx, refresher is the peer       v                                    v
//!   `----------------------------------------------> Theirs ---- no refresh ------------> (BYE)
//! ```
//!
//! Each 2xx to an INVITE, re-INVITE or UPDATE begins the interval anew, whoever sent it. Where the peer
//! knows no timers we refresh alone: whoever does not answer is gone.

use std::time::{Duration, Instant};

use crate::sip::agent::SessionTimerConfig;
use crate::sip::message::{HeaderName, Headers, Refresher, Request, Response, SessionExpires};

/// The option tag.
pub(super) const TIMER: &str = "timer";

/// The longest wait for a refresh that never comes, before the session expires (RFC 4028 10).
const FAREWELL_MAX: Duration = Duration::from_secs(32);

/// How often in a row the peer's 422 raises what we ask for. Chosen by us: each proxy on the way may want more than the
/// one before it, and who goes on for ever would set our pace.
const RAISED_MAX: u8 = 8;

/// The timer of one leg.
#[derive(Debug)]
pub(super) struct SessionTimer {
    /// What we ask for: grows with the 422s of the peer.
    seconds: u32,
    /// What we ask for at least: ours, or the greatest that the peer named.
    min_seconds: u32,
    /// What we take.
    floor: u32,
    /// How often the peer has wanted more since it took something last.
    raised: u8,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Off,
    /// We refresh at `refresh_at`; `None` while a refresh is under way. `expires_at` is `None` where the
    /// peer knows no timers.
    Ours {
        interval: u32,
        refresh_at: Option<Instant>,
        expires_at: Option<Instant>,
    },
    Theirs {
        interval: u32,
        expires_at: Instant,
    },
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// A refresh is to be sent.
    Refresh,
    /// The session has expired: BYE.
    Expired,
}

impl SessionTimer {
    pub(super) fn new(config: SessionTimerConfig) -> Self {
        let floor = whole_seconds(config.expires_min);
        Self {
            seconds: whole_seconds(config.expires),
            min_seconds: floor,
            floor,
            raised: 0,
            state: State::Off,
        }
    }

    /// Whether a request may have its interval; else the Min-SE of our 422. Who knows no timers could not
    /// do as a 422 says (RFC 4028 9).
    pub(super) fn admit(&self, request: &Request) -> Result<(), u32> {
        let asked = request.headers.session_expires().ok().flatten();
        let is_too_small = asked.is_some_and(|asked| asked.seconds < self.floor);
        if is_too_small && knows_timers(&request.headers) { Err(self.floor) } else { Ok(()) }
    }

    /// Puts into an INVITE or UPDATE of ours what we ask for. `wishes_to_refresh`: who refreshes is not left to
    /// the peer, where nobody does yet.
    pub(super) fn ask(&self, headers: &mut Headers, wishes_to_refresh: bool) {
        let (seconds, refresher) = match self.state {
            State::Off => (self.seconds, wishes_to_refresh.then_some(Refresher::Uac)),
            State::Ours { interval, .. } => (interval.max(self.min_seconds), Some(Refresher::Uac)),
            State::Theirs { interval, .. } => (interval.max(self.min_seconds), Some(Refresher::Uas)),
        };
        if seconds > 0 {
            headers.set(HeaderName::SessionExpires, SessionExpires { seconds, refresher }.to_string());
            headers.set(HeaderName::MinSe, self.min_seconds.to_string());
        }
    }

    /// Takes the peer's 2xx to an INVITE or UPDATE of ours (RFC 4028 7.2). One that goes below our Min-SE, as it must
    /// not (RFC 4028 9), gets that: by its own word the call would be over before anybody could refresh it.
    pub(super) fn agreed(&mut self, response: &Response, now: Instant) {
        self.raised = 0;
        let at_least = |seconds: u32| seconds.max(self.min_seconds);
        self.state = match response.headers.session_expires().ok().flatten() {
            Some(SessionExpires { seconds, refresher: Some(Refresher::Uas) }) => {
                theirs(at_least(seconds), now)
            }
            Some(SessionExpires { seconds, .. }) => ours(at_least(seconds), true, now),
            None if self.seconds > 0 => ours(self.seconds, false, now),
            None => State::Off,
        };
    }

    /// Decides what our 2xx to an INVITE or UPDATE of the peer says, and says it (RFC 4028 9).
    pub(super) fn answer(&mut self, request: &Request, headers: &mut Headers, now: Instant) {
        let is_known = knows_timers(&request.headers);
        let asked = request.headers.session_expires().ok().flatten();
        let min = request.headers.min_se().ok().flatten().unwrap_or(0).max(self.floor);
        let seconds = match asked {
            Some(asked) if self.seconds > 0 => asked.seconds.min(self.seconds.max(min)),
            Some(asked) => asked.seconds,
            None if self.seconds > 0 => self.seconds.max(min),
            None => {
                self.state = State::Off;
                return;
            }
        };
        let seconds = seconds.max(self.floor);
        let theirs_now = matches!(self.state, State::Theirs { .. });
        let refresher = match asked.and_then(|asked| asked.refresher) {
            _ if !is_known => Refresher::Uas,
            Some(refresher) => refresher,
            None if theirs_now => Refresher::Uac,
            None => Refresher::Uas,
        };
        self.state = match refresher {
            Refresher::Uac => theirs(seconds, now),
            Refresher::Uas => ours(seconds, is_known, now),
        };
        let refresher = Some(refresher);
        headers.set(HeaderName::SessionExpires, SessionExpires { seconds, refresher }.to_string());
        if refresher == Some(Refresher::Uac) {
            headers.set(HeaderName::Require, TIMER);
        }
    }

    /// Takes the peer's 422; whether there is more to ask for than before, and not for the hundredth time.
    pub(super) fn take_too_small(&mut self, response: &Response) -> bool {
        let Some(min) = response.headers.min_se().ok().flatten() else { return false };
        let asked = match self.state {
            State::Off => self.seconds,
            State::Ours { interval, .. } | State::Theirs { interval, .. } => interval.max(self.min_seconds),
        };
        if min <= asked || self.raised == RAISED_MAX {
            return false;
        }
        self.raised += 1;
        self.min_seconds = min;
        self.seconds = self.seconds.max(min);
        true
    }

    /// A refresh is under way.
    pub(super) fn set_refreshing(&mut self) {
        if let State::Ours { refresh_at, .. } = &mut self.state {
            *refresh_at = None;
        }
    }

    /// A refresh could not be sent, or came to nothing that says that the peer is gone: tries again later.
    pub(super) fn postpone(&mut self, delay: Duration, now: Instant) {
        if let State::Ours { refresh_at, .. } = &mut self.state {
            *refresh_at = Some(now + delay);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Due {
        match self.state {
            State::Ours { expires_at: Some(at), .. } | State::Theirs { expires_at: at, .. } if at <= now => {
                self.state = State::Off;
                Due::Expired
            }
            State::Ours { refresh_at: Some(at), .. } if at <= now => Due::Refresh,
            State::Off | State::Ours { .. } | State::Theirs { .. } => Due::Nothing,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Off => None,
            State::Ours { refresh_at, expires_at, .. } => refresh_at.into_iter().chain(expires_at).min(),
            State::Theirs { expires_at, .. } => Some(expires_at),
        }
    }
}

/// RFC 4028 10: refreshed when half the interval is over.
fn ours(seconds: u32, is_known: bool, now: Instant) -> State {
    State::Ours {
        interval: seconds,
        refresh_at: Some(now + interval(seconds) / 2),
        expires_at: is_known.then(|| now + before_expiry(seconds)),
    }
}

fn theirs(seconds: u32, now: Instant) -> State {
    State::Theirs { interval: seconds, expires_at: now + before_expiry(seconds) }
}

/// RFC 4028 10: the BYE goes out a third of the interval before its end, or 32 s.
fn before_expiry(seconds: u32) -> Duration {
    let interval = interval(seconds);
    interval - (interval / 3).min(FAREWELL_MAX)
}

/// A session that would outlive the process needs no timer: bounded, so that no clock overflows. Nor does
/// one of no length refresh without end.
fn interval(seconds: u32) -> Duration {
    const DAY: u32 = 24 * 60 * 60;
    Duration::from_secs(seconds.clamp(1, DAY).into())
}

fn whole_seconds(duration: Duration) -> u32 {
    duration.as_secs().try_into().unwrap_or(u32::MAX)
}

/// Whether who wrote these headers keeps session timers.
fn knows_timers(headers: &Headers) -> bool {
    headers.supported().chain(headers.require()).any(|tag| tag.eq_ignore_ascii_case(TIMER))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::sip::message::{Message, StatusCode};

    const SECOND: Duration = Duration::from_secs(1);

    /// Table 2 of RFC 4028, and what stands in the text around it.
    #[test]
    fn what_the_peer_asks_for_and_what_it_is_told() {
        for (asked, told, is_ours) in [
            // No timers there: we refresh.
            ("", "1800;refresher=uas", true),
            ("Session-Expires: 600;refresher=uac\r\n", "600;refresher=uas", true),
            // Not too small for who cannot do as a 422 says.
            ("Session-Expires: 30\r\n", "90;refresher=uas", true),
            ("Supported: timer\r\n", "1800;refresher=uas", true),
            ("Supported: timer\r\nSession-Expires: 600\r\n", "600;refresher=uas", true),
            ("Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n", "600;refresher=uas", true),
            ("Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n", "600;refresher=uac", false),
            ("Require: timer\r\nSession-Expires: 600;refresher=uac\r\n", "600;refresher=uac", false),
            // We may make it less, but not less than the caller wants at least.
            ("Supported: timer\r\nSession-Expires: 7200\r\n", "1800;refresher=uas", true),
            ("Supported: timer\r\nSession-Expires: 7200\r\nMin-SE: 3600\r\n", "3600;refresher=uas", true),
            ("Supported: timer\r\nMin-SE: 3600\r\n", "3600;refresher=uas", true),
        ] {
            let mut timer = SessionTimer::new(SessionTimerConfig::default());
            let mut headers = Headers::new();
            timer.answer(&invite(asked), &mut headers, Instant::now());
            assert_eq!(headers.get(&HeaderName::SessionExpires), Some(told), "{asked}");
            assert_eq!(headers.get(&HeaderName::Require).is_some(), !is_ours, "{asked}");
            assert_eq!(matches!(timer.state, State::Ours { .. }), is_ours, "{asked}");
        }
    }

    #[test]
    fn too_small_an_interval_is_refused_to_who_knows_timers() {
        let timer = SessionTimer::new(SessionTimerConfig::default());
        let admit = |asked| timer.admit(&invite(asked));
        assert_eq!(admit("Supported: timer\r\nSession-Expires: 89\r\n"), Err(90));
        assert_eq!(admit("Supported: timer\r\nSession-Expires: 90\r\n"), Ok(()));
        assert_eq!(admit("Session-Expires: 10\r\n"), Ok(()));
        assert_eq!(admit("Supported: timer\r\n"), Ok(()));
    }

    #[test]
    fn ours_is_refreshed_at_half_and_given_up_a_third_before_the_end() {
        let start = Instant::now();
        let mut timer = agreed("Session-Expires: 90;refresher=uac\r\n", start);
        assert_eq!(timer.poll_timeout(), Some(start + 45 * SECOND));
        assert_eq!(timer.handle_timeout(start + 45 * SECOND), Due::Refresh);
        timer.set_refreshing();
        assert_eq!(timer.handle_timeout(start + 59 * SECOND), Due::Nothing);
        assert_eq!(timer.poll_timeout(), Some(start + 60 * SECOND));
        assert_eq!(timer.handle_timeout(start + 60 * SECOND), Due::Expired);
        assert_eq!(timer.poll_timeout(), None);
    }

    #[test]
    fn a_peer_that_answers_by_less_than_the_least_gets_the_least() {
        let start = Instant::now();
        for asked in ["0", "1;refresher=uac"] {
            let timer = agreed(&format!("Session-Expires: {asked}\r\n"), start);
            assert_eq!(timer.poll_timeout(), Some(start + 45 * SECOND), "{asked}");
        }
        let timer = agreed("Session-Expires: 1;refresher=uas\r\n", start);
        assert_eq!(timer.poll_timeout(), Some(start + 60 * SECOND));
    }

    #[test]
    fn theirs_is_given_up_32_s_before_the_end_of_a_long_interval() {
        let start = Instant::now();
        let mut timer = agreed("Session-Expires: 1800;refresher=uas\r\n", start);
        assert_eq!(timer.handle_timeout(start + 1767 * SECOND), Due::Nothing);
        assert_eq!(timer.handle_timeout(start + 1768 * SECOND), Due::Expired);
    }

    #[test]
    fn a_peer_without_timers_is_refreshed_and_never_expires() {
        let start = Instant::now();
        let mut timer = agreed("", start);
        assert_eq!(timer.handle_timeout(start + 900 * SECOND), Due::Refresh);
        timer.set_refreshing();
        assert_eq!(timer.poll_timeout(), None);
        timer.postpone(SECOND, start + 950 * SECOND);
        assert_eq!(timer.handle_timeout(start + 951 * SECOND), Due::Refresh);
    }

    #[test]
    fn the_roles_stay_through_refreshes() {
        let now = Instant::now();
        for (refresher, said) in [("uac", "600;refresher=uac"), ("uas", "600;refresher=uas")] {
            let timer = agreed(&format!("Session-Expires: 600;refresher={refresher}\r\n"), now);
            let mut headers = Headers::new();
            timer.ask(&mut headers, false);
            assert_eq!(headers.get(&HeaderName::SessionExpires), Some(said));
        }
        let mut timer = agreed("Session-Expires: 600;refresher=uas\r\n", now);
        let mut headers = Headers::new();
        timer.answer(&invite("Supported: timer\r\nSession-Expires: 600\r\n"), &mut headers, now);
        assert_eq!(headers.get(&HeaderName::SessionExpires), Some("600;refresher=uac"), "it stays theirs");
    }

    #[test]
    fn a_422_raises_what_is_asked_for_until_it_would_not_help() {
        let mut timer = SessionTimer::new(SessionTimerConfig::default());
        let refusal = |min: &str| {
            let status = StatusCode::SESSION_INTERVAL_TOO_SMALL;
            let mut response = invite("").response(status, Some("t"));
            response.headers.push(HeaderName::MinSe, min);
            response
        };
        assert!(timer.take_too_small(&refusal("2000")));
        let mut headers = Headers::new();
        timer.ask(&mut headers, false);
        assert_eq!(headers.get(&HeaderName::SessionExpires), Some("2000"));
        assert_eq!(headers.get(&HeaderName::MinSe), Some("2000"));
        assert!(!timer.take_too_small(&refusal("2000")), "it was asked for");
        assert!(!timer.take_too_small(&refusal("soon")));
        let raised = (2001..3000).filter(|min| timer.take_too_small(&refusal(&min.to_string()))).count();
        assert_eq!(raised, usize::from(RAISED_MAX) - 1, "no circle");
    }

    #[test]
    fn without_an_interval_of_ours_the_peers_is_kept_and_none_asked_for() {
        let config = SessionTimerConfig { expires: Duration::ZERO, ..SessionTimerConfig::default() };
        let mut timer = SessionTimer::new(config);
        let mut headers = Headers::new();
        timer.ask(&mut headers, true);
        timer.answer(&invite("Supported: timer\r\n"), &mut headers, Instant::now());
        assert!(headers.is_empty() && timer.poll_timeout().is_none());
        let asked = invite("Supported: timer\r\nSession-Expires: 7200;refresher=uac\r\n");
        timer.answer(&asked, &mut headers, Instant::now());
        assert_eq!(headers.get(&HeaderName::SessionExpires), Some("7200;refresher=uac"));
    }

    #[test]
    fn no_interval_is_too_long_or_too_short_for_the_clock() {
        for seconds in ["0", "1", "4294967295", "99999999999999"] {
            for refresher in ["uac", "uas"] {
                let now = Instant::now();
                let answer = format!("Session-Expires: {seconds};refresher={refresher}\r\n");
                let at = agreed(&answer, now).poll_timeout().expect("a timer");
                assert!(now < at && at <= now + 24 * 60 * 60 * SECOND, "{seconds}");
            }
        }
    }

    fn agreed(headers: &str, now: Instant) -> SessionTimer {
        let mut timer = SessionTimer::new(SessionTimerConfig::default());
        let text = format!("SIP/2.0 200 OK\r\n{FIELDS}{headers}\r\n");
        match Message::parse(Bytes::from(text)) {
            Ok(Message::Response(response)) => timer.agreed(&response, now),
            other => panic!("{other:?}"),
        }
        timer
    }

    fn invite(headers: &str) -> Request {
        let text = format!("INVITE sip:bob@example.net SIP/2.0\r\n{FIELDS}{headers}\r\n");
        match Message::parse(Bytes::from(text)) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    const FIELDS: &str = "Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKa\r\n\
        From: <sip:ann@example.net>;tag=ann\r\nTo: <sip:bob@example.net>\r\n\
        Call-ID: abc\r\nCSeq: 7 INVITE\r\n";
}
