//! Who talks, and who of them is the one to look at.
//!
//! ```text
//!             60 ms above the floor by 12 dB
//!   Quiet -----------------------------------> Talking
//!     ^                                           |
//!     +------ 500 ms less than 6 dB above it -----+
//! ```
//!
//! The floor is the party's own noise: it falls at once and rises by 1 dB a second. The speaker is
//! the loudest who talks; he gives way when he stops, or to one who was 4 dB louder for 300 ms.

use crate::media::quality::{LEVEL_MIN_DBOV, level_dbov};

/// Below this nobody talks, however quiet his line is: -50 dBov. Chosen by us.
const TALK_MIN_DB: f32 = -50.0;

/// How far above his noise one who begins to talk is.
const BEGIN_ABOVE_DB: f32 = 12.0;

/// How far above it he still talks.
const GO_ON_ABOVE_DB: f32 = 6.0;

/// Ticks until talk is believed: 60 ms, longer than a knock on the table.
const BEGIN_TICKS: u32 = 3;

/// Ticks until its end is: 500 ms, longer than the pause between two words.
const END_TICKS: u32 = 25;

/// By so much another must be louder.
const LOUDER_BY_DB: f32 = 4.0;

/// For so many ticks: 300 ms.
const LOUDER_TICKS: u32 = 15;

/// The share of a new tick in the loudness that speakers are compared by: some 200 ms.
const SMOOTHING: f32 = 0.1;

/// How fast the floor rises, per tick.
const FLOOR_RISE_DB: f32 = 0.02;

/// What one party is heard to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Talk {
    floor_db: f32,
    loudness_db: f32,
    is_talking: bool,
    /// Ticks in a row that speak for the other state.
    against: u32,
}

/// The speaker, and who is about to be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Speaker {
    current: Option<usize>,
    rival: Option<(usize, u32)>,
}

impl Talk {
    pub(super) const fn new() -> Self {
        Self { floor_db: TALK_MIN_DB, loudness_db: LEVEL_MIN_DBOV, is_talking: false, against: 0 }
    }

    /// Hears one tick, `None` if nothing came; returns whether he began or stopped to talk.
    pub(super) fn hear(&mut self, frame: Option<&[i16]>) -> Option<bool> {
        let level = frame.map_or(LEVEL_MIN_DBOV, level_dbov);
        self.floor_db = level.min(self.floor_db + FLOOR_RISE_DB).max(LEVEL_MIN_DBOV);
        self.loudness_db += (level - self.loudness_db) * SMOOTHING;
        let above = if self.is_talking { GO_ON_ABOVE_DB } else { BEGIN_ABOVE_DB };
        let is_loud = level > (self.floor_db + above).max(TALK_MIN_DB);
        self.against = if is_loud == self.is_talking { 0 } else { self.against + 1 };
        let needed = if self.is_talking { END_TICKS } else { BEGIN_TICKS };
        if self.against < needed {
            return None;
        }
        self.against = 0;
        self.is_talking = is_loud;
        Some(is_loud)
    }
}

impl Speaker {
    /// Compares all who are there; returns the new speaker if he changed.
    pub(super) fn choose<'a>(
        &mut self,
        talks: impl Iterator<Item = (usize, &'a Talk)> + Clone,
    ) -> Option<Option<usize>> {
        let talking = talks.filter(|(_, talk)| talk.is_talking);
        let current = talking.clone().find(|(index, _)| Some(*index) == self.current);
        let loudest = talking.max_by(|a, b| a.1.loudness_db.total_cmp(&b.1.loudness_db));
        let chosen = match (current, loudest) {
            (Some((current, talk)), Some((rival, louder)))
                if current != rival && louder.loudness_db > talk.loudness_db + LOUDER_BY_DB =>
            {
                let ticks = self.rival.filter(|(who, _)| *who == rival).map_or(1, |(_, ticks)| ticks + 1);
                self.rival = Some((rival, ticks));
                if ticks < LOUDER_TICKS { Some(current) } else { Some(rival) }
            }
            (Some((current, _)), _) => {
                self.rival = None;
                Some(current)
            }
            (None, loudest) => loudest.map(|(index, _)| index),
        };
        if chosen == self.current {
            return None;
        }
        *self = Self { current: chosen, rival: None };
        Some(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(talk: &mut Talk, ticks: u32, level: i16) -> Vec<(u32, bool)> {
        let frame = [level, -level];
        (0..ticks).filter_map(|tick| Some((tick, talk.hear(Some(&frame))?))).collect()
    }

    #[test]
    fn talk_begins_after_60_ms_and_ends_after_500() {
        let mut talk = Talk::new();
        assert_eq!(hear(&mut talk, 100, 20), []);
        assert_eq!(hear(&mut talk, 2, 3000), [], "a knock");
        assert_eq!(hear(&mut talk, 50, 20), []);
        assert_eq!(hear(&mut talk, 100, 3000), [(2, true)]);
        assert_eq!(hear(&mut talk, 20, 20), [], "between two words");
        assert_eq!(hear(&mut talk, 10, 3000), []);
        assert_eq!(hear(&mut talk, 100, 20), [(24, false)]);
    }

    #[test]
    fn a_noisy_line_does_not_talk_for_long() {
        let mut talk = Talk::new();
        let heard = hear(&mut talk, 3000, 600);
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert_eq!(hear(&mut talk, 50, 6000), [(2, true)], "but who talks over it does");
    }

    #[test]
    fn the_speaker_gives_way_to_a_louder_one_only_after_a_while() {
        let talk = |loudness_db| Talk { loudness_db, is_talking: true, ..Talk::new() };
        let (soft, loud, louder) = (talk(-30.0), talk(-27.0), talk(-24.0));
        let mut speaker = Speaker::default();
        assert_eq!(speaker.choose([(3, &soft)].into_iter()), Some(Some(3)));
        for _ in 0..100 {
            assert_eq!(speaker.choose([(3, &soft), (4, &loud)].into_iter()), None);
        }
        for _ in 0..14 {
            assert_eq!(speaker.choose([(3, &soft), (4, &louder)].into_iter()), None);
        }
        assert_eq!(speaker.choose([(3, &soft), (4, &louder)].into_iter()), Some(Some(4)));
        assert_eq!(speaker.choose([(3, &soft)].into_iter()), Some(Some(3)), "he left");
        assert_eq!(speaker.choose([].into_iter()), Some(None));
        assert_eq!(speaker.choose([].into_iter()), None);
    }
}
