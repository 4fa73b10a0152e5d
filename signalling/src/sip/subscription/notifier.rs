//! All subscriptions, and what they watch.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use tracing::info;
use webtrunk_engine::LegId;

use super::config::SubscriptionConfig;
use super::package::Package;
use super::summary::Mailbox;
use super::usage::{LastWord, State, Subscription};
use super::watched::{Watched, WatchedDialog};
use crate::deadlines::Deadlines;
use crate::sip::agent::{LocalNames, Reach};
use crate::sip::call::Path;
use crate::sip::dialog::{Dialog, DialogId};
use crate::sip::flow::{ConnectionId, Flow};
use crate::sip::message::{HeaderName, Reject, Request, Response, StatusCode, Uri};

/// Names a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(u64);

/// A NOTIFY to be sent.
#[derive(Debug)]
pub struct Notification {
    /// Of which subscription.
    pub id: SubscriptionId,
    /// The request, without Via.
    pub request: Request,
    /// Where to.
    pub way: (Flow, Reach),
}

/// The subscriptions of all users.
#[derive(Debug)]
pub struct Notifier {
    config: SubscriptionConfig,
    users: HashMap<String, Watched>,
    subscriptions: HashMap<SubscriptionId, Subscription>,
    by_dialog: HashMap<DialogId, SubscriptionId>,
    by_target: HashMap<String, BTreeSet<SubscriptionId>>,
    by_watcher: HashMap<String, usize>,
    deadlines: Deadlines<SubscriptionId>,
    outbox: VecDeque<Letter>,
    last_id: u64,
}

/// A notification whose way is still to be found.
#[derive(Debug)]
struct Letter {
    id: SubscriptionId,
    request: Request,
    path: Path,
    next_hop: Uri,
}

/// The longest address that is subscribed to, in octets. Chosen by us: it is kept, and told in every document.
const ENTITY_MAX: usize = 256;

impl Notifier {
    /// Nobody watches, and nothing is known.
    #[must_use]
    pub fn new(config: SubscriptionConfig) -> Self {
        Self {
            config,
            users: HashMap::new(),
            subscriptions: HashMap::new(),
            by_dialog: HashMap::new(),
            by_target: HashMap::new(),
            by_watcher: HashMap::new(),
            deadlines: Deadlines::new(),
            outbox: VecDeque::new(),
            last_id: 0,
        }
    }

    /// Who may watch whom from now on, and how much; who watches already does so to the end of its subscription.
    pub fn take_up(&mut self, config: SubscriptionConfig) {
        self.config = config;
    }

    /// What may be watched, and by whom.
    #[must_use]
    pub const fn config(&self) -> &SubscriptionConfig {
        &self.config
    }

