//! One watcher of one package of one user.
//!
//! ```text
//!  SUBSCRIBE                 response                 something changed, and the pause is over
//!     |                   +-----------> Quiet ------------------------+
//!     v                   |                                           |
//!  NOTIFY with all --> Telling <--------------------------------------+
//!     ^                   |
//!     +--- refresh -------+--- refused, no answer, its flow is gone --> (over)
//!                         `--- unsubscribed, expired, drained: a last NOTIFY --> (over)
//! ```
//!
//! One notification at a time is under way: what changes meanwhile is told together in the next one.

use std::time::Instant;

use super::dialog_info::{self, Told};
use super::package::Package;
use super::presence;
use super::watched::Watched;
use crate::sip::call::Path;
use crate::sip::dialog::Dialog;
use crate::sip::message::{HeaderName, Method, Request};

/// A subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) watcher: String,
    pub(super) target: String,
    pub(super) package: Package,
    /// The Event of its notifications.
    pub(super) event: String,
    /// The address that was subscribed to, as the watcher wrote it.
    pub(super) entity: String,
    pub(super) dialog: Dialog,
    pub(super) path: Path,
    pub(super) expires_at: Instant,
    /// The number of the next document.
    pub(super) version: u32,
    pub(super) told: Option<LastTold>,
    pub(super) state: State,
    /// When it wants to be woken, as the notifier has noted it.
    pub(super) deadline: Option<Instant>,
}

/// What the watcher knows.
#[derive(Debug)]
pub(super) enum LastTold {
    Calls(Told),
    Text(String),
}

/// Whether it may be told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// From this moment on.
    Quiet { until: Instant },
    /// A notification is under way, sent at this moment.
    Telling { since: Instant },
}

/// Why a subscription ends with a word (RFC 6665 4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastWord {
    /// Its time is over, or it was given up.
    Timeout,
    /// We go down: subscribe again.
    Deactivated,
}

impl Subscription {
    /// The notification that tells what has changed, if it may be told now.
    pub(super) fn tell(&mut self, user: &Watched, shows_parties: bool, now: Instant) -> Option<Request> {
        if !matches!(self.state, State::Quiet { until } if until <= now) {
            return None;
        }
        let body = self.write(user, shows_parties)?;
        self.state = State::Telling { since: now };
        let left = self.expires_at.saturating_duration_since(now).as_secs();
        Some(self.notify(&format!("active;expires={left}"), body))
    }

    /// Everything is to be told anew, at once (RFC 6665 4.2.1.2).
    pub(super) fn forget(&mut self, now: Instant) {
        self.told = None;
        if matches!(self.state, State::Quiet { .. }) {
            self.state = State::Quiet { until: now };
        }
    }

    /// The last notification; where the watcher asked but once, it has all that there is (RFC 6665 4.4.3).
    pub(super) fn last(&mut self, user: &Watched, why: LastWord, shows_parties: bool) -> Request {
        let reason = match why {
            LastWord::Timeout => "timeout",
            LastWord::Deactivated => "deactivated",
        };
        self.told = None;
        let body = self.write(user, shows_parties).unwrap_or_default();
        self.notify(&format!("terminated;reason={reason}"), body)
    }

    /// The watcher has the notification that was under way.
    pub(super) fn heard(&mut self) {
        if let State::Telling { since } = self.state {
            self.state = State::Quiet { until: since + self.package.pause() };
        }
    }

    /// When something is due: the end, or what waits for the pause to be over.
    pub(super) fn poll_timeout(&self, user: &Watched, now: Instant) -> Instant {
        match self.state {
            State::Quiet { until } if until > now && self.has_news(user) => until.min(self.expires_at),
            State::Quiet { .. } | State::Telling { .. } => self.expires_at,
        }
    }

    fn has_news(&self, user: &Watched) -> bool {
        match (&self.told, self.package) {
            (Some(LastTold::Calls(told)), Package::Dialog) => *told != user.dialogs,
            (Some(LastTold::Text(told)), Package::Presence) => *told != presence::write(&self.entity, user),
            (Some(LastTold::Text(told)), Package::MessageSummary) => *told != user.mailbox.to_string(),
            (None | Some(_), _) => true,
        }
    }

    /// What is to be told, and from then on is known.
    fn write(&mut self, user: &Watched, shows_parties: bool) -> Option<String> {
        let (text, told) = match self.package {
            Package::Dialog => {
                let told = match &self.told {
                    Some(LastTold::Calls(told)) => Some(told),
                    Some(LastTold::Text(_)) | None => None,
                };
                let text =
                    dialog_info::write(&self.entity, self.version, told, &user.dialogs, shows_parties)?;
                (text, LastTold::Calls(user.dialogs.clone()))
            }
            Package::Presence | Package::MessageSummary => {
                let text = match self.package {
                    Package::Presence => presence::write(&self.entity, user),
                    Package::Dialog | Package::MessageSummary => user.mailbox.to_string(),
                };
                if matches!(&self.told, Some(LastTold::Text(told)) if *told == text) {
                    return None;
                }
                (text.clone(), LastTold::Text(text))
            }
        };
        self.version = self.version.wrapping_add(1);
        self.told = Some(told);
        Some(text)
    }

    fn notify(&mut self, state: &str, body: String) -> Request {
        let mut notify = self.dialog.request(Method::Notify);
        notify.headers.push(HeaderName::Event, self.event.as_str());
        notify.headers.push(HeaderName::SubscriptionState, state);
        notify.headers.push(HeaderName::ContentType, self.package.media_type());
        notify.body = body.into();
        notify
    }
}
