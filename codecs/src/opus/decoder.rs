//! Opus packets in, mono samples out; losses are concealed or recovered.

use super::packet::{Mode, Packet};
use super::{check_rate, samples_in_step};
use crate::{DecodeError, Decoder, OpenError, SampleRate};

/// The most that libopus conceals at a time, 120 ms in steps of 2.5 ms: its scratch lies on the stack.
const CONCEAL_STEPS_MAX: usize = 48;
/// Samples in 2.5 ms at our highest rate.
const STEP_MAX: usize = 120;

/// An Opus decoder, mono: libopus mixes stereo packets down, whichever channels come next.
#[derive(Debug)]
pub struct OpusDecoder {
    inner: ::opus::Decoder,
    rate: SampleRate,
    /// What the last packet decoded was made by: redundancy cannot follow on from CELT.
    last_mode: Option<Mode>,
}

impl OpusDecoder {
    /// A decoder to samples at `rate`: 8, 16 or 48 kHz.
    ///
    /// # Errors
    /// [`OpenError`] for another rate, or when libopus has no memory.
    pub fn new(rate: SampleRate) -> Result<Self, OpenError> {
        check_rate(rate)?;
        let inner =
            ::opus::Decoder::new(rate.hz(), ::opus::Channels::Mono).map_err(|_| OpenError::Library)?;
        Ok(Self { inner, rate, last_mode: None })
    }

    /// Conceals a whole number of steps of 2.5 ms, 48 at most.
    fn conceal_steps(&mut self, out: &mut [i16]) {
        if self.inner.decode(&[], out, false).is_err() {
            out.fill(0);
        }
    }

    /// Fills `out`, one frame of `packet`, from the copy in it; `false` if there is none to be had.
    fn recover_frame(&mut self, next: &[u8], packet: &Packet<'_>, out: &mut [i16]) -> bool {
        let usable = packet.has_redundancy() && self.last_mode != Some(Mode::Celt);
        let recovered = usable && self.inner.decode(next, out, true).is_ok();
        if recovered {
            self.last_mode = Some(packet.mode());
        }
        recovered
    }
}

impl Decoder for OpusDecoder {
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, DecodeError> {
        let packet = Packet::parse(payload).ok_or(DecodeError::Malformed)?;
        let samples = packet.steps() * samples_in_step(self.rate);
        let out = out.get_mut(..samples).ok_or(DecodeError::OutputTooSmall)?;
        let decoded = self.inner.decode(payload, out, false).map_err(|_| DecodeError::Malformed)?;
        self.last_mode = Some(packet.mode());
        Ok(decoded)
    }

    fn conceal(&mut self, out: &mut [i16]) {
        let step = samples_in_step(self.rate);
        let (whole, rest) = out.split_at_mut(out.len() / step * step);
        whole.chunks_mut(CONCEAL_STEPS_MAX * step).for_each(|part| self.conceal_steps(part));
        if !rest.is_empty() {
            let mut scratch = [0; STEP_MAX];
            self.conceal_steps(&mut scratch[..step]);
            rest.copy_from_slice(&scratch[..rest.len()]);
        }
    }

    fn recover(&mut self, next: &[u8], out: &mut [i16]) -> bool {
        if let Some(packet) = Packet::parse(next)
            && let Some(before) = out.len().checked_sub(packet.steps_per_frame() * samples_in_step(self.rate))
        {
            // The copy is of the last frame lost; what was lost before it can only be concealed.
            let (before, last) = out.split_at_mut(before);
            self.conceal(before);
            let recovered = self.recover_frame(next, &packet, last);
            if !recovered {
                self.conceal(last);
            }
            return recovered;
        }
        self.conceal(out);
        false
    }

    fn duration_of(&self, payload: &[u8]) -> Option<usize> {
        Packet::parse(payload).map(|packet| packet.steps() * samples_in_step(self.rate))
    }

    fn sample_rate(&self) -> SampleRate {
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_not_a_payload() {
        let mut decoder = OpusDecoder::new(SampleRate::HZ_8000).expect("a rate we run");
        assert_eq!(decoder.decode(&[], &mut [0; 960]), Err(DecodeError::Malformed));
        assert_eq!(decoder.duration_of(&[]), None);
    }

    #[test]
    fn a_buffer_too_small_is_refused_and_one_too_long_is_not_filled() {
        let mut decoder = OpusDecoder::new(SampleRate::HZ_16000).expect("a rate we run");
        let empty_20_ms = [0x08];
        assert_eq!(decoder.decode(&empty_20_ms, &mut [0; 319]), Err(DecodeError::OutputTooSmall));
        assert_eq!(decoder.decode(&empty_20_ms, &mut [0; 1000]), Ok(320));
    }

    #[test]
    fn any_length_is_concealed() {
        for rate in [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000] {
            let mut decoder = OpusDecoder::new(rate).expect("a rate we run");
            for length in [0, 1, 19, 20, 160, 1000, 5760, 100_000] {
                let mut out = vec![77; length];
                decoder.conceal(&mut out);
                assert!(out.iter().all(|&sample| sample == 0), "nothing was heard, so silence");
            }
        }
    }

    #[test]
    fn other_rates_are_refused() {
        let rate = SampleRate::new(11_025).expect("not zero");
        assert!(matches!(OpusDecoder::new(rate), Err(OpenError::SampleRate { hz: 11_025 })));
    }
}
