//! From windows to keys pressed and let go.
//!
//! ```text
//!        4 windows of K in a row: Began K              4 of L in a row: Ended K, Began L
//! Idle ---------------------------------> Sounding K ---------------------------------> Sounding L
//!   ^                                         |
//!   |         none of K for 40 ms: Ended K    |
//!   +-----------------------------------------+
//! ```
//!
//! A window counts as soon as three quarters of it are tone: so 40 ms of tone have six windows at least and
//! are heard, 23 ms have three at most and are not. A break spoils a window if it takes its middle: 23 ms spoil
//! seven windows at most, and the tone goes on; 40 ms spoil nine at least, and the key was pressed twice
//! (ITU-T Q.24). A key that follows another without a pause ends it.

use super::analysis::{Analysis, HOP, RATE_HZ, WINDOW};
use crate::resample::Resampler;
use crate::tone::Digit;
use crate::{OpenError, SampleRate};
use std::time::Duration;

/// Windows in a row that begin a key. With three an hour of speech had no key in it either, but 23 ms would do.
const RISING: u32 = 4;
/// Windows in a row without the key that end it: 40 ms.
const BREAK: u32 = 8;
/// What a run of windows has less than the tone: half a window.
const EDGES: u32 = 2;
/// Samples resampled at a time: 10 ms at 48 kHz.
const BLOCK: usize = 480;

/// Hears keys in mono sound of 8, 16 or 48 kHz.
#[derive(Debug, Clone)]
pub struct DtmfDetector {
    resampler: Option<Resampler>,
    window: [f32; WINDOW],
    /// Samples of the window that are new since it was last looked at.
    fresh: usize,
    analysis: Analysis,
    state: State,
    /// The key of the last window, and how many in a row had it.
    run: Option<(Digit, u32)>,
}

/// A key, at its begin or end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DtmfEvent {
    /// A key sounds, and has done so for this long already.
    Began {
        /// The key.
        digit: Digit,
        /// How long before the end of the sound heard so far its tone began, to 5 ms.
        sounded: Duration,
    },
    /// The key is silent again, or another has taken its place.
    Ended {
        /// The key.
        digit: Digit,
        /// How long it sounded, to 5 ms; short breaks included.
        duration: Duration,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing, or a key that has not sounded long enough.
    Idle,
    /// A key has begun.
    Sounding {
        digit: Digit,
        /// From the first window of the key to the last one.
        windows: u32,
        /// Windows since the last one of the key.
        silent: u32,
    },
}

impl DtmfDetector {
    /// A detector for sound at `rate`.
    ///
    /// # Errors
    /// [`OpenError::SampleRate`] for another rate than 8, 16 and 48 kHz.
    pub fn new(rate: SampleRate) -> Result<Self, OpenError> {
        let resampler =
            Resampler::new(rate, SampleRate::HZ_8000).ok_or(OpenError::SampleRate { hz: rate.hz() })?;
        Ok(Self {
            resampler: (rate != SampleRate::HZ_8000).then_some(resampler),
            window: [0.0; WINDOW],
            fresh: 0,
            analysis: Analysis::new(),
            state: State::Idle,
            run: None,
        })
    }

    /// Hears `samples`, any number of them, and hands `sink` what begins and ends.
    pub fn push(&mut self, samples: &[i16], mut sink: impl FnMut(DtmfEvent)) {
        let Some(mut resampler) = self.resampler.take() else { return self.hear(samples, &mut sink) };
        let mut narrow = [0; BLOCK];
        for block in samples.chunks(BLOCK) {
            let made = resampler.process(block, &mut narrow);
            self.hear(&narrow[..made], &mut sink);
        }
        self.resampler = Some(resampler);
    }

    /// Ends a key that still sounds, where the sound itself ends; then all is as at first.
    pub fn finish(&mut self) -> Option<DtmfEvent> {
        let ended = self.state.ended();
        self.window.fill(0.0);
        self.analysis.reset();
        (self.fresh, self.state, self.run) = (0, State::Idle, None);
        ended
    }

