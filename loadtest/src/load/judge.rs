//! Judging one direction of all calls.

use webtrunk_codecs::resample::resample;
use webtrunk_codecs::{CodecId, SampleRate};

use super::calls::{End, Record};
use super::report::{DirectionReport, Spread};
use crate::agent::Voice;
use crate::hear::{
    Alignment, Arrivals, Delays, Percentiles, PesqBand, PesqError, level_dbm0, longest_silence,
    numbered_delays, pesq,
};

/// What was found in one direction of one call.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    sent: u64,
    arrivals: Option<Arrivals>,
    broken: u64,
    delays: Delays,
    alignment: Option<Alignment>,
    level_dbm0: f64,
    silence_ms: f64,
    pesq: Option<f64>,
}

/// Samples at 8 kHz that Opus looks ahead, at any rate: 6.5 ms.
const OPUS_LOOK_AHEAD: usize = 52;
/// Likeness from which a place in the clip is believed: codecs leave speech far above it.
const LIKENESS_MIN: f64 = 0.5;
/// Seconds of speech to score: PESQ is made for 8 to 12.
const PESQ_SECONDS: usize = 10;

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
        Self {
            sent: from.map_or(0, |from| sent_since_connected(from, to)),
            arrivals: Arrivals::of(&to.heard),
            broken: to.heard.broken + to.heard.unexpected,
            delays,
            alignment,
            level_dbm0: level_dbm0(&samples),
            silence_ms: longest_silence(&samples, SampleRate::HZ_8000).as_secs_f64() * 1000.0,
            pesq: None,
        }
    }

    pub(super) const fn has_audio(&self) -> bool {
        self.arrivals.is_some()
    }

    /// Scores what was heard against what was said there.
    pub(super) fn score(&mut self, to: &End, said: &Voice) -> Result<(), PesqError> {
        let (Some(clip), Some(alignment)) = (said.clip(), self.alignment) else { return Ok(()) };
        let rate = PesqBand::Narrow.rate();
        let heard = to.heard.samples(rate);
        let length = heard.len().min(PESQ_SECONDS * rate.hz() as usize);
        let said = resample(&clip.samples, clip.rate, rate);
        let reference: Vec<_> = said.iter().cycle().skip(alignment.offset).take(length).copied().collect();
        self.pesq = Some(pesq(&reference, &heard[..length], PesqBand::Narrow)?);
        Ok(())
    }
}

/// Packets that were sent from the time on at which the other end began to hear.
fn sent_since_connected(from: &End, to: &End) -> u64 {
    let Some(first_at) = to.heard.first_at() else { return from.sent.packets.len() as u64 };
    // The packet that came first was sent before it came.
    let before = from.sent.packets.iter().filter(|packet| packet.at <= first_at).count();
    (from.sent.packets.len() - before.saturating_sub(1)) as u64
}

impl DirectionReport {
    pub(super) fn of(verdicts: &[Verdict]) -> Self {
        let arrivals = || verdicts.iter().filter_map(|it| it.arrivals);
        let alignments = || verdicts.iter().filter_map(|it| it.alignment);
        Self {
            sent: verdicts.iter().map(|it| it.sent).sum(),
            received: arrivals().map(|it| it.packets).sum(),
            lost: arrivals().map(|it| it.lost).sum(),
            missing_by_clock: arrivals().map(|it| it.missing_by_clock).sum(),
            duplicates: arrivals().map(|it| it.duplicates).sum(),
            reordered: arrivals().map(|it| it.reordered).sum(),
            broken: verdicts.iter().map(|it| it.broken).sum(),
            jitter_ms: Spread::of(arrivals().map(|it| it.jitter_ms)),
            gateway_delay: Percentiles::of(verdicts.iter().flat_map(|it| it.delays.each.iter().copied())),
            sound_delay: Percentiles::of(verdicts.iter().flat_map(|it| it.delays.of_sound())),
            not_followed: verdicts.iter().map(|it| it.delays.unmatched as u64).sum(),
            gain_db: Spread::of(alignments().map(|it| it.gain_db)),
            likeness: Spread::of(alignments().map(|it| it.correlation)),
            level_dbm0: Spread::of(verdicts.iter().filter(|it| it.has_audio()).map(|it| it.level_dbm0)),
            longest_silence_ms: Spread::of(
                verdicts.iter().filter(|it| it.has_audio()).map(|it| it.silence_ms),
            ),
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
        scores: bool,
    ) -> Result<Self, PesqError> {
        let mut to_phone =
            record.phone.as_ref().map(|phone| Verdict::of(Some(&record.caller), phone, caller_voice));
        // Without a phone an echo is what is hoped for: then the caller hears itself.
        let (from, said) = match &record.phone {
            Some(phone) => (phone, phone_voice),
            None => (&record.caller, caller_voice),
        };
        let mut to_caller = Verdict::of(Some(from), &record.caller, said);
        if scores {
            if let (Some(verdict), Some(phone), Some(said)) = (&mut to_phone, &record.phone, caller_voice) {
                verdict.score(phone, said)?;
            }
            if let Some(said) = said {
                to_caller.score(&record.caller, said)?;
            }
        }
        Ok(Self { to_phone, to_caller })
    }

    pub(super) fn has_audio(&self, wants_phone: bool) -> bool {
        let at_phone = self.to_phone.as_ref().map_or(!wants_phone, Verdict::has_audio);
        at_phone && self.to_caller.has_audio()
    }
}
