//! Two voices to the pages of an Ogg-Opus file, each page whole: what is on disk can be read up to the last.

use ::ogg::{PacketWriteEndInfo, PacketWriter};
use opus::{Bitrate, MSEncoder};

use super::CONTAINER_HZ;
use super::head::{Head, tags};
use crate::opus::OpusEncoderConfig;
use crate::{OpenError, SampleRate};

/// The length of a packet. 20 ms is what Opus is made for.
const PACKET_MS: u32 = 20;

/// Packets on a page: 200 ms, so that little is lost when the process is killed. Costs 1.2 kbit/s.
const PAGE_PACKETS: u32 = 10;

/// Two mono streams of the longest frame (RFC 6716 3.2.1) and the length of the first.
const PAYLOAD_MAX: usize = 2 * 1275 + 2;

/// Writes one file. The voices are mono streams of their own, so that none is heard beside the other.
pub struct OggOpusWriter {
    pages: PacketWriter<'static, Vec<u8>>,
    serial: u32,
    encoder: MSEncoder,
    rate: SampleRate,
    /// Interleaved samples of the packet to come.
    pending: Vec<i16>,
    /// The last packet, which waits to learn whether it ends the file, with its granule position.
    held: Option<(Vec<u8>, u64)>,
    /// Samples at 48 kHz until the end of the last packet, pre-skip included.
    granule: u64,
    pre_skip: u16,
    packets: u32,
}

impl OggOpusWriter {
    /// A file of two voices at `rate`, each encoded as `config` says; `serial` names the stream.
    ///
    /// # Errors
    /// [`OpenError`] for a rate other than 8, 16 or 48 kHz, or when libopus has no memory.
    pub fn new(rate: SampleRate, config: &OpusEncoderConfig, serial: u32) -> Result<Self, OpenError> {
        let mut encoder = MSEncoder::new(rate.hz(), 2, 0, &[0, 1], ::opus::Application::Voip)
            .map_err(|_| OpenError::SampleRate { hz: rate.hz() })?;
        let (bitrate, complexity) = (2 * config.bitrate_bps, config.complexity);
        let configured = encoder
            .set_bitrate(Bitrate::Bits(i32::try_from(bitrate).unwrap_or(i32::MAX)))
            .and_then(|()| encoder.set_complexity(complexity.min(10).into()))
            .and_then(|()| encoder.get_lookahead());
        let lookahead =
            configured.map_err(|_| OpenError::Library)?.unsigned_abs() * (CONTAINER_HZ / rate.hz());
        let pre_skip = u16::try_from(lookahead).map_err(|_| OpenError::Library)?;
        let mut writer = Self {
            pages: PacketWriter::new(Vec::new()),
            serial,
            encoder,
            rate,
            pending: Vec::new(),
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

    /// Takes frames of left and right.
    pub fn push(&mut self, frames: &[[i16; 2]]) {
        let packet = 2 * self.rate.samples_in_ms(PACKET_MS);
        for frame in frames {
            self.pending.extend(frame);
            if self.pending.len() == packet {
                self.encode();
            }
        }
    }

    /// Ends the stream where the samples end.
    pub fn finish(&mut self) {
        let ratio = u64::from(CONTAINER_HZ / self.rate.hz());
        let rest = self.pending.len() as u64 / 2;
        let end = self.granule + (rest * ratio) + u64::from(self.pre_skip);
        // The encoder holds back what it looked ahead at; silence drives it out.
        while self.granule < end {
            self.pending.resize(2 * self.rate.samples_in_ms(PACKET_MS), 0);
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
        let mut payload = vec![0; PAYLOAD_MAX];
        let samples = self.pending.len() / 2;
        let encoded = self.encoder.encode(&self.pending, &mut payload);
        self.pending.clear();
        payload.truncate(encoded.expect("20 ms at a rate that was opened, and room for any payload"));
        self.granule += samples as u64 * u64::from(CONTAINER_HZ / self.rate.hz());
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

#[cfg(test)]
mod tests {
    use super::super::read_ogg_opus_channels;
    use super::*;

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
    fn other_rates_are_refused() {
        let rate = SampleRate::new(44_100).expect("not zero");
        let opened = OggOpusWriter::new(rate, &OpusEncoderConfig::default(), 1);
        assert_eq!(opened.err(), Some(OpenError::SampleRate { hz: 44_100 }));
    }
}