    fn hear(&mut self, mut samples: &[i16], sink: &mut impl FnMut(DtmfEvent)) {
        while !samples.is_empty() {
            let (now, rest) = samples.split_at(samples.len().min(HOP - self.fresh));
            let place = WINDOW - HOP + self.fresh;
            let places = &mut self.window[place..place + now.len()];
            places.iter_mut().zip(now).for_each(|(place, sample)| *place = (*sample).into());
            self.fresh += now.len();
            samples = rest;
            if self.fresh == HOP {
                let key = self.analysis.key_in(&self.window);
                self.window.copy_within(HOP.., 0);
                self.fresh = 0;
                self.handle_window(key, sink);
            }
        }
    }

    fn handle_window(&mut self, key: Option<Digit>, sink: &mut impl FnMut(DtmfEvent)) {
        self.run = match (key, self.run) {
            (Some(key), Some((digit, windows))) if key == digit => Some((key, windows.saturating_add(1))),
            (Some(key), _) => Some((key, 1)),
            (None, _) => None,
        };
        self.state.on_window(key);
        if self.state.is_broken_off() {
            self.state.ended().into_iter().for_each(&mut *sink);
            self.state = State::Idle;
        }
        if let Some((digit, RISING)) = self.run
            && !self.state.is_of(digit)
        {
            self.state.ended().into_iter().for_each(&mut *sink);
            self.state = State::Sounding { digit, windows: RISING, silent: 0 };
            sink(DtmfEvent::Began { digit, sounded: duration_of(RISING) });
        }
    }
}

impl State {
    fn on_window(&mut self, key: Option<Digit>) {
        if let Self::Sounding { digit, windows, silent } = self {
            if key == Some(*digit) {
                *windows = windows.saturating_add(*silent + 1);
                *silent = 0;
            } else {
                *silent += 1;
            }
        }
    }

    fn is_broken_off(self) -> bool {
        matches!(self, Self::Sounding { silent: BREAK.., .. })
    }

    fn is_of(self, key: Digit) -> bool {
        matches!(self, Self::Sounding { digit, .. } if digit == key)
    }

    fn ended(self) -> Option<DtmfEvent> {
        match self {
            Self::Idle => None,
            Self::Sounding { digit, windows, .. } => {
                Some(DtmfEvent::Ended { digit, duration: duration_of(windows) })
            }
        }
    }
}

/// How long a tone lasts that fills so many windows.
fn duration_of(windows: u32) -> Duration {
    const HOP_DURATION: Duration = Duration::from_micros(1_000_000 * HOP as u64 / RATE_HZ as u64);
    HOP_DURATION * windows.saturating_add(EDGES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{Tone, ToneGenerator};

    #[test]
    fn a_key_is_told_while_it_sounds_and_again_when_it_ends() {
        let mut detector = DtmfDetector::new(SampleRate::HZ_8000).expect("a rate we run");
        let digit = Digit::parse('7').expect("a key");
        let mut generator = ToneGenerator::new(Tone::key(digit), SampleRate::HZ_8000);
        let (mut frame, mut events) = ([0; 160], Vec::new());
        for index in 0..5 {
            generator.fill(&mut frame);
            detector.push(&frame, |event| events.push((index, event)));
        }
        let [(1, DtmfEvent::Began { digit: began, sounded })] = events[..] else { panic!("{events:?}") };
        assert_eq!(began, digit);
        assert!(sounded <= Duration::from_millis(40), "{sounded:?}");
        let ended = detector.finish();
        let Some(DtmfEvent::Ended { duration, .. }) = ended else { panic!("{ended:?}") };
        assert!(duration.abs_diff(Duration::from_millis(100)) <= Duration::from_millis(10), "{duration:?}");
        assert_eq!(detector.finish(), None);
        detector.push(&[0; 800], |event| panic!("{event:?} in silence"));
    }

    #[test]
    fn other_rates_are_refused() {
        let rate = SampleRate::new(44_100).expect("not zero");
        assert_eq!(DtmfDetector::new(rate).err(), Some(OpenError::SampleRate { hz: 44_100 }));
    }
}
