//! The calls of late, in bounds: of calls, of messages a call, and of octets in all.
//!
//! Messages are kept by Call-ID. The legs of one call share a record once it is known that they belong together, in
//! whatever order that is told. When there is no room the oldest call that is over goes first. What belongs to no call,
//! such as registrations and requests of strangers, has a quarter of the room: no crowd of strangers pushes a call out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use webtrunk_engine::{CallId, LegId};

use super::message::Seen;
use super::record::{CallTrace, Record};

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceBounds {
    /// Calls, and what is kept like one.
    pub calls: usize,
    /// Messages of each: the first half and the last.
    pub messages: usize,
    /// Octets in all, overhead included.
    pub octets: usize,
}

/// The calls of late.
#[derive(Debug)]
pub struct Ring {
    bounds: TraceBounds,
    /// By the order in which they began.
    records: BTreeMap<Age, Record>,
    /// Those that belong to no call.
    loose: BTreeSet<Age>,
    /// Those of calls that are over.
    over: BTreeSet<Age>,
    by_call_id: HashMap<Arc<str>, Age>,
    by_call: HashMap<CallId, Age>,
    by_leg: HashMap<LegId, Age>,
    next: Age,
    octets: usize,
    loose_octets: usize,
    forgotten: u64,
}

/// The place of a record in the order of their begins.
type Age = u64;

/// What a ring holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TraceTotals {
    /// Calls, and what is kept like one.
    pub calls: usize,
    /// Octets, overhead included.
    pub octets: usize,
    /// Calls that had to make room, from the start.
    pub forgotten: u64,
}

/// No single call is called so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound {
    /// None.
    Nothing,
    /// Several begin so; some of them.
    Several(Vec<Arc<str>>),
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no call of late is called so"),
            Self::Several(some) => write!(f, "several calls of late begin so: {}", some.join(", ")),
        }
    }
}

/// How many are named of several that are called alike.
const SEVERAL_MAX: usize = 5;

impl Ring {
    /// An empty ring.
    #[must_use]
    pub fn new(bounds: TraceBounds) -> Self {
        Self {
            bounds,
            records: BTreeMap::new(),
            loose: BTreeSet::new(),
            over: BTreeSet::new(),
            by_call_id: HashMap::new(),
            by_call: HashMap::new(),
            by_leg: HashMap::new(),
            next: 0,
            octets: 0,
            loose_octets: 0,
            forgotten: 0,
        }
    }

    /// Keeps a message.
    pub fn push(&mut self, seen: Arc<Seen>) {
        let age = self.of_call_id(&seen.call_id);
        let max = self.bounds.messages;
        self.change(age, |record| record.push(seen, max));
        self.make_room();
    }

    /// A leg has this Call-ID.
    pub fn leg_named(&mut self, leg: LegId, call_id: &str) {
        let named = self.of_call_id(&call_id.into());
        match self.by_leg.get(&leg) {
            Some(joined) => self.merge(*joined, named),
            None => self.add_leg(named, leg),
        }
        self.make_room();
    }

    /// A leg belongs to a call.
    pub fn leg_joined(&mut self, leg: LegId, call: CallId) {
        let joined = match self.by_call.get(&call) {
            Some(age) => *age,
            None => {
                let age = self.add(Record::of_call(call));
                self.by_call.insert(call, age);
                age
            }
        };
        match self.by_leg.get(&leg) {
            Some(named) => self.merge(joined, *named),
            None => self.add_leg(joined, leg),
        }
        self.make_room();
    }

    /// A call is over.
    pub fn call_over(&mut self, call: CallId) {
        if let Some(age) = self.by_call.get(&call).copied() {
            self.change(age, |record| record.is_over = true);
        }
    }

