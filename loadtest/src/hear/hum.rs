//! Sound that tells who says it, and when: a hum at a frequency of its own, and a beep every two seconds.
//!
//! ```text
//! beep 2500 Hz  ##                  ##                  ##
//! hum           ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
//!               0 s                 2 s                 4 s
//! ```
//!
//! The hum never stops, so any hole in it was made on its way. Its frequency names the end of the call, so that an
//! echo, or another call's audio, is known by its name. The beep begins with a packet, so that its way can be timed.

use std::ops::Range;
use std::time::Duration;

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::{Tone, ToneGenerator, goertzel_dbm0};
use webtrunk_codecs::wav::Clip;

use super::level_dbm0;

/// Who hums: each end of each call of those that are up together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hum(u16);

/// What the hum of one end was like at the other.
#[derive(Debug, Clone, PartialEq)]
pub struct HumHeard {
    /// Who hummed: another than was expected where most of what was heard is that hum and little else; `None` where nobody
    /// did.
    pub whose: Option<Hum>,
    /// Who hummed alone for a while in place of who was expected, where that one was heard otherwise.
    pub stranger: Option<Stranger>,
    /// Nobody hummed, and yet it was loud.
    pub is_other: bool,
    /// The level of the hum that was expected, in dBm0, over all pieces in which anything hummed.
    pub level_dbm0: f64,
    /// The holes in that hum, in their order.
    pub holes: Vec<Hole>,
    /// Until when it was heard, from the first sample on; `None` where there was silence.
    pub until: Option<Duration>,
    /// Where beeps began, from the first sample on.
    pub beeps: Vec<Duration>,
}

/// Who hums in place of who was expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stranger {
    /// Whose hum it is.
    pub hum: Hum,
    /// How loud it is, in dBm0.
    pub level_dbm0: f64,
}

/// A time in which the hum was not heard, to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// When it began, from the first sample on.
    pub at: Duration,
    /// How long it was.
    pub length: Duration,
}

/// The lowest hum, in Hz, and the step between two. They are whole periods of a piece, so that none is heard in
/// another's place.
const LOWEST_HZ: u16 = 310;
const STEP_HZ: u16 = 10;
/// Hums of callers, and as many of those who answer: up to 1700 Hz.
const PAIRS: u16 = 70;
const HUM_DBM0: f64 = -16.0;
/// What every telephone carries and no hum comes near to.
const BEEP_HZ: f64 = 2500.0;
const BEEP_DBM0: f64 = -12.0;
const BEEP_MS: u32 = 100;
/// Packets from one beep to the next: two seconds.
pub(crate) const PACKETS_PER_BEEP: u32 = 100;
/// The rate at which it is listened to: what a telephone carries.
const RATE: SampleRate = SampleRate::HZ_8000;
/// Samples of a piece in which hums are told apart: 400 ms.
const PIECE: usize = 3200;
const PIECE_TIME: Duration = Duration::from_millis(400);
/// Pieces that are looked at of one call. Chosen by us: they cost most.
const PIECES_MAX: usize = 6;
/// Samples in which a hole is looked for: a packet.
const FRAME: usize = 160;
const FRAME_TIME: Duration = Duration::from_millis(20);
/// Quieter than it was said by so much is no hum any more. Codecs take a decibel or two, and conceal a packet.
const HEARD_WITHIN_DB: f64 = 18.0;
/// The window of a beep and its step, in samples: 10 ms and 1 ms.
const WINDOW: usize = 80;
const WINDOW_STEP: usize = 8;
/// What is added to another's hum is quieter than all of it by this: a beep takes two decibels, two tones are three.
const PURE_WITHIN_DB: f64 = 2.5;
/// Pieces that another's hum fills at least. Chosen by us: a note of a tune may be a hum too.
const STRANGER_MIN: usize = 2;
/// A beep is louder than this in its window: a hum that begins or ends is not.
const BEEP_MIN_DBM0: f64 = -28.0;

impl Hole {
    /// Whether a beep that is heard at this time began in it: it ended less than a beep earlier.
    fn is_before(&self, beep: Duration) -> bool {
        self.at < beep && self.at + self.length + Duration::from_millis(BEEP_MS.into()) > beep
    }
}

impl Hum {
    /// How many callers are told apart, and as many of those who answer.
    pub const PAIRS: usize = PAIRS as usize;

    /// The hum of who calls, in the call of this number.
    #[must_use]
    pub const fn of_caller(call: usize) -> Self {
        Self((call % PAIRS as usize) as u16)
    }

