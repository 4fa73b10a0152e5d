//! Where messages are taken off on their way: a bounded channel that nobody waits for.
//!
//! A message costs the sender a reference to its octets and a place in the channel. Where the reader is behind, it is
//! dropped and counted; a last quarter of the channel is kept for what joins messages to calls, which is little and
//! cannot be found out afterwards.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use webtrunk_engine::{CallId, LegId};

use super::message::{Direction, Passing};
use crate::lock::lock;
use crate::sip::flow::Flow;

/// What may wait for the reader. Chosen by us: a tenth of a second of 20,000 messages a second.
const WAITING_MAX: usize = 2048;

/// What of it may be messages.
const MESSAGES_WAITING_MAX: usize = WAITING_MAX / 4 * 3;

/// How many octets may wait. Chosen by us: a crowd of the largest messages must not cost more.
const OCTETS_WAITING_MAX: usize = 8 * 1024 * 1024;

/// What the reader is told.
#[derive(Debug)]
pub enum Note {
    /// A message went by.
    Passed(Passing),
    /// A leg has this Call-ID.
    LegNamed {
        /// The leg.
        leg: LegId,
        /// The Call-ID of its dialogs.
        call_id: Box<str>,
    },
    /// A leg belongs to a call.
    LegJoined {
        /// The leg.
        leg: LegId,
        /// The call.
        call: CallId,
    },
    /// A call is over. A message of it may still follow.
    CallOver {
        /// The call.
        call: CallId,
    },
}

/// The sending half; cheap to clone.
#[derive(Debug, Clone)]
pub struct Tap {
    notes: SyncSender<Note>,
    waiting: Arc<Waiting>,
}

/// The receiving half.
#[derive(Debug)]
pub struct TapReader {
    notes: Receiver<Note>,
    waiting: Arc<Waiting>,
}

/// What was counted from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TapCounts {
    /// Messages that were handed over.
    pub passed: u64,
    /// Messages and notes that were dropped because the reader was behind.
    pub dropped: u64,
}

/// All senders are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

#[derive(Debug, Default)]
struct Waiting {
    messages: AtomicUsize,
    octets: AtomicUsize,
    passed: AtomicU64,
    dropped: AtomicU64,
    /// Calls that are over and could not be told: no more than end while the reader is behind.
    ends: Mutex<Vec<CallId>>,
}

/// A tap and its reader.
#[must_use]
pub fn tap() -> (Tap, TapReader) {
    let (sender, receiver) = sync_channel(WAITING_MAX);
    let waiting = Arc::new(Waiting::default());
    (Tap { notes: sender, waiting: Arc::clone(&waiting) }, TapReader { notes: receiver, waiting })
}

