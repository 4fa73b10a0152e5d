//! What comes from a party, judged as it comes: what is missing, how loud it is, whether it can be heard at all.
//!
//! ```text
//! every packet      -> its fate, voice or silence ---------> quality, watch
//! one packet in 5   -> level: of G.711 and L16 from its ---> speech or not
//!                      payload, of others where a path decodes them anyway
//! ```
//!
//! Where nobody decodes a payload that cannot be looked into (Opus and G.722 passed through) a voice packet
//! counts as speech: to decode it for a level alone would cost as much as transcoding.

use std::time::{Duration, Instant};

use webtrunk_codecs::CodecId;
use webtrunk_codecs::g711::Law;

use super::intake::Missed;
use super::quality::{
    AudioEvent, AudioState, AudioWatch, AudioWatchConfig, Band, CodecImpairment, Delays, Expectation, Fate,
    Quality, QualityMonitor, Repair, level_dbov,
};
use super::tone_ear::ToneEar;
use super::transcoder::TranscoderCounters;
use crate::rtp::Ssrc;
use crate::rtp::rtcp::VoipMetrics;
use crate::rtp::telephone_event::DigitEvent;

/// Of how many packets one is measured: ten levels a second are plenty, and cost nothing that can be measured.
pub(crate) const LEVEL_ONE_IN: u8 = 5;

/// Samples that are measured of a packet: 20 ms of narrow band.
const MEASURED_MAX: usize = 160;

/// The longest that a gap in what comes is waited for (`media::reorder`).
const GAP_WAIT_MAX: Duration = Duration::from_millis(60);

/// A packet of Opus that is no longer only says that nothing is said (RFC 6716 2.1.9).
const OPUS_SILENCE_MAX: usize = 2;

/// Follows what comes from one party.
pub(crate) struct Listening {
    codec: CodecId,
    monitor: QualityMonitor,
    watch: AudioWatch,
    live: Quality,
    /// Packets that were counted when they came and when they were missing: so many that come are not counted.
    counted_twice: u32,
    /// What was repaired on the way to those who hear the party, or, for several of them, to one.
    repaired: TranscoderCounters,
    /// Whether levels tell speech from silence.
    hears_levels: bool,
    /// Packets until the next one is measured.
    until_level: u8,
    /// Hears keys in the voice, where they come so.
    tones: Option<Box<ToneEar>>,
}

/// What a path found out about a packet that it decoded.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Overheard {
    /// Packets before it that were lost, and restored from redundancy.
    pub recovered: u32,
    /// Packets before it that were lost, and invented.
    pub concealed: u32,
    /// How loud it is in dBov, where it was measured.
    pub level_dbov: Option<f32>,
    /// It was background alone, and its time passed unsent.
    pub is_background: bool,
}

impl Overheard {
    /// What either path found out.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            recovered: self.recovered.max(other.recovered),
            concealed: self.concealed.max(other.concealed),
            level_dbov: self.level_dbov.or(other.level_dbov),
            is_background: self.is_background || other.is_background,
        }
    }
}

impl Listening {
    /// Nothing has come, and nothing is expected, yet.
    pub(crate) fn new(codec: CodecId, now: Instant) -> Self {
        let monitor = QualityMonitor::new(impairment(codec, own_band(codec))).hearing_one_in(LEVEL_ONE_IN);
        let mut watch = AudioWatch::new(AudioWatchConfig::default(), now);
        watch.set_expected(Expectation::Nothing, now);
        let live = monitor.total();
        Self {
            codec,
            monitor,
            watch,
            live,
            counted_twice: 0,
            repaired: TranscoderCounters::default(),
            hears_levels: false,
            until_level: 0,
            tones: None,
        }
    }

    /// Goes on with another codec, or to other ears: `band` is what is carried from end to end.
    pub(crate) fn set_codec(&mut self, codec: CodecId, band: Band) {
        if self.codec != codec && self.tones.is_some() {
            self.tones = ToneEar::new(codec).map(Box::new);
        }
        self.codec = codec;
        self.hears_levels = false;
        self.monitor.set_codec(impairment(codec, band));
    }

    /// The codec that comes.
    pub(crate) const fn codec(&self) -> CodecId {
        self.codec
    }

    /// Listens for keys in the voice from now on.
    pub(crate) fn hear_tones(&mut self) {
        if self.tones.is_none() {
            self.tones = ToneEar::new(self.codec).map(Box::new);
        }
    }

    /// The next key that went down or up in the voice.
    pub(crate) fn poll_key(&mut self) -> Option<DigitEvent> {
        self.tones.as_mut()?.poll_event()
    }

    /// What should come.
    pub(crate) fn set_expected(&mut self, expected: Expectation, now: Instant) {
        self.watch.set_expected(expected, now);
    }