    /// The hum of who answers.
    #[must_use]
    pub const fn of_answerer(call: usize) -> Self {
        Self(PAIRS + (call % PAIRS as usize) as u16)
    }

    /// Its frequency.
    #[must_use]
    pub const fn hz(self) -> u16 {
        LOWEST_HZ + self.0 * STEP_HZ
    }

    /// Two seconds of it, which join up with themselves.
    #[must_use]
    pub fn clip(self) -> Clip {
        let rate = SampleRate::HZ_16000;
        let length = rate.samples_in_ms(2000);
        let mut samples = said(f64::from(self.hz()), HUM_DBM0, rate, length);
        let beep = said(BEEP_HZ, BEEP_DBM0, rate, rate.samples_in_ms(BEEP_MS));
        for (sample, beep) in samples.iter_mut().zip(beep) {
            *sample = sample.saturating_add(beep);
        }
        Clip { samples, rate }
    }

    fn all() -> impl Iterator<Item = Self> {
        (0..2 * PAIRS).map(Self)
    }

    fn level(self, samples: &[i16]) -> f64 {
        goertzel_dbm0(samples, RATE, f64::from(self.hz()))
    }
}

/// A sine in the middle of its life: a generator fades in.
fn said(hz: f64, level_dbm0: f64, rate: SampleRate, length: usize) -> Vec<i16> {
    let mut generator = ToneGenerator::new(Tone::sine(hz, level_dbm0), rate);
    let mut samples = vec![0; rate.hz() as usize];
    generator.fill(&mut samples);
    samples.resize(length, 0);
    generator.fill(&mut samples);
    samples
}

impl HumHeard {
    /// Listens to samples at 8 kHz, in which this hum is expected. In these times, from the first sample on, anything may be
    /// heard: a ring before the answer, music on hold.
    #[must_use]
    pub fn of(samples: &[i16], expected: Hum, anything: &[Range<Duration>]) -> Self {
        let loud = loud_pieces(samples);
        let judged: Vec<_> = loud.iter().filter(|(at, _)| !is_within(*at, anything)).collect();
        let is_judged = !judged.is_empty();
        let without = judged.iter().map(|(_, piece)| *piece).filter(|piece| !is_heard(expected.level(piece)));
        let without: Vec<_> = without.collect();
        let pieces: Vec<_> = if is_judged { judged } else { loud.iter().collect() };
        let pieces = some_of(pieces.iter().map(|(_, piece)| *piece));
        let whose = whose(&pieces, Some(expected)).filter(|hum| is_judged || *hum == expected);
        let is_expected = whose == Some(expected);
        let stranger = is_expected.then(|| Stranger::of(&some_of(without.iter().copied()))).flatten();
        let humming = pieces.iter().map(|piece| expected.level(piece));
        let level_dbm0 = humming.max_by(f64::total_cmp).unwrap_or(f64::NEG_INFINITY);
        let frames = whose.map(|hum| frames(samples, hum)).unwrap_or_default();
        let holes = holes(&frames);
        let until = frames.iter().rposition(|it| *it).map(|last| FRAME_TIME * (last as u32 + 1));
        let mut beeps = beeps(samples);
        // What a hole leaves of a beep does not tell when that began.
        beeps.retain(|beep| !holes.iter().any(|hole| hole.is_before(*beep)));
        let is_other = is_judged && whose.is_none();
        Self { whose, stranger, is_other, level_dbm0, holes, until, beeps }
    }

    /// How much louder it was than said, in dB.
    #[must_use]
    pub fn gain_db(&self) -> f64 {
        self.level_dbm0 - HUM_DBM0
    }

    /// The longest hole.
    #[must_use]
    pub fn longest_hole(&self) -> Duration {
        self.holes.iter().map(|hole| hole.length).max().unwrap_or_default()
    }
}

impl Stranger {
    fn of(pieces: &[&[i16]]) -> Option<Self> {
        let hum = whose(pieces, None)?;
        let level_dbm0 = pieces.iter().map(|piece| hum.level(piece)).max_by(f64::total_cmp)?;
        Some(Self { hum, level_dbm0 })
    }
}

/// The level at which a hum was heard beside another, in dBm0: that of an echo.
#[must_use]
pub(crate) fn level_beside(samples: &[i16], hum: Hum) -> f64 {
    let pieces = samples.chunks_exact(PIECE).skip(1).step_by(2).take(PIECES_MAX);
    let mut levels: Vec<_> = pieces.map(|piece| hum.level(piece)).collect();
    levels.sort_unstable_by(f64::total_cmp);
    // What begins or ends is in one piece or two; what is there is in most.
    levels.get(levels.len() / 2).copied().unwrap_or(f64::NEG_INFINITY)
}

