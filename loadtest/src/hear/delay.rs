//! How long packets were inside what lies between two agents: from one's send call to the kernel's
//! receipt for the other.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use webtrunk_codecs::SampleRate;

use super::Alignment;
use crate::agent::{Heard, Sent, Voice, packet_number};

/// One packet's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// When it came.
    pub came_at: SystemTime,
    /// For how long it was on its way.
    pub delay: Duration,
}

/// The delays of one direction of one call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Delays {
    /// Each packet that came and is known to be one that was sent, as they came.
    pub each: Vec<Passage>,
    /// Packets that came and belong to none that was sent.
    pub unmatched: usize,
    /// How much later, in milliseconds, sound lies in packets that came than in those that were sent: what
    /// codecs look ahead, and how packets were cut anew. Sound is late by this and by its packet's delay.
    pub shift_ms: f64,
}

/// Samples, at 8 kHz, of one packet.
const PACKET: usize = 160;
const SAMPLES_PER_MS: f64 = 8.0;

/// Follows numbered packets ([`Voice::numbered`]) that were passed through.
#[must_use]
pub fn numbered_delays(sent: &Sent, heard: &Heard) -> Delays {
    let sent: HashMap<_, _> = sent.carried().map(|packet| (packet.index, packet.at)).collect();
    let mut delays = Delays::default();
    for packet in &heard.packets {
        let sent_at = packet_number(&packet.payload).and_then(|number| sent.get(&number));
        delays.note(packet.at, sent_at);
    }
    delays
}

impl Delays {
    /// How long each packet was on its way.
    pub fn of_packets(&self) -> impl Iterator<Item = Duration> {
        self.each.iter().map(|packet| packet.delay)
    }

    /// How late the sound of each packet is.
    pub fn of_sound(&self) -> impl Iterator<Item = Duration> {
        let late = |packet: Duration| packet.as_secs_f64() + self.shift_ms / 1000.0;
        self.of_packets().map(move |packet| Duration::from_secs_f64(late(packet).max(0.0)))
    }

    fn note(&mut self, came_at: SystemTime, sent_at: Option<&SystemTime>) {
        match sent_at.and_then(|at| came_at.duration_since(*at).ok()) {
            Some(delay) => self.each.push(Passage { came_at, delay }),
            None => self.unmatched += 1,
        }
    }

    /// Follows packets that were transcoded, one for one, by their timestamps. Which packet the first
    /// that came was made of is told by its sound; what the codec itself looks ahead, in samples at
    /// 8 kHz, is no delay of a packet.
    ///
    /// `None` where the sound does not tell.
    #[must_use]
    pub fn transcoded(voice: &Voice, sent: &Sent, heard: &Heard, look_ahead: usize) -> Option<Self> {
        let clip = voice.clip()?;
        let alignment = Alignment::find(clip, &heard.samples(SampleRate::HZ_8000))?;
        let length = clip.samples.len() * 8000 / clip.rate.hz() as usize / PACKET;
        // The sound of the first packet heard, as the number of the packet of the clip; it was delayed by
        // the codec, so it began earlier in the clip by as much.
        let position = (alignment.offset + look_ahead + PACKET / 2) / PACKET % length.max(1);
        let first = heard.packets.first()?;
        // Of those packets with that sound that were sent before the first came, the latest.
        let origin = sent
            .packets
            .iter()
            .rfind(|packet| packet.index as usize % length == position && packet.at <= first.at)?;
        let by_timestamp: HashMap<_, _> =
            sent.carried().map(|packet| (packet.timestamp, packet.at)).collect();
        let heard_rate = u64::from(first.codec.clock_rate().hz());
        let sent_rate = u64::from(sent.codec?.clock_rate().hz());
        // Of the first packet that came, against the beginning of the one that it was made of.
        let within = (alignment.offset + PACKET / 2 + look_ahead) % PACKET;
        let shift = look_ahead as f64 + PACKET as f64 / 2.0 - within as f64;
        let mut delays = Self { shift_ms: shift / SAMPLES_PER_MS, ..Self::default() };
        for packet in &heard.packets {
            let elapsed = u64::from(packet.timestamp.wrapping_sub(first.timestamp));
            let timestamp = origin.timestamp.wrapping_add((elapsed * sent_rate / heard_rate) as u32);
            delays.note(packet.at, by_timestamp.get(&timestamp));
        }
        Some(delays)
    }
}

#[cfg(test)]
mod tests {
    use webtrunk_codecs::wav::Clip;
    use webtrunk_codecs::{CodecId, Decoder, EncoderConfig, SampleRate, decoder, encoder};

    use super::*;
    use crate::agent::{HeardPacket, SentPacket};

    const PTIME: Duration = Duration::from_millis(20);
    /// Packets sent before the way is open.
    const LOST_AT_FIRST: u32 = 37;

