//! Keys heard in a party's voice, where its trunk sends them as tones.
//!
//! The voice is decoded for this alone: only legs of such trunks pay for it.

use std::time::{Duration, Instant};

use webtrunk_codecs::tone::{DtmfDetector, DtmfEvent};
use webtrunk_codecs::{CodecId, Decoder, SampleRate};

use crate::rtp::telephone_event::DigitEvent;

/// Longest packet that is decoded: 200 ms (RFC 3551 4.2).
const SAMPLES_MAX: usize = 1600;

/// A key goes up when nothing has come for so long. Chosen by us: five packets of 20 ms.
const SILENCE: Duration = Duration::from_millis(100);

/// Lost packets in a row that are filled; beyond, a key has ended.
const FILLED_MAX: u32 = 5;

/// Events kept until they are fetched: a packet holds one or two.
const EVENTS_MAX: usize = 8;

/// Hears keys in one stream.
pub(crate) struct ToneEar {
    decoder: Box<dyn Decoder>,
    detector: DtmfDetector,
    samples: Box<[i16; SAMPLES_MAX]>,
    /// Samples in the last packet.
    packet: usize,
    heard_at: Option<Instant>,
    events: Vec<DigitEvent>,
}

impl ToneEar {
    /// An ear for voice by `codec`; `None` where there is no memory for it.
    pub(crate) fn new(codec: CodecId) -> Option<Self> {
        let rate = SampleRate::HZ_8000;
        Some(Self {
            decoder: webtrunk_codecs::decoder(codec, rate).ok()?,
            detector: DtmfDetector::new(rate).ok()?,
            samples: Box::new([0; SAMPLES_MAX]),
            packet: 0,
            heard_at: None,
            events: Vec::with_capacity(EVENTS_MAX),
        })
    }

    /// Hears the next packet; so many before it are missing.
    pub(crate) fn hear(&mut self, payload: &[u8], lost_before: u32, now: Instant) {
        let Self { decoder, detector, samples, events, .. } = self;
        let mut note = |event| {
            if events.len() < EVENTS_MAX {
                events.push(digit_event(event));
            }
        };
        // A key that goes on behind a short gap is one key: what is invented holds its tone.
        for _ in 0..lost_before.min(FILLED_MAX) {
            decoder.conceal(&mut samples[..self.packet]);
            detector.push(&samples[..self.packet], &mut note);
        }
        if let Ok(decoded) = decoder.decode(payload, &mut samples[..]) {
            detector.push(&samples[..decoded], &mut note);
            self.packet = decoded;
        }
        self.heard_at = Some(now);
    }

    /// The next key that went down or up.
    pub(crate) fn poll_event(&mut self) -> Option<DigitEvent> {
        (!self.events.is_empty()).then(|| self.events.remove(0))
    }

    /// Does what is due: nothing comes any more, so no key is down.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.heard_at = None;
            self.events.extend(self.detector.finish().map(digit_event));
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.heard_at.map(|at| at + SILENCE)
    }
}

fn digit_event(event: DtmfEvent) -> DigitEvent {
    match event {
        DtmfEvent::Began { digit, .. } => DigitEvent::Pressed { digit },
        DtmfEvent::Ended { digit, duration } => DigitEvent::Released { digit, duration },
    }
}
