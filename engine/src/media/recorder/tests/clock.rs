//! Sound stays where the clock says.

use webtrunk_codecs::CodecId;

use super::super::RATE;
use super::super::feed::{Heard, Side};
use super::super::track::Track;
use super::party::{CHIRP, Party, WAY_US, chirp};

/// Forty-five minutes.
const SECONDS: f64 = 2700.0;

/// The parties say something for three seconds of ten, and send nothing in between.
const SPURT: (f64, f64) = (3.0, 10.0);

/// One of them is on hold for five minutes.
const HOLD: std::ops::Range<f64> = 1200.0..1500.0;

/// A chirp comes once a minute, two seconds after the full minute.
const BEACON: (f64, f64) = (2.0, 60.0);

/// What may be off, in seconds.
const OFF_MAX: f64 = 0.020;

fn talks_in_spurts(at: f64) -> bool {
    at % SPURT.1 < SPURT.0 && !HOLD.contains(&at)
}

/// By how much each beacon of a party is off its place, in seconds; it talks for so long, at some times.
fn offsets(mut party: Party, seconds: f64, is_talking: fn(f64) -> bool) -> Vec<f64> {
    let mut track = Track::new();
    let mut recorded = Vec::new();
    let mut offsets = Vec::new();
    let hz = f64::from(RATE.hz());
    // What was recorded from half a second before the last beacon on.
    let mut from = 0_i64;
    while party.next_at() < seconds {
        let now = party.next_at();
        if !is_talking(now) {
            party.rest();
        } else if let Some(came) = party.say(|at| chirp(at % BEACON.1 - BEACON.0)) {
            let heard = Heard {
                side: Side::Left,
                codec: party.codec(),
                timestamp: came.timestamp,
                lost_before: came.lost_before,
                payload: &came.payload,
            };
            track.handle(&heard, came.at_us);
        }
        track.take_until(((now - 0.4).max(0.0) * hz) as i64, &mut recorded);
        let until = from + recorded.len() as i64;
        let beacon = (now / BEACON.1).floor() * BEACON.1 + BEACON.0;
        if (until as f64) < (beacon + CHIRP + 0.5) * hz && until as f64 > (beacon - 0.5) * hz {
            continue;
        }
        if from as f64 <= (beacon - 0.4) * hz
            && until as f64 >= (beacon + CHIRP + 0.4) * hz
            && is_talking(beacon)
        {
            let expected = beacon + WAY_US as f64 / 1e6 - from as f64 / hz;
            offsets.push(offset(&recorded, expected));
        }
        from = until;
        recorded.clear();
    }
    offsets
}

/// By how much the chirp that should begin at `expected` seconds is off: where it is found best, within 60 ms.
fn offset(samples: &[i16], expected: f64) -> f64 {
    let hz = f64::from(RATE.hz());
    let reference: Vec<f64> = (0..(CHIRP * hz) as usize).map(|index| chirp(index as f64 / hz)).collect();
    let likeness = |shift: &i64| -> f64 {
        let begin = (expected * hz) as i64 + shift;
        let heard = &samples[begin as usize..begin as usize + reference.len()];
        heard.iter().zip(&reference).map(|(heard, reference)| f64::from(*heard) * reference).sum()
    };
    let best = (-960..=960).step_by(4).max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    best.expect("a range") as f64 / hz
}

fn assert_in_place(offsets: &[f64]) {
    let worst = offsets.iter().fold(0.0, |worst: f64, off| worst.max(off.abs()));
    assert!(worst < OFF_MAX, "{:.1} ms off: {offsets:.4?}", worst * 1000.0);
}

#[test]
fn both_voices_are_within_20_ms_of_the_clock_after_45_minutes_of_pauses_hold_loss_and_drift() {
    let [left, right] = [Party::new(CodecId::Pcmu, 100.0, 1), Party::new(CodecId::Opus, -100.0, 2)]
        .map(|party| offsets(party.over(0.05, 8000), SECONDS, talks_in_spurts));
    assert_eq!([left.len(), right.len()], [40; 2], "one beacon a minute, but for the hold");
    for offsets in [&left, &right] {
        assert_in_place(offsets);
    }
    let apart = left.iter().zip(&right).map(|(left, right)| (left - right).abs()).fold(0.0, f64::max);
    assert!(apart < OFF_MAX, "{:.1} ms between the two", apart * 1000.0);
}

/// Nowhere is there a pause in which it could be moved: 90 ms are made up for by stretching.
#[test]
fn a_voice_that_never_pauses_is_within_20_ms_of_the_clock_while_its_own_is_300_ppm_off() {
    for drift_ppm in [-300.0, 300.0] {
        let party = Party::new(CodecId::Pcma, drift_ppm, 3).over(0.05, 8000);
        let offsets = offsets(party, 310.0, |_| true);
        assert_eq!(offsets.len(), 6);
        assert_in_place(&offsets);
    }
}
