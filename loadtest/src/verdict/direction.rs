//! One direction of a call: what one end said, and what the other heard.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use webtrunk_codecs::SampleRate;

use super::call::{Excuse, Happened, Said, Side};
use super::{DigitTrip, Finding, FindingKind, Limits, digit_trip, digits, pauses, tail};
use crate::agent::{Heard, Sent};
use crate::hear::{
    Arrivals, EModel, Hole, Hum, HumHeard, PACKETS_PER_BEEP, Stranger, below_said, burst_ratio, level_beside,
    losses_in_order,
};

/// What was found in one direction of one call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DirectionVerdict {
    /// The sound that was said, or another's, was heard.
    pub is_heard: bool,
    /// Audio packets that were sent, those lost on purpose included.
    pub sent: usize,
    /// Those lost on purpose, on their way to the target.
    pub dropped: usize,
    /// For how long nothing was said there, as it was to be.
    pub silent_ms: f64,
    /// Audio packets that came.
    pub received: u64,
    /// Gaps in their sequence numbers.
    pub lost: u64,
    /// The same in percent.
    pub loss_percent: f64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that came after a later one.
    pub reordered: u64,
    /// Interarrival jitter at the end (RFC 3550 6.4.1).
    pub jitter_ms: f64,
    /// From the answer to the first packet.
    pub first_audio_ms: Option<f64>,
    /// How much of the first that was said was never heard.
    pub clipped_ms: Option<f64>,
    /// The longest hole in the sound.
    pub longest_gap_ms: f64,
    /// Holes longer than the limit.
    pub gaps: usize,
    /// From the send call to the place in the stream that came: what lies between both ends, codecs included.
    pub delay_ms: Option<f64>,
    /// The same with the time in which a packet is filled.
    pub mouth_to_ear_ms: Option<f64>,
    /// Louder than said, in dB.
    pub gain_db: Option<f64>,
    /// By the E-model, 1 to 4.5.
    pub mos: Option<f64>,
    /// How good speech sounds beside what was said, 1 to 4.2, in the calls that speak.
    pub opinion: Option<f64>,
    /// How good it sounds by the program that `WEBTRUNK_SCORER` names, in its own terms.
    pub scored: Option<f64>,
    /// What was pressed there, and returned of what came there.
    pub pressed: String,
    /// What came of it here.
    pub digits: String,
    /// The digits that were pressed there and sent, and how long each took.
    #[serde(default)]
    pub digit_trips: Vec<DigitTrip>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// The time that a packet takes to be filled.
const PTIME: Duration = Duration::from_millis(20);
/// A beep that was heard before it was said was so by as much at most: clocks and windows.
const EARLY_MAX: Duration = Duration::from_millis(5);
/// Beeps are this far apart; a longer way cannot be told.
const DELAY_MAX: Duration = Duration::from_millis(2000);
/// So many packets were said that silence is no chance.
const JUDGED_MIN: usize = 50;

/// Listens to what `to` heard of what `from` said, whose hum may be the same where an echo is what is hoped for. With the
/// holes that nothing explains: when each began, and how long it was.
pub(super) fn listen(
    from: &Side<'_>,
    to: &Side<'_>,
    limits: &Limits,
    happened: &Happened,
) -> (DirectionVerdict, Vec<(SystemTime, Duration)>) {
    let samples = to.heard.samples(SampleRate::HZ_8000);
    let origin = origin(to.heard);
    let mut verdict = DirectionVerdict::of_packets(from, to, happened);
    let holes = match (&from.said, &to.said) {
        (Said::Hum(said), Said::Hum(own)) => {
            let hums = Hums { said: *said, own: *own, origin, samples: &samples };
            verdict.listen_to_hum(&hums, from, to, limits, happened)
        }
        (Said::Speech(voice), _) => {
            // What comes before the answer, or of a hold, is another sound.
            let place = |at: SystemTime| {
                let since = origin.and_then(|origin| at.duration_since(origin).ok()).unwrap_or_default();
                ((since.as_secs_f64() * 8000.0) as usize).min(samples.len())
            };
            let first = to.answered_at.map_or(0, place);
            let end = happened.excuses.iter().map(|it| it.from).min().map_or(samples.len(), place);
            verdict.listen_to_speech(voice, &samples[first.min(end)..end], from, limits, happened);
            Vec::new()
        }
        // Both ends of a call say alike.
        (Said::Hum(_), Said::Speech(_)) => Vec::new(),
    };
    if verdict.is_heard {
        verdict.mos = to.heard.codec().map(|codec| {
            let burst_ratio = burst_ratio(&losses_in_order(to.heard));
            let delay = verdict.delay_ms.unwrap_or_default() + ms(PTIME);
            let delay = Duration::from_secs_f64(delay / 1000.0);
            EModel { codec, loss: verdict.loss_percent / 100.0, burst_ratio, delay }.mos()
        });
        verdict.judge_times(limits);
    }
    if let Some(kind) = digits::fault(&verdict.pressed, &verdict.digits) {
        verdict.find(kind, format!("pressed {:?}, came {:?}", verdict.pressed, verdict.digits));
    }
    (verdict, holes)
}

