//! Packets back to sound, each at its place by its timestamp, as a listener without any hurry hears it.

use std::time::Duration;

use webtrunk_codecs::resample::resample;
use webtrunk_codecs::{CodecId, Decoder, SampleRate, decoder};

use super::{Heard, HeardPacket};

/// A timestamp may run ahead of or behind the time of arrival so far; beyond that it is not believed.
const DRIFT_MAX: Duration = Duration::from_secs(5);
/// Packets in a row that are concealed when they were lost; more is silence.
const CONCEALED_MAX: u64 = 5;

/// One stream of packets of one source in one codec, on its way to samples.
struct Playout {
    decoder: Box<dyn Decoder>,
    rate: SampleRate,
    samples: Vec<i16>,
    /// The packet before, and where its sound ended.
    previous: Option<(u64, u64)>,
}

/// A packet with its counters unwrapped.
struct Placed<'h> {
    packet: &'h HeardPacket,
    sequence: u64,
    /// In units of the codec's clock, from the beginning.
    timestamp: u64,
}

impl Heard {
    /// The sound at this rate, from the first packet on. Lost packets are concealed as a phone would do
    /// it; where nothing was sent there is digital silence.
    #[must_use]
    pub fn samples(&self, rate: SampleRate) -> Vec<i16> {
        let mut samples: Vec<i16> = Vec::new();
        let Some(first) = self.packets.first() else { return samples };
        for run in self.packets.chunk_by(|a, b| (a.ssrc, a.codec) == (b.ssrc, b.codec)) {
            let offset = run[0].at.duration_since(first.at).unwrap_or_default();
            let sound = sound_of(run, rate);
            let start = (offset.as_secs_f64() * f64::from(rate.hz())) as usize;
            if samples.len() < start {
                samples.resize(start, 0);
            }
            samples.extend(sound);
        }
        samples
    }
}

/// The sound of packets of one source in one codec.
fn sound_of(run: &[HeardPacket], rate: SampleRate) -> Vec<i16> {
    let codec = run[0].codec;
    let native = match codec {
        CodecId::Opus if [8000, 16_000, 48_000].contains(&rate.hz()) => rate,
        CodecId::Pcmu | CodecId::Pcma | CodecId::G722 | CodecId::Opus | CodecId::L16(_) => {
            codec.native_rate()
        }
    };
    let Ok(decoder) = decoder(codec, native) else { return Vec::new() };
    let mut playout = Playout { decoder, rate: native, samples: Vec::new(), previous: None };
    let clock_rate = u64::from(codec.clock_rate().hz());
    for placed in place(run, clock_rate) {
        playout.push(&placed, clock_rate);
    }
    if native == rate { playout.samples } else { resample(&playout.samples, native, rate) }
}

/// Unwraps counters and sorts; packets that came twice are left out.
fn place(run: &[HeardPacket], clock_rate: u64) -> Vec<Placed<'_>> {
    let first = &run[0];
    // From the middle, so that what came late can go before the first.
    let mut latest = (1_u64 << 32, 1_u64 << 32);
    let mut shift = 0;
    let mut placed: Vec<_> = run
        .iter()
        .map(|packet| {
            let sequence = unwrap(latest.0, 1 << 16, u64::from(packet.sequence.wrapping_sub(first.sequence)));
            let timestamp =
                unwrap(latest.1, 1 << 32, u64::from(packet.timestamp.wrapping_sub(first.timestamp)));
            latest = (latest.0.max(sequence), latest.1.max(timestamp));
            // Where timestamps jump, time of arrival decides.
            let arrival = packet.at.duration_since(first.at).unwrap_or_default();
            let expected = (1 << 32) + (arrival.as_secs_f64() * clock_rate as f64) as u64;
            let limit = DRIFT_MAX.as_secs() * clock_rate;
            if timestamp.wrapping_add(shift).abs_diff(expected) > limit {
                shift = expected.wrapping_sub(timestamp);
            }
            Placed { packet, sequence, timestamp: timestamp.wrapping_add(shift) }
        })
        .collect();
    placed.sort_by_key(|it| it.sequence);
    placed.dedup_by_key(|it| it.sequence);
    let start = placed.first().map_or(0, |it| it.timestamp);
    placed.iter_mut().for_each(|it| it.timestamp = it.timestamp.saturating_sub(start));
    placed
}

/// The value nearest to `near` that is `value` modulo `modulus`.
fn unwrap(near: u64, modulus: u64, value: u64) -> u64 {
    let base = near - near % modulus + value;
    if base > near + modulus / 2 {
        base - modulus
    } else if base + modulus / 2 < near {
        base + modulus
    } else {
        base
    }
}

