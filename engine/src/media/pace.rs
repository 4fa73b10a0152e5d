//! How fast one leg may send: a bound on what a flood, or a circle of echoes, costs the others.

use std::time::{Duration, Instant};

/// Packets of 5 ms, the shortest that voice is sent in, with digits beside them: 250 a second. Chosen by us.
const INTERVAL: Duration = Duration::from_millis(4);

/// What may come at once after the network stood still.
const BURST: Duration = Duration::from_secs(1);

/// The pace of one leg's packets: the generic cell rate algorithm of ITU-T I.371, in its form with a virtual clock.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When the packets that were admitted would have come at the permitted pace.
    due_at: Option<Instant>,
}

impl Pace {
    /// Whether one more packet may be taken.
    pub(crate) fn admits(&mut self, now: Instant) -> bool {
        let due_at = self.due_at.map_or(now, |due_at| due_at.max(now));
        let is_admitted = due_at < now + BURST;
        if is_admitted {
            self.due_at = Some(due_at + INTERVAL);
        }
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST_PACKETS: u32 = 250;

    #[test]
    fn voice_passes_for_ever_and_a_second_of_it_at_once() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..1000 {
            assert!((0..2).all(|_| pace.admits(now)), "5 ms packets, and digits");
            now += Duration::from_millis(10);
        }
        now += BURST;
        assert!((0..BURST_PACKETS).all(|_| pace.admits(now)));
        assert!(!pace.admits(now));
    }

    #[test]
    fn a_flood_is_cut_to_the_pace() {
        let (mut pace, began_at) = (Pace::default(), Instant::now());
        let admitted = (0..10_000).filter(|ms| pace.admits(began_at + Duration::from_millis(*ms))).count();
        assert_eq!(admitted, 10 * 250 + BURST_PACKETS as usize);
    }
}
