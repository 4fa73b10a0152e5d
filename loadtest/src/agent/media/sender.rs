//! One outgoing RTP stream, stepped by the clock: voice, digits, silence. SSRC, sequence and timestamp
//! run through whatever is sent.

use std::time::SystemTime;

use rand::Rng;
use webtrunk_codecs::tone::Digit;

use super::script::{Cursor, ScriptStep};
use super::talk::Turn;
use super::voice::{Encoding, Frames};
use super::{
    DigitSender, DigitStep, Press, RtpHeader, Sending, Sent, SentDigit, SentPacket, Silence, Talk, Voice,
};
use crate::agent::sdp::Agreement;

/// One outgoing RTP stream.
#[derive(Debug)]
pub(crate) struct Sender {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    voice: Option<Voice>,
    agreement: Option<Agreement>,
    /// What the voice is in the agreed encoding; `None` is silence.
    frames: Option<Frames>,
    /// The next packet of the voice.
    index: u32,
    /// When it speaks; always, where nothing is said.
    turn: Option<Turn>,
    /// What silence is in the agreed encoding, where it is sent.
    silence: Option<Frames>,
    /// How far a script is.
    cursor: Cursor,
    /// The next packet begins a talkspurt.
    is_start: bool,
    digits: DigitSender,
    sent: Sent,
    /// Packets and octets of payload so far.
    packets: u32,
    octets: u32,
    payload: Vec<u8>,
}

/// The clock's.
const TICK_MS: u32 = 20;
/// How loud the room is behind who does not speak, in -dBov (RFC 3389 3.1): a quiet one.
const NOISE_LEVEL: u8 = 60;
/// A sequence number before the last ones.
const WRAPS_SOON: u16 = 65_530;
/// Packets of two hours.
const LOG_MAX: usize = 360_000;

impl Sender {
    pub(crate) fn new(ssrc: u32, voice: Option<Voice>) -> Self {
        let mut random = rand::rng();
        Self {
            ssrc,
            sequence: random.random(),
            timestamp: random.random(),
            voice,
            agreement: None,
            frames: None,
            index: 0,
            turn: None,
            silence: None,
            cursor: Cursor::default(),
            is_start: true,
            digits: DigitSender::default(),
            sent: Sent::default(),
            packets: 0,
            octets: 0,
            payload: Vec::new(),
        }
    }

