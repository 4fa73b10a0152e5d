//! What is heard of a hum at the other end: whose it is, how loud, and where not.

use std::ops::Range;
use std::time::Duration;

use super::beeps::beeps;
use super::holes::{FRAME_TIME, Hole, frames, holes};
use super::said::{HUM_DBM0, Hum};
use crate::hear::level_dbm0;

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

/// Samples of a piece in which hums are told apart: 400 ms.
const PIECE: usize = 3200;
const PIECE_TIME: Duration = Duration::from_millis(400);
/// Pieces that are looked at of one call. Chosen by us: they cost most.
const PIECES_MAX: usize = 6;
/// Quieter than it was said by so much is no hum any more. Codecs take a decibel or two, and conceal a packet.
const HEARD_WITHIN_DB: f64 = 18.0;
/// What is added to another's hum is quieter than all of it by this: a beep takes two decibels, two tones are three.
const PURE_WITHIN_DB: f64 = 2.5;
/// Pieces that another's hum fills at least. Chosen by us: a note of a tune may be a hum too.
const STRANGER_MIN: usize = 2;

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

pub(super) fn is_heard(level_dbm0: f64) -> bool {
    level_dbm0 > HUM_DBM0 - HEARD_WITHIN_DB
}