    /// How many subscriptions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.subscriptions.len()
    }

    /// Whether nobody watches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subscriptions.is_empty()
    }

    /// The subscription whose dialog this is.
    #[must_use]
    pub fn of_dialog(&self, id: &DialogId) -> Option<SubscriptionId> {
        self.by_dialog.get(id).copied()
    }

    /// Who watches by a subscription, and the flow by which it is told.
    #[must_use]
    pub fn watcher(&self, id: SubscriptionId) -> Option<(&str, Flow)> {
        self.subscriptions
            .get(&id)
            .map(|subscription| (subscription.watcher.as_str(), subscription.path.flow()))
    }

    /// Takes a SUBSCRIBE of a user outside of a dialog; `tag` becomes ours. A notification follows the response.
    ///
    /// # Errors
    /// What to answer instead.
    pub fn subscribe(
        &mut self,
        request: &Request,
        watcher: &str,
        (flow, reach): (Flow, Reach),
        tag: &str,
        now: Instant,
    ) -> Result<Response, Reject> {
        let (package, event) = self.package(request)?;
        let target = request.uri.user_unescaped().unwrap_or_default().into_owned();
        check_rights(&self.config, watcher, &target, package)?;
        let expires = self.expires(request)?;
        let mut dialog = Dialog::uas(request, tag)?;
        dialog.confirm_as_uas();
        let of_watcher = self.by_watcher.get(watcher).copied().unwrap_or_default();
        if self.subscriptions.len() >= self.config.total || of_watcher >= self.config.per_user {
            info!(watcher, of_watcher, total = self.subscriptions.len(), "too many subscriptions");
            let mut reject = Reject::new(StatusCode::SERVICE_UNAVAILABLE);
            reject.headers.push(HeaderName::RetryAfter, RETRY_AFTER_S.to_string());
            return Err(reject);
        }
        let entity = request.headers.to()?.uri.to_string();
        if entity.len() > ENTITY_MAX {
            return Err(Reject::new(StatusCode::REQUEST_URI_TOO_LONG));
        }
        self.last_id += 1;
        let id = SubscriptionId(self.last_id);
        let subscription = Subscription {
            watcher: watcher.to_owned(),
            target,
            package,
            event,
            entity,
            dialog,
            path: Path::new(flow, reach),
            expires_at: now + expires,
            version: 0,
            told: None,
            state: State::Quiet { until: now },
            deadline: None,
        };
        info!(watcher, target = subscription.target, package = package.name(), ?expires, "subscribed");
        self.insert(id, subscription);
        self.follow(id, expires, now);
        Ok(accepted(request, Some(tag), expires))
    }

    /// Takes a SUBSCRIBE in a subscription's dialog: a refresh, or its end.
    ///
    /// # Errors
    /// What to answer instead; the subscription stays as it is (RFC 6665 4.2.1.2).
    pub fn resubscribe(
        &mut self,
        id: SubscriptionId,
        request: &Request,
        flow: Flow,
        now: Instant,
    ) -> Result<Response, Reject> {
        let (package, event) = self.package(request)?;
        let expires = self.expires(request)?;
        let unknown = || Reject::new(StatusCode::CALL_DOES_NOT_EXIST);
        let Self { subscriptions, config, .. } = self;
        let subscription = subscriptions.get_mut(&id).ok_or_else(unknown)?;
        // A dialog may have several usages (RFC 6665 4.5.2); ours has one.
        if (subscription.package, &subscription.event) != (package, &event) {
            return Err(Reject::new(StatusCode::BAD_EVENT));
        }
        if subscription.dialog.check_cseq(request).is_err() {
            return Err(Reject::new(StatusCode::SERVER_INTERNAL_ERROR));
        }
        // Whoever may not watch any more may still end it.
        if !expires.is_zero() {
            check_rights(config, &subscription.watcher, &subscription.target, package)?;
        }
        subscription.dialog.refresh_target(&request.headers);
        subscription.path.heard_from(flow);
        subscription.expires_at = now + expires;
        subscription.forget(now);
        self.follow(id, expires, now);
        Ok(accepted(request, None, expires))
    }

    /// A call of a user is this from now on; `None` where it is over.
    pub fn set_dialog(&mut self, user: &str, leg: LegId, dialog: Option<WatchedDialog>, now: Instant) {
        self.change(user, now, |watched| match dialog {
            Some(dialog) => drop(watched.dialogs.insert(leg, dialog)),
            None => drop(watched.dialogs.remove(&leg)),
        });
    }

    /// Whether a user can be reached from now on.
    pub fn set_registered(&mut self, user: &str, is_registered: bool, now: Instant) {
        self.change(user, now, |watched| watched.is_registered = is_registered);
    }

    /// What is in a user's mailbox from now on.
    pub fn set_mailbox(&mut self, user: &str, mailbox: Mailbox, now: Instant) {
        self.change(user, now, |watched| watched.mailbox = mailbox);
    }

    /// A notification was answered: whether the watcher has it. One that has it not is told nothing any more
    /// (RFC 6665 4.2.2).
    pub fn notified(&mut self, id: SubscriptionId, is_heard: bool, now: Instant) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        if is_heard {
            subscription.heard();
            return self.tell(id, now);
        }
        info!(watcher = subscription.watcher, target = subscription.target, "watcher is gone");
        self.remove(id);
    }

    /// A stream closed, and its watchers with it.
    pub fn flow_closed(&mut self, connection: ConnectionId) {
        self.remove_those(|_, flow| flow.connection == Some(connection));
    }

    /// Those watch no more who are such, by their names and where they are; they are told nothing of it.
    pub fn remove_those(&mut self, is_such: impl Fn(&str, &Flow) -> bool) {
        let such = self.subscriptions.iter().filter(|(_, one)| is_such(&one.watcher, &one.path.flow()));
        for id in such.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.remove(id);
        }
    }

    /// A client has left these flows for another one (RFC 5626).
    pub fn moved(&mut self, watcher: &str, left: &[Flow], flow: Flow) {
        for subscription in self.subscriptions.values_mut() {
            if subscription.watcher == watcher && left.contains(&subscription.path.flow()) {
                subscription.path.replace(flow);
            }
        }
    }

    /// We go down: everybody is told so.
    pub fn drain(&mut self) {
        let mut ids: Vec<_> = self.subscriptions.keys().copied().collect();
        ids.sort();
        for id in ids {
            self.end(id, LastWord::Deactivated);
        }
    }

    /// Tells what may be told now, and ends what has expired.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(id) = self.deadlines.first_due(now) {
            match self.subscriptions.get(&id) {
                Some(subscription) if subscription.expires_at <= now => self.end(id, LastWord::Timeout),
                Some(_) => self.tell(id, now),
                None => return,
            }
        }
    }

    /// When `handle_timeout` is next needed.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// The next notification to be sent.
    pub fn poll_notification(&mut self, names: &dyn LocalNames) -> Option<Notification> {
        let Letter { id, mut request, mut path, next_hop } = self.outbox.pop_front()?;
        let flow = path.toward(&next_hop, names);
        request.headers.set(HeaderName::Contact, format!("<{}>", names.contact(&flow)));
        Some(Notification { id, request, way: (flow, path.reach()) })
    }

    /// The package that a SUBSCRIBE is for; RFC 6665 4.2.1.1 and 7.2.1.
    fn package(&self, request: &Request) -> Result<(Package, String), Reject> {
        let mut events = request.headers.get_all(&HeaderName::Event);
        let named = events.next().filter(|_| events.next().is_none()).and_then(Package::of_event);
        let named = named.filter(|(package, _)| self.config.packages().any(|known| known == *package));
        let (package, event) = named.ok_or_else(|| {
            let mut reject = Reject::new(StatusCode::BAD_EVENT);
            reject.headers.push(HeaderName::AllowEvents, self.config.allow_events());
            reject
        })?;
        let mut accepted = request.headers.tokens(&HeaderName::Accept).peekable();
        let covers = |range: &str| {
            let range = range.split(';').next().unwrap_or_default().trim();
            ["*/*", "application/*", package.media_type()]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(range))
        };
        if accepted.peek().is_some() && !accepted.any(covers) {
            let mut reject = Reject::new(StatusCode::NOT_ACCEPTABLE);
            reject.headers.push(HeaderName::Accept, package.media_type());
            return Err(reject);
        }
        Ok((package, event))
    }

    /// For how long; zero is an end, or a look.
    fn expires(&self, request: &Request) -> Result<Duration, Reject> {
        let SubscriptionConfig { expires_min, expires_max, .. } = self.config;
        let Some(seconds) = request.headers.expires()? else { return Ok(expires_max) };
        let asked = Duration::from_secs(seconds.into());
        if !asked.is_zero() && asked < expires_min {
            let mut reject = Reject::new(StatusCode::INTERVAL_TOO_BRIEF);
            reject.headers.push(HeaderName::MinExpires, expires_min.as_secs().to_string());
            return Err(reject);
        }
        Ok(asked.min(expires_max))
    }

    /// What follows the acceptance of a SUBSCRIBE.
    fn follow(&mut self, id: SubscriptionId, expires: Duration, now: Instant) {
        if expires.is_zero() {
            self.end(id, LastWord::Timeout);
        } else {
            self.tell(id, now);
        }
    }

    fn change(&mut self, user: &str, now: Instant, change: impl FnOnce(&mut Watched)) {
        let mut watched = self.users.remove(user).unwrap_or_default();
        change(&mut watched);
        if !watched.is_idle() {
            self.users.insert(user.to_owned(), watched);
        }
        for id in self.by_target.get(user).cloned().unwrap_or_default() {
            self.tell(id, now);
        }
    }

    /// Tells a watcher what is new, or sees to it that it is told later.
    fn tell(&mut self, id: SubscriptionId, now: Instant) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        let idle = Watched::default();
        let user = self.users.get(&subscription.target).unwrap_or(&idle);
        if let Some(request) = subscription.tell(user, self.config.shows_parties, now) {
            self.outbox.push_back(Letter::of(id, request, subscription));
        }
        let next = Some(subscription.poll_timeout(user, now));
        self.deadlines.reschedule(id, subscription.deadline, next);
        subscription.deadline = next;
    }

    /// Ends a subscription with a last word.
    fn end(&mut self, id: SubscriptionId, why: LastWord) {
        let Some(mut subscription) = self.remove(id) else { return };
        let idle = Watched::default();
        let user = self.users.get(&subscription.target).unwrap_or(&idle);
        let request = subscription.last(user, why, self.config.shows_parties);
        info!(watcher = subscription.watcher, target = subscription.target, ?why, "subscription ended");
        self.outbox.push_back(Letter::of(id, request, &subscription));
    }

    fn insert(&mut self, id: SubscriptionId, subscription: Subscription) {
        self.by_dialog.insert(subscription.dialog.id().clone(), id);
        self.by_target.entry(subscription.target.clone()).or_default().insert(id);
        *self.by_watcher.entry(subscription.watcher.clone()).or_default() += 1;
        self.subscriptions.insert(id, subscription);
    }

    fn remove(&mut self, id: SubscriptionId) -> Option<Subscription> {
        let subscription = self.subscriptions.remove(&id)?;
        self.deadlines.reschedule(id, subscription.deadline, None);
        self.by_dialog.remove(subscription.dialog.id());
        if let Some(ids) = self.by_target.get_mut(&subscription.target) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_target.remove(&subscription.target);
            }
        }
        if let Some(count) = self.by_watcher.get_mut(&subscription.watcher) {
            *count -= 1;
            if *count == 0 {
                self.by_watcher.remove(&subscription.watcher);
            }
        }
        Some(subscription)
    }

    /// Whether nothing is left of those who watched.
    #[cfg(test)]
    pub(super) fn is_clean(&self) -> bool {
        self.subscriptions.is_empty()
            && self.by_dialog.is_empty()
            && self.by_target.is_empty()
            && self.by_watcher.is_empty()
            && self.deadlines.next().is_none()
    }

    /// Of how many users something is known.
    #[cfg(test)]
    pub(super) fn known_users(&self) -> usize {
        self.users.len()
    }
}

/// When whoever was one too many may come again, in seconds. Chosen by us.
const RETRY_AFTER_S: u32 = 60;

impl Letter {
    fn of(id: SubscriptionId, request: Request, subscription: &Subscription) -> Self {
        let Subscription { path, dialog, .. } = subscription;
        Self { id, request, path: *path, next_hop: dialog.next_hop().clone() }
    }
}

/// Whether one may watch another.
fn check_rights(
    config: &SubscriptionConfig,
    watcher: &str,
    target: &str,
    package: Package,
) -> Result<(), Reject> {
    if config.rights.allow(watcher, target, package) {
        return Ok(());
    }
    info!(watcher, target, package = package.name(), "may not be watched");
    Err(Reject::new(StatusCode::FORBIDDEN))
}

fn accepted(request: &Request, tag: Option<&str>, expires: Duration) -> Response {
    let mut response = request.response(StatusCode::OK, tag);
    response.headers.push(HeaderName::Expires, expires.as_secs().to_string());
    response
}
