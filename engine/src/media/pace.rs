//! How fast one leg may send: a bound on what a flood, or a circle of echoes, costs the others.

use std::time::{Duration, Instant};

/// Packets of 5 ms, the shortest that voice is sent in, with digits beside them: 250 a second. Chosen by us.
const INTERVAL: Duration = Duration::from_millis(4);

/// So many times faster than it is spoken may voice come, or long packets would bring more of it at that pace than a
/// machine can decode. Chosen by us: a stall is caught up with soon.
const FASTER_MAX: u32 = 4;

/// What may come at once after the network stood still.
const BURST: Duration = Duration::from_secs(1);

/// The pace of one leg's packets: the generic cell rate algorithm of ITU-T I.371, in its form with a virtual clock.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When the packets that were admitted would have come at the permitted pace.
    due_at: Option<Instant>,
}

impl Pace {
    /// Whether one more packet may be taken, in which voice `lasts` so long.
    pub(crate) fn admits(&mut self, lasts: Duration, now: Instant) -> bool {
        let due_at = self.due_at.map_or(now, |due_at| due_at.max(now));
        let is_admitted = due_at < now + BURST;
        if is_admitted {
            self.due_at = Some(due_at + INTERVAL.max(lasts / FASTER_MAX));
        }
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST_PACKETS: u32 = 250;

    /// The shortest that voice is sent in.
    const SHORTEST: Duration = Duration::from_millis(5);

    #[test]
    fn voice_passes_for_ever_and_a_second_of_it_at_once() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..1000 {
            assert!(pace.admits(SHORTEST, now) && pace.admits(Duration::ZERO, now), "voice, and digits");
            now += Duration::from_millis(10);
        }
        now += BURST;
        assert!((0..BURST_PACKETS).all(|_| pace.admits(SHORTEST, now)));
        assert!(!pace.admits(SHORTEST, now));
    }

    #[test]
    fn a_flood_is_cut_to_the_pace() {
        let (mut pace, began_at) = (Pace::default(), Instant::now());
        let admitted =
            (0..10_000).filter(|ms| pace.admits(SHORTEST, began_at + Duration::from_millis(*ms))).count();
        assert_eq!(admitted, 10 * 250 + BURST_PACKETS as usize);
    }

    #[test]
    fn long_packets_are_cut_to_four_times_the_voice_that_time_has_room_for() {
        for ms_each in [20, 60, 200] {
            let (mut pace, began_at) = (Pace::default(), Instant::now());
            let lasts = Duration::from_millis(ms_each);
            let admitted =
                (0..10_000).filter(|ms| pace.admits(lasts, began_at + Duration::from_millis(*ms))).count();
            let most = 4 * 11_000 / ms_each as usize;
            assert!((most - 1..=most + 1).contains(&admitted), "{admitted} packets of {ms_each} ms");
        }
    }
}