/// How much quieter than it was said, in dB, a hum was.
#[must_use]
pub(crate) const fn below_said(level_dbm0: f64) -> f64 {
    HUM_DBM0 - level_dbm0
}

/// The pieces in which anything is heard, and where: what is quieter than any hum tells nothing, nobody may have spoken there.
fn loud_pieces(samples: &[i16]) -> Vec<(usize, &[i16])> {
    let pieces: Vec<_> = samples.chunks_exact(PIECE).enumerate().collect();
    // The first and the last may be cut.
    let inner = if pieces.len() > 2 { &pieces[1..pieces.len() - 1] } else { &pieces[..] };
    inner.iter().copied().filter(|(_, piece)| is_heard(level_dbm0(piece))).collect()
}

/// Whether any of the piece of this number is in one of these times.
fn is_within(piece: usize, times: &[Range<Duration>]) -> bool {
    let from = PIECE_TIME * piece as u32;
    times.iter().any(|it| it.start < from + PIECE_TIME && from < it.end)
}

/// As many of these as are looked at, from all over them.
fn some_of<'s>(pieces: impl ExactSizeIterator<Item = &'s [i16]>) -> Vec<&'s [i16]> {
    let step = pieces.len().div_ceil(PIECES_MAX).max(1);
    pieces.step_by(step).collect()
}

/// Who hums in these pieces.
fn whose(pieces: &[&[i16]], expected: Option<Hum>) -> Option<Hum> {
    let hums: Vec<_> = pieces.iter().filter_map(|piece| loudest(piece, expected)).collect();
    let count = |of: Hum| hums.iter().filter(|hum| **hum == of).count();
    let most = hums.iter().copied().max_by_key(|hum| count(*hum))?;
    let is_most = count(most) >= STRANGER_MIN && 2 * count(most) > pieces.len();
    if is_most { Some(most) } else { expected.filter(|hum| count(*hum) > 0) }
}

/// The loudest hum of all that there are: the one that is expected, or another and little beside it.
fn loudest(piece: &[i16], expected: Option<Hum>) -> Option<Hum> {
    let levels = Hum::all().map(|hum| (hum, hum.level(piece)));
    let (hum, level) = levels.max_by(|one, other| one.1.total_cmp(&other.1))?;
    let is_pure = level > level_dbm0(piece) - PURE_WITHIN_DB;
    (is_heard(level) && (Some(hum) == expected || is_pure)).then_some(hum)
}

/// The hum in samples at 8 kHz in which none is expected.
#[must_use]
pub(crate) fn hum_in(samples: &[i16]) -> Option<Hum> {
    let loud = loud_pieces(samples);
    whose(&some_of(loud.iter().map(|(_, piece)| *piece)), None)
}

fn is_heard(level_dbm0: f64) -> bool {
    level_dbm0 > HUM_DBM0 - HEARD_WITHIN_DB
}

/// Of each packet's time, whether it hums.
fn frames(samples: &[i16], hum: Hum) -> Vec<bool> {
    samples.chunks_exact(FRAME).map(|frame| is_heard(hum.level(frame))).collect()
}

/// What is silent between what hums.
fn holes(heard: &[bool]) -> Vec<Hole> {
    let (Some(first), Some(last)) = (heard.iter().position(|it| *it), heard.iter().rposition(|it| *it))
    else {
        return Vec::new();
    };
    let (mut at, mut holes) = (FRAME_TIME * first as u32, Vec::new());
    for run in heard[first..=last].chunk_by(|one, other| one == other) {
        let length = FRAME_TIME * run.len() as u32;
        if !run[0] {
            holes.push(Hole { at, length });
        }
        at += length;
    }
    holes
}

/// A window half full of beep has half its amplitude: there it begins.
fn beeps(samples: &[i16]) -> Vec<Duration> {
    let levels: Vec<_> = (0..samples.len().saturating_sub(WINDOW))
        .step_by(WINDOW_STEP)
        .map(|at| goertzel_dbm0(&samples[at..at + WINDOW], RATE, BEEP_HZ))
        .collect();
    let Some(top) = levels.iter().copied().max_by(f64::total_cmp).filter(|top| *top > BEEP_MIN_DBM0) else {
        return Vec::new();
    };
    let half = top - 6.0;
    let mut found = Vec::new();
    let mut at = 0;
    while at < levels.len() {
        let length = levels[at..].iter().take_while(|level| **level > half).count();
        // Half of it at least: what a hole leaves of one is not where it began.
        if length * WINDOW_STEP * 1000 / 8000 >= BEEP_MS as usize / 2 && at > 0 {
            let middle = at * WINDOW_STEP + WINDOW / 2;
            found.push(Duration::from_secs_f64(middle as f64 / f64::from(RATE.hz())));
        }
        at += length.max(1);
    }
    found
}