    pub(crate) const fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_ref()
    }

    pub(crate) const fn sent(&self) -> &Sent {
        &self.sent
    }

    /// What a sender report tells now.
    pub(crate) const fn sending(&self) -> Sending {
        let Self { ssrc, timestamp: rtp_time, packets, octets, .. } = *self;
        Sending { ssrc, rtp_time, packets, octets }
    }

    /// Says this from its beginning; `None` says nothing.
    pub(crate) fn say(&mut self, voice: Option<Voice>) {
        self.voice = voice;
        self.index = 0;
        self.cursor = Cursor::default();
        self.is_start = true;
        self.choose_frames();
    }

    /// Speaks at these times; the first lasts until it begins.
    pub(crate) fn talk(&mut self, talk: Talk) {
        self.turn = Some(Turn::new(talk));
        self.choose_frames();
    }

    pub(crate) const fn begin_talk(&mut self) {
        if let Some(turn) = &mut self.turn {
            turn.begin();
        }
    }

    /// Sends as agreed from now on.
    pub(crate) fn agree(&mut self, agreement: Agreement) {
        self.sent.codec = Some(agreement.codec);
        self.agreement = Some(agreement);
        self.choose_frames();
    }

    /// What must be encoded before all can be heard.
    pub(crate) fn missing(&self) -> Vec<(Voice, Encoding)> {
        let voice = self.wish().filter(|_| self.frames.is_none());
        let silence = self.wish_of_silence().filter(|_| self.silence.is_none());
        voice.into_iter().chain(silence).map(|(voice, encoding)| (voice.clone(), encoding)).collect()
    }

    pub(crate) fn press(&mut self, digits: impl IntoIterator<Item = Digit>) {
        self.digits.press(digits);
    }

    pub(crate) fn send_back(&mut self, digit: Digit, heard: usize) {
        self.digits.send_back(digit, heard);
    }

    pub(crate) fn is_pressing(&self) -> bool {
        !self.digits.is_idle()
    }

    /// One step of the clock: each packet to be sent now goes to `emit`, which tells whether it left.
    pub(crate) fn step(&mut self, mut emit: impl FnMut(&[u8]) -> bool) {
        let Some(Agreement { format, events, direction, .. }) = &self.agreement else { return };
        let (clock_rate_hz, may_send) = (format.clock_rate_hz, direction.sends());
        let audio_type = format.payload_type;
        let events_type = events.as_ref().map(|it| it.payload_type);
        self.sent.ticks += 1;
        let speaks = self.turn.as_mut().is_none_or(Turn::step);
        self.sent.note_turn(speaks);
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(clock_rate_hz / 50);
        let step = match events_type {
            Some(_) if may_send => self.digits.step(timestamp, clock_rate_hz),
            Some(_) => DigitStep::Audio,
            None => {
                // Whoever waits until they are sent would wait for ever.
                self.digits.give_up();
                DigitStep::Audio
            }
        };
        let mut packet = Vec::new();
        match (step, events_type) {
            (DigitStep::Event { payload, timestamp, begins, copies }, Some(payload_type)) => {
                self.note_digit(begins);
                for copy in 0..copies {
                    let header = self.header(payload_type, timestamp, begins.is_some() && copy == 0);
                    header.write(&payload, &mut packet);
                    emit(&packet);
                }
                self.is_start = true;
            }
            (DigitStep::Silence, _) => {}
            _ if may_send && matches!(self.frames, Some(Frames::Scripted(_))) => {
                self.follow_script(timestamp, &mut emit);
            }
            _ if !may_send => self.is_start = true,
            _ if !speaks => self.keep_silent(audio_type, timestamp, &mut emit),
            _ => {
                if self.write_voice() {
                    self.send_audio(audio_type, timestamp, false, &mut emit);
                } else {
                    self.is_start = true;
                }
            }
        }
    }

    fn note_digit(&mut self, begins: Option<Press>) {
        if let Some(Press { digit, returns }) = begins
            && self.sent.digits.len() < LOG_MAX
        {
            self.sent.digits.push(SentDigit { digit: digit.to_char(), at: SystemTime::now(), returns });
        }
    }

    /// Sends what it does while it says nothing.
    fn keep_silent(&mut self, audio_type: u8, timestamp: u32, emit: &mut impl FnMut(&[u8]) -> bool) {
        let Some(turn) = &self.turn else { return };
        let noise = self.agreement.as_ref().and_then(|it| it.noise.as_ref()).map(|it| it.payload_type);
        match (turn.silence(), noise, &self.silence) {
            (Silence::Sent(_), _, Some(frames)) => {
                frames.write(self.sent.silent_ticks as u32, &mut self.payload);
                return self.send_audio(audio_type, timestamp, true, emit);
            }
            (Silence::Noise, Some(noise), _) if turn.falls_silent() => {
                let mut packet = Vec::new();
                self.header(noise, timestamp, false).write(&[NOISE_LEVEL], &mut packet);
                self.packets = self.packets.wrapping_add(1);
                self.octets = self.octets.wrapping_add(1);
                emit(&packet);
            }
            (Silence::Sent(_) | Silence::Unsent | Silence::Noise, ..) => {}
        }
        self.is_start = true;
    }

    /// Sends the payload in the buffer, and notes it.
    fn send_audio(
        &mut self,
        payload_type: u8,
        timestamp: u32,
        is_silent: bool,
        emit: &mut impl FnMut(&[u8]) -> bool,
    ) {
        let marker = std::mem::take(&mut self.is_start);
        let header = self.header(payload_type, timestamp, marker);
        let mut packet = Vec::new();
        header.write(&self.payload, &mut packet);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(self.payload.len() as u32);
        let at = SystemTime::now();
        let is_dropped = !emit(&packet);
        if self.sent.packets.len() < LOG_MAX {
            let (index, sequence) = (self.index.wrapping_sub(1), header.sequence);
            self.sent.packets.push(SentPacket { at, sequence, timestamp, index, is_dropped, is_silent });
        }
    }

    /// Sends what of a script begins within this tick.
    fn follow_script(&mut self, tick_at: u32, emit: &mut impl FnMut(&[u8]) -> bool) {
        let Some(Frames::Scripted(steps)) = self.frames.clone() else { return };
        let Some(agreement) = self.agreement.clone() else { return };
        let mut packet = Vec::new();
        while let Some((step, after_ms)) = self.cursor.next(&steps, TICK_MS) {
            let timestamp = tick_at.wrapping_add(agreement.format.clock_rate_hz / 1000 * after_ms);
            let (payload_type, payload) = match step {
                ScriptStep::Voice(payload, _) => (agreement.format.payload_type, payload),
                ScriptStep::Noise(payload) => match &agreement.noise {
                    Some(noise) => (noise.payload_type, payload),
                    None => continue,
                },
                ScriptStep::Pause(_) => {
                    self.is_start = true;
                    continue;
                }
                ScriptStep::NewSource => {
                    (self.ssrc, self.sequence) = (rand::random(), WRAPS_SOON);
                    self.is_start = true;
                    continue;
                }
                ScriptStep::Stray(payload) => {
                    let (ssrc, sequence) = rand::random();
                    let payload_type = agreement.format.payload_type;
                    RtpHeader { marker: false, payload_type, sequence, timestamp, ssrc }
                        .write(payload, &mut packet);
                    emit(&packet);
                    continue;
                }
            };
            let is_voice = matches!(step, ScriptStep::Voice(..));
            let marker = is_voice && std::mem::take(&mut self.is_start);
            self.header(payload_type, timestamp, marker).write(payload, &mut packet);
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(payload.len() as u32);
            emit(&packet);
        }
    }

    /// Puts the next packet of the voice into the buffer.
    fn write_voice(&mut self) -> bool {
        let Some(frames) = &self.frames else { return false };
        frames.write(self.index, &mut self.payload);
        self.index = self.index.wrapping_add(1);
        true
    }

    fn header(&mut self, payload_type: u8, timestamp: u32, marker: bool) -> RtpHeader {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        RtpHeader { marker, payload_type, sequence, timestamp, ssrc: self.ssrc }
    }

    /// Takes voice and silence in the agreed encoding, where those were made already.
    pub(crate) fn choose_frames(&mut self) {
        self.frames = self.wish().and_then(|(voice, encoding)| voice.frames(encoding));
        self.silence = self.wish_of_silence().and_then(|(voice, encoding)| voice.frames(encoding));
    }

    fn wish_of_silence(&self) -> Option<(&Voice, Encoding)> {
        let Agreement { codec, format, .. } = self.agreement.as_ref()?;
        match self.turn.as_ref()?.silence() {
            Silence::Sent(voice) => Some((voice, voice.encoding(*codec, format))),
            Silence::Unsent | Silence::Noise => None,
        }
    }

    fn wish(&self) -> Option<(&Voice, Encoding)> {
        let Agreement { codec, format, .. } = self.agreement.as_ref()?;
        let voice = self.voice.as_ref()?;
        Some((voice, voice.encoding(*codec, format)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use webtrunk_codecs::CodecId;

    use super::*;
    use crate::agent::media::Spell;
    use crate::agent::sdp::{Direction, Format};

    fn agreement(direction: Direction) -> Agreement {
        Agreement {
            codec: CodecId::Pcmu,
            format: Format::offered(CodecId::Pcmu, 0),
            events: Some(Format::events(8000, 101)),
            noise: None,
            direction,
        }
    }

    fn steps(sender: &mut Sender, count: usize) -> Vec<RtpHeader> {
        let mut headers = Vec::new();
        for _ in 0..count {
            sender.step(|packet| {
                headers.extend(RtpHeader::parse(packet).map(|(header, _)| header));
                true
            });
        }
        headers
    }

    #[test]
    fn time_goes_on_while_nothing_is_sent() {
        let mut sender = Sender::new(1, Some(Voice::numbered()));
        sender.agree(agreement(Direction::SendRecv));
        let first = steps(&mut sender, 2);
        sender.agree(agreement(Direction::RecvOnly));
        assert_eq!(steps(&mut sender, 10), []);
        sender.agree(agreement(Direction::SendRecv));
        let later = steps(&mut sender, 2);
        assert_eq!(later[0].timestamp.wrapping_sub(first[1].timestamp), 11 * 160);
        assert_eq!(later[0].sequence.wrapping_sub(first[1].sequence), 1);
        let markers: Vec<_> = first.iter().chain(&later).map(|header| header.marker).collect();
        assert_eq!(markers, [true, false, true, false]);
        assert_eq!(sender.sent().packets.iter().map(|it| it.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn what_did_not_leave_is_noted_with_what_did() {
        let mut sender = Sender::new(1, Some(Voice::numbered()));
        sender.agree(agreement(Direction::SendRecv));
        for packet in 0..4 {
            sender.step(|_| packet != 2);
        }
        assert_eq!(sender.sent().packets.len(), 4);
        assert_eq!(sender.sent().carried().map(|it| it.index).collect::<Vec<_>>(), [0, 1, 3]);
    }

    #[test]
    fn digits_take_the_place_of_the_voice() {
        let mut sender = Sender::new(1, Some(Voice::numbered()));
        sender.agree(agreement(Direction::SendRecv));
        sender.press(Digit::parse('7'));
        let headers = steps(&mut sender, 9);
        assert_eq!(
            headers.iter().map(|it| it.payload_type).collect::<Vec<_>>(),
            [101, 101, 101, 101, 101, 101, 101, 0]
        );
        assert!(headers[0].marker && headers[..7].iter().all(|it| it.timestamp == headers[0].timestamp));
        assert_eq!(headers[7].timestamp.wrapping_sub(headers[0].timestamp), 8 * 160);
        assert!(!sender.is_pressing());
    }

    #[test]
    fn digits_that_the_other_end_does_not_take_are_given_up() {
        let mut sender = Sender::new(1, Some(Voice::numbered()));
        sender.agree(Agreement { events: None, ..agreement(Direction::SendRecv) });
        sender.press(Digit::parse('7'));
        let headers = steps(&mut sender, 2);
        assert_eq!(headers.iter().map(|it| it.payload_type).collect::<Vec<_>>(), [0, 0]);
        assert!(!sender.is_pressing() && sender.sent().digits.is_empty());
    }

    #[test]
    fn each_digit_is_noted_once_and_whether_it_is_one_that_is_returned() {
        let mut sender = Sender::new(1, Some(Voice::numbered()));
        sender.agree(agreement(Direction::SendRecv));
        sender.press(Digit::parse('7'));
        sender.send_back(Digit::parse('#').expect("a key"), 3);
        steps(&mut sender, 20);
        let noted: Vec<_> = sender.sent().digits.iter().map(|it| (it.digit, it.returns)).collect();
        assert_eq!(noted, [('7', None), ('#', Some(3))]);
    }

    /// Says nothing for three packets, then speaks for two, and so on.
    fn pausing(silence: Silence) -> Talk {
        let spell = |is_speech, ms| Spell { is_speech, length: Duration::from_millis(ms) };
        Talk::new(vec![spell(false, 60), spell(true, 40), spell(false, 60), spell(true, 40)], silence)
    }

    #[test]
    fn a_silence_is_not_sent_and_each_spurt_is_marked() {
        let mut sender = Sender::new(1, Some(Voice::numbered()));
        sender.agree(agreement(Direction::SendRecv));
        sender.talk(pausing(Silence::Unsent));
        sender.begin_talk();
        let headers = steps(&mut sender, 10);
        assert_eq!(headers.iter().map(|it| it.marker).collect::<Vec<_>>(), [true, false, true, false]);
        assert_eq!(headers[2].timestamp.wrapping_sub(headers[1].timestamp), 4 * 160);
        assert_eq!(headers[2].sequence.wrapping_sub(headers[1].sequence), 1);
        let sent = sender.sent();
        assert_eq!((sent.silent_ticks, sent.pauses.len()), (6, 2));
        assert!(sent.pauses.iter().all(|pause| pause.to.is_some_and(|to| to >= pause.from)));
        assert_eq!(
            sent.packets.iter().map(|it| it.index).collect::<Vec<_>>(),
            [0, 1, 2, 3],
            "nothing is left out"
        );
    }

    #[test]
    fn comfort_noise_begins_each_silence_where_it_is_taken() {
        let mut sender = Sender::new(1, Some(Voice::numbered()));
        sender.agree(Agreement { noise: Some(Format::noise()), ..agreement(Direction::SendRecv) });
        sender.talk(pausing(Silence::Noise));
        sender.begin_talk();
        let types: Vec<_> = steps(&mut sender, 10).iter().map(|it| it.payload_type).collect();
        assert_eq!(types, [13, 0, 0, 13, 0, 0]);
        assert_eq!(sender.sent().packets.len(), 4, "noise is no audio");
    }

    #[test]
    fn silence_that_is_sent_is_encoded_and_told_apart() {
        let silence = Voice::silence();
        let mut sender = Sender::new(1, Some(Voice::numbered()));
        sender.talk(pausing(Silence::Sent(silence.clone())));
        sender.agree(agreement(Direction::SendRecv));
        let missing = sender.missing();
        let [(voice, encoding)] = &missing[..] else { panic!("silence alone") };
        voice.encode(*encoding).expect("G.711");
        sender.choose_frames();
        sender.begin_talk();
        let mut payloads = Vec::new();
        for _ in 0..5 {
            sender.step(|packet| {
                payloads.push(packet[12..].to_vec());
                true
            });
        }
        assert!(payloads[..3].iter().all(|it| it[..] == [0xff; 160]), "{:?}", payloads[0]);
        let silent: Vec<_> = sender.sent().packets.iter().map(|it| it.is_silent).collect();
        assert_eq!(silent, [true, true, true, false, false]);
        assert_eq!(sender.sent().spoken().map(|it| it.index).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn without_a_voice_there_is_silence() {
        let mut sender = Sender::new(1, None);
        sender.agree(agreement(Direction::SendRecv));
        assert_eq!(steps(&mut sender, 5), []);
        assert_eq!(sender.sent().ticks, 5);
    }
}
