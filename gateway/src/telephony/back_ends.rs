//! What back ends are told, and who of them is let in.

use std::path::PathBuf;
use std::sync::Arc;

use webtrunk_signalling::cdr::CdrKeeper;
use webtrunk_signalling::switchboard::{Originations, Originator};

use super::{Live, Telephony};
use crate::config::{Config, RestConfig};
use crate::rest::calls::originate::Dialler;
use crate::rest::calls::{Calls, Numbers};
use crate::rest::door::Door;
use crate::rest::events::{Happening, Streams, Watcher};
use crate::rest::journal::Journal;
use crate::rest::recordings::Recordings;
use crate::rest::registrations::Places;
use crate::rest::{Idempotency, Rest};

/// What there is where back ends may ask.
pub(super) struct BackEnds {
    /// Who is let in.
    pub(super) door: Door,
    /// The calls of late.
    pub(super) journal: Journal,
    /// What happens.
    pub(super) streams: Streams,
    /// The numbers that customers own.
    numbers: Numbers,
    /// Where calls are asked for.
    originator: Originator,
    /// Calls that were asked for, to be made.
    originations: Option<Originations>,
}

impl BackEnds {
    pub(super) fn new(config: &Config) -> Self {
        let (originator, originations) = Originator::channel();
        let (door, journal, streams, numbers) = Default::default();
        let own = Self { door, journal, streams, numbers, originator, originations: Some(originations) };
        own.taker().take_up(config);
        own
    }

    /// Who is filed the records of calls.
    pub(super) fn keepers(&self) -> [Arc<dyn CdrKeeper>; 2] {
        // What is told of the end of a call is known by its name then.
        [Arc::new(self.journal.clone()), Arc::new(Watcher::new(self.streams.hub.clone()))]
    }

    /// Tells from now on who can be reached where.
    pub(super) fn watch(&self, places: &Places) {
        for locations in &places.0 {
            let (hub, places) = (self.streams.hub.clone(), places.clone());
            locations.observe(move |user| {
                hub.publish(Happening::Registration(user.to_owned(), places.count(user)));
            });
        }
    }

    /// Calls that are asked for, once.
    pub(super) const fn take_originations(&mut self) -> Option<Originations> {
        self.originations.take()
    }

    /// What a changed configuration is taken up by.
    pub(super) fn taker(&self) -> Taker {
        Taker { door: self.door.clone(), numbers: self.numbers.clone() }
    }
}

/// Takes up a changed configuration; cheap to clone.
#[derive(Clone)]
pub(super) struct Taker {
    door: Door,
    numbers: Numbers,
}

impl Taker {
    pub(super) fn take_up(&self, config: &Config) {
        self.door.take_up(config.api_keys.clone());
        let customers = config.entry.customers.iter();
        self.numbers.take_up(customers.map(|it| (it.issuer.name.clone(), it.numbers.clone())));
    }
}

impl Telephony {
    /// The interface for back ends, for the HTTP server to mount, with what is recorded to this folder; `None` where there was none at the start.
    #[must_use]
    pub fn rest(&self, config: &RestConfig, recordings: Option<PathBuf>) -> Option<Rest> {
        let BackEnds { door, journal, streams, numbers, originator, .. } = self.back_ends.as_ref()?;
        Some(Rest {
            path: config.path.clone(),
            origins: config.origins.clone(),
            door: door.clone(),
            calls: self.rest_calls(journal.clone()),
            dialler: self.dialler(originator.clone(), numbers.clone()),
            places: places_of(&self.live),
            recordings: Recordings(recordings),
            streams: streams.clone(),
        })
    }

    /// The calls, with those of this journal.
    pub(crate) fn rest_calls(&self, journal: Journal) -> Calls {
        Calls::new(self.roster.clone(), journal, Arc::clone(&self.board))
    }

    /// Where calls are asked for, by this way.
    pub(crate) fn dialler(&self, originator: Originator, numbers: Numbers) -> Dialler {
        Dialler { originator, health: self.health.clone(), idempotency: Idempotency::default(), numbers }
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