#[cfg(test)]
mod tests {
    use webtrunk_codecs::resample::resample;
    use webtrunk_codecs::{CodecId, EncoderConfig, decoder, encoder};

    use super::*;

    fn heard(hum: Hum, seconds: usize) -> Vec<i16> {
        let clip = hum.clip();
        let said = resample(&clip.samples, clip.rate, RATE);
        said.iter().cycle().take(8000 * seconds).copied().collect()
    }

    fn through(codec: CodecId, samples: &[i16]) -> Vec<i16> {
        let mut there = encoder(codec, RATE, &EncoderConfig::default()).expect("8 kHz");
        let mut back = decoder(codec, RATE).expect("8 kHz");
        let mut out = Vec::new();
        for frame in samples.chunks_exact(160) {
            let (mut payload, mut pcm) = ([0; 1920], [0; 160]);
            let length = there.encode(frame, &mut payload).expect("20 ms");
            back.decode(&payload[..length], &mut pcm).expect("a packet");
            out.extend(pcm);
        }
        out
    }

    #[test]
    fn each_end_is_known_by_its_hum_through_every_codec() {
        for codec in [CodecId::Pcmu, CodecId::Opus, CodecId::G722] {
            for hum in [Hum::of_caller(0), Hum::of_caller(69), Hum::of_answerer(3), Hum::of_answerer(69)] {
                let found = HumHeard::of(&through(codec, &heard(hum, 5)), hum, &[]);
                assert_eq!(found.whose, Some(hum), "{codec:?}");
                assert!(found.gain_db().abs() < 1.5, "{codec:?} {hum:?}: {}", found.gain_db());
                assert!(found.longest_hole().is_zero(), "{codec:?} {hum:?}: {:?}", found.holes);
            }
        }
        assert_eq!(Hum::of_caller(70), Hum::of_caller(0));
    }

    #[test]
    fn the_hum_of_another_is_named_and_silence_is_nobodys() {
        let found = HumHeard::of(&heard(Hum::of_caller(12), 4), Hum::of_caller(11), &[]);
        assert_eq!(found.whose, Some(Hum::of_caller(12)));
        assert!(found.gain_db() < -30.0, "{}", found.gain_db());
        assert_eq!(HumHeard::of(&[0; 32_000], Hum::of_caller(0), &[]).whose, None);
        assert_eq!(HumHeard::of(&[], Hum::of_caller(0), &[]).whose, None);
    }

    fn tones(hz: &[f64], level_dbm0: f64, seconds: usize) -> Vec<i16> {
        let mut mixed = vec![0_i16; 8000 * seconds];
        for hz in hz {
            let tone = said(*hz, level_dbm0, RATE, 8000 * seconds);
            mixed.iter_mut().zip(tone).for_each(|(all, one)| *all = all.saturating_add(one));
        }
        mixed
    }

    #[test]
    fn another_sound_is_no_hum_of_another_call() {
        // A ring, a chord, two other ends at one time.
        for hz in [&[440.0, 480.0][..], &[440.0, 550.0, 660.0], &[700.0, 1010.0]] {
            let found = HumHeard::of(&tones(hz, -16.0, 4), Hum::of_caller(5), &[]);
            assert_eq!((found.whose, found.is_other), (None, true), "{hz:?}");
            assert_eq!(hum_in(&tones(hz, -16.0, 4)), None, "{hz:?}");
        }
        assert_eq!(hum_in(&heard(Hum::of_answerer(7), 4)), Some(Hum::of_answerer(7)));
        assert!(!HumHeard::of(&[0; 32_000], Hum::of_caller(0), &[]).is_other);
    }

    #[test]
    fn who_hums_is_told_by_times_in_which_nothing_else_may_be_heard() {
        // A tone of four seconds before the answer, as another call would hum, then a call of two.
        let mut samples = tones(&[440.0], -16.0, 4);
        samples.extend(heard(Hum::of_caller(5), 2));
        let until = |seconds| Duration::ZERO..Duration::from_secs(seconds);
        assert_eq!(HumHeard::of(&samples, Hum::of_caller(5), &[]).whose, Some(Hum::of_caller(13)));
        let found = HumHeard::of(&samples, Hum::of_caller(5), &[until(4)]);
        assert_eq!((found.whose, found.is_other), (Some(Hum::of_caller(5)), false));
        let found = HumHeard::of(&samples[..32_000], Hum::of_caller(5), &[until(4)]);
        assert_eq!((found.whose, found.is_other), (None, false), "nothing is left to tell it by");
        let found = HumHeard::of(&samples, Hum::of_caller(5), &[until(1)]);
        assert_eq!(found.whose, Some(Hum::of_caller(13)), "most of what is left");
    }