/// What is listened to where both ends hum.
struct Hums<'h> {
    said: Hum,
    own: Hum,
    origin: Option<SystemTime>,
    samples: &'h [i16],
}

impl DirectionVerdict {
    fn note_arrivals(&mut self, arrivals: &Arrivals) {
        self.received = arrivals.packets;
        self.lost = arrivals.lost;
        self.loss_percent = arrivals.lost as f64 * 100.0 / (arrivals.packets + arrivals.lost).max(1) as f64;
        self.duplicates = arrivals.duplicates;
        self.reordered = arrivals.reordered;
        self.jitter_ms = arrivals.jitter_ms;
    }

    /// What packets tell, whatever is in them.
    fn of_packets(from: &Side<'_>, to: &Side<'_>, happened: &Happened) -> Self {
        let mut verdict = Self {
            sent: from.sent.packets.len(),
            dropped: from.sent.packets.iter().filter(|packet| packet.is_dropped).count(),
            silent_ms: ms(PTIME) * from.sent.silent_ticks as f64,
            pressed: digit_trip::expected(from, to, happened.talked_until),
            digits: to.digits(),
            digit_trips: DigitTrip::of(from, to),
            ..Self::default()
        };
        if let Some(arrivals) = Arrivals::of(to.heard) {
            verdict.note_arrivals(&arrivals);
        }
        let since = |from: SystemTime, to: SystemTime| to.duration_since(from).unwrap_or_default();
        let due = to.answered_at.and_then(|answered| pauses::due(from.sent, answered));
        verdict.first_audio_ms = to.heard.first_at().zip(due).map(|(first, due)| ms(since(due, first)));
        verdict
    }

