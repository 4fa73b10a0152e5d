//! What was heard, laid over what was said: piece by piece, since a buffer of the network may shift speech in its midst.

use std::ops::Range;

/// Samples whose level is looked at together: 20 ms.
const STEP: usize = 160;
/// What is softer than the loudest step by more than 40 dB is a pause.
const SPOKEN_SHARE: f64 = 1e-4;
/// Steps of a pause that part two pieces.
const PAUSE: usize = 10;
/// Steps of which a piece has about so many: 800 ms.
const PIECE: usize = 40;
/// Samples by which a piece may be shifted, 60 ms.
const SHIFT_MAX: isize = 480;
/// A piece lies where the one before it lay, unless it is that much more alike elsewhere: pitch repeats.
const BETTER: f64 = 0.1;

/// Both signals, of the same length: what was said without what was not heard of it at its ends, and what was heard for it.
pub(super) fn aligned(said: &[f64], heard: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let pieces = pieces(said);
    let (mut begin, mut shift) = (0, None);
    let (mut one, mut other) = (Vec::with_capacity(said.len()), Vec::with_capacity(said.len()));
    for (index, piece) in pieces.iter().enumerate() {
        // A piece has half of the pause on each of its sides.
        let end = pieces.get(index + 1).map_or(said.len(), |next| usize::midpoint(piece.end, next.start));
        let likeness = |shift| likeness(&said[piece.clone()], shifted(heard, piece, shift));
        let places = (-SHIFT_MAX..=SHIFT_MAX).map(|shift| (shift, likeness(shift)));
        let (best, most) = places.max_by(|(_, a), (_, b)| a.total_cmp(b)).expect("there are places");
        let found = shift.filter(|last| most < likeness(*last) + BETTER).unwrap_or(best);
        shift = Some(found);
        let pairs =
            (begin..end).filter_map(|at| Some((said[at], *heard.get(at.checked_add_signed(found)?)?)));
        let (from, to): (Vec<_>, Vec<_>) = pairs.unzip();
        one.extend(from);
        other.extend(to);
        begin = end;
    }
    (one, other)
}

/// Where something is said: from pause to pause, in pieces of about the same length.
fn pieces(said: &[f64]) -> Vec<Range<usize>> {
    let levels: Vec<f64> = said.chunks_exact(STEP).map(|step| step.iter().map(|it| it * it).sum()).collect();
    let floor = levels.iter().copied().fold(0.0, f64::max) * SPOKEN_SHARE;
    let mut spoken: Vec<Range<usize>> = Vec::new();
    for step in (0..levels.len()).filter(|step| levels[*step] > floor) {
        match spoken.last_mut() {
            Some(last) if step <= last.end + PAUSE => last.end = step + 1,
            _ => spoken.push(step..step + 1),
        }
    }
    let parts = spoken.iter().flat_map(|range| {
        let count = ((range.len() + PIECE / 2) / PIECE).max(1);
        let edge = move |part: usize| (range.start + range.len() * part / count) * STEP;
        (0..count).map(move |part| edge(part)..edge(part + 1))
    });
    parts.collect()
}

/// What was heard where a piece was said, so many samples later; `None` where it is cut.
fn shifted<'h>(heard: &'h [f64], piece: &Range<usize>, shift: isize) -> Option<&'h [f64]> {
    heard.get(piece.start.checked_add_signed(shift)?..piece.end.checked_add_signed(shift)?)
}

/// Normalised correlation; below all else where nothing was heard.
fn likeness(said: &[f64], heard: Option<&[f64]>) -> f64 {
    let Some(heard) = heard else { return -1.0 };
    let (mut product, mut said_power, mut heard_power) = (0.0, 0.0, 0.0);
    for (said, heard) in said.iter().zip(heard) {
        product += said * heard;
        said_power += said * said;
        heard_power += heard * heard;
    }
    product / (said_power * heard_power).sqrt().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise, loud for half a second and silent for another.
    fn said() -> Vec<f64> {
        let mut state = 1_u32;
        let samples = (0..24_000).map(|at| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if (at / 4000) % 2 == 0 { f64::from((state >> 16) as i16) } else { 0.0 }
        });
        samples.collect()
    }

    #[test]
    fn each_piece_is_found_where_a_buffer_put_it() {
        let said = said();
        // 15 ms late, and from the second piece on 40 ms later.
        let mut heard = vec![0.0; 120];
        heard.extend(&said[..6000]);
        heard.extend([0.0; 320]);
        heard.extend(&said[6000..]);
        let (one, other) = aligned(&said, &heard);
        assert!(one.len() >= said.len() - 440, "{}", one.len());
        assert_eq!(one, other);
    }

    #[test]
    fn what_was_never_heard_has_no_piece() {
        assert_eq!(pieces(&said()), [0..4000, 8000..12_000, 16_000..20_000]);
        let (one, other) = aligned(&said(), &[]);
        assert!(one.is_empty() && other.is_empty());
        assert!(pieces(&[0.0; 4000]).is_empty());
    }
}
