//! The conferences of a shard, each in a room: made by the first who joins, over when the last has left.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{error, info};

use super::Shard;
use crate::call::{Call, CallEvent, Calls, Conference, PartySpec, TICK};
use crate::media::mixer::TICK_MS;
use crate::net::Outbox;
use crate::{CallId, EndCause};

/// From the ticks of one conference to those of the one made next, in milliseconds: without a common divisor
/// with the tick's twenty, so that twenty of them are spread over it evenly.
const STAGGER_MS: u64 = 7;

/// All conferences of a shard.
#[derive(Default)]
pub(super) struct Rooms {
    conferences: Vec<Conference>,
    /// How many have been made.
    made: u64,
    /// The tick of the first; the others' lie on its grid, staggered.
    epoch: Option<Instant>,
}

/// The shard, as its conferences see it.
struct Lent<'a> {
    shard: &'a mut Shard,
    now: Instant,
}

impl Calls for Lent<'_> {
    fn with_call<T>(&mut self, id: CallId, act: impl FnOnce(&mut Call, &mut Outbox) -> T) -> Option<T> {
        let done = self.shard.with_call(id, self.now, |call, outbox, _| act(call, outbox));
        // A party's packet is a tenth of a batch: without this a large conference would fill every slot.
        self.shard.flush_if_due();
        done
    }
}

impl Shard {
    /// Lets a party of a call into the conference of the call's room; a call that was made for none has one of its own.
    pub(crate) fn join_conference(&mut self, id: CallId, spec: PartySpec, now: Instant) {
        let leg = spec.leg;
        let room = self.with_call(id, now, |call, _, _| Arc::clone(call.room_or_own()));
        let Some(room) = room else { return };
        let mut conference = self.take_conference(room, now);
        let joined = conference.join(id, spec, now, &mut Lent { shard: self, now }).is_ok();
        if !conference.is_empty() {
            self.rooms.conferences.push(conference);
            self.wake.timer.notify_one();
        }
        if !joined {
            self.with_call(id, now, |call, _, _| call.tell(CallEvent::ConferenceRefused { leg }));
        }
    }

    /// Makes a party of the conference of a call's room what this says.
    pub(crate) fn change_party(&mut self, id: CallId, spec: PartySpec, now: Instant) {
        let room = self.with_call(id, now, |call, _, _| call.room().cloned()).flatten();
        let conferences = &self.rooms.conferences;
        let index = conferences.iter().position(|conference| Some(conference.room()) == room.as_ref());
        if let Some(index) = index {
            let mut conference = self.rooms.conferences.swap_remove(index);
            conference.change(spec, &mut Lent { shard: self, now });
            self.rooms.conferences.push(conference);
        }
    }

    /// Makes every frame that is due.
    pub(super) fn tick_conferences(&mut self, now: Instant) {
        let mut index = 0;
        while let Some(conference) = self.rooms.conferences.get(index) {
            if conference.poll_timeout() > now {
                index += 1;
                continue;
            }
            let mut conference = self.rooms.conferences.swap_remove(index);
            for at in conference.ticks_due(now) {
                self.note_deadline(at, now);
            }
            let lent = &mut Lent { shard: self, now };
            // A broken assumption of ours may end this conference, never the shard.
            let ticked = catch_unwind(AssertUnwindSafe(|| conference.handle_timeout(now, lent)));
            if ticked.is_err() {
                error!(room = %conference.room(), "a panic ended this conference");
                conference.calls().for_each(|id| self.remove_call(id, EndCause::InternalError, now));
            } else if conference.is_empty() {
                info!(room = %conference.room(), "conference is over");
            } else {
                // What was last is looked at next, at the place of the one that was taken out.
                self.rooms.conferences.push(conference);
                let last = self.rooms.conferences.len() - 1;
                self.rooms.conferences.swap(index, last);
                index += 1;
            }
        }
    }

    /// The conference in a room, or a new one.
    fn take_conference(&mut self, room: Arc<str>, now: Instant) -> Conference {
        let conferences = &mut self.rooms.conferences;
        match conferences.iter().position(|conference| *conference.room() == room) {
            Some(index) => conferences.swap_remove(index),
            None => {
                info!(%room, "conference begins");
                let first_tick_at = self.rooms.next_tick(now);
                Conference::new(room, self.supplies.config.conference_parties_max, first_tick_at)
            }
        }
    }
}

impl Rooms {
    /// When the next frame is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.conferences.iter().map(Conference::poll_timeout).min()
    }

    /// When the conference that was made last is due.
    #[cfg(test)]
    pub(super) fn last_tick(&self) -> Option<Instant> {
        self.conferences.last().map(Conference::poll_timeout)
    }

    /// The first tick of a new conference: the next on the grid, at a place of its own.
    fn next_tick(&mut self, now: Instant) -> Instant {
        let epoch = *self.epoch.get_or_insert(now);
        let place = Duration::from_millis(self.made * STAGGER_MS % u64::from(TICK_MS));
        self.made += 1;
        let into_tick = now.saturating_duration_since(epoch).as_micros() % TICK.as_micros();
        now + TICK - Duration::from_micros(into_tick as u64) + place
    }
}
