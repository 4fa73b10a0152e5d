//! All that depends on the mixing rate: the way of each party's sound into the sum and out of it.
//!
//! When the mixing rate changes, a second chain is made, told the tick before, and faded to.

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::resample::Resampler;

use super::TICK_MS;
use super::limiter::Limiter;
use super::party::Party;
use super::role::SlotId;

/// After so many ticks of zeros a resampler has forgotten what came before.
const FORGOTTEN_AFTER: u32 = 2;

/// A chain at one mixing rate.
#[derive(Debug)]
pub(super) struct Chain {
    rate: SampleRate,
    lanes: Vec<Option<Lane>>,
    /// Everyone whom all others hear.
    public: Box<[i32]>,
    /// What one listener hears.
    sum: Box<[i32]>,
    limited: Box<[i16]>,
}

/// One party's way.
#[derive(Debug)]
struct Lane {
    /// `None` where the party's rate is the mixing rate.
    up: Option<Resampler>,
    down: Option<Resampler>,
    contribution: Box<[i16]>,
    is_silent: bool,
    limiter: Limiter,
    out: Box<[i16]>,
    /// The party has heard nothing yet.
    is_new: bool,
}

impl Chain {
    /// A chain for these parties at `rate`.
    pub(super) fn new(rate: SampleRate, parties: &[Option<Party>]) -> Self {
        let frame = rate.samples_in_ms(TICK_MS);
        let mut chain = Self {
            rate,
            lanes: parties.iter().map(|_| None).collect(),
            public: vec![0; frame].into(),
            sum: vec![0; frame].into(),
            limited: vec![0; frame].into(),
        };
        for (index, party) in parties.iter().enumerate() {
            if let Some(party) = party {
                chain.open(SlotId(index), party.rate);
            }
        }
        chain
    }

    pub(super) const fn rate(&self) -> SampleRate {
        self.rate
    }

    /// A party joins.
    pub(super) fn open(&mut self, slot: SlotId, rate: SampleRate) {
        let between = |from, to| if from == to { None } else { Resampler::new(from, to) };
        self.lanes[slot.0] = Some(Lane {
            up: between(rate, self.rate),
            down: between(self.rate, rate),
            contribution: vec![0; self.rate.samples_in_ms(TICK_MS)].into(),
            is_silent: true,
            limiter: Limiter::default(),
            out: vec![0; rate.samples_in_ms(TICK_MS)].into(),
            is_new: true,
        });
    }

    /// A party has left.
    pub(super) fn close(&mut self, slot: SlotId) {
        self.lanes[slot.0] = None;
    }

    /// What the party hears.
    pub(super) fn out(&self, slot: SlotId) -> &[i16] {
        self.lanes.get(slot.0).and_then(Option::as_ref).map_or(&[], |lane| &lane.out)
    }

    /// Mixes one tick of shaped frames.
    pub(super) fn run(&mut self, parties: &[Option<Party>]) {
        self.public.fill(0);
        for (lane, party) in self.lanes.iter_mut().zip(parties) {
            let (Some(lane), Some(party)) = (lane, party) else { continue };
            lane.take(party);
            if party.role.is_public() && !lane.is_silent {
                add(&mut self.public, &lane.contribution);
            }
        }
        for index in 0..self.lanes.len() {
            self.mix_for(SlotId(index), parties);
        }
    }

    /// Fades, over the tick, from what this chain made to what `other` made.
    pub(super) fn fade_to(&self, other: &mut Self) {
        for (from, to) in self.lanes.iter().zip(&mut other.lanes) {
            let (Some(from), Some(to)) = (from, to) else { continue };
            let length = to.out.len() as i32;
            for ((to, &from), n) in to.out.iter_mut().zip(&from.out).zip(0..) {
                *to = ((i32::from(from) * (length - n) + i32::from(*to) * n) / length) as i16;
            }
        }
    }

    fn mix_for(&mut self, listener: SlotId, parties: &[Option<Party>]) {
        let (Some(own), Some(party)) = (&self.lanes[listener.0], &parties[listener.0]) else { return };
        self.sum.copy_from_slice(&self.public);
        if party.role.is_public() && !own.is_silent {
            for (sum, &sample) in self.sum.iter_mut().zip(&own.contribution) {
                *sum -= i32::from(sample);
            }
        }
        for (index, (lane, party)) in self.lanes.iter().zip(parties).enumerate() {
            let (Some(lane), Some(party)) = (lane, party) else { continue };
            let is_whisper = !party.role.is_public() && party.role.is_heard(SlotId(index), listener);
            if is_whisper && !lane.is_silent {
                add(&mut self.sum, &lane.contribution);
            }
        }
        if let Some(lane) = &mut self.lanes[listener.0] {
            lane.give(&mut self.sum, &mut self.limited);
        }
    }
}

impl Lane {
    /// Brings the party's frame to the mixing rate.
    fn take(&mut self, party: &Party) {
        self.is_silent = party.silent_ticks >= FORGOTTEN_AFTER;
        match &mut self.up {
            _ if self.is_silent => {}
            Some(up) => {
                up.process(&party.shaped, &mut self.contribution);
            }
            None => self.contribution.copy_from_slice(&party.shaped),
        }
    }

    /// Brings the sum to the party's rate; the first one is faded in.
    fn give(&mut self, sum: &mut [i32], limited: &mut [i16]) {
        if std::mem::take(&mut self.is_new) {
            let length = sum.len() as i64;
            for (sample, n) in sum.iter_mut().zip(0..) {
                *sample = (i64::from(*sample) * n / length) as i32;
            }
        }
        match &mut self.down {
            Some(down) => {
                self.limiter.process(sum, limited);
                down.process(limited, &mut self.out);
            }
            None => self.limiter.process(sum, &mut self.out),
        }
    }
}

fn add(sum: &mut [i32], samples: &[i16]) {
    for (sum, &sample) in sum.iter_mut().zip(samples) {
        *sum += i32::from(sample);
    }
}
