//! Two voices to the pages of an Ogg-Opus file, each page whole: what is on disk can be read up to the last.

use ::ogg::{PacketWriteEndInfo, PacketWriter};

use super::head::{Head, tags};
use super::{CONTAINER_HZ, pair};
use crate::opus::{OpusBandwidth, OpusEncoder, OpusEncoderConfig};
use crate::{Encoder, OpenError, SampleRate};

/// The length of a packet. 20 ms is what Opus is made for.
const PACKET_MS: u32 = 20;

/// Packets on a page: 200 ms, so that little is lost when the process is killed. Costs 1.2 kbit/s.
const PAGE_PACKETS: u32 = 10;

/// The longest frame (RFC 6716 3.2.1) and its table of contents.
const PAYLOAD_MAX: usize = 1276;

/// Writes one file. The voices are mono streams of their own, so that none is heard beside the other.
pub struct OggOpusWriter {
    pages: PacketWriter<'static, Vec<u8>>,
    serial: u32,
    voices: [Voice; 2],
    rate: SampleRate,
    /// The last packet, which waits to learn whether it ends the file, with its granule position.
    held: Option<(Vec<u8>, u64)>,
    /// Samples at 48 kHz until the end of the last packet, pre-skip included.
    granule: u64,
    pre_skip: u16,
    packets: u32,
}

/// One of the two.
struct Voice {
    encoder: OpusEncoder,
    /// Samples of the packet to come.
    pending: Vec<i16>,
}

impl OggOpusWriter {
    /// A file of two voices at `rate`, each encoded as `config` says, but without copies for the loss of packets, and
    /// with no constant bitrate, whose padding a pair has no room for; `serial` names the stream.
    ///
    /// # Errors
    /// [`OpenError`] for a rate other than 8, 16 or 48 kHz, or when libopus has no memory.
    pub fn new(rate: SampleRate, config: &OpusEncoderConfig, serial: u32) -> Result<Self, OpenError> {
        let config = OpusEncoderConfig { inband_fec: false, variable_bitrate: true, ..*config };
        let voice = || Ok(Voice { encoder: OpusEncoder::new(rate, &config)?, pending: Vec::new() });
        let mut voices = [voice()?, voice()?];
        let look_ahead = voices[0].encoder.look_ahead()? * (CONTAINER_HZ / rate.hz());
        let pre_skip = u16::try_from(look_ahead).map_err(|_| OpenError::Library)?;
        let mut writer = Self {
            pages: PacketWriter::new(Vec::new()),
            serial,
            voices,
            rate,
            held: None,
            granule: 0,
            pre_skip,
            packets: 0,
        };
        // Each header ends its page (RFC 7845 3).
        writer.put(Head::two_voices(pre_skip, rate.hz()).to_packet(), PacketWriteEndInfo::EndPage, 0);
        writer.put(tags(), PacketWriteEndInfo::EndPage, 0);
        Ok(writer)
    }

    /// Encodes one of the voices, left or right, with no more than this band and with so much work, 0..=10, from its
    /// next packet on.
    pub fn encode_as(&mut self, side: usize, bandwidth: OpusBandwidth, complexity: u8) {
        let Some(voice) = self.voices.get_mut(side) else { return };
        voice.encoder.set_max_bandwidth(bandwidth);
        voice.encoder.set_complexity(complexity);
    }

    /// Takes frames of left and right.
    pub fn push(&mut self, frames: &[[i16; 2]]) {
        let packet = self.rate.samples_in_ms(PACKET_MS);
        for frame in frames {
            for (voice, sample) in self.voices.iter_mut().zip(frame) {
                voice.pending.push(*sample);
            }
            if self.voices[0].pending.len() == packet {
                self.encode();
            }
        }
    }

    /// Ends the stream where the samples end.
    pub fn finish(&mut self) {
        let ratio = u64::from(CONTAINER_HZ / self.rate.hz());
        let rest = self.voices[0].pending.len() as u64;
        let end = self.granule + (rest * ratio) + u64::from(self.pre_skip);
        // The encoder holds back what it looked ahead at; silence drives it out.
        while self.granule < end {
            let packet = self.rate.samples_in_ms(PACKET_MS);
            self.voices.iter_mut().for_each(|voice| voice.pending.resize(packet, 0));
            self.encode();
        }
        let (packet, _) = self.held.take().unwrap_or_default();
        self.put(packet, PacketWriteEndInfo::EndStream, end);
    }

    /// The pages that became whole since the last call.
    pub fn take_pages(&mut self) -> Vec<u8> {
        std::mem::take(self.pages.inner_mut())
    }