    fn began_at() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1000)
    }

    fn sent(packets: u32, codec: CodecId) -> Sent {
        let packets = (0..packets).map(|index| SentPacket {
            at: began_at() + PTIME * index,
            sequence: index as u16,
            timestamp: (u32::MAX - 1000).wrapping_add(index * codec.clock_rate().hz() / 50),
            index,
            is_dropped: false,
            is_silent: false,
        });
        Sent { packets: packets.collect(), codec: Some(codec), ..Sent::default() }
    }

    fn heard(packets: impl Iterator<Item = (u32, Duration, Vec<u8>)>, codec: CodecId) -> Heard {
        let packets = packets.map(|(index, delay, payload)| HeardPacket {
            at: began_at() + PTIME * index + delay,
            from: std::net::SocketAddr::from(([192, 0, 2, 1], 4000)),
            codec,
            sequence: 500 + index as u16,
            timestamp: 77_u32.wrapping_add(index * codec.clock_rate().hz() / 50),
            marker: false,
            ssrc: 1,
            payload: payload.into(),
        });
        Heard { packets: packets.collect(), ..Heard::default() }
    }

    /// Syllables of noise, no two of them alike.
    fn babble() -> Clip {
        let mut state = 7_u32;
        let samples = (0..40_000_u32).map(|at| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let syllable = at / 1100;
            let loud = 300 + (syllable.wrapping_mul(2_654_435_761) >> 19) as i32;
            ((state >> 16) as i32 % loud) as i16 - (loud / 2) as i16
        });
        Clip { samples: samples.collect(), rate: SampleRate::HZ_8000 }
    }

    #[test]
    fn numbered_packets_are_followed_one_by_one() {
        let payload = |index: u32| {
            let mut payload = b"webtrunk".to_vec();
            payload.extend(index.to_be_bytes());
            payload
        };
        let delay = |index: u32| Duration::from_micros(u64::from(100 + index));
        let packets = (LOST_AT_FIRST..100).map(|index| (index, delay(index), payload(index)));
        let mut heard = heard(packets, CodecId::Pcmu);
        heard.packets[3].payload = [0xff; 160].into();
        let delays = numbered_delays(&sent(100, CodecId::Pcmu), &heard);
        assert_eq!((delays.each.len(), delays.unmatched), (62, 1));
        assert_eq!(delays.each[0].delay, delay(LOST_AT_FIRST));
    }

    /// A gateway that holds packets back for more than two packets' time must not look quick.
    #[test]
    fn transcoded_packets_are_followed_by_their_sound() {
        for held in [Duration::from_micros(300), Duration::from_millis(47)] {
            let voice = Voice::from_clip(babble()).expect("long enough");
            let clip = babble();
            let mut opus =
                encoder(CodecId::Opus, SampleRate::HZ_8000, &EncoderConfig::default()).expect("8 kHz");
            let packets = (LOST_AT_FIRST..400).map(|index| {
                let at = index as usize * PACKET % clip.samples.len();
                let mut payload = vec![0; 400];
                let length = opus.encode(&clip.samples[at..at + PACKET], &mut payload).expect("20 ms");
                payload.truncate(length);
                (index, held, payload)
            });
            let heard = heard(packets, CodecId::Opus);
            let delays = Delays::transcoded(&voice, &sent(400, CodecId::Pcmu), &heard, 52).expect("alike");
            assert_eq!((delays.each.len(), delays.unmatched), (400 - LOST_AT_FIRST as usize, 0));
            assert!(delays.of_packets().all(|delay| delay == held), "{:?} for {held:?}", delays.each[0]);
            // What Opus looks ahead: 6.5 ms, as far as the waveform tells.
            assert!((3.5..9.5).contains(&delays.shift_ms), "{} ms", delays.shift_ms);
        }
    }

    /// What the codec looks ahead, as [`Delays::transcoded`] is told by its callers.
    #[test]
    fn opus_looks_ahead_by_a_third_of_a_packet() {
        let clip = babble();
        let mut opus = encoder(CodecId::Opus, SampleRate::HZ_8000, &EncoderConfig::default()).expect("8 kHz");
        let mut back: Box<dyn Decoder> = decoder(CodecId::Opus, SampleRate::HZ_8000).expect("8 kHz");
        let mut decoded = Vec::new();
        for frame in clip.samples.chunks_exact(PACKET) {
            let (mut payload, mut pcm) = ([0; 400], [0; PACKET]);
            let length = opus.encode(frame, &mut payload).expect("20 ms");
            back.decode(&payload[..length], &mut pcm).expect("a packet");
            decoded.extend(pcm);
        }
        let offset = Alignment::find(&clip, &decoded).expect("long enough").offset;
        let ahead = clip.samples.len() - offset;
        assert!((30..75).contains(&ahead), "{ahead}");
    }
}