    #[test]
    fn a_note_that_is_a_hum_for_a_moment_is_nobodys() {
        let mut samples = heard(Hum::of_caller(5), 4);
        samples[3200..6400].copy_from_slice(&tones(&[440.0], -10.0, 1)[..3200]);
        let found = HumHeard::of(&samples, Hum::of_caller(5), &[]);
        assert_eq!((found.whose, found.stranger), (Some(Hum::of_caller(5)), None));
    }

    #[test]
    fn who_takes_the_place_of_the_expected_for_a_while_is_named() {
        let (own, other) = (Hum::of_caller(5), Hum::of_caller(6));
        for seconds in [[5, 2], [2, 5]] {
            let parts = if seconds[0] > seconds[1] { [own, other] } else { [other, own] };
            let samples = [heard(parts[0], seconds[0]), heard(parts[1], seconds[1])].concat();
            let found = HumHeard::of(&samples, own, &[]);
            let stranger = found.stranger.unwrap_or_else(|| panic!("nobody in {parts:?}"));
            assert_eq!((found.whose, stranger.hum), (Some(own), other), "{parts:?}");
            assert!((stranger.level_dbm0 - HUM_DBM0).abs() < 1.0, "{stranger:?}");
            // Music on hold, for instance.
            let anything = [Duration::ZERO..Duration::from_secs(2), Duration::from_secs(5)..Duration::MAX];
            assert_eq!(HumHeard::of(&samples, own, &anything).stranger, None, "{parts:?}");
        }
        assert_eq!(HumHeard::of(&heard(own, 5), own, &[]).stranger, None);
    }

    #[test]
    fn beeps_are_timed_to_a_few_milliseconds_through_every_codec() {
        for codec in [CodecId::Pcmu, CodecId::Opus, CodecId::G722] {
            let samples = heard(Hum::of_answerer(40), 7);
            let found = HumHeard::of(&through(codec, &samples[4000..]), Hum::of_answerer(40), &[]);
            let at: Vec<_> = found.beeps.iter().map(|at| at.as_secs_f64() * 1000.0).collect();
            assert_eq!(at.len(), 3, "{codec:?}: {at:?}");
            for (at, expected) in at.iter().zip([1500.0, 3500.0, 5500.0]) {
                // Opus looks ahead by 6.5 ms.
                assert!((-4.0..12.0).contains(&(at - expected)), "{codec:?}: {at} of {expected}");
            }
        }
    }

    #[test]
    fn a_hole_has_its_length() {
        let mut samples = heard(Hum::of_caller(5), 4);
        samples[16_000..16_000 + 160 * 15].fill(0);
        let found = HumHeard::of(&samples, Hum::of_caller(5), &[]);
        let (at, length) = (Duration::from_secs(2), Duration::from_millis(300));
        assert_eq!(found.holes, [Hole { at, length }]);
        assert_eq!(found.until, Some(Duration::from_secs(4)));
        samples[24_000..].fill(0);
        let found = HumHeard::of(&samples, Hum::of_caller(5), &[]);
        assert_eq!(
            (found.holes.len(), found.until),
            (1, Some(Duration::from_secs(3))),
            "what follows is no hole"
        );
    }

    #[test]
    fn what_a_hole_leaves_of_a_beep_is_none() {
        let mut samples = heard(Hum::of_caller(5), 5);
        samples[16_000..16_000 + 160 * 2].fill(0);
        let found = HumHeard::of(&samples, Hum::of_caller(5), &[]);
        assert_eq!(found.beeps.len(), 1, "{:?}", found.beeps);
        assert!(found.beeps[0] > Duration::from_millis(3990));
    }

    #[test]
    fn an_echo_is_heard_beside_the_other() {
        let (own, other) = (heard(Hum::of_caller(5), 5), heard(Hum::of_answerer(5), 5));
        let mixed: Vec<_> = own.iter().zip(&other).map(|(own, other)| own / 10 + other).collect();
        let level = level_beside(&mixed, Hum::of_caller(5));
        assert!((below_said(level) - 20.0).abs() < 1.0, "{level}");
        assert!(below_said(level_beside(&other, Hum::of_caller(5))) > 40.0);
    }
}
