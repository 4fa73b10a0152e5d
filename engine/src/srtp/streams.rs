//! The streams of one direction, and how far each has come.

use super::replay::ReplayWindow;
use crate::rtp::{DropReason, Ssrc};

/// Most streams in one direction of a leg at a time. Chosen by us: a browser's audio m-line sends one,
/// another after a change of source; eight leave room, and a flood of authentic ones no memory.
pub const STREAMS_MAX: usize = 8;

/// Most streams that gave way to others: so often may a phone begin another stream, at each resume say, under
/// one key. Chosen by us: 4 KiB, which only a peer that has the key can fill.
const PAST_MAX: usize = 256;

/// A replay list per SSRC, at most [`STREAMS_MAX`]: a new one takes the place of that which was silent for longest.
///
/// Of one that gave way stays how far it had come: nothing up to there is taken again. Where no more of that can be
/// kept, no new stream is taken.
#[derive(Debug)]
pub(super) struct Streams {
    /// The one that was heard last is the last. Nearly always one: there is room for it from the begin, for more
    /// when they come.
    known: Vec<(Ssrc, ReplayWindow)>,
    /// Streams that gave way, and the highest index of each.
    past: Vec<(Ssrc, u64)>,
    /// How far streams had come under the key before.
    before: Vec<(Ssrc, u64)>,
}

impl Default for Streams {
    fn default() -> Self {
        Self { known: Vec::with_capacity(1), past: Vec::new(), before: Vec::new() }
    }
}

impl Streams {
    /// The replay list of `ssrc`; `None` if the stream would be new.
    ///
    /// # Errors
    /// [`DropReason::TooManySsrcs`] if it would be one too many.
    pub(super) fn find(&self, ssrc: Ssrc) -> Result<Option<&ReplayWindow>, DropReason> {
        match self.known.iter().find(|(of, _)| *of == ssrc) {
            Some((_, window)) => Ok(Some(window)),
            None if self.has_room(ssrc) => Ok(None),
            None => Err(DropReason::TooManySsrcs),
        }
    }

    /// The highest index of a stream that gave way to others.
    pub(super) fn used(&self, ssrc: Ssrc) -> Option<u64> {
        find_in(&self.past, ssrc)
    }

    /// How far the stream had come under the key before.
    pub(super) fn before(&self, ssrc: Ssrc) -> Option<u64> {
        find_in(&self.before, ssrc)
    }

    /// Notes an index that was used: checked against [`Self::find`] and [`Self::used`], and authentic.
    pub(super) fn accept(&mut self, ssrc: Ssrc, index: u64) {
        if let Some(at) = self.known.iter().position(|(of, _)| *of == ssrc) {
            self.known[at].1.accept(index);
            return self.known[at..].rotate_left(1);
        }
        self.past.retain(|(of, _)| *of != ssrc);
        if self.known.len() == STREAMS_MAX {
            let (silent, window) = self.known.remove(0);
            self.past.push((silent, window.highest()));
        }
        self.known.reserve_exact(1);
        self.known.push((ssrc, ReplayWindow::starting_at(index)));
    }

    /// Goes on after the streams of another key: each may go on where it is there or begin anew, but nothing
    /// that came under this one before is taken again.
    pub(super) fn follow(&mut self, former: &Self) {
        self.past.extend(self.known.drain(..).map(|(ssrc, window)| (ssrc, window.highest())));
        let highest = former.known.iter().map(|(ssrc, window)| (*ssrc, window.highest()));
        let unheard = former.before.iter().filter(|(ssrc, _)| former.known.iter().all(|(of, _)| of != ssrc));
        self.before = highest.rev().chain(unheard.copied()).take(STREAMS_MAX).collect();
    }

    fn has_room(&self, ssrc: Ssrc) -> bool {
        self.known.len() + self.past.len() < STREAMS_MAX + PAST_MAX || self.used(ssrc).is_some()
    }
}

fn find_in(streams: &[(Ssrc, u64)], ssrc: Ssrc) -> Option<u64> {
    streams.iter().find(|(of, _)| *of == ssrc).map(|(_, index)| *index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_known(streams: &Streams, ssrc: u32) -> bool {
        streams.find(Ssrc(ssrc)).is_ok_and(|window| window.is_some())
    }

    #[test]
    fn a_new_stream_takes_the_place_of_the_one_that_was_silent_for_longest() {
        let mut streams = Streams::default();
        for ssrc in 0..8 {
            assert!(streams.find(Ssrc(ssrc)).expect("there is room").is_none());
            streams.accept(Ssrc(ssrc), u64::from(ssrc) * 100);
        }
        streams.accept(Ssrc(0), 1);
        streams.accept(Ssrc(8), 7);
        let known: Vec<u32> = (0..9).filter(|ssrc| is_known(&streams, *ssrc)).collect();
        assert_eq!(known, [0, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(streams.used(Ssrc(1)), Some(100), "what it sent is not forgotten");
        streams.accept(Ssrc(1), 101);
        assert!(is_known(&streams, 1) && !is_known(&streams, 2));
        assert_eq!((streams.used(Ssrc(1)), streams.used(Ssrc(2))), (None, Some(200)));
        assert_eq!(streams.find(Ssrc(0)).expect("known").expect("known").highest(), 1);
    }

    #[test]
    fn where_no_more_can_be_remembered_no_new_stream_is_taken_and_the_others_go_on() {
        let mut streams = Streams::default();
        let last = (STREAMS_MAX + PAST_MAX) as u32;
        for ssrc in 0..last {
            assert!(streams.find(Ssrc(ssrc)).expect("there is room").is_none(), "{ssrc}");
            streams.accept(Ssrc(ssrc), 7);
        }
        assert!(matches!(streams.find(Ssrc(last)), Err(DropReason::TooManySsrcs)));
        assert!(is_known(&streams, last - 1));
        assert!(streams.find(Ssrc(0)).expect("it may come back").is_none());
        streams.accept(Ssrc(0), 8);
        assert_eq!((streams.known.len(), streams.past.len()), (STREAMS_MAX, PAST_MAX));
    }
}
