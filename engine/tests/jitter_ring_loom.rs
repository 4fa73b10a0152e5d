//! The memory ordering of the jitter buffer's ring, in every interleaving that the memory model
//! allows: this compiles the ring itself, with the atomics of `loom`.

mod atomic {
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};

    /// A word that must never be touched by both halves at a time. Each is an atomic, so that nothing
    /// worse than a wrong packet could come of it; `loom` is told of every access and finds such a race.
    pub(crate) struct Word {
        value: AtomicU64,
        access: loom::cell::UnsafeCell<()>,
    }

    impl Word {
        pub(crate) fn new(value: u64) -> Self {
            Self { value: AtomicU64::new(value), access: loom::cell::UnsafeCell::new(()) }
        }

        pub(crate) fn load(&self, ordering: Ordering) -> u64 {
            self.access.with(|_| self.value.load(ordering))
        }

        pub(crate) fn store(&self, value: u64, ordering: Ordering) {
            self.access.with_mut(|_| self.value.store(value, ordering));
        }
    }
}

#[path = "../src/media/jitter/ring.rs"]
mod ring;

use loom::thread;
use ring::{Full, RingReader, RingWriter, words_of};

/// Two of three records fit, so that the third must overwrite the first.
const WORDS: usize = 4;

#[test]
fn what_is_seen_is_whole_and_in_order() {
    loom::model(|| {
        let (writer, mut reader) = ring::ring(WORDS);
        let writer = thread::spawn(move || write(writer, 3));
        let seen = read(&mut reader);
        let pushed = writer.join().expect("the writer does not panic");
        let rest = read_from(&mut reader, seen);
        assert_eq!(rest, pushed, "everything that was accepted is read, and nothing else");
        assert!(pushed >= 2, "two records always fit");
    });
}

#[test]
fn a_record_that_is_kept_is_not_overwritten() {
    loom::model(|| {
        let (writer, reader) = ring::ring(WORDS);
        let writer = thread::spawn(move || write(writer, 3));
        let first = (reader.written() > 0).then(|| reader.word(0));
        let again = (reader.written() > 0).then(|| reader.word(0));
        let pushed = writer.join().expect("the writer does not panic");
        assert_eq!(pushed, 2, "nothing was given back");
        assert!(first.is_none_or(|word| word == 1) && again.is_none_or(|word| word == 1));
    });
}

/// Writes records 1, 2, ... of one word and six bytes, as many as fit; returns how many.
fn write(mut writer: RingWriter, records: u64) -> u64 {
    (1..=records).take_while(|number| writer.push([*number], &[*number as u8; 6]) != Err(Full)).count() as u64
}

fn read(reader: &mut RingReader) -> u64 {
    read_from(reader, 0)
}

/// Reads what is published behind `seen` records and gives it back; returns how many were seen by now.
fn read_from(reader: &mut RingReader, mut seen: u64) -> u64 {
    let record = 1 + words_of(6);
    let written = reader.written();
    while seen * record < written {
        let position = seen * record;
        seen += 1;
        assert_eq!(reader.word(position), seen);
        let mut bytes = [0; 6];
        reader.read(position + 1, &mut bytes);
        assert_eq!(bytes, [seen as u8; 6]);
        reader.free_to(position + record);
    }
    seen
}
