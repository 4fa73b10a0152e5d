//! The mixer: parties join, bring a frame each tick, take one away, leave.

use std::collections::VecDeque;
use std::time::Instant;

use webtrunk_codecs::SampleRate;

use super::chain::Chain;
use super::event::MixerEvent;
use super::party::Party;
use super::role::{Role, SlotId};
use super::speaker::{Speaker, Talk};

/// The loudest that a party may be made: +12 dB. Chosen by us.
const GAIN_MAX: f32 = 4.0;

/// Mixes one conference.
#[derive(Debug)]
pub struct Mixer {
    parties: Vec<Option<Party>>,
    talks: Vec<Talk>,
    speaker: Speaker,
    chain: Chain,
    /// The chain to go on with, at another mixing rate.
    next: Option<Chain>,
    events: VecDeque<MixerEvent>,
}

/// Why a party cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// Every slot is taken.
    #[error("the conference is full")]
    Full,
    /// Only 8, 16 and 48 kHz are mixed.
    #[error("{hz} Hz is not a rate that is mixed")]
    SampleRate {
        /// The rate asked for.
        hz: u32,
    },
}

impl Mixer {
    /// A conference of at most `capacity` parties.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let parties: Vec<Option<Party>> = (0..capacity).map(|_| None).collect();
        Self {
            chain: Chain::new(SampleRate::HZ_8000, &parties),
            next: None,
            talks: vec![Talk::new(); capacity],
            speaker: Speaker::default(),
            // A tick tells at most one thing of each party, and one of the speaker.
            events: VecDeque::with_capacity(2 * (capacity + 1)),
            parties,
        }
    }

    /// Lets a party in, whose frames have `rate`; it is faded in. Allocates.
    ///
    /// # Errors
    /// [`JoinError`]; nothing was changed.
    pub fn join(&mut self, rate: SampleRate, role: Role) -> Result<SlotId, JoinError> {
        if ![SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000].contains(&rate) {
            return Err(JoinError::SampleRate { hz: rate.hz() });
        }
        let index = self.parties.iter().position(Option::is_none).ok_or(JoinError::Full)?;
        let slot = SlotId(index);
        self.parties[index] = Some(Party::new(rate, role));
        self.talks[index] = Talk::new();
        self.chain.open(slot, rate);
        self.plan_rate();
        Ok(slot)
    }

    /// Lets a party out: it is faded out in the next tick, for which it may still bring a frame, and
    /// then gone. May allocate.
    pub fn leave(&mut self, slot: SlotId) {
        if let Some(party) = self.party(slot) {
            party.is_leaving = true;
            self.plan_rate();
        }
    }

    /// Makes a party louder or softer; 1 is as it comes, 4 the most.
    pub fn set_gain(&mut self, slot: SlotId, gain: f32) {
        if let Some(party) = self.party(slot) {
            party.gain = if gain.is_finite() { gain.clamp(0.0, GAIN_MAX) } else { 1.0 };
        }
    }

    /// Silences a party, or lets it be heard again.
    pub fn set_muted(&mut self, slot: SlotId, is_muted: bool) {
        if let Some(party) = self.party(slot) {
            party.is_muted = is_muted;
        }
    }

    /// Changes who hears a party. What it says is faded out first, so no word reaches the wrong ears.
    pub fn set_role(&mut self, slot: SlotId, role: Role) {
        if let Some(party) = self.party(slot) {
            party.next_role = (party.role != role).then_some(role);
        }
    }

    /// Whether `listener` hears `speaker` as things stand: the matrix of who hears whom.
    #[must_use]
    pub fn hears(&self, listener: SlotId, speaker: SlotId) -> bool {
        let there = |slot: SlotId| self.parties.get(slot.0).and_then(Option::as_ref);
        there(listener).is_some()
            && there(speaker).is_some_and(|party| {
                let is_audible = !party.is_muted && !party.is_leaving && party.next_role.is_none();
                is_audible && party.role.is_heard(speaker, listener)
            })
    }

    /// The frame of 20 ms that a party brings to the next tick, to be written. A party that brings
    /// none is faded out, and in again when it does. `None` if there is no such party.
    pub fn input(&mut self, slot: SlotId) -> Option<&mut [i16]> {
        let party = self.party(slot)?;
        party.has_input = true;
        Some(&mut party.input)
    }

    /// Mixes what was brought; [`Self::output`] has what everyone hears. Call it every 20 ms.
    pub fn tick(&mut self, now: Instant) {
        if let Some(next) = &mut self.next {
            // The frames are still those of the tick before.
            next.run(&self.parties);
        }
        self.parties.iter_mut().flatten().for_each(Party::shape);
        self.chain.run(&self.parties);
        if let Some(mut next) = self.next.take() {
            next.run(&self.parties);
            self.chain.fade_to(&mut next);
            self.chain = next;
        }
        self.listen(now);
        for index in 0..self.parties.len() {
            let Some(party) = &mut self.parties[index] else { continue };
            party.has_input = false;
            if party.is_leaving {
                self.remove(SlotId(index));
            }
        }
    }

    /// What a party hears of the last tick, at its own rate; empty if there is no such party.
    #[must_use]
    pub fn output(&self, slot: SlotId) -> &[i16] {
        self.chain.out(slot)
    }

    /// What was noticed; call until `None`. What is not asked for before the next tick may be lost.
    pub fn poll_event(&mut self) -> Option<MixerEvent> {
        self.events.pop_front()
    }

    /// The rate at which voices are added up.
    #[must_use]
    pub fn mixing_rate(&self) -> SampleRate {
        self.next.as_ref().unwrap_or(&self.chain).rate()
    }

    /// Parties that are there and do not leave.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parties.iter().flatten().filter(|party| !party.is_leaving).count()
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The highest rate that at least two have, one of whom can then hear what the other says; with
    /// fewer than two, there is nothing to hear.
    fn plan_rate(&mut self) {
        let staying = || self.parties.iter().flatten().filter(|party| !party.is_leaving);
        let rates = [SampleRate::HZ_48000, SampleRate::HZ_16000];
        let shared =
            rates.into_iter().find(|rate| staying().filter(|party| party.rate >= *rate).count() >= 2);
        let rate = shared.unwrap_or(SampleRate::HZ_8000);
        self.next = (rate != self.chain.rate()).then(|| Chain::new(rate, &self.parties));
    }

    /// Frees a slot. Who whispered to its party must not be heard by the next one in it.
    fn remove(&mut self, slot: SlotId) {
        self.parties[slot.0] = None;
        self.chain.close(slot);
        let whisper = Role::Whisper { to: slot };
        for party in self.parties.iter_mut().flatten() {
            if party.role == whisper {
                party.role = Role::Listen;
            }
            if party.next_role == Some(whisper) {
                party.next_role = Some(Role::Listen);
            }
        }
    }

    fn listen(&mut self, at: Instant) {
        self.events.clear();
        for (index, (party, talk)) in self.parties.iter().zip(&mut self.talks).enumerate() {
            let Some(party) = party else { continue };
            let heard = party.heard().filter(|_| !party.is_muted && !party.is_leaving);
            let slot = SlotId(index);
            match talk.hear(heard.filter(|_| party.role.is_public())) {
                Some(true) => self.events.push_back(MixerEvent::TalkingStarted { slot, at }),
                Some(false) => self.events.push_back(MixerEvent::TalkingStopped { slot, at }),
                None => {}
            }
        }
        let there = self.parties.iter().zip(&self.talks).enumerate();
        let there = there.filter_map(|(index, (party, talk))| {
            party.as_ref().filter(|party| !party.is_leaving).map(|_| (index, talk))
        });
        if let Some(speaker) = self.speaker.choose(there) {
            self.events.push_back(MixerEvent::SpeakerChanged { speaker: speaker.map(SlotId), at });
        }
    }

    fn party(&mut self, slot: SlotId) -> Option<&mut Party> {
        self.parties.get_mut(slot.0)?.as_mut()
    }
}