    /// Voice was next in order; so many packets before it are missing, and this is what its paths found out.
    pub(crate) fn handle_voice(
        &mut self,
        payload: &[u8],
        lost_before: u32,
        overheard: Overheard,
        now: Instant,
    ) {
        self.note_fates(lost_before, overheard.recovered);
        if let Some(tones) = &mut self.tones {
            tones.hear(payload, lost_before, now);
        }
        if says_silence(self.codec, payload) {
            return self.watch.handle_comfort_noise(now);
        }
        self.watch.handle_voice(now);
        if is_readable(self.codec) {
            if self.until_level == 0 {
                self.until_level = LEVEL_ONE_IN;
                self.note_level(level_of(self.codec, payload), now);
            }
            self.until_level -= 1;
        } else if let Some(level) = overheard.level_dbov {
            self.note_level(level, now);
        } else if !self.hears_levels {
            self.watch.handle_speech(now);
        }
    }

    /// Comfort noise was next in order; so many packets before it are missing.
    pub(crate) fn handle_noise(&mut self, lost_before: u32, now: Instant) {
        self.note_fates(lost_before, 0);
        self.watch.handle_comfort_noise(now);
    }

    /// Counts what was repaired for those who hear the party packet by packet.
    pub(crate) fn note_repaired(&mut self, overheard: Overheard) {
        self.repaired.recovered += u64::from(overheard.recovered);
        self.repaired.concealed += u64::from(overheard.concealed);
    }

    /// What was repaired so far for them.
    pub(crate) const fn repaired(&self) -> TranscoderCounters {
        self.repaired
    }

    /// A packet of a digit was next in order; so many packets before it are missing.
    pub(crate) fn handle_event(&mut self, lost_before: u32) {
        self.note_fates(lost_before, 0);
    }

    /// A packet came that had been given up.
    pub(crate) fn handle_late(&mut self) {
        self.monitor.handle_late();
    }