    fn listen_to_hum(
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

    /// That nothing is heard, where enough was said that was to be heard.
    pub(super) fn judge_silence(&mut self, sent: &Sent, happened: &Happened) {
        if sent.spoken().filter(|packet| happened.is_heard_at(packet.at)).count() >= JUDGED_MIN {
            self.find(FindingKind::Silent, format!("{} packets came, without a sound", self.received));
        }
    }

    pub(super) fn judge_other(&mut self) {
        self.find(
            FindingKind::OtherSound,
            "a sound that is neither what was said nor another call's".to_owned(),
        );
    }

    pub(super) fn judge_level(&mut self, limits: &Limits) {
        if let Some(gain) = self.gain_db.filter(|gain| gain.abs() > limits.level_db) {
            self.find(FindingKind::Level, format!("{gain:+.1} dB"));
        }
    }

    fn judge_times(&mut self, limits: &Limits) {
        let over = |value: Option<f64>, limit: Duration| value.filter(|value| *value > ms(limit));
        if let Some(first) = over(self.first_audio_ms, limits.first_audio) {
            self.find(FindingKind::LateStart, format!("{first:.0} ms after the answer"));
        }
        if let Some(clipped) = over(self.clipped_ms, limits.clipped) {
            self.find(FindingKind::ClippedStart, format!("the first {clipped:.0} ms were not heard"));
        }
        if self.gaps > 0 {
            self.find(
                FindingKind::Gaps,
                format!("{}, the longest of {:.0} ms", self.gaps, self.longest_gap_ms),
            );
        }
        if let Some(late) = over(self.mouth_to_ear_ms, limits.mouth_to_ear) {
            self.find(FindingKind::Late, format!("{late:.0} ms from mouth to ear"));
        }
        let dropped_percent = self.dropped as f64 * 100.0 / self.sent.max(1) as f64;
        if self.loss_percent > limits.loss_percent + dropped_percent {
            let (lost, percent) = (self.lost, self.loss_percent);
            self.find(FindingKind::Lossy, format!("{lost} packets lost, {percent:.1} %"));
        }
        if self.jitter_ms > ms(limits.jitter) {
            self.find(FindingKind::Jittery, format!("{:.0} ms", self.jitter_ms));
        }
    }

    pub(super) fn find(&mut self, kind: FindingKind, detail: String) {
        self.findings.push(Finding { kind, detail, is_own: false });
    }
}

fn anothers(whose: Hum, expected: Hum) -> String {
    format!("the audio of another call, which hums at {} Hz, not {}", whose.hz(), expected.hz())
}

/// When the first sample was due: by the packet that was quickest to come.
fn origin(heard: &Heard) -> Option<SystemTime> {
    let first = heard.packets.first()?;
    let rate = f64::from(first.codec.clock_rate().hz());
    let run = heard.packets.iter().take_while(|it| (it.ssrc, it.codec) == (first.ssrc, first.codec));
    let early = run.map(|packet| {
        let came = packet.at.duration_since(first.at).unwrap_or_default().as_secs_f64();
        f64::from(packet.timestamp.wrapping_sub(first.timestamp).cast_signed()) / rate - came
    });
    let most = early.fold(0.0, f64::max);
    // A timestamp that jumps is no packet that was quick.
    first.at.checked_sub(Duration::from_secs_f64(most.min(2.0)))
}

/// The times since the first sample in which anything may be heard: rings before the answer and tones after the talk, what the
/// target plays who is on hold, digits as tones, and whoever a call is handed on to.
fn anything(
    origin: Option<SystemTime>,
    answered_at: Option<SystemTime>,
    happened: &Happened,
) -> Vec<Range<Duration>> {
    let Some(origin) = origin else { return Vec::new() };
    let since = |at: SystemTime| at.duration_since(origin).unwrap_or_default();
    let before = answered_at.map(|answered_at| Duration::ZERO..since(answered_at));
    let after = happened.talked_until.map(|until| since(until)..Duration::MAX);
    let excused = happened.excuses.iter().map(|it| {
        let until = it.holds_until(Duration::ZERO).map_or(Duration::MAX, since);
        since(it.from)..until
    });
    before.into_iter().chain(after).chain(excused).collect()
}

/// What of a hole no time of wanted silence explains; `None` where that is nothing.
fn unexcused(
    hole: Hole,
    origin: Option<SystemTime>,
    delay: Option<Duration>,
    excuses: &[Excuse],
) -> Option<Hole> {
    let Some(origin) = origin else { return Some(hole) };
    let mut from = origin + hole.at;
    let to = from + hole.length;
    let mut length = Duration::ZERO;
    // What one explains may reach into the next.
    for excuse in excuses {
        length += excuse.from.min(to).duration_since(from).unwrap_or_default();
        from = from.max(excuse.holds_until(delay.unwrap_or_default()).unwrap_or(to));
    }
    length += to.duration_since(from).unwrap_or_default();
    (!length.is_zero()).then_some(Hole { length, ..hole })
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

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::SentPacket;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    fn excuse(from_ms: u64, to_ms: Option<u64>) -> Excuse {
        Excuse { from: at(from_ms), to: to_ms.map(at) }
    }

    #[test]
    fn what_is_said_on_hold_need_not_be_heard() {
        let packets = (0..100_u32).map(|index| SentPacket {
            at: at(u64::from(index) * 20),
            sequence: index as u16,
            timestamp: index * 160,
            index,
            is_dropped: false,
            is_silent: false,
        });
        let sent = Sent { packets: packets.collect(), ..Sent::default() };
        for (excuses, expected) in [
            (vec![], 1),
            (vec![excuse(500, Some(1000))], 0),
            (vec![excuse(500, None)], 0),
            (vec![excuse(1000, None)], 1),
        ] {
            let happened = Happened { excuses, ..Happened::default() };
            let mut verdict = DirectionVerdict::default();
            verdict.judge_silence(&sent, &happened);
            assert_eq!(verdict.findings.len(), expected, "{happened:?}");
        }
    }

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

    /// Each explains 600 ms behind its end too.
    #[test]
    fn times_of_wanted_silence_explain_as_much_of_a_hole_as_they_cover_together() {
        let left_by = |excuses: &[Excuse], at_ms, length_ms, delay_ms| {
            let hole = Hole { at: Duration::from_millis(at_ms), length: Duration::from_millis(length_ms) };
            let delay = Some(Duration::from_millis(delay_ms));
            unexcused(hole, Some(at(0)), delay, excuses).map(|it| it.length.as_millis())
        };
        let excuses = [excuse(5000, Some(5200)), excuse(5500, Some(6000))];
        let left = |at_ms, length_ms, delay_ms| left_by(&excuses, at_ms, length_ms, delay_ms);
        assert_eq!(left(5500, 1100, 0), None);
        assert_eq!(left(5500, 1400, 0), Some(300), "both cover the first 300 ms");
        assert_eq!(left(5500, 1400, 300), None, "all is late");
        assert_eq!(left(4900, 200, 0), Some(100), "it began before");
        assert_eq!(left(4000, 4000, 0), Some(2400), "it began before, and did not end");
        assert_eq!(left(1000, 200, 0), Some(200));
        assert_eq!(left(8000, 200, 0), Some(200));
        assert_eq!(left_by(&[excuse(5000, None)], 4900, 9000, 0), Some(100), "the talk ended in it");
    }

    #[test]
    fn what_comes_before_the_answer_and_of_a_hold_tells_nothing() {
        let times = |from: u64, to: u64| Duration::from_millis(from)..Duration::from_millis(to);
        let excuses = vec![excuse(6000, Some(7000))];
        let happened = Happened { excuses, talked_until: Some(at(9000)), ..Happened::default() };
        let rest = Duration::from_secs(8)..Duration::MAX;
        let told = anything(Some(at(1000)), Some(at(3000)), &happened);
        assert_eq!(told, [times(0, 2000), rest, times(5000, 6600)]);
        let broken_off = Happened { excuses: vec![excuse(6000, None)], ..Happened::default() };
        let rest = Duration::from_secs(5)..Duration::MAX;
        let told = anything(Some(at(1000)), None, &broken_off);
        assert_eq!(told, [rest]);
        let told = anything(Some(at(1000)), Some(at(900)), &Happened::default());
        assert_eq!(told, [times(0, 0)], "it was answered before anything came");
        assert_eq!(anything(None, Some(at(900)), &happened), []);
    }
}