impl Playout {
    fn push(&mut self, placed: &Placed<'_>, clock_rate: u64) {
        let start = (placed.timestamp * u64::from(self.rate.hz()) / clock_rate) as usize;
        let payload = &placed.packet.payload;
        if let Some((sequence, _)) = self.previous {
            let lost = placed.sequence.saturating_sub(sequence + 1);
            let gap = start.saturating_sub(self.samples.len());
            if (1..=CONCEALED_MAX).contains(&lost) && gap > 0 {
                self.conceal(lost as usize, gap, payload);
            }
        }
        if self.samples.len() < start {
            self.samples.resize(start, 0);
        }
        let mut pcm = vec![0; self.rate.samples_in_ms(120)];
        let decoded = self.decoder.decode(payload, &mut pcm).unwrap_or(0);
        self.samples.extend(&pcm[..decoded]);
        self.previous = Some((placed.sequence, placed.timestamp));
    }

    /// Fills a gap of as many samples that so many lost packets have left.
    fn conceal(&mut self, lost: usize, gap: usize, next: &[u8]) {
        let each = gap / lost;
        let step = (self.rate.hz() / 400) as usize;
        if each == 0 || !each.is_multiple_of(step) {
            return;
        }
        for at in 0..lost {
            let mut pcm = vec![0; each];
            if at + 1 == lost {
                self.decoder.recover(next, &mut pcm);
            } else {
                self.decoder.conceal(&mut pcm);
            }
            self.samples.extend(pcm);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use webtrunk_codecs::tone::goertzel_dbm0;
    use webtrunk_codecs::{EncoderConfig, encoder};

    use super::*;

    /// A tone in packets that came on time; timestamps and sequence numbers wrap on the way.
    fn tone(codec: CodecId, packets: u32) -> Heard {
        let mut encoder = encoder(codec, SampleRate::HZ_8000, &EncoderConfig::default()).expect("8 kHz");
        let began_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let mut heard = Heard::default();
        for index in 0..packets {
            let mut pcm = [0; 160];
            for (at, sample) in pcm.iter_mut().enumerate() {
                let turns = (f64::from(index) * 160.0 + at as f64) * 1000.0 / 8000.0;
                *sample = ((turns * std::f64::consts::TAU).sin() * 8000.0) as i16;
            }
            let mut payload = [0; 1920];
            let length = encoder.encode(&pcm, &mut payload).expect("20 ms");
            heard.packets.push(HeardPacket {
                at: began_at + Duration::from_millis(20) * index,
                from: std::net::SocketAddr::from(([192, 0, 2, 1], 4000)),
                codec,
                sequence: 65_530_u16.wrapping_add(index as u16),
                timestamp: (u32::MAX - 500).wrapping_add(index * codec.clock_rate().hz() / 50),
                marker: index == 0,
                ssrc: 7,
                payload: payload[..length].into(),
            });
        }
        heard
    }

    #[test]
    fn a_tone_comes_back_at_its_level_and_length() {
        for codec in CodecId::ALL {
            for rate in [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000] {
                let samples = tone(codec, 50).samples(rate);
                assert_eq!(samples.len(), rate.hz() as usize, "{codec:?}");
                let middle = &samples[samples.len() / 4..samples.len() / 4 * 3];
                let level = goertzel_dbm0(middle, rate, 1000.0);
                assert!((level + 9.1).abs() < 0.5, "{codec:?} at {rate:?}: {level}");
            }
        }
    }

    #[test]
    fn order_and_doubles_do_not_matter() {
        let ordered = tone(CodecId::Pcmu, 20);
        let mut mixed = ordered.clone();
        mixed.packets.swap(3, 4);
        mixed.packets.insert(9, mixed.packets[8].clone());
        assert_eq!(mixed.samples(SampleRate::HZ_8000), ordered.samples(SampleRate::HZ_8000));
    }

    #[test]
    fn what_was_lost_is_concealed_and_what_was_not_sent_is_silence() {
        let mut lossy = tone(CodecId::Opus, 50);
        lossy.packets.remove(20);
        let samples = lossy.samples(SampleRate::HZ_8000);
        assert_eq!(samples.len(), 8000);
        assert!(samples[3200..3360].iter().any(|it| it.abs() > 2000));

        let mut paused = tone(CodecId::Pcmu, 50);
        paused.packets.drain(20..30);
        for packet in &mut paused.packets[20..] {
            packet.sequence = packet.sequence.wrapping_sub(10);
        }
        let samples = paused.samples(SampleRate::HZ_8000);
        assert_eq!(samples.len(), 8000);
        assert!(samples[3200..4800].iter().all(|it| *it == 0));
    }

    #[test]
    fn a_timestamp_that_jumps_is_not_believed() {
        let mut jumping = tone(CodecId::Pcmu, 50);
        for packet in &mut jumping.packets[25..] {
            packet.timestamp = packet.timestamp.wrapping_add(0x4000_0000);
        }
        assert_eq!(jumping.samples(SampleRate::HZ_8000).len(), 8000);
    }

    #[test]
    fn a_new_source_begins_when_it_came() {
        let mut heard = tone(CodecId::Pcmu, 50);
        for packet in &mut heard.packets[25..] {
            packet.ssrc = 8;
            packet.at += Duration::from_secs(1);
        }
        assert_eq!(heard.samples(SampleRate::HZ_8000).len(), 16_000);
    }
}
