//! Session timers (RFC 4028) of a phone that refreshes its calls itself, by UPDATE.

use std::time::{Duration, Instant};

use webtrunk_signalling::sip::message::{HeaderName, Headers, Method, Refresher, Request, SessionExpires};

use super::CallTask;

/// Says in a request of ours that we refresh, where the phone is one that does.
pub(super) fn ask(headers: &mut Headers, interval: Option<Duration>) {
    if let Some(interval) = interval {
        headers.push(HeaderName::Supported, "timer");
        headers.push(HeaderName::SessionExpires, expires(interval, Refresher::Uac));
    }
}

/// Says the same in a 2xx to an INVITE.
pub(super) fn answer(headers: &mut Headers, interval: Option<Duration>) {
    if let Some(interval) = interval {
        headers.push(HeaderName::SessionExpires, expires(interval, Refresher::Uas));
    }
}

fn expires(interval: Duration, refresher: Refresher) -> String {
    let seconds = u32::try_from(interval.as_secs()).unwrap_or(u32::MAX);
    SessionExpires { seconds, refresher: Some(refresher) }.to_string()
}

impl CallTask {
    /// When the next refresh is due: after half the interval (RFC 4028 10).
    pub(super) fn next_refresh(&self) -> Option<Instant> {
        self.agent.session_interval().map(|interval| Instant::now() + interval / 2)
    }

    pub(super) fn refresh(&mut self) -> Request {
        let mut request = self.dialog.request(Method::Update);
        ask(&mut request.headers, self.agent.session_interval());
        request
    }
}
