//! When an agent speaks, and what it sends while it does not.

use std::time::Duration;

use super::{PTIME, Voice};

/// When an agent speaks: spells of speech and of silence, one after the other. Until it is told to begin it stays in
/// the first, and the last one lasts.
#[derive(Debug, Clone)]
pub struct Talk {
    spells: Vec<Spell>,
    silence: Silence,
}

/// A time in which an agent speaks, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spell {
    /// It speaks.
    pub is_speech: bool,
    /// For how long, to a packet.
    pub length: Duration,
}

/// What an agent sends while it does not speak.
#[derive(Debug, Clone)]
pub enum Silence {
    /// Packets of this voice, which says nothing.
    Sent(Voice),
    /// Nothing (RFC 3551 4.1).
    Unsent,
    /// One silence descriptor, where the other end takes them (RFC 3389), and then nothing.
    Noise,
}

/// How far an agent is.
#[derive(Debug)]
pub(super) struct Turn {
    talk: Talk,
    index: usize,
    /// Of the spell that it is in.
    spent: Duration,
    has_begun: bool,
    /// Steps of the clock since it spoke.
    silent_for: u32,
}

impl Talk {
    /// Who has no spell speaks all the time.
    #[must_use]
    pub const fn new(spells: Vec<Spell>, silence: Silence) -> Self {
        Self { spells, silence }
    }
}

impl Turn {
    pub(super) const fn new(talk: Talk) -> Self {
        Self { talk, index: 0, spent: Duration::ZERO, has_begun: false, silent_for: 0 }
    }

    pub(super) const fn begin(&mut self) {
        self.has_begun = true;
    }

    /// One step of the clock; whether it speaks in it.
    pub(super) fn step(&mut self) -> bool {
        let speaks = self.talk.spells.get(self.index).is_none_or(|spell| spell.is_speech);
        self.silent_for = if speaks { 0 } else { self.silent_for.saturating_add(1) };
        if self.has_begun {
            self.spent += PTIME;
            while let Some(spell) = self.talk.spells.get(self.index)
                && self.spent >= spell.length
                && self.index + 1 < self.talk.spells.len()
            {
                self.spent -= spell.length;
                self.index += 1;
            }
        }
        speaks
    }

    pub(super) const fn silence(&self) -> &Silence {
        &self.talk.silence
    }

    /// Whether it spoke until now.
    pub(super) const fn falls_silent(&self) -> bool {
        self.silent_for == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(is_speech: bool, ms: u64) -> Spell {
        Spell { is_speech, length: Duration::from_millis(ms) }
    }

    #[test]
    fn it_waits_to_begin_and_the_last_spell_lasts() {
        let spells =
            vec![spell(false, 60), spell(true, 30), spell(true, 10), spell(false, 40), spell(true, 1)];
        let mut turn = Turn::new(Talk::new(spells, Silence::Unsent));
        assert!((0..10).all(|_| !turn.step()), "it has not begun");
        turn.begin();
        let spoken: Vec<_> = (0..10).map(|_| turn.step()).collect();
        assert_eq!(spoken, [false, false, false, true, true, false, false, true, true, true]);
    }

    #[test]
    fn each_silence_begins_once() {
        let mut turn =
            Turn::new(Talk::new(vec![spell(false, 40), spell(true, 40), spell(false, 40)], Silence::Noise));
        turn.begin();
        let begins = (0..6).map(|_| (turn.step(), turn.falls_silent()));
        let expected =
            [(false, true), (false, false), (true, false), (true, false), (false, true), (false, false)];
        assert_eq!(begins.collect::<Vec<_>>(), expected);
        let mut endless = Turn::new(Talk::new(Vec::new(), Silence::Unsent));
        endless.begin();
        assert!((0..1000).all(|_| endless.step()), "nothing is said of it");
    }
}
