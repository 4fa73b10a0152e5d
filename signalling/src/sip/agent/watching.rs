//! Watching at the core: SUBSCRIBE in, NOTIFY out, and where the news come from: calls, registrations, and trunks that
//! tell of mailboxes.

use std::time::{Duration, Instant};

use tracing::info;
use webtrunk_engine::LegId;

use super::core::Agent;
use super::errands::{Errand, ErrandEnd, ErrandId, ErrandOutcome};
use super::surroundings::Doorkeeper;
use crate::adapter::Origin;
use crate::sip::call::{Call, reach_of};
use crate::sip::dialog::DialogId;
use crate::sip::flow::Flow;
use crate::sip::message::{HeaderName, Reject, Request, Response, StatusCode};
use crate::sip::subscription::{Direction, Mailbox, Package, Stage, SubscriptionId, WatchedDialog};

/// How long a watcher may take to answer (RFC 3261 17.1.2.2, timer F).
const PATIENCE: Duration = Duration::from_secs(32);

impl<D: Doorkeeper> Agent<D> {
    /// How many subscriptions there are.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.notifier.len()
    }

    /// Takes up who can be reached now.
    pub fn follow_registrations(&mut self, now: Instant) {
        for (user, is_registered) in self.doorkeeper.take_registrations() {
            self.notifier.set_registered(&user, is_registered, now);
        }
        self.send_notifications(now);
    }

    /// The subscription in whose dialog a request is.
    pub(super) fn subscription_of(&self, request: &Request) -> Option<SubscriptionId> {
        self.notifier.of_dialog(&DialogId::of_request(request).ok()??)
    }

    /// Takes a SUBSCRIBE that was let in.
    pub(super) fn handle_subscribe(&mut self, request: &Request, flow: Flow, origin: &Origin, now: Instant) {
        let tag = self.layer.identifiers().tag();
        let answer = match origin {
            Origin::User(user) => {
                let way = (flow, reach_of(request, &flow));
                self.notifier.subscribe(request, user, way, &tag, now)
            }
            // Whom a trunk speaks for is not known.
            Origin::Trunk(_) => Err(Reject::new(StatusCode::FORBIDDEN)),
        };
        self.answer_subscribe(request, flow, answer, now);
    }

    /// Takes a SUBSCRIBE in a subscription's dialog. From elsewhere it is judged like a request in a call, for it takes the
    /// notifications along.
    pub(super) fn handle_resubscribe(
        &mut self,
        id: SubscriptionId,
        request: &Request,
        flow: Flow,
        now: Instant,
    ) {
        let watcher = self.notifier.watcher(id).filter(|(_, known)| *known != flow);
        if let Some(user) = watcher.map(|(user, _)| user.to_owned()) {
            let verdict = self.doorkeeper.admit_in_dialog(request, &flow, &user, now);
            if self.let_in(verdict, request, flow).is_none() {
                return;
            }
        }
        let answer = self.notifier.resubscribe(id, request, flow, now);
        self.answer_subscribe(request, flow, answer, now);
    }

    /// Takes a NOTIFY outside of a dialog: of a trunk that may tell of mailboxes, though nobody subscribed there.
    pub(super) fn handle_unsolicited(
        &mut self,
        request: &Request,
        flow: Flow,
        origin: &Origin,
        now: Instant,
    ) {
        let config = self.notifier.config();
        let event = request.headers.get(&HeaderName::Event).and_then(Package::of_event);
        let is_about_mailboxes = event.is_some_and(|(package, _)| package == Package::MessageSummary);
        let may = matches!(origin, Origin::Trunk(trunk) if config.mailbox_trunks.contains(trunk));
        let mailbox = request.uri.user_unescaped().unwrap_or_default();
        let owner = config.owner(&mailbox).map(str::to_owned);
        let status = match (may && is_about_mailboxes, owner, Mailbox::parse(&request.body)) {
            (false, _, _) => StatusCode::CALL_DOES_NOT_EXIST,
            (true, None, _) => StatusCode::NOT_FOUND,
            (true, Some(_), None) => StatusCode::BAD_REQUEST,
            (true, Some(user), Some(mailbox)) => {
                info!(user, "mailbox told");
                self.notifier.set_mailbox(&user, mailbox, now);
                StatusCode::OK
            }
        };
        if !status.is_success() {
            return self.refuse_statelessly(request, &Reject::new(status), flow);
        }
        let Some(key) = self.layer.accept(request, flow, None) else { return };
        let tag = self.layer.identifiers().tag();
        self.layer.respond(key, &request.response(status, Some(&tag)), now);
        self.send_notifications(now);
    }

    /// A call of a leg is this from now on; `seen` is what was told of it last.
    pub(super) fn follow_call(
        &mut self,
        leg: LegId,
        call: Option<&Call>,
        seen: Option<Seen>,
        now: Instant,
    ) -> Option<Seen> {
        let shown = call.and_then(Call::shown);
        if seen.as_ref().map(|seen| seen.shown) == shown {
            return seen;
        }
        match call.and_then(Call::shown_in_full) {
            Some((user, mut dialog)) => {
                dialog.id.take_if(|_| !self.notifier.config().allows_pickup);
                let WatchedDialog { direction, stage, .. } = dialog;
                self.notifier.set_dialog(&user, leg, Some(dialog), now);
                Some(Seen { user, shown: (direction, stage) })
            }
            None => {
                if let Some(Seen { user, .. }) = seen {
                    self.notifier.set_dialog(&user, leg, None, now);
                }
                None
            }
        }
    }

    /// Sends what there is to tell.
    pub(super) fn send_notifications(&mut self, now: Instant) {
        while let Some(notification) = self.notifier.poll_notification(&*self.names) {
            let (id, request) = (ErrandId::Notify(notification.id), notification.request);
            let (flow, reach) = notification.way;
            self.send_errand(Errand { id, account: None, request, flow, reach, patience: PATIENCE }, now);
        }
    }

    /// A notification ended.
    pub(super) fn notify_ended(&mut self, id: SubscriptionId, end: &ErrandEnd, now: Instant) {
        let is_heard = match &end.outcome {
            // A watcher that wants to be left alone for a while is still there (RFC 6665 4.2.2).
            ErrandOutcome::Answered(response) => {
                response.status.is_success() || response.headers.has(&HeaderName::RetryAfter)
            }
            ErrandOutcome::Silent | ErrandOutcome::Unreachable => false,
        };
        self.notifier.notified(id, is_heard, now);
    }

    fn answer_subscribe(
        &mut self,
        request: &Request,
        flow: Flow,
        answer: Result<Response, Reject>,
        now: Instant,
    ) {
        match answer {
            Ok(mut response) => {
                let Some(key) = self.layer.accept(request, flow, None) else { return };
                let contact = self.names.contact(&flow);
                response.headers.set(HeaderName::Contact, format!("<{contact}>"));
                self.layer.respond(key, &response, now);
                self.send_notifications(now);
            }
            Err(reject) => self.refuse_statelessly(request, &reject, flow),
        }
    }
}

/// What was told last of a call.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    user: String,
    shown: (Direction, Stage),
}
