//! The streams of one direction, and how far each has come.

use super::replay::ReplayWindow;
use crate::rtp::{DropReason, Ssrc};

/// Most streams in one direction of a leg. Chosen by us: a browser's audio m-line sends one,
/// another after a change of source; eight leave room, and a flood of authentic ones no memory.
pub const STREAMS_MAX: usize = 8;

/// A replay list per SSRC, at most [`STREAMS_MAX`].
#[derive(Debug)]
pub(super) struct Streams {
    /// Nearly always one: there is room for it from the begin, for more when they come.
    known: Vec<(Ssrc, ReplayWindow)>,
}

impl Default for Streams {
    fn default() -> Self {
        Self { known: Vec::with_capacity(1) }
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
            None if self.known.len() < STREAMS_MAX => Ok(None),
            None => Err(DropReason::TooManySsrcs),
        }
    }

    /// Notes an index that was used: checked against [`Self::find`], and authentic.
    pub(super) fn accept(&mut self, ssrc: Ssrc, index: u64) {
        if let Some((_, window)) = self.known.iter_mut().find(|(of, _)| *of == ssrc) {
            return window.accept(index);
        }
        self.known.reserve_exact(1);
        self.known.push((ssrc, ReplayWindow::starting_at(index)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stream_too_many_is_refused_and_the_others_go_on() {
        let mut streams = Streams::default();
        for ssrc in 0..8 {
            assert!(streams.find(Ssrc(ssrc)).expect("there is room").is_none());
            streams.accept(Ssrc(ssrc), u64::from(ssrc) * 100);
        }
        assert!(matches!(streams.find(Ssrc(8)), Err(DropReason::TooManySsrcs)));
        let window = streams.find(Ssrc(7)).expect("known").expect("known");
        assert_eq!(window.highest(), 700);
    }
}
