//! Judging one direction of all calls.

use webtrunk_codecs::resample::resample;
use webtrunk_codecs::{CodecId, SampleRate};

use super::calls::{End, Record};
use super::report::{DirectionReport, Spread};
use crate::agent::{SentPacket, Voice};
use crate::hear::{
    Alignment, Arrivals, Delays, Percentiles, PesqBand, PesqError, Stall, level_dbm0, longest_silence,
    numbered_delays, opinion, pesq,
};

/// What was found in one direction of one call.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    sent: u64,
    dropped: u64,
    arrivals: Option<Arrivals>,
    broken: u64,
    delays: Delays,
    alignment: Option<Alignment>,
    level_dbm0: f64,
    silence_ms: f64,
    opinion: Option<f64>,
    pesq: Option<f64>,
}

/// How one call is scored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scores {
    /// By the measure that is built in.
    pub(super) opinion: bool,
    pub(super) pesq: bool,
}

/// Samples at 8 kHz that Opus looks ahead, at any rate: 6.5 ms.
const OPUS_LOOK_AHEAD: usize = 52;
/// Likeness from which a place in the clip is believed: codecs leave speech far above it.
const LIKENESS_MIN: f64 = 0.5;
/// Seconds of speech to score: PESQ is made for 8 to 12.
const SCORED_SECONDS: usize = 10;

impl Verdict {
    /// `said` is the voice of the other end; without one there is nothing to compare with.
    pub(super) fn of(from: Option<&End>, to: &End, said: Option<&Voice>) -> Self {
        let samples = to.heard.samples(SampleRate::HZ_8000);
        let clip = said.and_then(Voice::clip);
        let alignment = clip.and_then(|clip| Alignment::find(clip, &samples));
        let is_alike = alignment.is_some_and(|it| it.correlation >= LIKENESS_MIN);
        let delays = match (from, said) {
            (Some(from), Some(said)) if said.clip().is_none() => numbered_delays(&from.sent, &to.heard),
            (Some(from), Some(said)) if is_alike && said.is_distinct() => {
                let is_opus = [from.sent.codec, to.heard.codec()].contains(&Some(CodecId::Opus));
                let look_ahead = if is_opus { OPUS_LOOK_AHEAD } else { 0 };
                Delays::transcoded(said, &from.sent, &to.heard, look_ahead).unwrap_or_default()
            }
            _ => Delays::default(),
        };
        let sent = from.map(|from| sent_since_connected(from, to)).unwrap_or_default();
        Self {
            sent: sent.len() as u64,
            dropped: sent.iter().filter(|packet| packet.is_dropped).count() as u64,
            arrivals: Arrivals::of(&to.heard),
            broken: to.heard.broken + to.heard.unexpected,
            delays,
            alignment,
            level_dbm0: level_dbm0(&samples),
            silence_ms: longest_silence(&samples, SampleRate::HZ_8000).as_secs_f64() * 1000.0,
            opinion: None,
            pesq: None,
        }
    }

    pub(super) const fn has_audio(&self) -> bool {
        self.arrivals.is_some()
    }

    /// Scores what was heard against what was said there.
    pub(super) fn score(&mut self, to: &End, said: &Voice, scores: Scores) -> Result<(), PesqError> {
        let (Some(clip), Some(alignment)) = (said.clip(), self.alignment) else { return Ok(()) };
        let rate = PesqBand::Narrow.rate();
        let heard = to.heard.samples(rate);
        let length = heard.len().min(SCORED_SECONDS * rate.hz() as usize);
        let said = resample(&clip.samples, clip.rate, rate);
        let reference: Vec<_> = said.iter().cycle().skip(alignment.offset).take(length).copied().collect();
        if scores.opinion {
            self.opinion = opinion(&reference, &heard[..length]);
        }
        if scores.pesq {
            self.pesq = Some(pesq(&reference, &heard[..length], PesqBand::Narrow)?);
        }
        Ok(())
    }
}

/// Packets that were sent from the time on at which the other end began to hear.
fn sent_since_connected<'e>(from: &'e End, to: &End) -> &'e [SentPacket] {
    let packets = &from.sent.packets;
    let Some(first_at) = to.heard.first_at() else { return packets };
    // The packet that came first was sent before it came.
    let before = packets.iter().filter(|packet| packet.at <= first_at).count();
    &packets[before.saturating_sub(1)..]
}

impl DirectionReport {
    pub(super) fn of(verdicts: &[Verdict], stall: Option<Stall>) -> Self {
        let arrivals = || verdicts.iter().filter_map(|it| it.arrivals);
        let alignments = || verdicts.iter().filter_map(|it| it.alignment);
        Self {
            sent: verdicts.iter().map(|it| it.sent).sum(),
            dropped: verdicts.iter().map(|it| it.dropped).sum(),
            received: arrivals().map(|it| it.packets).sum(),
            lost: arrivals().map(|it| it.lost).sum(),
            missing_by_clock: arrivals().map(|it| it.missing_by_clock).sum(),
            duplicates: arrivals().map(|it| it.duplicates).sum(),
            reordered: arrivals().map(|it| it.reordered).sum(),
            broken: verdicts.iter().map(|it| it.broken).sum(),
            jitter_ms: Spread::of(arrivals().map(|it| it.jitter_ms)),
            gateway_delay: Percentiles::of(verdicts.iter().flat_map(|it| it.delays.of_packets())),
            sound_delay: Percentiles::of(verdicts.iter().flat_map(|it| it.delays.of_sound())),
            recovery_ms: stall.and_then(|stall| {
                let each = verdicts.iter().filter_map(|it| stall.recovery(&it.delays.each));
                Spread::of(each.map(|it| it.as_secs_f64() * 1000.0))
            }),
            not_followed: verdicts.iter().map(|it| it.delays.unmatched as u64).sum(),
            gain_db: Spread::of(alignments().map(|it| it.gain_db)),
            likeness: Spread::of(alignments().map(|it| it.correlation)),
            level_dbm0: Spread::of(verdicts.iter().filter(|it| it.has_audio()).map(|it| it.level_dbm0)),
            longest_silence_ms: Spread::of(
                verdicts.iter().filter(|it| it.has_audio()).map(|it| it.silence_ms),
            ),
            opinion: Spread::of(verdicts.iter().filter_map(|it| it.opinion)),
            pesq: Spread::of(verdicts.iter().filter_map(|it| it.pesq)),
        }
    }
}

