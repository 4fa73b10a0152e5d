//! Whether there is room for one more call: by how many began lately, and by what the media engine says.
//!
//! ```text
//! INVITE ---- max_cps is used up, or the engine has no room --------> 503, Retry-After; nothing is kept of it
//!   `---- of a trunk, and only what is kept back for users is left --> 503, Retry-After
//!   `---- else ------------------------------------------------------> the call begins
//! ```
//!
//! Nothing else is ever refused for this: what belongs to a call that is up, and registrations, come first. So do calls to
//! emergency numbers: while media threads are late, and where `max_cps` is used up, as many may begin as of others, besides. What
//! there is not at all, memory or a place, they have not either.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::adapter::Origin;
use crate::auth::bucket::{Bucket, Rate};
use crate::emergency::EmergencyNumbers;
use crate::lock::lock;

/// What part of a second's calls may begin at once, after a time without any. Chosen by us: the first second has a quarter more than
/// others, and none is lost where callers come late by a tenth of a second and together then.
const AT_ONCE: u32 = 4;

/// So many may begin at once at least, where as many may in a second.
const AT_ONCE_MIN: u32 = 5;

/// What part of a second's calls is kept back for users where trunks bring more than all of them. Chosen by us.
const KEPT_FOR_USERS: u32 = 10;

/// Calls to emergency numbers that may begin in a second while media threads are late, where `max_cps` says nothing. Chosen by us: more
/// than call for help by one gateway, and few beside what makes it late, should a busy queue have such a number.
const EMERGENCIES: u32 = 10;

/// Says whether calls can be carried.
pub trait MediaLoad {
    /// Whether one more can.
    ///
    /// # Errors
    /// [`Crowded`], and why.
    fn has_room(&self) -> Result<(), Crowded>;
}

/// No room for one more call: why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowded {
    /// As many calls began in the last second as may (`defence.max_cps`).
    Rate,
    /// There are as many calls as there may be (`media.calls_max`).
    Calls,
    /// Media threads are late as it is (`defence.refuse_when_late`).
    Late,
    /// The process has as much memory as it may have (`defence.memory_max_mib`).
    Memory,
    /// Signalling has as many legs as it may have.
    Legs,
    /// The caller's trunk has as many calls as it may have, or as many began in the last second.
    Trunk,
    /// The gateway is behind, and does not take what it is told.
    Backlog,
    /// The gateway goes down.
    Drain,
}

impl Crowded {
    /// Every reason, by the name that is counted.
    const NAMES: [(Self, &str); 8] = [
        (Self::Rate, "rate"),
        (Self::Calls, "calls"),
        (Self::Late, "late"),
        (Self::Memory, "memory"),
        (Self::Legs, "legs"),
        (Self::Trunk, "trunk"),
        (Self::Backlog, "backlog"),
        (Self::Drain, "drain"),
    ];

    /// Whether calls to emergency numbers begin all the same.
    const fn gives_way(self) -> bool {
        matches!(self, Self::Rate | Self::Late)
    }
}

/// Calls that were refused since the start, by why; to be read at any time.
#[derive(Debug, Default)]
pub struct RefusedCalls([AtomicU64; Crowded::NAMES.len()]);

/// Admits calls, of every adapter that has a clone of it.
#[derive(Clone)]
pub struct Room {
    limit: Arc<Mutex<Option<Limit>>>,
    emergencies: Arc<Mutex<Emergencies>>,
    engine: Option<Arc<dyn MediaLoad + Send + Sync>>,
    refused: Arc<RefusedCalls>,
}

#[derive(Debug)]
struct Limit {
    /// How many may begin in a second.
    rate: Rate,
    /// How many of those are kept for users.
    kept: f64,
    left: Bucket,
}

/// Calls that begin where others do not.
#[derive(Debug)]
struct Emergencies {
    numbers: EmergencyNumbers,
    /// How many may begin in a second.
    rate: Rate,
    left: Bucket,
}

