//! What is said of a hum: whose it is, how loud, how late, and where it was not heard.

use std::time::{Duration, SystemTime};

use super::call::{Happened, Side};
use super::direction::{PTIME, ms};
use super::excused::{anything, unexcused};
use super::{DirectionVerdict, FindingKind, Limits, pauses, tail};
use crate::agent::Sent;
use crate::hear::{Hole, Hum, HumHeard, PACKETS_PER_BEEP, Stranger, below_said, level_beside};

/// What is listened to where both ends hum.
pub(super) struct Hums<'h> {
    pub(super) said: Hum,
    pub(super) own: Hum,
    pub(super) origin: Option<SystemTime>,
    pub(super) samples: &'h [i16],
}

/// A beep that was heard before it was said was so by as much at most: clocks and windows.
const EARLY_MAX: Duration = Duration::from_millis(5);
/// Beeps are this far apart; a longer way cannot be told.
const DELAY_MAX: Duration = Duration::from_millis(2000);

impl DirectionVerdict {
    pub(super) fn listen_to_hum(
        &mut self,
        hums: &Hums<'_>,
        from: &Side<'_>,
        to: &Side<'_>,
        limits: &Limits,
        happened: &Happened,
    ) -> Vec<(SystemTime, Duration)> {
        let origin = hums.origin;
        let hum = HumHeard::of(hums.samples, hums.said, &anything(origin, to.answered_at, happened));
        // A stranger's beeps tell nothing of this way.
        let is_right = hum.whose == Some(hums.said);
        let delay = origin.filter(|_| is_right).and_then(|origin| delay(from.sent, &hum, origin));
        let sound = Duration::from_secs_f64(hums.samples.len() as f64 / 8000.0);
        let tail = hum.until.zip(happened.talked_until);
        let tail = tail.and_then(|(until, ended_at)| tail::tail(to.heard, sound, until, ended_at));
        let holes = hum.holes.iter().copied().chain(tail);
        let holes = holes.filter_map(|hole| unexcused(hole, origin, delay, &happened.excuses));
        let holes: Vec<_> =
            holes.filter_map(|hole| pauses::unexplained(hole, from.sent, origin, delay)).collect();
        self.is_heard = hum.whose.is_some() || hum.is_other;
        self.longest_gap_ms = ms(holes.iter().map(|hole| hole.length).max().unwrap_or_default());
        self.gaps = holes.iter().filter(|hole| hole.length > limits.gap).count();
        self.delay_ms = delay.map(ms);
        self.mouth_to_ear_ms = delay.map(|delay| ms(delay + PTIME));
        self.gain_db = Some(hum.gain_db()).filter(|gain| gain.is_finite() && is_right);
        self.clipped_ms = clipped(from.sent, to.heard.first_at(), delay).map(ms);
        match hum.whose {
            None if hum.is_other => self.judge_other(),
            None => self.judge_silence(from.sent, happened),
            Some(whose) => self.judge_hum(whose, hum.stranger, hums, limits),
        }
        let at = |hole: &Hole| origin.map(|origin| (origin + hole.at, hole.length));
        holes.iter().filter_map(at).collect()
    }

    /// `stranger` is who was heard for a while in place of who was expected.
    fn judge_hum(&mut self, whose: Hum, stranger: Option<Stranger>, hums: &Hums<'_>, limits: &Limits) {
        if whose == hums.said {
            self.judge_level(limits);
            let echo = below_said(level_beside(hums.samples, hums.own));
            let is_own = |it: Stranger| it.hum == hums.own;
            let is_loud = |it: Stranger| below_said(it.level_dbm0) < limits.echo_db;
            if hums.own != hums.said && echo < limits.echo_db {
                self.find(FindingKind::Echo, format!("{echo:.0} dB below what was said"));
            } else if stranger.is_some_and(|it| is_own(it) && is_loud(it)) {
                self.find(
                    FindingKind::Echo,
                    "for a while what was said comes back, and nothing else".to_owned(),
                );
            }
            if let Some(stranger) = stranger.filter(|it| !is_own(*it)) {
                self.find(FindingKind::Swapped, anothers(stranger.hum, hums.said));
            }
        } else if whose == hums.own {
            self.find(FindingKind::Echo, "what was said comes back, and nothing else".to_owned());
        } else {
            self.find(FindingKind::Swapped, anothers(whose, hums.said));
        }
    }
}

fn anothers(whose: Hum, expected: Hum) -> String {
    format!("the audio of another call, which hums at {} Hz, not {}", whose.hz(), expected.hz())
}

/// The middle of how late beeps were.
fn delay(sent: &Sent, hum: &HumHeard, origin: SystemTime) -> Option<Duration> {
    let begins = sent.spoken().filter(|packet| packet.index % PACKETS_PER_BEEP == 0);
    let said: Vec<_> = begins.map(|packet| packet.at).collect();
    let late = hum.beeps.iter().filter_map(|at| {
        let heard_at = origin + *at;
        let said_at = said.iter().rev().find(|said_at| **said_at <= heard_at + EARLY_MAX)?;
        Some(heard_at.duration_since(*said_at).unwrap_or_default()).filter(|late| *late < DELAY_MAX)
    });
    let mut late: Vec<_> = late.collect();
    late.sort_unstable();
    late.get(late.len().saturating_sub(1) / 2).copied()
}

/// From the first packet that was sent to the one that was the first to be heard.
fn clipped(sent: &Sent, first_heard: Option<SystemTime>, delay: Option<Duration>) -> Option<Duration> {
    let said_at = first_heard?.checked_sub(delay?)?;
    Some(said_at.duration_since(sent.first_at()?).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_of_a_part_of_the_talk_is_none_where_it_is_as_quiet_as_the_limit_lets_it_be() {
        let (said, own) = (Hum::of_answerer(5), Hum::of_caller(5));
        let hums = Hums { said, own, origin: None, samples: &[] };
        for (level_dbm0, echo_db, expected) in [(-31.0, 30.0, 1), (-31.0, 10.0, 0), (-17.0, 10.0, 1)] {
            let mut verdict = DirectionVerdict::default();
            let limits = Limits { echo_db, ..Limits::default() };
            verdict.judge_hum(said, Some(Stranger { hum: own, level_dbm0 }), &hums, &limits);
            assert_eq!(verdict.findings.len(), expected, "{level_dbm0} dBm0, {echo_db} dB");
        }
    }
}
