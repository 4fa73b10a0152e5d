//! The replay list of one stream: which of the last 128 indices were received (RFC 3711 3.3.2).

use crate::rtp::DropReason;

/// A window that ends at the highest index received.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReplayWindow {
    highest: u64,
    /// Bit n: the index `highest - n` was received.
    received: u128,
}

impl ReplayWindow {
    /// How far back the list reaches. The RFC asks for 64; twice that is 2.5 s of voice.
    pub(super) const LEN: u64 = u128::BITS as u64;

    /// The window of a stream whose first packet has this index.
    pub(super) const fn starting_at(index: u64) -> Self {
        Self { highest: index, received: 1 }
    }

    /// The highest index received.
    pub(super) const fn highest(&self) -> u64 {
        self.highest
    }

    /// Refuses an index that was received, or is too old to tell.
    pub(super) const fn check(&self, index: u64) -> Result<(), DropReason> {
        let Some(age) = self.highest.checked_sub(index) else { return Ok(()) };
        if age >= Self::LEN {
            Err(DropReason::TooOld)
        } else if self.received >> age & 1 == 1 {
            Err(DropReason::Replayed)
        } else {
            Ok(())
        }
    }

    /// Notes an index that [`Self::check`] passed and whose packet is authentic.
    pub(super) fn accept(&mut self, index: u64) {
        if let Some(age) = self.highest.checked_sub(index) {
            if age < Self::LEN {
                self.received |= 1 << age;
            }
        } else {
            let advance = index - self.highest;
            self.received = if advance < Self::LEN { self.received << advance | 1 } else { 1 };
            self.highest = index;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_index_passes_once() {
        let mut window = ReplayWindow::starting_at(1000);
        assert_eq!(window.check(1000), Err(DropReason::Replayed));
        assert_eq!(window.check(999), Ok(()));
        window.accept(999);
        assert_eq!(window.check(999), Err(DropReason::Replayed));
        window.accept(1127);
        assert_eq!(window.check(1000), Err(DropReason::Replayed));
        assert_eq!(window.check(999), Err(DropReason::TooOld));
        window.accept(1127 + 128);
        assert_eq!(window.check(1128), Ok(()));
        assert_eq!(window.check(1127), Err(DropReason::TooOld));
        assert_eq!(window.highest(), 1255);
    }

    proptest! {
        #[test]
        fn window_agrees_with_a_set(indices in prop::collection::vec(1000_u64..1400, 1..400)) {
            let mut window = ReplayWindow::starting_at(1000);
            let mut seen = HashSet::from([1000]);
            for index in indices {
                let highest = *seen.iter().max().expect("not empty");
                let expected = if index + ReplayWindow::LEN <= highest {
                    Err(DropReason::TooOld)
                } else if seen.contains(&index) {
                    Err(DropReason::Replayed)
                } else {
                    Ok(())
                };
                prop_assert_eq!(window.check(index), expected);
                if expected.is_ok() {
                    window.accept(index);
                    seen.insert(index);
                }
            }
        }
    }
}
