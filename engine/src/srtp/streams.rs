//! The streams of one direction, and how far each has come.

use super::replay::ReplayWindow;
use crate::rtp::{DropReason, Ssrc};

/// Most streams in one direction of a leg. Chosen by us: a browser's audio m-line sends one,
/// another after a change of source; eight leave room, and a flood of authentic ones no memory.
pub const STREAMS_MAX: usize = 8;

/// A replay list per SSRC, at most [`STREAMS_MAX`].
#[derive(Debug, Default)]
pub(super) struct Streams {
    slots: [Option<(Ssrc, ReplayWindow)>; STREAMS_MAX],
}

impl Streams {
    /// The replay list of `ssrc`; `None` if the stream would be new.
    ///
    /// # Errors
    /// [`DropReason::TooManySsrcs`] if it would be one too many.
    pub(super) fn find(&self, ssrc: Ssrc) -> Result<Option<&ReplayWindow>, DropReason> {
        for slot in &self.slots {
            match slot {
                Some((of, window)) if *of == ssrc => return Ok(Some(window)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
        Err(DropReason::TooManySsrcs)
    }

    /// Notes an index that was used: checked against [`Self::find`], and authentic.
    pub(super) fn accept(&mut self, ssrc: Ssrc, index: u64) {
        for slot in &mut self.slots {
            match slot {
                Some((of, window)) if *of == ssrc => return window.accept(index),
                Some(_) => {}
                None => return *slot = Some((ssrc, ReplayWindow::starting_at(index))),
            }
        }
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
