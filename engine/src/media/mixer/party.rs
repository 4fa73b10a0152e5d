//! What one party brings: its frame, as loud as it may be, without a click at its begin or end.

use webtrunk_codecs::SampleRate;

use super::TICK_MS;
use super::role::Role;

/// Gain reaches what it should be within this share of a tick: 10 ms.
const RAMP: usize = 2;

/// A party and its frame of this tick.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) rate: SampleRate,
    pub(super) role: Role,
    /// Taken up when it is faded out.
    pub(super) next_role: Option<Role>,
    pub(super) gain: f32,
    pub(super) is_muted: bool,
    /// It is removed after the next tick.
    pub(super) is_leaving: bool,
    /// The frame that came for this tick.
    pub(super) input: Box<[i16]>,
    pub(super) has_input: bool,
    /// The frame of the tick before.
    previous: Box<[i16]>,
    /// The gain at the end of the tick before.
    reached: f32,
    /// The frame as it is to be mixed.
    pub(super) shaped: Box<[i16]>,
    /// Ticks in a row for which `shaped` is zeros.
    pub(super) silent_ticks: u32,
}

impl Party {
    pub(super) fn new(rate: SampleRate, role: Role) -> Self {
        let frame = || vec![0; rate.samples_in_ms(TICK_MS)].into_boxed_slice();
        Self {
            rate,
            role,
            next_role: None,
            gain: 1.0,
            is_muted: false,
            is_leaving: false,
            input: frame(),
            has_input: false,
            previous: frame(),
            reached: 0.0,
            shaped: frame(),
            silent_ticks: u32::MAX,
        }
    }

    /// Makes `shaped` of what came; nothing may have. Takes up a role that was waiting.
    pub(super) fn shape(&mut self) {
        if self.reached == 0.0 {
            self.role = self.next_role.take().unwrap_or(self.role);
        }
        let is_heard = self.has_input && !self.is_muted && !self.is_leaving && self.next_role.is_none();
        let wanted = if is_heard { self.gain } else { 0.0 };
        if !self.has_input {
            self.continue_input();
        }
        if wanted == 0.0 && self.reached == 0.0 {
            self.shaped.fill(0);
            self.silent_ticks = self.silent_ticks.saturating_add(1);
        } else {
            self.silent_ticks = 0;
            self.apply_gain(wanted);
        }
        std::mem::swap(&mut self.previous, &mut self.input);
        self.reached = wanted;
    }

    /// The frame of this tick, once it was shaped; `None` if none came.
    pub(super) fn heard(&self) -> Option<&[i16]> {
        self.has_input.then_some(&self.previous)
    }

    /// What was heard last, turned about its last sample: so it goes on with neither step nor bend.
    fn continue_input(&mut self) {
        let (Some(&last), true) = (self.previous.last(), self.reached != 0.0) else { return };
        let heard = self.previous.iter().rev().skip(1).chain(std::iter::once(&last));
        for (sample, &before) in self.input.iter_mut().zip(heard) {
            let turned = 2 * i32::from(last) - i32::from(before);
            *sample = turned.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
    }

    fn apply_gain(&mut self, wanted: f32) {
        if wanted == 1.0 && self.reached == 1.0 {
            self.shaped.copy_from_slice(&self.input);
            return;
        }
        let ramp = self.input.len() / RAMP;
        let (from, step) = (self.reached, (wanted - self.reached) / ramp as f32);
        for (n, (shaped, &sample)) in self.shaped.iter_mut().zip(&self.input).enumerate() {
            let gain = if n < ramp { from + step * n as f32 } else { wanted };
            // The conversion saturates.
            *shaped = (f32::from(sample) * gain).round() as i16;
        }
    }
}