impl Tap {
    /// Notes a message that went by. Never waits.
    pub fn passed(
        &self,
        flow: &Flow,
        direction: Direction,
        octets: &Bytes,
        (at, now): (SystemTime, Instant),
    ) {
        let waiting = &self.waiting;
        if waiting.messages.load(Ordering::Relaxed) >= MESSAGES_WAITING_MAX
            || waiting.octets.load(Ordering::Relaxed) + octets.len() > OCTETS_WAITING_MAX
        {
            waiting.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.messages.fetch_add(1, Ordering::Relaxed);
        waiting.octets.fetch_add(octets.len(), Ordering::Relaxed);
        let passing = Passing { at, now, flow: *flow, direction, octets: octets.clone() };
        match self.notes.try_send(Note::Passed(passing)) {
            Ok(()) => {
                waiting.passed.fetch_add(1, Ordering::Relaxed);
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                waiting.take(octets.len());
                waiting.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Notes the Call-ID of a leg.
    pub fn leg_named(&self, leg: LegId, call_id: &str) {
        self.note(Note::LegNamed { leg, call_id: call_id.into() });
    }

    /// Notes the call of a leg.
    pub fn leg_joined(&self, leg: LegId, call: CallId) {
        self.note(Note::LegJoined { leg, call });
    }

    /// Notes the end of a call. It is told later where there is no room now: what is never over is kept longest.
    pub fn call_over(&self, call: CallId) {
        if let Err(TrySendError::Full(_)) = self.notes.try_send(Note::CallOver { call }) {
            self.waiting.lock_ends().push(call);
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> TapCounts {
        let Waiting { passed, dropped, .. } = &*self.waiting;
        TapCounts { passed: passed.load(Ordering::Relaxed), dropped: dropped.load(Ordering::Relaxed) }
    }

    fn note(&self, note: Note) {
        if self.notes.try_send(note).is_err() {
            self.waiting.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl TapReader {
    /// The next note; `None` where none comes within `patience`.
    ///
    /// # Errors
    /// [`Gone`] when none can come any more.
    pub fn next(&self, patience: Duration) -> Result<Option<Note>, Gone> {
        // Those of which there was no room to tell come after all that was noted before.
        let late = || self.waiting.lock_ends().pop();
        let note = match self.notes.try_recv() {
            Ok(note) => note,
            Err(_) => match late() {
                Some(call) => return Ok(Some(Note::CallOver { call })),
                None => match self.notes.recv_timeout(patience) {
                    Ok(note) => note,
                    Err(RecvTimeoutError::Timeout) => return Ok(None),
                    Err(RecvTimeoutError::Disconnected) => return Err(Gone),
                },
            },
        };
        if let Note::Passed(passing) = &note {
            self.waiting.take(passing.octets.len());
        }
        Ok(Some(note))
    }
}

impl Waiting {
    fn lock_ends(&self) -> MutexGuard<'_, Vec<CallId>> {
        lock(&self.ends)
    }

    fn take(&self, octets: usize) {
        self.messages.fetch_sub(1, Ordering::Relaxed);
        self.octets.fetch_sub(octets, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::flow::{ListenerId, TransportKind};

    fn flow() -> Flow {
        let address = "192.0.2.1:5060".parse().expect("an address");
        let (kind, listener) = (TransportKind::Udp, ListenerId(0));
        Flow { kind, listener, local: address, remote: address, connection: None }
    }

    fn pass(tap: &Tap, octets: &Bytes) {
        tap.passed(&flow(), Direction::In, octets, (SystemTime::UNIX_EPOCH, Instant::now()));
    }

    fn drain(reader: &TapReader) -> Vec<Note> {
        std::iter::from_fn(|| reader.next(Duration::ZERO).ok().flatten()).collect()
    }

    #[test]
    fn a_tap_that_nobody_reads_drops_and_counts_and_still_tells_of_calls() {
        let (tap, reader) = tap();
        let octets = Bytes::from_static(b"OPTIONS");
        for _ in 0..WAITING_MAX {
            pass(&tap, &octets);
        }
        let leg = LegId::next();
        tap.leg_named(leg, "a@b");
        let lost = (WAITING_MAX - MESSAGES_WAITING_MAX) as u64;
        assert_eq!(tap.counts(), TapCounts { passed: MESSAGES_WAITING_MAX as u64, dropped: lost });
        let notes = drain(&reader);
        assert_eq!(notes.len(), MESSAGES_WAITING_MAX + 1);
        assert!(matches!(notes.last(), Some(Note::LegNamed { leg: named, .. }) if *named == leg));
        pass(&tap, &octets);
        assert_eq!(drain(&reader).len(), 1, "there is room again");
    }

    #[test]
    fn a_call_that_ends_while_the_reader_is_behind_is_over_all_the_same() {
        let (tap, reader) = tap();
        let calls: Vec<_> = (0..WAITING_MAX + 10).map(|_| CallId::next()).collect();
        calls.iter().for_each(|call| tap.call_over(*call));
        let over: std::collections::HashSet<_> = drain(&reader)
            .into_iter()
            .filter_map(|note| match note {
                Note::CallOver { call } => Some(call),
                Note::Passed(_) | Note::LegNamed { .. } | Note::LegJoined { .. } => None,
            })
            .collect();
        assert_eq!((over.len(), tap.counts().dropped), (calls.len(), 0));
    }

    #[test]
    fn the_octets_that_wait_are_bounded_too() {
        let (tap, reader) = tap();
        let octets = Bytes::from(vec![b'x'; 64 * 1024]);
        for _ in 0..200 {
            pass(&tap, &octets);
        }
        assert_eq!(drain(&reader).len(), OCTETS_WAITING_MAX / octets.len());
        assert_eq!(tap.counts().dropped, 200 - (OCTETS_WAITING_MAX / octets.len()) as u64);
    }

    #[test]
    fn a_reader_that_is_gone_is_no_fault_of_who_sends() {
        let (tap, reader) = tap();
        drop(reader);
        pass(&tap, &Bytes::from_static(b"BYE"));
        assert_eq!(tap.counts(), TapCounts { passed: 0, dropped: 1 });
        let (own, reader) = self::tap();
        drop(own);
        assert_eq!(reader.next(Duration::ZERO).map(|_| ()), Err(Gone));
    }
}
