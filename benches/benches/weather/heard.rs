//! What is heard of a voice behind a network: by the clock out of a jitter buffer, or packet by packet over the bridge.

use std::time::{Duration, Instant};

use webtrunk_codecs::g711::Law;
use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, decoder, encoder};
use webtrunk_engine::media::jitter::{Content, JitterConfig, Playout, jitter_buffer};
use webtrunk_engine::media::{Coded, Inserted, ReorderBuffer, Transcoder};
use webtrunk_engine::rtp::{PayloadType, RtpHeader, RtpPacket, SequenceNumber, Ssrc, Timestamp};

use super::link::{FRAME, Link};

pub(crate) const RATE: SampleRate = SampleRate::HZ_8000;

/// A voice in packets.
pub(crate) struct Voice {
    codec: CodecId,
    packets: Vec<Vec<u8>>,
}

/// The sound at the listener's, and what was done to it.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) samples: Vec<i16>,
    /// Packets that came too late.
    pub(crate) late: u64,
    /// Packets whose time was filled with what was made up.
    pub(crate) concealed: u64,
    /// Packets that were restored from the one after them.
    pub(crate) restored: u64,
    /// What was waited, and when.
    pub(crate) delays: Vec<(Duration, Duration)>,
}

impl Voice {
    /// Says `samples`; an Opus encoder is told of the loss that there is.
    pub(crate) fn new(codec: CodecId, samples: &[i16], loss: f64) -> Self {
        let mut config = EncoderConfig::default();
        // What browsers are asked for (decision 8).
        config.opus.bitrate_bps = 24_000;
        config.opus.expected_loss_percent = (loss * 100.0).round() as u8;
        let mut encoder = encoder(codec, RATE, &config).expect("8 kHz");
        let mut payload = [0; 1275];
        let packets = samples.chunks_exact(RATE.samples_in_ms(20)).zip(0_u32..).map(|(frame, number)| {
            let header = RtpHeader {
                payload_type: PayloadType::PCMU,
                marker: false,
                sequence: SequenceNumber(number as u16),
                timestamp: Timestamp(number * codec.clock_rate().hz() / 50),
                ssrc: Ssrc(1),
            };
            let length = encoder.encode(frame, &mut payload).expect("20 ms");
            let mut packet = vec![0; RtpHeader::LEN];
            header.write_to(&mut packet);
            packet.extend_from_slice(&payload[..length]);
            packet
        });
        Self { codec, packets: packets.collect() }
    }

    /// How many packets it is.
    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }

    /// As a conference hears it: a jitter buffer with its decoder, asked every 20 ms.
    pub(crate) fn by_the_clock(&self, link: &Link) -> Heard {
        let start = Instant::now();
        let clock = self.codec.clock_rate();
        let (mut writer, reader) = jitter_buffer(JitterConfig::default(), clock, start);
        let mut playout = Playout::new(reader, decoder(self.codec, RATE).expect("8 kHz"), clock);
        let mut heard = Heard::default();
        let mut arrivals = link.arrivals.iter().peekable();
        for tick in 0..self.packets.len() as u32 + 25 {
            let time = FRAME * tick;
            while let Some((at, number)) = arrivals.next_if(|(at, _)| *at <= time) {
                let packet = RtpPacket::parse(&self.packets[*number]).expect("a whole packet");
                writer.insert(&packet, Content::Voice, start + *at).expect("there is room");
            }
            let mut frame = [0; 160];
            playout.pull_frame(start + time, &mut frame);
            heard.samples.extend_from_slice(&frame);
            if arrivals.peek().is_some() {
                heard.delays.push((time, playout.playout_delay()));
                // What is made up behind the end is no loss.
                heard.concealed = playout.fates().concealed - playout.counters().recovered;
            }
        }
        heard.late = playout.fates().late;
        heard.restored = playout.counters().recovered;
        heard
    }

    /// As the other party of a bridge gets it: decoded and encoded as PCMU as it comes.
    pub(crate) fn over_the_bridge(&self, link: &Link) -> Heard {
        let start = Instant::now();
        let clock = self.codec.clock_rate();
        let pcmu = encoder(CodecId::Pcmu, RATE, &EncoderConfig::default()).expect("8 kHz");
        let mut transcoder = Transcoder::new(decoder(self.codec, RATE).expect("8 kHz"), pcmu, clock, 20);
        let mut reorder = ReorderBuffer::default();
        let mut heard = Heard::default();
        let mut came_at = vec![None; self.packets.len()];
        let mut carry = |bytes: &[u8], lost_before, now: Duration, came_at: &[Option<Duration>]| {
            let packet = RtpPacket::parse(bytes).expect("a whole packet");
            let waited = came_at[usize::from(packet.sequence().0)].map_or(Duration::ZERO, |at| now - at);
            heard.delays.push((now, waited));
            transcoder.handle_packet(packet.payload(), packet.timestamp().0, lost_before, false, |coded| {
                let Coded { payload, skipped, .. } = coded;
                heard.samples.resize(heard.samples.len() + skipped, 0);
                heard.samples.extend(payload.iter().map(|code| Law::Mu.decode(*code)));
            });
        };
        let mut arrivals = link.arrivals.iter().peekable();
        while arrivals.peek().is_some() || reorder.poll_timeout().is_some() {
            let next = arrivals.peek().map(|(at, _)| *at);
            let due = reorder.poll_timeout().map(|at| at - start);
            let now = next.into_iter().chain(due).min().expect("one of them is there");
            if next == Some(now)
                && let Some((_, number)) = arrivals.next()
            {
                let bytes = &self.packets[*number];
                came_at[*number].get_or_insert(now);
                let packet = RtpPacket::parse(bytes).expect("a whole packet");
                if reorder.insert(&packet, bytes, start + now) == Inserted::Deliver {
                    carry(bytes, 0, now, &came_at);
                }
            }
            while let Some(ready) = reorder.next_ready(start + now) {
                carry(ready.bytes, ready.lost_before, now, &came_at);
            }
        }
        heard.late = reorder.counters().late;
        heard.concealed = transcoder.counters().concealed;
        heard.restored = transcoder.counters().recovered;
        heard
    }
}

impl Heard {
    /// The mean of what was waited.
    pub(crate) fn mean_delay(&self) -> Duration {
        let sum: Duration = self.delays.iter().map(|(_, delay)| *delay).sum();
        sum / u32::try_from(self.delays.len().max(1)).expect("few packets")
    }

    /// The most that was waited from a moment on.
    pub(crate) fn longest_delay(&self, from: Duration) -> Duration {
        let delays = self.delays.iter().filter(|(at, _)| *at >= from).map(|(_, delay)| *delay);
        delays.max().unwrap_or_default()
    }
}
