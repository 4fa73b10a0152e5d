//! Holes in a hum, to a packet.

use std::time::Duration;

use super::Hum;
use super::heard::is_heard;
use super::said::BEEP_MS;

/// A time in which the hum was not heard, to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// When it began, from the first sample on.
    pub at: Duration,
    /// How long it was.
    pub length: Duration,
}

/// Samples in which a hole is looked for: a packet.
const FRAME: usize = 160;
pub(super) const FRAME_TIME: Duration = Duration::from_millis(20);

impl Hole {
    /// Whether a beep that is heard at this time began in it: it ended less than a beep earlier.
    pub(super) fn is_before(&self, beep: Duration) -> bool {
        self.at < beep && self.at + self.length + Duration::from_millis(BEEP_MS.into()) > beep
    }
}

/// Of each packet's time, whether it hums.
pub(super) fn frames(samples: &[i16], hum: Hum) -> Vec<bool> {
    samples.chunks_exact(FRAME).map(|frame| is_heard(hum.level(frame))).collect()
}

/// What is silent between what hums.
pub(super) fn holes(heard: &[bool]) -> Vec<Hole> {
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
