//! What the engine holds now, readable from any thread: the ledger by which a leak shows.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::placement::Standing;

/// More missed deadlines in a second than this are too many. Chosen by us: one packet in twenty.
const MISSED_PERMILLE_MAX: u32 = 50;

/// So many such seconds in a row make a shard late. Chosen by us: one may be an accident of the machine's.
const LATE_SECONDS: u32 = 2;

/// Counts of one shard; only its thread writes, but for events of recordings that found no room.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    calls: AtomicUsize,
    legs: AtomicUsize,
    ports_in_use: AtomicUsize,
    datagrams_of_nobody: AtomicUsize,
    datagrams_unsent: AtomicU64,
    commands_overrun: AtomicU64,
    events_overrun: AtomicU64,
    newcomers: AtomicUsize,
    busy_permille: AtomicU32,
    pairs_free: AtomicUsize,
    beats: AtomicU64,
    timers: AtomicUsize,
    late_seconds: AtomicU32,
    complexity: AtomicU32,
}

/// Whether a shard lives, and what depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VitalSigns {
    /// Grows ten times a second while its thread goes on.
    pub beats: u64,
    /// Calls on it.
    pub calls: usize,
    /// Their legs.
    pub legs: usize,
    /// How much of the last measured second its thread worked.
    pub busy_permille: u32,
    /// Whether it has missed too many deadlines for some seconds.
    pub is_late: bool,
    /// Pairs of RTP ports that it could hand out, as measured last.
    pub pairs_free: usize,
    /// How hard codecs could work in the last measured second, 0..=10.
    pub complexity: u32,
}

/// What the engine holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Calls.
    pub calls: usize,
    /// Legs of all calls.
    pub legs: usize,
    /// RTP/RTCP port pairs in use.
    pub ports_in_use: usize,
    /// Datagrams on the WebRTC ports that belonged to nobody, since the begin.
    pub datagrams_of_nobody: usize,
    /// Datagrams that found no room among those that waited to be sent, since the begin.
    pub datagrams_unsent: u64,
    /// Calls that ended since more commands came than can wait, since the begin.
    pub commands_overrun: u64,
    /// Events of calls that found no room where they wait to be taken, since the begin: such a call ends too.
    pub events_overrun: u64,
    /// Timers that wait, as each shard counted them within the last second.
    pub timers: usize,
    /// Recordings that were not begun since too many waited for the disk, since the begin.
    pub recordings_refused: u64,
    /// Packets that recordings miss since the disk was too slow, since the begin.
    pub recorded_packets_missed: u64,
}

impl Gauges {
    /// How the shard stands, for who places calls.
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            calls: self.calls.load(Relaxed),
            newcomers: self.newcomers.load(Relaxed),
            busy_permille: self.busy_permille.load(Relaxed),
            pairs_free: self.pairs_free.load(Relaxed),
            is_late: self.is_late(),
        }
    }

    /// Notes what the last second was like, which the calls made since then are not part of.
    pub(crate) fn set_measured(&self, busy_permille: u32, missed_permille: u32, pairs_free: usize) {
        self.busy_permille.store(busy_permille, Relaxed);
        self.pairs_free.store(pairs_free, Relaxed);
        self.newcomers.store(0, Relaxed);
        let late_seconds = self.late_seconds.load(Relaxed).saturating_add(1);
        self.late_seconds
            .store(if missed_permille > MISSED_PERMILLE_MAX { late_seconds } else { 0 }, Relaxed);
    }

    /// Whether the shard has missed too much for some time: more work would be heard in all of its calls.
    pub(crate) fn is_late(&self) -> bool {
        self.late_seconds.load(Relaxed) >= LATE_SECONDS
    }

    pub(crate) fn set_complexity(&self, complexity: u8) {
        self.complexity.store(complexity.into(), Relaxed);
    }

    pub(crate) fn set_timers(&self, timers: usize) {
        self.timers.store(timers, Relaxed);
    }

    pub(crate) fn beat(&self) {
        self.beats.fetch_add(1, Relaxed);
    }

    pub(crate) fn vital_signs(&self) -> VitalSigns {
        VitalSigns {
            beats: self.beats.load(Relaxed),
            calls: self.calls.load(Relaxed),
            legs: self.legs.load(Relaxed),
            busy_permille: self.busy_permille.load(Relaxed),
            is_late: self.is_late(),
            pairs_free: self.pairs_free.load(Relaxed),
            complexity: self.complexity.load(Relaxed),
        }
    }

    pub(crate) fn call_added(&self) {
        self.calls.fetch_add(1, Relaxed);
        self.newcomers.fetch_add(1, Relaxed);
    }

    pub(crate) fn call_removed(&self) {
        self.calls.fetch_sub(1, Relaxed);
    }

    pub(crate) fn leg_added(&self) {
        self.legs.fetch_add(1, Relaxed);
    }

    pub(crate) fn leg_removed(&self) {
        self.legs.fetch_sub(1, Relaxed);
    }

    pub(crate) fn set_ports_in_use(&self, ports: usize) {
        self.ports_in_use.store(ports, Relaxed);
    }

    pub(crate) fn count_datagram_of_nobody(&self) {
        self.datagrams_of_nobody.fetch_add(1, Relaxed);
    }

    pub(crate) fn set_datagrams_unsent(&self, datagrams: u64) {
        self.datagrams_unsent.store(datagrams, Relaxed);
    }

    pub(crate) fn count_commands_overrun(&self) {
        self.commands_overrun.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_event_overrun(&self) {
        self.events_overrun.fetch_add(1, Relaxed);
    }

    pub(crate) fn add_to(&self, ledger: &mut Ledger) {
        ledger.calls += self.calls.load(Relaxed);
        ledger.legs += self.legs.load(Relaxed);
        ledger.ports_in_use += self.ports_in_use.load(Relaxed);
        ledger.datagrams_of_nobody += self.datagrams_of_nobody.load(Relaxed);
        ledger.datagrams_unsent += self.datagrams_unsent.load(Relaxed);
        ledger.commands_overrun += self.commands_overrun.load(Relaxed);
        ledger.events_overrun += self.events_overrun.load(Relaxed);
        ledger.timers += self.timers.load(Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_misses_too_much_twice_is_late_until_it_does_not() {
        let gauges = Gauges::default();
        let after = |missed| {
            gauges.set_measured(900, missed, 100);
            gauges.is_late()
        };
        assert_eq!([51, 50, 51, 51, 1000].map(after), [false, false, false, true, true]);
        assert!(!after(50));
    }
}