    /// Voice, or comfort noise (`None`), went into a jitter buffer; this became of packets since the one before. Those that came too late have been
    /// counted when they came, too.
    pub(crate) fn handle_buffered(&mut self, voice: Option<&[u8]>, missed: Missed, now: Instant) {
        let Missed { given_up, late, overheard } = missed;
        match voice {
            Some(payload) => self.handle_voice(payload, given_up, overheard, now),
            None => self.handle_noise(given_up, now),
        }
        (0..late).for_each(|_| self.monitor.handle_late());
        self.counted_twice = self.counted_twice.saturating_add(late);
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.watch.poll_timeout().is_some_and(|at| at <= now) {
            self.watch.handle_timeout(now);
        }
        if let Some(tones) = &mut self.tones {
            tones.handle_timeout(now);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let tones = self.tones.as_ref().and_then(|tones| tones.poll_timeout());
        [self.watch.poll_timeout(), tones].into_iter().flatten().min()
    }

    /// A change of what is heard, once.
    pub(crate) fn poll_event(&mut self) -> Option<AudioEvent> {
        self.watch.poll_event()
    }

    /// What is heard now.
    pub(crate) const fn state(&self) -> AudioState {
        self.watch.state()
    }

    /// Takes what is known of the way now, and makes the live figure anew.
    pub(crate) fn refresh(&mut self, round_trip: Option<Duration>, jitter: Duration, ptime: Duration) {
        self.monitor.set_delays(delays(round_trip, jitter, ptime));
        self.live = self.monitor.take_live();
    }

    /// The live figure and that of all that came; `None` while nothing has.
    pub(crate) fn quality(&self) -> Option<(Quality, Quality)> {
        (self.monitor.packets() > 0).then(|| (self.live, self.monitor.total()))
    }

    /// Level of the speech so far in dBm0; `None` if none was heard.
    pub(crate) fn speech_dbm0(&self) -> Option<f32> {
        self.monitor.speech_dbm0()
    }

    /// How we receive the peer's stream, to tell it; `None` while nothing came.
    pub(crate) fn voip_metrics(&self, ssrc: Ssrc, ptime: Duration) -> Option<VoipMetrics> {
        let metrics = || self.monitor.voip_metrics(ssrc, ptime, Repair::Concealed);
        (self.monitor.packets() > 0).then(metrics)
    }

    /// What is restored from redundancy is the last packet that is missing (RFC 6716 2.1.7). Of a jitter buffer there
    /// may be several, each the last of its gap: it is asked only when something comes.
    fn note_fates(&mut self, lost_before: u32, recovered: u32) {
        let recovered = lost_before.min(recovered);
        for _ in recovered..lost_before {
            self.monitor.handle_packet(Fate::Lost);
        }
        for _ in 0..recovered {
            self.monitor.handle_packet(Fate::Recovered);
        }
        match self.counted_twice.checked_sub(1) {
            Some(left) => self.counted_twice = left,
            None => self.monitor.handle_packet(Fate::Played),
        }
    }

    fn note_level(&mut self, level_dbov: f32, now: Instant) {
        self.hears_levels = true;
        if self.monitor.handle_level(level_dbov) {
            self.watch.handle_speech(now);
        }
    }
}

/// The parts of the way that we know. The jitter buffer is the listener's, which we cannot see: twice the
/// jitter is what it needs.
pub(crate) fn delays(round_trip: Option<Duration>, jitter: Duration, ptime: Duration) -> Delays {
    Delays {
        round_trip,
        jitter_buffer: (2 * jitter).min(GAP_WAIT_MAX),
        jitter_buffer_max: GAP_WAIT_MAX,
        codec: ptime,
    }
}

/// What the model is to know of a codec; whoever listens conceals, we or the peer.
pub(crate) fn impairment(codec: CodecId, band: Band) -> CodecImpairment {
    CodecImpairment::of(codec, band, Repair::Concealed)
}

/// The band of a codec where nothing is known of the other end.
pub(crate) fn own_band(codec: CodecId) -> Band {
    band_at(codec.native_rate())
}

/// The band that a sample rate carries.
pub(crate) fn band_at(rate: webtrunk_codecs::SampleRate) -> Band {
    if rate > webtrunk_codecs::SampleRate::HZ_8000 { Band::Wide } else { Band::Narrow }
}

/// Whether a payload of voice only says that nothing is said.
pub(crate) fn says_silence(codec: CodecId, payload: &[u8]) -> bool {
    codec == CodecId::Opus && payload.len() <= OPUS_SILENCE_MAX
}

/// Whether a payload's level can be read without decoding more than its samples.
fn is_readable(codec: CodecId) -> bool {
    match codec {
        CodecId::Pcmu | CodecId::Pcma | CodecId::L16(_) => true,
        CodecId::Opus | CodecId::G722 => false,
    }
}

/// The level in dBov of the begin of a payload.
fn level_of(codec: CodecId, payload: &[u8]) -> f32 {
    let mut samples = [0; MEASURED_MAX];
    let count = match codec {
        CodecId::L16(_) => {
            let read = payload.as_chunks().0.iter().map(|bytes| i16::from_be_bytes(*bytes));
            samples.iter_mut().zip(read).map(|(place, sample)| *place = sample).count()
        }
        CodecId::Pcmu | CodecId::Pcma | CodecId::Opus | CodecId::G722 => {
            let law = if codec == CodecId::Pcma { Law::A } else { Law::Mu };
            samples.iter_mut().zip(payload).map(|(place, code)| *place = law.decode(*code)).count()
        }
    };
    level_dbov(&samples[..count])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::intake::Intake;
    use crate::media::jitter::Content;
    use crate::rtp::{PayloadType, RtpHeader, RtpPacket, SequenceNumber, Timestamp};

    const FRAME: Duration = Duration::from_millis(20);

    fn listening(codec: CodecId) -> (Listening, Instant) {
        let now = Instant::now();
        let mut listening = Listening::new(codec, now);
        listening.set_expected(Expectation::Voice, now);
        (listening, now)
    }

    /// Hears a payload for so many seconds.
    fn hear(listening: &mut Listening, payload: &[u8], seconds: u32, now: &mut Instant) -> Vec<AudioState> {
        let mut heard = Vec::new();
        for _ in 0..seconds * 50 {
            *now += FRAME;
            listening.handle_timeout(*now);
            listening.handle_voice(payload, 0, Overheard::default(), *now);
            heard.extend(listening.poll_event().map(|event| event.now));
        }
        heard
    }

    #[test]
    fn speech_in_g711_is_told_from_silence_without_a_decoder() {
        for (codec, law) in [(CodecId::Pcmu, Law::Mu), (CodecId::Pcma, Law::A)] {
            let (mut listening, mut now) = listening(codec);
            let [loud, quiet] = [4000, 8].map(|peak| {
                let samples = (0..160).map(|n| if n % 8 < 4 { peak } else { -peak });
                samples.map(|sample| law.encode(sample)).collect::<Vec<u8>>()
            });
            assert_eq!(hear(&mut listening, &quiet, 2, &mut now), [AudioState::Silent]);
            assert_eq!(hear(&mut listening, &loud, 2, &mut now), [AudioState::Speech]);
            let level = listening.speech_dbm0().expect("speech");
            assert!((level + 12.1).abs() < 0.3, "{level}");
            assert_eq!(hear(&mut listening, &quiet, 11, &mut now), [AudioState::Silent]);
        }
    }

    #[test]
    fn opus_that_nobody_decodes_counts_as_speech_until_it_says_that_it_is_silent() {
        let (mut listening, mut now) = listening(CodecId::Opus);
        assert_eq!(hear(&mut listening, &[0x78; 40], 1, &mut now), [AudioState::Speech]);
        assert_eq!(hear(&mut listening, &[0x78], 11, &mut now), [AudioState::ComfortNoise]);
        let (mut listening, mut now) = self::listening(CodecId::Opus);
        let overheard = Overheard { level_dbov: Some(-80.0), ..Overheard::default() };
        listening.handle_voice(&[0x78; 40], 0, overheard, now);
        assert_eq!(
            hear(&mut listening, &[0x78; 40], 1, &mut now),
            [AudioState::Silent],
            "decoded, and quiet"
        );
    }

    #[test]
    fn what_is_lost_and_what_comes_late_or_is_restored_is_judged() {
        let (mut listening, now) = listening(CodecId::Opus);
        assert_eq!(listening.quality(), None);
        for packet in 0..1000 {
            let lost = if packet % 20 == 19 { 1 } else { 0 };
            listening.handle_voice(&[0x78; 40], lost, Overheard::default(), now);
        }
        listening.refresh(Some(Duration::from_millis(80)), Duration::from_millis(10), FRAME);
        let (live, lossy) = listening.quality().expect("packets came");
        assert_eq!(live.loss, lossy.loss);
        assert!((lossy.loss - 50.0 / 1050.0).abs() < 1e-4, "{lossy:?}");
        let metrics = |listening: &Listening| listening.voip_metrics(Ssrc(1), FRAME).expect("packets came");
        assert_eq!((metrics(&listening).loss_rate, metrics(&listening).discard_rate), (12, 0));
        assert_eq!(metrics(&listening).round_trip_delay_ms, 80);
        (0..25).for_each(|_| listening.handle_late());
        assert_eq!((metrics(&listening).loss_rate, metrics(&listening).discard_rate), (6, 6));
    }

    #[test]
    fn a_packet_that_was_restored_is_not_heard_missing() {
        let (mut listening, now) = listening(CodecId::Opus);
        for packet in 0..1000 {
            let lost = u32::from(packet % 10 == 9);
            let recovered = u32::from(packet % 20 == 19);
            let overheard = Overheard { recovered, ..Overheard::default() };
            listening.handle_voice(&[0x78; 40], lost, overheard, now);
        }
        listening.refresh(None, Duration::ZERO, FRAME);
        let (_, total) = listening.quality().expect("packets came");
        assert!((total.loss - 50.0 / 1100.0).abs() < 1e-4, "{total:?}");
    }

    #[test]
    fn several_packets_that_were_restored_at_once_are_each_not_heard_missing() {
        let (mut listening, now) = listening(CodecId::Opus);
        for packet in 0..1000 {
            let restored = if packet % 10 == 9 { 2 } else { 0 };
            let overheard = Overheard { recovered: restored, ..Overheard::default() };
            let missed = Missed { given_up: restored, late: 0, overheard };
            listening.handle_buffered(Some(&[0x78; 40]), missed, now);
        }
        listening.refresh(None, Duration::ZERO, FRAME);
        let (_, total) = listening.quality().expect("packets came");
        assert_eq!((total.loss, listening.monitor.packets()), (0.0, 1200));
    }

    #[test]
    fn every_packet_of_a_jitter_buffer_is_counted_once_late_ones_too() {
        let (mut listening, mut now) = listening(CodecId::Pcmu);
        let mut intake = Intake::open(CodecId::Pcmu, now).expect("it is built in");
        let mut frame = [0; 160];
        let insert = |listening: &mut Listening, intake: &mut Intake, number: u32, now| {
            let header = RtpHeader {
                payload_type: PayloadType::new(0).expect("seven bits"),
                marker: false,
                sequence: SequenceNumber(number as u16),
                timestamp: Timestamp(number * 160),
                ssrc: Ssrc(1),
            };
            let mut bytes = [0x55; RtpHeader::LEN + 160];
            header.write_to(&mut bytes);
            let packet = RtpPacket::parse(&bytes).expect("a packet");
            intake.insert(&packet, Content::Voice, now).expect("there is room");
            listening.handle_buffered(Some(packet.payload()), intake.take_missed(), now);
        };
        let sent = 1000;
        for number in 0..sent {
            // One in a hundred never comes, another one comes 140 ms late.
            if number % 100 != 30 && number % 100 != 60 {
                insert(&mut listening, &mut intake, number, now);
            }
            if number % 100 == 67 {
                insert(&mut listening, &mut intake, number - 7, now);
            }
            intake.pull_frame(now, &mut frame);
            now += FRAME;
        }
        assert_eq!(intake.fates().late, 10);
        assert_eq!(listening.monitor.packets(), u64::from(sent));
        let metrics = listening.voip_metrics(Ssrc(1), FRAME).expect("packets came");
        assert_eq!((metrics.loss_rate, metrics.discard_rate), (2, 2), "of 256, each");
    }
}