/// Both directions of one call: to the phone, to the caller.
pub(super) struct Judgement {
    pub(super) to_phone: Option<Verdict>,
    pub(super) to_caller: Verdict,
}

impl Judgement {
    /// Takes the processor for some milliseconds.
    pub(super) fn of(
        record: &Record,
        caller_voice: Option<&Voice>,
        phone_voice: Option<&Voice>,
        scores: Scores,
    ) -> Result<Self, PesqError> {
        let mut to_phone =
            record.phone.as_ref().map(|phone| Verdict::of(Some(&record.caller), phone, caller_voice));
        // Without a phone an echo is what is hoped for: then the caller hears itself.
        let (from, said) = match &record.phone {
            Some(phone) => (phone, phone_voice),
            None => (&record.caller, caller_voice),
        };
        let mut to_caller = Verdict::of(Some(from), &record.caller, said);
        if scores.opinion || scores.pesq {
            let at_phone = || match (&mut to_phone, &record.phone, caller_voice) {
                (Some(verdict), Some(phone), Some(said)) => verdict.score(phone, said, scores),
                _ => Ok(()),
            };
            // Each takes a processor for half a second.
            std::thread::scope(|scope| {
                let at_phone = scope.spawn(at_phone);
                let at_caller = said.map_or(Ok(()), |said| to_caller.score(&record.caller, said, scores));
                at_phone.join().expect("it returns what fails")?;
                at_caller
            })?;
        }
        Ok(Self { to_phone, to_caller })
    }

    pub(super) fn has_audio(&self, wants_phone: bool) -> bool {
        let at_phone = self.to_phone.as_ref().map_or(!wants_phone, Verdict::has_audio);
        at_phone && self.to_caller.has_audio()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::agent::{Heard, HeardPacket, Sent, Uplink};

    const PACKETS: u32 = 1000;

    fn at(index: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1000 + 20 * u64::from(index))
    }

    /// Who says numbered packets over a network that loses some on purpose.
    fn sender() -> End {
        let mut uplink = Uplink::losing_in_a_row(0.1, 3, 7);
        let packets = (0..PACKETS).map(|index| SentPacket {
            at: at(index),
            sequence: index as u16,
            timestamp: index * 160,
            index,
            is_dropped: !uplink.carries(),
            is_silent: false,
        });
        let sent = Sent { packets: packets.collect(), codec: Some(CodecId::Pcmu), ..Sent::default() };
        End { heard: Heard::default(), sent }
    }

    /// Who hears these packets of them a millisecond later.
    fn listener<'s>(packets: impl Iterator<Item = &'s SentPacket>) -> End {
        let packets = packets.map(|packet| {
            let mut payload = b"webtrunk".to_vec();
            payload.extend(packet.index.to_be_bytes());
            payload.resize(160, 0xff);
            HeardPacket {
                at: packet.at + Duration::from_millis(1),
                from: std::net::SocketAddr::from(([192, 0, 2, 1], 4000)),
                codec: CodecId::Pcmu,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                marker: false,
                ssrc: 1,
                payload: payload.into(),
            }
        });
        End { heard: Heard { packets: packets.collect(), ..Heard::default() }, sent: Sent::default() }
    }

    #[test]
    fn what_was_dropped_on_purpose_is_told_from_what_went_missing() {
        let sender = sender();
        // A gateway that loses every hundredth packet that comes to it.
        let passed =
            sender.sent.carried().enumerate().filter(|(at, _)| at % 100 != 50).map(|(_, packet)| packet);
        let verdict = Verdict::of(Some(&sender), &listener(passed), Some(&Voice::numbered()));
        let report = DirectionReport::of(&[verdict], None);
        // What was dropped before the first that left is not counted: nobody could know of it.
        let begins = sender.sent.carried().next().map_or(0, |packet| packet.index);
        let carried = sender.sent.carried().count() as u64;
        assert_eq!(report.sent, u64::from(PACKETS - begins));
        assert_eq!(report.dropped, report.sent - carried);
        assert!((70..130).contains(&report.dropped), "{}", report.dropped);
        assert_eq!(report.sent - report.received - report.dropped, carried.div_ceil(100));
    }

    #[test]
    fn what_a_gateway_makes_up_is_not_followed_to_a_packet_that_was_dropped() {
        let sender = sender();
        let verdict =
            Verdict::of(Some(&sender), &listener(sender.sent.packets.iter()), Some(&Voice::numbered()));
        let report = DirectionReport::of(&[verdict], None);
        assert_eq!((report.sent, report.received, report.lost), (u64::from(PACKETS), u64::from(PACKETS), 0));
        assert!(report.dropped > 0 && report.not_followed == report.dropped, "{report:?}");
    }
}