impl RefusedCalls {
    /// How many for each reason, by its name.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        Crowded::NAMES.iter().zip(&self.0).map(move |((_, name), of)| (*name, count(of)))
    }

    /// How many for this reason.
    #[must_use]
    pub fn count_of(&self, why: Crowded) -> u64 {
        self.counter(why).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    fn add(&self, why: Crowded) {
        if let Some(counter) = self.counter(why) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counter(&self, why: Crowded) -> Option<&AtomicU64> {
        Crowded::NAMES.iter().zip(&self.0).find(|((known, _), _)| *known == why).map(|(_, counter)| counter)
    }
}

impl Room {
    /// Room for so many calls in a second, and for as many as the engine can carry.
    #[must_use]
    pub fn new(
        max_cps: Option<NonZeroU32>,
        engine: Option<Arc<dyn MediaLoad + Send + Sync>>,
        refused: Arc<RefusedCalls>,
    ) -> Self {
        let emergencies = Arc::new(Mutex::new(Emergencies::new(max_cps)));
        let room = Self { limit: Arc::default(), emergencies, engine, refused };
        room.limit(max_cps);
        room
    }

    /// So many calls may begin in a second from now on.
    pub(crate) fn limit(&self, max_cps: Option<NonZeroU32>) {
        lock(&self.emergencies).rate = Emergencies::rate(max_cps);
        let mut limit = lock(&self.limit);
        let before = limit.take();
        *limit = max_cps.map(|max| {
            let max = max.get();
            // Of what may begin at once trunks have one at least.
            let kept = (max / KEPT_FOR_USERS).max(1).min(at_once(max) - 1).into();
            let rate = Rate::new(max.into(), at_once(max));
            let left = before.map_or_else(|| Bucket::full(rate), |it| it.left);
            Limit { rate, kept, left }
        });
    }

    /// These come first from now on.
    pub(crate) fn put_first(&self, numbers: EmergencyNumbers) {
        lock(&self.emergencies).numbers = numbers;
    }

    /// Whether a destination is an emergency number.
    pub(crate) fn is_emergency(&self, destination: &str) -> bool {
        lock(&self.emergencies).numbers.contains(destination)
    }

    /// Whether a call could begin, of whomever it may be: asked before anybody is asked who it is. Whether it is an emergency
    /// is asked where it could not.
    pub(crate) fn judge(&self, is_emergency: impl FnOnce() -> bool, now: Instant) -> Result<(), Crowded> {
        let usual = self.carried().and_then(|()| self.limited(|it| it.left.has_one(it.rate, 0.0, now)));
        self.or_first(usual, is_emergency, |it| it.left.has_one(it.rate, 0.0, now))
    }

    /// Counts a call that was refused for something else.
    pub(crate) fn count(&self, why: Crowded) {
        self.refused.add(why);
    }

    /// Judges and begins a call at once, of somebody who is known.
    pub(crate) fn admit(&self, origin: &Origin, destination: &str, now: Instant) -> Result<(), Crowded> {
        self.judge(|| self.is_emergency(destination), now)?;
        self.take(origin, || self.is_emergency(destination), now)
    }

    /// Calls that were refused since the start.
    pub(crate) fn refused(&self) -> Arc<RefusedCalls> {
        Arc::clone(&self.refused)
    }

    /// Begins a call, where there is room. Whether it is an emergency is asked where there is none.
    pub(crate) fn take(
        &self,
        origin: &Origin,
        is_emergency: impl FnOnce() -> bool,
        now: Instant,
    ) -> Result<(), Crowded> {
        let begin = |limit: &mut Limit| {
            let kept_back = match origin {
                Origin::User(_) => 0.0,
                Origin::Trunk(_) => limit.kept,
            };
            limit.left.take(limit.rate, kept_back, now).is_ok()
        };
        let usual = self.carried().and_then(|()| self.limited(begin));
        self.or_first(usual, is_emergency, |it| it.left.take(it.rate, 0.0, now).is_ok())
    }

    /// Whether the engine can carry one more.
    fn carried(&self) -> Result<(), Crowded> {
        self.engine.as_ref().map_or(Ok(()), |engine| engine.has_room())
    }

    /// Where there is no room as `usual`, whether there is for an emergency.
    fn or_first(
        &self,
        usual: Result<(), Crowded>,
        is_emergency: impl FnOnce() -> bool,
        has_one: impl FnOnce(&mut Emergencies) -> bool,
    ) -> Result<(), Crowded> {
        let Err(crowded) = usual else { return Ok(()) };
        if crowded.gives_way() && is_emergency() && has_one(&mut lock(&self.emergencies)) {
            return Ok(());
        }
        self.refused.add(crowded);
        Err(crowded)
    }

    /// Whether the limit, where there is one, has a call left.
    fn limited(&self, has_one: impl FnOnce(&mut Limit) -> bool) -> Result<(), Crowded> {
        match lock(&self.limit).as_mut().map(has_one) {
            Some(false) => Err(Crowded::Rate),
            Some(true) | None => Ok(()),
        }
    }
}

impl Emergencies {
    fn new(max_cps: Option<NonZeroU32>) -> Self {
        let rate = Self::rate(max_cps);
        Self { numbers: EmergencyNumbers::default(), rate, left: Bucket::full(rate) }
    }

    /// As many as of others.
    fn rate(max_cps: Option<NonZeroU32>) -> Rate {
        let max = max_cps.map_or(EMERGENCIES, NonZeroU32::get);
        Rate::new(max.into(), at_once(max))
    }
}

/// How many of a second's calls may begin at once.
fn at_once(max: u32) -> u32 {
    max.div_ceil(AT_ONCE).max(AT_ONCE_MIN.min(max))
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room")
            .field("limit", &self.limit)
            .field("emergencies", &self.emergencies)
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Full(Crowded);

    impl MediaLoad for Full {
        fn has_room(&self) -> Result<(), Crowded> {
            Err(self.0)
        }
    }

    fn room(max_cps: u32) -> Room {
        Room::new(NonZeroU32::new(max_cps), None, Arc::default())
    }

    fn trunk() -> Origin {
        Origin::Trunk("office".to_owned())
    }

    fn user() -> Origin {
        Origin::User("alice".to_owned())
    }

    /// It is no emergency.
    fn no() -> bool {
        false
    }

    /// Ten seconds of so many offered calls a second; how many began of trunks, and of users.
    fn offer(room: &Room, of_trunks: u32, of_users: u32) -> [usize; 2] {
        let start = Instant::now();
        let mut begun = [0, 0];
        for ms in 0..10_000 {
            let now = start + Duration::from_millis(ms);
            let is_due = |rate: u32| (ms * u64::from(rate)) / 1000 != ((ms + 1) * u64::from(rate)) / 1000;
            for (place, origin, rate) in [(0, trunk(), of_trunks), (1, user(), of_users)] {
                if is_due(rate) && room.judge(no, now).is_ok() && room.take(&origin, no, now).is_ok() {
                    begun[place] += 1;
                }
            }
        }
        begun
    }

    #[test]
    fn however_many_are_offered_as_many_begin_as_may() {
        for offered in [200, 500, 1000] {
            let room = room(100);
            let [begun, _] = offer(&room, offered, 0);
            assert!((990..=1025).contains(&begun), "{begun} of {offered} a second");
            assert_eq!(room.refused.count_of(Crowded::Rate), u64::from(10 * offered) - begun as u64);
        }
    }

    #[test]
    fn users_begin_calls_where_trunks_bring_more_than_all_of_them() {
        let [of_trunks, of_users] = offer(&room(100), 1000, 20);
        assert_eq!(of_users, 200, "all of theirs");
        assert!((790..=825).contains(&of_trunks), "{of_trunks}");
        let [of_trunks, of_users] = offer(&room(2), 100, 1);
        assert!(of_users >= 9 && of_trunks >= 9, "of few too: {of_trunks} and {of_users}");
    }

    #[test]
    fn the_first_second_has_a_quarter_more_than_others_at_most() {
        for max in [1, 2, 5, 20, 100, 1000] {
            let (room, start) = (room(max), Instant::now());
            let times = (0..1000).map(|ms| start + Duration::from_millis(ms));
            let tries = times.flat_map(|at| std::iter::repeat_n(at, 10));
            let begun = tries.filter(|at| room.take(&user(), no, *at).is_ok()).count();
            let most = max + max.div_ceil(4).max(5.min(max));
            assert!((max as usize..=most as usize).contains(&begun), "{begun} of {max}");
        }
    }

    #[test]
    fn what_the_engine_says_is_told_apart() {
        for (crowded, expected) in [(Crowded::Calls, [1, 0]), (Crowded::Late, [0, 1])] {
            let room = Room::new(None, Some(Arc::new(Full(crowded))), Arc::default());
            assert_eq!(room.judge(no, Instant::now()), Err(crowded));
            assert_eq!([Crowded::Calls, Crowded::Late].map(|why| room.refused.count_of(why)), expected);
        }
    }

    #[test]
    fn another_limit_holds_from_then_on_and_none_holds_none_back() {
        let (room, now) = (room(10), Instant::now());
        let begin = |room: &Room| (0..1000).filter(|_| room.take(&user(), no, now).is_ok()).count();
        assert_eq!(begin(&room), 5);
        room.limit(NonZeroU32::new(20));
        assert_eq!(begin(&room), 0, "what may begin at once has begun");
        room.limit(None);
        assert_eq!(begin(&room), 1000);
    }

    #[test]
    fn as_many_emergencies_begin_besides_as_calls_may() {
        let (room, start) = (room(10), Instant::now());
        let begin = |origin: &Origin, number: &str, ms: u64| {
            let now = start + Duration::from_millis(ms);
            (0..100).filter(|_| room.admit(origin, number, now).is_ok()).count()
        };
        assert_eq!(begin(&user(), "100", 0), 5);
        assert_eq!([begin(&trunk(), "112", 0), begin(&user(), "112", 0)], [5, 0], "whoever's they are");
        assert_eq!(begin(&user(), "911", 100), 2, "one of either");
        let refused = room.refused.count_of(Crowded::Rate);
        assert_eq!(refused, 95 + 95 + 100 + 98);
        room.put_first(EmergencyNumbers::new(&["144"]).expect("sound"));
        assert_eq!(
            [begin(&trunk(), "112", 1000), begin(&trunk(), "144", 1000)],
            [4, 5],
            "what is kept for users is kept"
        );
    }

    #[test]
    fn emergencies_begin_while_media_threads_are_late_but_not_all_of_a_flood_nor_where_nothing_is_left() {
        for (crowded, begin) in [(Crowded::Late, true), (Crowded::Calls, false), (Crowded::Memory, false)] {
            for (max_cps, at_once) in [(None, 5), (NonZeroU32::new(1), 1)] {
                let room = Room::new(max_cps, Some(Arc::new(Full(crowded))), Arc::default());
                let now = Instant::now();
                let begun = (0..10).filter(|_| room.admit(&user(), "112", now).is_ok()).count();
                assert_eq!(begun, if begin { at_once } else { 0 }, "{crowded:?} {max_cps:?}");
                assert_eq!(room.refused.count_of(crowded), 10 - begun as u64);
            }
        }
    }

    #[test]
    fn nothing_is_left_for_emergencies_where_no_more_calls_may_begin_and_there_is_no_place_either() {
        let room = Room::new(NonZeroU32::new(1), Some(Arc::new(Full(Crowded::Calls))), Arc::default());
        room.limited(|it| it.left.take(it.rate, 0.0, Instant::now()).is_ok()).expect("the only one");
        assert_eq!(room.judge(|| true, Instant::now()), Err(Crowded::Calls));
    }
}
