//! One direction of a call: what one end said, and what the other heard.

use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use webtrunk_codecs::SampleRate;

use super::call::{Happened, Said, Side};
use super::hummed::Hums;
use super::{DigitTrip, Finding, FindingKind, Limits, digit_trip, digits, pauses};
use crate::agent::{Heard, Sent};
use crate::hear::{Arrivals, EModel, burst_ratio, losses_in_order};

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
pub(super) const PTIME: Duration = Duration::from_millis(20);
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

pub(super) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::SentPacket;
    use crate::verdict::Excuse;

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
}
