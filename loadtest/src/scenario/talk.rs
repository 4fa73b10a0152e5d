//! Who talks when, and what is sent of silence.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Deserialize;

use super::Length;
use crate::agent::Spell;

/// Who talks when.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Talk {
    /// Both, all the time.
    #[default]
    Both,
    /// Who called, and nobody else.
    Caller,
    /// Who answered, and nobody else.
    Answerer,
    /// One after the other, each for such a time; who called begins.
    Turns(Length),
    /// Each by itself: a spurt, a pause, and so on.
    Each {
        /// How long each speaks.
        spurts: Length,
        /// And does not.
        pauses: Length,
    },
}

/// What is sent by who does not talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// Packets of silence.
    #[default]
    Sent,
    /// Nothing, as by a browser with DTX.
    Unsent,
    /// Comfort noise where the other end takes it, and then nothing.
    Noise,
}

/// The shortest spell: what is shorter is no word.
const SPELL_MIN: Duration = Duration::from_millis(200);
/// Longer than any call.
const EVER: Duration = Duration::from_secs(86_400);
/// What is left to chance here goes its own way, and not that of losses.
const SEED: u64 = 0x7461_6c6b;

impl Talk {
    /// All times in it.
    pub(super) fn lengths(self) -> Vec<Length> {
        match self {
            Self::Both | Self::Caller | Self::Answerer => Vec::new(),
            Self::Turns(length) => vec![length],
            Self::Each { spurts, pauses } => vec![spurts, pauses],
        }
    }

    /// When the caller and the answerer speak in the call of this number, which is so long: the same for the same seed.
    /// Who has no spell speaks all the time.
    #[must_use]
    pub fn spells(self, length: Duration, seed: u64, call: usize) -> [Vec<Spell>; 2] {
        let mut random = StdRng::seed_from_u64(seed.wrapping_add(call as u64) ^ SEED);
        let mut draw = |length: Length| length.draw(&mut random).max(SPELL_MIN);
        let silent = || vec![Spell { is_speech: false, length: EVER }];
        match self {
            Self::Both => [Vec::new(), Vec::new()],
            Self::Caller => [Vec::new(), silent()],
            Self::Answerer => [silent(), Vec::new()],
            Self::Turns(turn) => {
                let caller = alternating(length, |_| draw(turn));
                let other = |spell: &Spell| Spell { is_speech: !spell.is_speech, ..*spell };
                let answerer = caller.iter().map(other).collect();
                [caller, answerer]
            }
            Self::Each { spurts, pauses } => {
                let mut own =
                    || alternating(length, |is_speech| draw(if is_speech { spurts } else { pauses }));
                [own(), own()]
            }
        }
    }
}

/// Speech and silence in turn, for so long.
fn alternating(length: Duration, mut draw: impl FnMut(bool) -> Duration) -> Vec<Spell> {
    let (mut spells, mut until) = (Vec::new(), Duration::ZERO);
    while until <= length {
        let is_speech = spells.len() % 2 == 0;
        let spell = Spell { is_speech, length: draw(is_speech) };
        until += spell.length;
        spells.push(spell);
    }
    spells
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn uniform(min: f64, max: f64) -> Length {
        Length::Uniform { min, max }
    }

    #[test]
    fn in_turns_one_speaks_while_the_other_does_not() {
        let [caller, answerer] = Talk::Turns(uniform(1.0, 3.0)).spells(MINUTE, 7, 0);
        assert!(caller[0].is_speech && caller.len() > 15, "{}", caller.len());
        for (one, other) in caller.iter().zip(&answerer) {
            assert_eq!((one.length, one.is_speech), (other.length, !other.is_speech));
        }
        assert!(caller.iter().map(|it| it.length).sum::<Duration>() > MINUTE);
    }

    #[test]
    fn each_by_itself_is_by_chance_and_the_same_for_the_same_seed() {
        let talk =
            Talk::Each { spurts: Length::Exponential { mean: 1.0, max: 4.0 }, pauses: uniform(1.0, 2.0) };
        let [caller, answerer] = talk.spells(MINUTE, 7, 3);
        assert_ne!(caller, answerer);
        assert_eq!([caller.clone(), answerer], talk.spells(MINUTE, 7, 3));
        assert_ne!(caller, talk.spells(MINUTE, 7, 4)[0]);
        assert!(caller.iter().all(|it| it.length >= SPELL_MIN && it.length <= Duration::from_secs(4)));
        assert!(caller.chunks(2).all(|pair| pair[0].is_speech && pair.get(1).is_none_or(|it| !it.is_speech)));
    }

    #[test]
    fn one_alone_leaves_the_other_silent_and_both_leave_nobody() {
        let lengths = |talk: Talk| talk.spells(MINUTE, 7, 0).map(|spells| spells.len());
        assert_eq!(
            (lengths(Talk::Both), lengths(Talk::Caller), lengths(Talk::Answerer)),
            ([0, 0], [0, 1], [1, 0])
        );
        assert!(!Talk::Caller.spells(MINUTE, 7, 0)[1][0].is_speech);
    }
}
