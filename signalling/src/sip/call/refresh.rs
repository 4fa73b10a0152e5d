//! Our refresh of a session (RFC 4028 7.4, 10): UPDATE where the peer takes it, else re-INVITE with the
//! description that is agreed, to the last octet. Neither touches the media.

use std::time::Duration;

use super::Context;
use super::authorize::Challenged;
use super::exchange::{Exchange, Purpose};
use super::session::{Session, ends_dialog};
use super::session_timer::Due;
use super::stage::Call;
use crate::sip::message::{HeaderName, Headers, Method, Response, StatusCode};
use crate::sip::transaction::TransactionKey;
use webtrunk_engine::EndCause;

/// How soon a refresh is tried again that could not be sent. Chosen by us: a page that comes back on another
/// connection takes some seconds.
const AGAIN: Duration = Duration::from_secs(4);

/// Whether and how the peer is refreshed.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    /// Its last Allow has UPDATE.
    takes_update: bool,
    /// The UPDATE that is under way.
    sent: Option<(TransactionKey, Challenged)>,
}

impl Refresh {
    /// Notes what the peer takes, where it says so.
    pub(super) fn heard(&mut self, headers: &Headers) {
        if let Some(takes_update) = headers.allows(&Method::Update) {
            self.takes_update = takes_update;
        }
    }

    /// Whether `key` is the UPDATE that is under way.
    pub(super) fn is_sent(&self, key: TransactionKey) -> bool {
        self.sent.as_ref().is_some_and(|(sent, _)| *sent == key)
    }
}

/// Whether the peer wants a longer interval (RFC 4028 6).
pub(super) fn is_too_small(response: &Response) -> bool {
    response.status == StatusCode::SESSION_INTERVAL_TOO_SMALL
}

impl Session {
    /// Does what the timer has due; `true` where the session has expired.
    pub(super) fn handle_timer(&mut self, context: &mut Context<'_>) -> bool {
        match self.timer.handle_timeout(context.now) {
            Due::Nothing => false,
            Due::Expired => true,
            Due::Refresh => {
                tracing::debug!("session refresh is due");
                self.send_refresh(context);
                false
            }
        }
    }

    /// The peer said 2xx to an INVITE or UPDATE of ours.
    pub(super) fn refreshed(&mut self, response: &Response, context: &Context<'_>) {
        self.refresh.heard(&response.headers);
        self.timer.agreed(response, context.now);
    }

    /// The refresh came to nothing, but the peer is there.
    pub(super) fn refresh_refused(&mut self, response: &Response, context: &mut Context<'_>) {
        let status = response.status;
        let delay = if status == StatusCode::REQUEST_PENDING {
            context.layer.identifiers().glare_delay(self.is_ours)
        } else {
            let seconds = response.headers.get(&HeaderName::RetryAfter).and_then(leading_number);
            seconds.map_or(AGAIN, |seconds| Duration::from_secs(seconds).clamp(AGAIN / 4, 8 * AGAIN))
        };
        tracing::debug!(%status, "refresh refused");
        self.timer.postpone(delay, context.now);
    }

    /// The refresh could not be sent: the peer may come back.
    pub(super) fn refresh_failed(&mut self, context: &Context<'_>) {
        self.refresh.sent = None;
        self.timer.postpone(AGAIN, context.now);
    }

    /// Takes a response to our UPDATE.
    pub(super) fn handle_update_response(
        mut self: Box<Self>,
        response: &Response,
        context: &mut Context<'_>,
    ) -> Call {
        let Some((_, mut update)) = self.refresh.sent.take() else { return Call::Session(self) };
        if response.status.is_success() {
            self.dialog.refresh_target(&response.headers);
            self.refreshed(response, context);
            return Call::Session(self);
        }
        let again = self.authorize(&mut update, response, context);
        let again = again.or_else(|| {
            let is_more = is_too_small(response) && self.timer.take_too_small(response);
            is_more.then(|| {
                self.timer.ask(&mut update.request.headers, false);
                update.again(self.dialog.next_cseq())
            })
        });
        if let Some(again) = again {
            let key = self.send(again, context);
            self.refresh.sent = Some((key, update));
        } else if ends_dialog(response.status) {
            return self.end(EndCause::SignallingLost, "the peer does not know the dialog", context);
        } else if is_unknown(response.status) {
            self.refresh.takes_update = false;
            self.send_refresh(context);
        } else {
            self.refresh_refused(response, context);
        }
        Call::Session(self)
    }

    fn send_refresh(&mut self, context: &mut Context<'_>) {
        let is_idle = matches!(self.exchange, Exchange::Idle);
        // A trunk that closed its stream, as many do with one that is idle, is found by another.
        self.flow(context);
        match &self.local {
            _ if self.path.is_lost() => {
                self.seek(context);
                self.timer.postpone(AGAIN, context.now);
            }
            _ if self.refresh.takes_update => self.send_update(context),
            Some(description) if is_idle => {
                let description = description.clone();
                self.timer.set_refreshing();
                self.send_offer(&description, Purpose::Refresh, context);
            }
            // Whatever is under way refreshes too, where it ends well.
            Some(_) | None => self.timer.postpone(AGAIN, context.now),
        }
    }

    fn send_update(&mut self, context: &mut Context<'_>) {
        let mut update = self.dialog.request(Method::Update);
        let flow = self.flow(context);
        context.introduce(&mut update.headers, &flow);
        self.timer.ask(&mut update.headers, false);
        self.timer.set_refreshing();
        let key = self.send(update.clone(), context);
        self.refresh.sent = Some((key, Challenged::new(update)));
    }
}

/// Whether a status says that UPDATE is not known there, whatever Allow said.
fn is_unknown(status: StatusCode) -> bool {
    status == StatusCode::METHOD_NOT_ALLOWED || status == StatusCode::NOT_IMPLEMENTED
}

/// The seconds of Retry-After, which may go on with a comment (RFC 3261 20.33).
fn leading_number(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..digits].parse().ok()
}
