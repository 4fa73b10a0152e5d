//! A ring of 64-bit words between one writer and one reader, without lock, allocation or waiting.
//!
//! Each word is an atomic of its own, so the ring needs no `unsafe`: a record is written with relaxed
//! stores and published by one release store of the position behind it. The reader may read any
//! published word, any number of times and in any order, until it gives the words back.
//!
//! ```text
//!        freed          written          freed + capacity
//!   ------|----------------|----------------|------
//!          the reader's     the writer's
//! ```
//!
//! The orderings are checked by `tests/jitter_ring_loom.rs`, which compiles this very file with the
//! atomics of `loom`, and words that tell when both halves touch one at a time; that is why it takes
//! its atomics from its parent and names nothing else.

use crossbeam::utils::CachePadded;

use super::atomic::{Arc, AtomicU64, Ordering, Word};

/// Bytes in a word.
const BYTES: usize = 8;

/// What both halves see. Positions count words since the beginning and never wrap: at a
/// million words a second that would take 580,000 years.
struct Shared {
    words: Box<[Word]>,
    mask: u64,
    /// Everything before this is published. Moved by the writer only.
    written: CachePadded<AtomicU64>,
    /// Everything before this may be overwritten. Moved by the reader only.
    freed: CachePadded<AtomicU64>,
}

/// The half that puts records in.
pub(crate) struct RingWriter {
    shared: Arc<Shared>,
    written: u64,
    /// What `Shared::freed` was when it was last looked at; looked at again only when room runs out.
    freed: u64,
}

/// The half that reads records and gives their room back.
pub(crate) struct RingReader {
    shared: Arc<Shared>,
}

/// No room: the reader has fallen behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// A ring of at least `words` words.
pub(crate) fn ring(words: usize) -> (RingWriter, RingReader) {
    let capacity = words.next_power_of_two();
    let shared = Arc::new(Shared {
        words: (0..capacity).map(|_| Word::new(0)).collect(),
        mask: capacity as u64 - 1,
        written: CachePadded::new(AtomicU64::new(0)),
        freed: CachePadded::new(AtomicU64::new(0)),
    });
    (RingWriter { shared: shared.clone(), written: 0, freed: 0 }, RingReader { shared })
}

impl RingWriter {
    /// Publishes one record: `head`, then `bytes` filled up with zeros to a whole word.
    ///
    /// # Errors
    /// [`Full`] when it does not fit now; nothing was written.
    pub(crate) fn push<const HEAD: usize>(&mut self, head: [u64; HEAD], bytes: &[u8]) -> Result<(), Full> {
        let length = (HEAD + bytes.len().div_ceil(BYTES)) as u64;
        if !self.has_room(length) {
            return Err(Full);
        }
        let mut at = self.written;
        let mut put = |word: u64| {
            self.shared.word(at).store(word, Ordering::Relaxed);
            at += 1;
        };
        head.into_iter().for_each(&mut put);
        let (words, rest) = bytes.as_chunks::<BYTES>();
        words.iter().for_each(|word| put(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut last = [0; BYTES];
            last[..rest.len()].copy_from_slice(rest);
            put(u64::from_le_bytes(last));
        }
        self.written = at;
        // Pairs with the acquire in `RingReader::written`: who sees the position sees the words.
        self.shared.written.store(at, Ordering::Release);
        Ok(())
    }

    fn has_room(&mut self, length: u64) -> bool {
        let capacity = self.shared.mask + 1;
        if self.written + length <= self.freed + capacity {
            return true;
        }
        // Pairs with the release in `RingReader::free_to`: what was read is not overwritten before.
        self.freed = self.shared.freed.load(Ordering::Acquire);
        self.written + length <= self.freed + capacity
    }
}

impl RingReader {
    /// The position behind the last published record.
    pub(crate) fn written(&self) -> u64 {
        self.shared.written.load(Ordering::Acquire)
    }

    /// The word at `position`, which is published and not given back.
    pub(crate) fn word(&self, position: u64) -> u64 {
        self.shared.word(position).load(Ordering::Relaxed)
    }

    /// Reads `out.len()` bytes that begin at `position`, which are published and not given back.
    pub(crate) fn read(&self, mut position: u64, out: &mut [u8]) {
        for bytes in out.chunks_mut(BYTES) {
            bytes.copy_from_slice(&self.word(position).to_le_bytes()[..bytes.len()]);
            position += 1;
        }
    }

    /// Gives everything before `position` back to the writer.
    #[allow(clippy::needless_pass_by_ref_mut, reason = "nobody who reads may hold what is given back")]
    pub(crate) fn free_to(&mut self, position: u64) {
        self.shared.freed.store(position, Ordering::Release);
    }
}

/// Words that `bytes` bytes take in a record.
pub(crate) const fn words_of(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES) as u64
}

impl Shared {
    fn word(&self, position: u64) -> &Word {
        &self.words[(position & self.mask) as usize]
    }
}