    /// The call that is called so: `last`, `call-7`, a Call-ID, or the begin of one that no other begins with.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn find(&self, name: &str) -> Result<CallTrace, NotFound> {
        if name == "last" {
            let last = self.records.values().rev().find(|record| record.has_invite());
            return last.map(Record::show).ok_or(NotFound::Nothing);
        }
        let of_call = self.by_call.iter().find(|(call, _)| call.to_string() == name).map(|(_, age)| age);
        if let Some(record) = of_call.or(self.by_call_id.get(name)).and_then(|age| self.records.get(age)) {
            return Ok(record.show());
        }
        let begin_so = self.by_call_id.iter().filter(|(call_id, _)| call_id.starts_with(name));
        let mut ages: Vec<_> = begin_so.map(|(_, age)| *age).collect();
        ages.sort_unstable();
        ages.dedup();
        match ages.as_slice() {
            [] => Err(NotFound::Nothing),
            _ if name.is_empty() => Err(NotFound::Nothing),
            [age] => self.records.get(age).map(Record::show).ok_or(NotFound::Nothing),
            several => {
                let names = several.iter().filter_map(|age| self.records.get(age)?.call_ids.first().cloned());
                Err(NotFound::Several(names.take(SEVERAL_MAX).collect()))
            }
        }
    }

    /// The latest `max`, latest first.
    #[must_use]
    pub fn latest(&self, max: usize) -> Vec<CallTrace> {
        self.records.values().rev().filter(|record| record.len() > 0).take(max).map(Record::show).collect()
    }

    /// What is held.
    #[must_use]
    pub fn totals(&self) -> TraceTotals {
        TraceTotals { calls: self.records.len(), octets: self.octets, forgotten: self.forgotten }
    }

    /// The record of a Call-ID; made where there is none.
    fn of_call_id(&mut self, call_id: &Arc<str>) -> Age {
        if let Some(age) = self.by_call_id.get(call_id) {
            return *age;
        }
        let age = self.add(Record::of_call_id(Arc::clone(call_id)));
        self.by_call_id.insert(Arc::clone(call_id), age);
        age
    }

    fn add(&mut self, record: Record) -> Age {
        let age = self.next;
        self.next += 1;
        self.records.insert(age, record);
        // Sorts it in.
        self.change(age, |_| {});
        age
    }

    fn add_leg(&mut self, age: Age, leg: LegId) {
        self.by_leg.insert(leg, age);
        self.change(age, |record| record.legs.push(leg));
    }

    /// Changes a record, and keeps count of it.
    fn change(&mut self, age: Age, change: impl FnOnce(&mut Record)) {
        let Some(record) = self.records.get_mut(&age) else { return };
        let (before, was_loose) = (record.octets, self.loose.contains(&age));
        change(record);
        let (after, is_loose, is_over) = (record.octets, record.call.is_none(), record.is_over);
        self.octets = self.octets - before + after;
        self.loose_octets =
            self.loose_octets - if was_loose { before } else { 0 } + if is_loose { after } else { 0 };
        note(&mut self.loose, age, is_loose);
        note(&mut self.over, age, is_over && !is_loose);
    }

    /// Puts a record into another. Those of two calls stay two: a Call-ID that is used twice joins nobody.
    fn merge(&mut self, into: Age, from: Age) {
        let is_of_call = |age| self.records.get(&age).is_some_and(|record| record.call.is_some());
        if into == from || (is_of_call(into) && is_of_call(from)) {
            return;
        }
        let Some(other) = self.remove(from) else { return };
        for call_id in &other.call_ids {
            self.by_call_id.insert(Arc::clone(call_id), into);
        }
        for leg in &other.legs {
            self.by_leg.insert(*leg, into);
        }
        if let Some(call) = other.call {
            self.by_call.insert(call, into);
        }
        let max = self.bounds.messages;
        self.change(into, |record| record.absorb(other, max));
    }

    /// Takes a record out with all that leads to it.
    fn remove(&mut self, age: Age) -> Option<Record> {
        let record = self.records.remove(&age)?;
        self.octets -= record.octets;
        if self.loose.remove(&age) {
            self.loose_octets -= record.octets;
        }
        self.over.remove(&age);
        for call_id in &record.call_ids {
            self.by_call_id.remove(call_id);
        }
        for leg in &record.legs {
            self.by_leg.remove(leg);
        }
        if let Some(call) = record.call {
            self.by_call.remove(&call);
        }
        Some(record)
    }

    fn make_room(&mut self) {
        while self.records.len() > self.bounds.calls || self.octets > self.bounds.octets {
            let is_crowd =
                self.loose.len() > self.bounds.calls / 4 || self.loose_octets > self.bounds.octets / 4;
            let crowd = self.loose.first().filter(|_| is_crowd);
            let oldest = crowd.or(self.over.first()).or(self.loose.first()).copied();
            let Some(age) = oldest.or(self.records.first_key_value().map(|(age, _)| *age)) else { return };
            self.remove(age);
            self.forgotten += 1;
        }
    }
}