    /// Encodes what is pending as a packet, and puts the one before on its page.
    fn encode(&mut self) {
        let samples = self.voices[0].pending.len() as u64;
        let [left, right] = &mut self.voices;
        let (mut first, mut second) = ([0; PAYLOAD_MAX], [0; PAYLOAD_MAX]);
        let (first, second) = (left.encode(&mut first), right.encode(&mut second));
        let mut payload = Vec::with_capacity(first.len() + second.len() + 2);
        pair::join(first, second, &mut payload);
        self.granule += samples * u64::from(CONTAINER_HZ / self.rate.hz());
        if let Some((before, granule)) = self.held.replace((payload, self.granule)) {
            self.packets += 1;
            let ends_page = self.packets.is_multiple_of(PAGE_PACKETS);
            let end = if ends_page { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
            self.put(before, end, granule);
        }
    }

    fn put(&mut self, packet: Vec<u8>, end: PacketWriteEndInfo, granule: u64) {
        self.pages
            .write_packet(packet, self.serial, end, granule)
            .expect("a vector takes all that is written");
    }
}

impl Voice {
    fn encode<'p>(&mut self, payload: &'p mut [u8]) -> &'p [u8] {
        let encoded = self.encoder.encode(&self.pending, payload);
        self.pending.clear();
        &payload[..encoded.expect("20 ms at a rate that was opened, and room for any payload")]
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use ::ogg::PacketReader;

    use super::super::read_ogg_opus_channels;
    use super::*;
    use crate::opus::bandwidth_of;
    use crate::tone::{Tone, ToneGenerator, goertzel_dbm0};

    #[test]
    fn each_voice_has_a_band_of_its_own_and_is_heard_alone_across_a_change() {
        let rate = SampleRate::HZ_16000;
        let mut writer = OggOpusWriter::new(rate, &OpusEncoderConfig::default(), 1).expect("16 kHz");
        let tones = [440.0, 850.0];
        let mut talkers = tones.map(|hz| ToneGenerator::new(Tone::sine(hz, -12.0), rate));
        writer.encode_as(0, OpusBandwidth::Narrow, 1);
        for second in 0..4 {
            if second == 2 {
                writer.encode_as(0, OpusBandwidth::Wide, 5);
                writer.encode_as(1, OpusBandwidth::Narrow, 1);
            }
            let mut sides = [[0; 16_000]; 2];
            talkers.iter_mut().zip(&mut sides).for_each(|(talker, side)| talker.fill(side));
            let [left, right] = sides;
            writer.push(&left.into_iter().zip(right).map(|(left, right)| [left, right]).collect::<Vec<_>>());
        }
        writer.finish();
        let file = writer.take_pages();

        let channels = read_ogg_opus_channels(&file, 10).expect("a whole file");
        for (samples, (own, other)) in channels.iter().zip([(440.0, 850.0), (850.0, 440.0)]) {
            for second in 0..4 {
                let part = &samples[second * 48_000 + 24_000..][..9600];
                let level = |hz| goertzel_dbm0(part, SampleRate::HZ_48000, hz);
                assert!(
                    (level(own) + 12.0).abs() < 0.5 && level(other) < -50.0,
                    "{own} Hz in second {second}"
                );
            }
        }
        // The first stream's table of contents stands first in a packet.
        let mut packets = PacketReader::new(Cursor::new(&file));
        let mut bands = Vec::new();
        while let Some(packet) = packets.read_packet().expect("whole pages") {
            bands.push(bandwidth_of(&packet.data));
        }
        let (before, after) = (bands[2 + 50], bands[2 + 190]);
        // A tone leaves no pause in which libopus would take all of the band at once.
        assert!(before == Some(OpusBandwidth::Narrow) && after > before, "{before:?}, {after:?}");
    }

    #[test]
    fn what_was_written_can_be_read_every_fifth_of_a_second() {
        let mut writer =
            OggOpusWriter::new(SampleRate::HZ_16000, &OpusEncoderConfig::default(), 1).expect("16 kHz");
        let mut file = Vec::new();
        for tenth in 1..=30 {
            writer.push(&[[1000, -1000]; 1600]);
            file.extend(writer.take_pages());
            if tenth < 3 {
                continue;
            }
            let channels = read_ogg_opus_channels(&file, 10).expect("whole pages");
            let (length, written) = (channels[0].len(), tenth * 4800);
            assert!(length <= written && written - length <= 48 * 250, "{length} of {written} are there");
        }
    }

    #[test]
    fn a_constant_bitrate_is_not_taken_up() {
        let config = OpusEncoderConfig { variable_bitrate: false, ..OpusEncoderConfig::default() };
        let mut writer = OggOpusWriter::new(SampleRate::HZ_16000, &config, 1).expect("16 kHz");
        let mut tone = ToneGenerator::new(Tone::sine(440.0, -12.0), SampleRate::HZ_16000);
        let mut samples = [0; 32_000];
        tone.fill(&mut samples);
        writer.push(&samples.map(|sample| [sample, 0]));
        writer.finish();
        let channels = read_ogg_opus_channels(&writer.take_pages(), 10).expect("a whole file");
        let [left, right] = &channels[..] else { panic!("{} channels", channels.len()) };
        let level = |samples: &[i16]| goertzel_dbm0(&samples[48_000..], SampleRate::HZ_48000, 440.0);
        assert!((level(left) + 12.0).abs() < 0.5 && level(right) < -50.0, "{} {}", level(left), level(right));
    }

    #[test]
    fn other_rates_are_refused() {
        let rate = SampleRate::new(44_100).expect("not zero");
        let opened = OggOpusWriter::new(rate, &OpusEncoderConfig::default(), 1);
        assert_eq!(opened.err(), Some(OpenError::SampleRate { hz: 44_100 }));
    }
}
