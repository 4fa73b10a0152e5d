//! What back ends are told, and who of them is let in.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use webtrunk_signalling::cdr::CdrKeeper;
use webtrunk_signalling::switchboard::{Originations, Originator};

use super::{Live, Telephony};
use crate::config::{Config, REQUESTS_PER_MINUTE, RestConfig};
use crate::people::People;
use crate::rest::calls::originate::Dialler;
use crate::rest::calls::{Calls, KnownUsers, Numbers};
use crate::rest::door::Door;
use crate::rest::events::{Happening, Streams, Watcher};
use crate::rest::journal::Journal;
use crate::rest::logins::Logins;
use crate::rest::recordings::Recordings;
use crate::rest::registrations::Places;
use crate::rest::tokens::Tokens;
use crate::rest::{Idempotency, Rest};
use crate::store::Store;
use crate::webhooks::{CutCalls, Left, Served, WebhookControl, Webhooks};

/// What there is where back ends may ask.
pub(super) struct BackEnds {
    /// Who is let in.
    pub(super) door: Door,
    /// The calls of late.
    pub(super) journal: Journal,
    /// What happens.
    pub(super) streams: Streams,
    /// Who is sent it.
    webhooks: Webhooks,
    /// The numbers that customers own.
    numbers: Numbers,
    /// Who there is.
    users: KnownUsers,
    /// Where tokens are made.
    tokens: Tokens,
    /// Where calls are asked for.
    originator: Originator,
    /// Calls that were asked for, to be made.
    originations: Option<Originations>,
}

impl BackEnds {
    /// Webhooks are sent what `store` has kept for them, and calls that ended with the process before.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn new(config: &Config, store: Option<&mut Store>) -> io::Result<Self> {
        let (originator, originations) = Originator::channel();
        let (door, numbers, users): (_, Numbers, KnownUsers) = Default::default();
        let tokens = Tokens::new(users.clone(), numbers.clone());
        let journal = Journal::new(numbers.clone());
        let streams = Streams::default();
        let (kept, crashed, keeper) = match store {
            Some(store) => (store.take_webhook_events(), store.take_crashed(), Some(store.spool_keeper())),
            None => Default::default(),
        };
        // Whose the calls were that are told of from now on.
        take_up_numbers(&numbers, config);
        let cut = CutCalls::new(Watcher::new(streams.hub.clone(), numbers.clone()), crashed);
        let (hub, served) = (streams.hub.clone(), Served::from(config));
        let webhooks = Webhooks::start(hub, served, Left { kept, cut }, keeper)?;
        let originations = Some(originations);
        let own = Self { door, journal, streams, webhooks, numbers, users, tokens, originator, originations };
        own.taker().take_up(config);
        Ok(own)
    }

    /// Who is filed the records of calls.
    pub(super) fn keepers(&self) -> [Arc<dyn CdrKeeper>; 2] {
        let watcher = Watcher::new(self.streams.hub.clone(), self.numbers.clone());
        // What is told of the end of a call is known by its name then.
        [Arc::new(self.journal.clone()), Arc::new(watcher)]
    }

    /// What changes webhooks, and tells how they do.
    pub(super) fn webhooks(&self) -> WebhookControl {
        self.webhooks.control()
    }

    /// Has webhooks hear all that has happened, and end.
    pub(super) async fn finish(self) {
        self.webhooks.finish().await;
    }

    /// Tells from now on who can be reached where.
    pub(super) fn watch(&self, places: &Places) {
        for locations in &places.0 {
            let (hub, places) = (self.streams.hub.clone(), places.clone());
            locations.observe(move |user| {
                let happening = Happening::Registration(user.to_owned(), places.count(user));
                let customers = happening.customers();
                hub.publish(happening, customers);
            });
        }
    }

    /// Calls that are asked for, once.
    pub(super) const fn take_originations(&mut self) -> Option<Originations> {
        self.originations.take()
    }

    /// What a changed configuration is taken up by.
    pub(super) fn taker(&self) -> Taker {
        Taker {
            door: self.door.clone(),
            numbers: self.numbers.clone(),
            users: self.users.clone(),
            tokens: self.tokens.clone(),
            webhooks: self.webhooks.control(),
        }
    }
}

/// Takes up a changed configuration; cheap to clone.
#[derive(Clone)]
pub(super) struct Taker {
    door: Door,
    numbers: Numbers,
    users: KnownUsers,
    tokens: Tokens,
    pub(super) webhooks: WebhookControl,
}

impl Taker {
    pub(super) fn take_up(&self, config: &Config) {
        let per_minute = config.rest.as_ref().map_or(REQUESTS_PER_MINUTE, |rest| rest.requests_per_minute);
        self.door.take_up(config.api_keys.clone(), per_minute);
        self.users.take_up(config.users.iter().map(|(name, _)| name));
        self.tokens.take_up(config.json.as_ref().map(|json| json.keys.tokens.clone()).unwrap_or_default());
        self.webhooks.take_up(Served::from(config));
        take_up_numbers(&self.numbers, config);
    }
}

fn take_up_numbers(numbers: &Numbers, config: &Config) {
    let customers = config.entry.customers.iter();
    numbers.take_up(customers.map(|it| (it.issuer.name.clone(), it.numbers.clone())));
}

impl Telephony {
    /// The interface for back ends, for the HTTP server to mount, with what is recorded to this folder, where people are looked up and
    /// changed, and where logins are made; `None` where there was none at the start.
    #[must_use]
    pub fn rest(
        &self,
        config: &RestConfig,
        recordings: Option<PathBuf>,
        people: People,
        logins: Logins,
    ) -> Option<Rest> {
        let back_ends = self.back_ends.as_ref()?;
        let BackEnds { door, journal, streams, numbers, users, originator, .. } = back_ends;
        let places = places_of(&self.live);
        Some(Rest {
            path: config.path.clone(),
            origins: config.origins.clone(),
            door: door.clone(),
            calls: self.rest_calls(journal.clone(), numbers.clone()),
            dialler: Dialler {
                originator: originator.clone(),
                health: self.health.clone(),
                idempotency: Idempotency::default(),
                numbers: numbers.clone(),
                users: users.clone(),
                places: places.clone(),
            },
            places,
            recordings: Recordings(recordings),
            streams: streams.clone(),
            people,
            tokens: back_ends.tokens.clone(),
            logins,
        })
    }

    /// The calls, with those of this journal.
    pub(crate) fn rest_calls(&self, journal: Journal, numbers: Numbers) -> Calls {
        Calls::new(self.roster.clone(), journal, Arc::clone(&self.board), numbers)
    }

    /// Where calls are asked for, by this way, of whom nobody is known.
    #[cfg(test)]
    pub(crate) fn dialler(&self, originator: Originator) -> Dialler {
        let (idempotency, numbers, users) = Default::default();
        let (health, places) = (self.health.clone(), self.places());
        Dialler { originator, health, idempotency, numbers, users, places }
    }

    /// Where users are.
    #[cfg(test)]
    pub(crate) fn places(&self) -> Places {
        places_of(&self.live)
    }
}

/// Where users are.
pub(super) fn places_of(live: &Live) -> Places {
    let pages = live.pages.as_ref().map(|(pages, _)| pages.clone());
    Places([live.locations.clone()].into_iter().chain(pages).collect())
}