fn note(set: &mut BTreeSet<Age>, age: Age, is_in: bool) {
    if is_in {
        set.insert(age);
    } else {
        set.remove(&age);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant, SystemTime};

    use super::super::message::Direction;
    use super::*;
    use crate::sip::flow::TransportKind;

    /// A ring with a clock that goes on by a millisecond a message.
    struct Scene {
        ring: Ring,
        began_at: Instant,
        passed: u32,
    }

    impl Scene {
        fn new(calls: usize, messages: usize, octets: usize) -> Self {
            let ring = Ring::new(TraceBounds { calls, messages, octets });
            Self { ring, began_at: Instant::now(), passed: 0 }
        }

        fn pass(&mut self, call_id: &str, text: &str) {
            let address = "192.0.2.1:5060".parse().expect("an address");
            let seen = Seen {
                at: SystemTime::UNIX_EPOCH,
                now: self.began_at + self.passed * Duration::from_millis(1),
                kind: TransportKind::Udp,
                local: address,
                remote: address,
                direction: Direction::In,
                call_id: call_id.into(),
                octets: text.as_bytes().into(),
            };
            self.passed += 1;
            self.ring.push(Arc::new(seen));
        }

        /// A call of two legs that is over.
        fn call(&mut self, name: &str) -> CallId {
            let (call, legs) = (CallId::next(), [LegId::next(), LegId::next()]);
            let call_ids = [format!("{name}-a"), format!("{name}-b")];
            for (leg, call_id) in legs.into_iter().zip(&call_ids) {
                self.pass(call_id, "INVITE sip:a@b SIP/2.0");
                self.ring.leg_named(leg, call_id);
                self.ring.leg_joined(leg, call);
            }
            self.ring.call_over(call);
            call
        }

        fn texts(&self, name: &str) -> Vec<String> {
            let found = self.ring.find(name).unwrap_or_else(|error| panic!("{name}: {error}"));
            found.messages.iter().map(|seen| String::from_utf8_lossy(&seen.octets).into_owned()).collect()
        }

        /// All that leads to records leads to one that is there, and the counts are those of what is there.
        fn assert_sound(&self) {
            let ring = &self.ring;
            let ages = ring.by_call_id.values().chain(ring.by_call.values()).chain(ring.by_leg.values());
            assert!(ages.into_iter().all(|age| ring.records.contains_key(age)));
            assert_eq!(ring.octets, ring.records.values().map(|record| record.octets).sum::<usize>());
            let loose: Vec<_> = ring.records.iter().filter(|(_, record)| record.call.is_none()).collect();
            assert_eq!(ring.loose_octets, loose.iter().map(|(_, record)| record.octets).sum::<usize>());
            assert_eq!(ring.loose.len(), loose.len());
            let named: usize = ring.records.values().map(|record| record.call_ids.len()).sum();
            assert_eq!(ring.by_call_id.len(), named);
            let legs: usize = ring.records.values().map(|record| record.legs.len()).sum();
            assert_eq!(ring.by_leg.len(), legs);
        }
    }

    #[test]
    fn the_legs_of_a_call_are_one_record_in_whatever_order_that_is_told() {
        // What is told of the second leg: its message, its Call-ID, its call.
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut scene = Scene::new(10, 10, 100_000);
            let (call, first, second) = (CallId::next(), LegId::next(), LegId::next());
            scene.pass("a", "INVITE 1");
            scene.ring.leg_named(first, "a");
            scene.ring.leg_joined(first, call);
            for told in order {
                match told {
                    0 => scene.pass("b", "INVITE 2"),
                    1 => scene.ring.leg_named(second, "b"),
                    _ => scene.ring.leg_joined(second, call),
                }
                scene.assert_sound();
            }
            scene.pass("a", "BYE 1");
            for name in ["a", "b", "last", &call.to_string()] {
                assert_eq!(scene.texts(name), ["INVITE 1", "INVITE 2", "BYE 1"], "{order:?} {name}");
            }
            assert_eq!(scene.ring.totals().calls, 1);
        }
    }

    #[test]
    fn a_call_id_that_is_used_twice_joins_no_calls() {
        let mut scene = Scene::new(10, 10, 100_000);
        for call in [CallId::next(), CallId::next()] {
            let leg = LegId::next();
            scene.pass("same", "INVITE");
            scene.ring.leg_named(leg, "same");
            scene.ring.leg_joined(leg, call);
            scene.assert_sound();
        }
        assert_eq!(scene.ring.totals().calls, 2);
        assert_eq!(scene.texts("same").len(), 2);
    }

    #[test]
    fn a_call_is_found_by_the_begin_of_a_call_id_that_no_other_has() {
        let mut scene = Scene::new(10, 10, 100_000);
        scene.pass("abc@1", "REGISTER 1");
        scene.pass("abd@2", "INVITE 2");
        scene.pass("x", "OPTIONS 3");
        assert_eq!(scene.texts("abc"), ["REGISTER 1"]);
        assert_eq!(scene.texts("last"), ["INVITE 2"], "what is no call is not the last one");
        let several = scene.ring.find("ab").expect_err("two begin so");
        assert_eq!(several.to_string(), "several calls of late begin so: abc@1, abd@2");
        for name in ["", "y", "call-0"] {
            assert_eq!(scene.ring.find(name).map(|_| ()), Err(NotFound::Nothing), "{name:?}");
        }
        let latest = scene.ring.latest(2);
        assert_eq!(latest.iter().map(|one| &*one.call_ids[0]).collect::<Vec<_>>(), ["x", "abd@2"]);
    }

    #[test]
    fn the_oldest_call_that_is_over_makes_room_and_one_that_goes_on_stays() {
        let mut scene = Scene::new(4, 10, 100_000);
        let (running, leg) = (CallId::next(), LegId::next());
        scene.pass("long", "INVITE");
        scene.ring.leg_named(leg, "long");
        scene.ring.leg_joined(leg, running);
        for index in 0..10 {
            scene.call(&format!("n{index}"));
            scene.assert_sound();
        }
        assert_eq!(scene.texts("long"), ["INVITE"]);
        assert!(scene.ring.find("n6-a").is_err());
        assert_eq!(scene.texts("n8-b").len(), 2);
        assert!((3..=4).contains(&scene.ring.totals().calls));
        assert!(scene.ring.totals().forgotten >= 7);
    }

    #[test]
    fn a_crowd_of_strangers_pushes_no_call_out() {
        let mut scene = Scene::new(8, 10, 1_000_000);
        for index in 0..6 {
            scene.call(&format!("call{index}"));
        }
        for index in 0..10_000 {
            scene.pass(&format!("stranger{index}"), "REGISTER");
        }
        scene.assert_sound();
        for index in 0..6 {
            assert_eq!(scene.texts(&format!("call{index}-a")).len(), 2);
        }
        let large = "x".repeat(60_000);
        for index in 0..100 {
            scene.pass(&format!("large{index}"), &large);
        }
        scene.assert_sound();
        assert_eq!(scene.texts("call0-a").len(), 2, "nor do large messages of theirs");
    }

    #[test]
    fn of_a_long_call_its_begin_and_its_end_are_kept() {
        let mut scene = Scene::new(3, 6, 100_000);
        for index in 0..20 {
            scene.pass("a", &format!("INFO {index}"));
        }
        assert_eq!(scene.texts("a"), ["INFO 0", "INFO 1", "INFO 2", "INFO 17", "INFO 18", "INFO 19"]);
        assert_eq!(scene.ring.find("a").expect("it is there").omitted, 14);
        scene.assert_sound();
    }

    #[test]
    fn a_hundred_thousand_calls_cost_no_more_than_the_bounds_say() {
        let mut scene = Scene::new(50, 20, 64 * 1024);
        for index in 0..100_000 {
            scene.call(&format!("n{index}"));
            // Some never hear what leg they are, and some legs have no message.
            if index % 3 == 0 {
                scene.ring.leg_joined(LegId::next(), CallId::next());
                scene.ring.leg_named(LegId::next(), &format!("o{index}"));
            }
            assert!(scene.ring.records.len() <= 50 && scene.ring.octets <= 64 * 1024);
        }
        scene.assert_sound();
        assert!(scene.ring.by_leg.len() <= 200 && scene.ring.by_call_id.len() <= 200);
    }
}
