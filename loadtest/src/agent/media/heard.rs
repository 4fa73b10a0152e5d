//! What came, packet by packet.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use webtrunk_codecs::CodecId;

use super::{HeardDigit, PeerReport, Reports, RtpHeader, Sending};
use crate::agent::sdp::Format;

/// What an agent heard in one call.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// The audio packets, in the order in which they came.
    pub packets: Vec<HeardPacket>,
    /// The comfort noise, in the order in which it came.
    pub noise: Vec<HeardNoise>,
    /// The digits that came as RFC 4733 events.
    pub digits: Vec<HeardDigit>,
    /// What came beside the audio in its streams, in the order in which it came.
    pub asides: Vec<Aside>,
    /// Packets of RTP or RTCP that could not be decrypted or read.
    pub broken: u64,
    /// Packets of a payload type that was not agreed on.
    pub unexpected: u64,
    /// Packets that came when there was no room in this log any more; they are counted only.
    pub beyond_log: u64,
    /// RTCP packets.
    pub reports: u64,
    /// What the latest of them said of our stream.
    pub peer_report: Option<PeerReport>,
}

/// One audio packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardPacket {
    /// When the kernel got it.
    pub at: SystemTime,
    /// Where it came from.
    pub from: SocketAddr,
    /// What it is encoded with.
    pub codec: CodecId,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// The marker: the first packet of a talkspurt.
    pub marker: bool,
    /// Whose stream.
    pub ssrc: u32,
    /// The encoded audio.
    pub payload: Box<[u8]>,
}

/// A packet of comfort noise (RFC 3389).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardNoise {
    /// RTP source.
    pub ssrc: u32,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// The silence descriptor.
    pub payload: Box<[u8]>,
}

/// A packet without audio, of an event or of comfort noise: it counts in the same stream as the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aside {
    /// RTP source.
    pub ssrc: u32,
    /// RTP sequence number.
    pub sequence: u16,
    /// How many audio packets, of whatever source, had come before it.
    pub after: usize,
}

/// A log that is being written.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) heard: Heard,
    formats: Vec<Format>,
    reports: Reports,
}

/// Audio packets of half an hour.
const PACKETS_MAX: usize = 90_000;
/// More digits than anybody presses.
const DIGITS_MAX: usize = 10_000;

impl Heard {
    /// The digits as a text.
    #[must_use]
    pub fn digits_text(&self) -> String {
        self.digits.iter().map(|it| it.digit).collect()
    }

    /// When the first audio came.
    #[must_use]
    pub fn first_at(&self) -> Option<SystemTime> {
        self.packets.first().map(|packet| packet.at)
    }

    /// From the first to the last audio packet.
    #[must_use]
    pub fn duration(&self) -> Duration {
        let (Some(first), Some(last)) = (self.packets.first(), self.packets.last()) else {
            return Duration::ZERO;
        };
        last.at.duration_since(first.at).unwrap_or_default()
    }

    /// The codec of the latest audio.
    #[must_use]
    pub fn codec(&self) -> Option<CodecId> {
        self.packets.last().map(|packet| packet.codec)
    }

    /// The streams that the audio came in, each once, in the order of their appearance.
    #[must_use]
    pub fn ssrcs(&self) -> Vec<u32> {
        let mut ssrcs = Vec::new();
        for packet in &self.packets {
            if !ssrcs.contains(&packet.ssrc) {
                ssrcs.push(packet.ssrc);
            }
        }
        ssrcs
    }

    /// Only what came in this time.
    #[must_use]
    pub fn between(&self, from: SystemTime, to: SystemTime) -> Self {
        let is_within = |packet: &&HeardPacket| packet.at >= from && packet.at < to;
        Self { packets: self.packets.iter().filter(is_within).cloned().collect(), ..Self::default() }
    }

    /// Only what came from then on.
    #[must_use]
    pub fn since(&self, from: SystemTime) -> Self {
        self.between(from, from + Duration::from_secs(86_400))
    }
}

impl Log {
    pub(crate) fn new(now: Instant) -> Self {
        Self { heard: Heard::default(), formats: Vec::new(), reports: Reports::new(now) }
    }

    /// What payload types mean from now on. Numbers that meant something before still do.
    pub(crate) fn understand(&mut self, formats: &[Format]) {
        for format in formats {
            self.formats.retain(|known| known.payload_type != format.payload_type);
            self.formats.push(format.clone());
        }
    }

    /// Takes a packet that came from there at that time.
    pub(crate) fn push(&mut self, packet: &[u8], (from, at): (SocketAddr, SystemTime)) {
        let Some((header, payload)) = RtpHeader::parse(packet) else {
            self.heard.broken += 1;
            return;
        };
        let payload = &packet[payload];
        let format = self.formats.iter().find(|format| format.payload_type == header.payload_type);
        match format {
            Some(format) if format.is_events() && self.heard.digits.len() < DIGITS_MAX => {
                HeardDigit::take(&mut self.heard.digits, at, header.timestamp, payload);
                self.push_aside(&header);
            }
            Some(format) if format.is_noise() && self.heard.noise.len() < PACKETS_MAX => {
                let RtpHeader { ssrc, sequence, timestamp, .. } = header;
                self.heard.noise.push(HeardNoise { ssrc, sequence, timestamp, payload: payload.into() });
                self.push_aside(&header);
            }
            Some(format) => match format.codec() {
                Some(codec) => self.push_audio(codec, header, payload, (from, at)),
                None => self.heard.unexpected += 1,
            },
            None => self.heard.unexpected += 1,
        }
    }

    pub(crate) fn push_report(&mut self, compound: &[u8], our_ssrc: u32, now: Instant) {
        self.heard.reports += 1;
        self.reports.handle(compound, our_ssrc, now);
        self.heard.peer_report = self.reports.peer;
    }

    /// Tells the other end of so much loss from now on, in percent; or again of what there is.
    pub(crate) fn claim_loss(&mut self, percent: Option<u8>, now: Instant) {
        self.reports.claim_loss(percent, now);
    }

    /// The report to the other end that is due, if one is.
    pub(crate) fn poll_report(&mut self, sending: &Sending, now: Instant) -> Option<Vec<u8>> {
        self.reports.poll(sending, now)
    }

    fn push_aside(&mut self, header: &RtpHeader) {
        if self.heard.asides.len() < PACKETS_MAX {
            let after = self.heard.packets.len();
            self.heard.asides.push(Aside { ssrc: header.ssrc, sequence: header.sequence, after });
        }
    }

    fn push_audio(
        &mut self,
        codec: CodecId,
        header: RtpHeader,
        payload: &[u8],
        (from, at): (SocketAddr, SystemTime),
    ) {
        self.reports.note(&header, codec.clock_rate().hz(), at);
        if self.heard.packets.len() == PACKETS_MAX {
            self.heard.beyond_log += 1;
            return;
        }
        let RtpHeader { marker, sequence, timestamp, ssrc, .. } = header;
        let payload = payload.into();
        self.heard.packets.push(HeardPacket { at, from, codec, sequence, timestamp, marker, ssrc, payload });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::sdp::payload_types;

    fn packet(payload_type: u8, sequence: u16, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        RtpHeader { marker: false, payload_type, sequence, timestamp: 9, ssrc: 1 }.write(payload, &mut out);
        out
    }

    #[test]
    fn packets_go_where_their_payload_type_says() {
        let mut log = Log::new(Instant::now());
        log.understand(&payload_types(&[CodecId::Pcmu]));
        let now = SystemTime::now();
        let arrival = (SocketAddr::from(([192, 0, 2, 1], 4000)), now);
        log.push(&packet(0, 1, &[0xff; 160]), arrival);
        log.push(&packet(126, 2, &[5, 10, 0, 160]), arrival);
        log.push(&packet(8, 3, &[0xd5; 160]), arrival);
        log.push(b"\x80", arrival);
        let heard = &log.heard;
        assert_eq!((heard.packets.len(), heard.unexpected, heard.broken), (1, 1, 1));
        assert_eq!((heard.digits_text(), heard.codec()), ("5".to_owned(), Some(CodecId::Pcmu)));
        assert_eq!(heard.digits[0].at, now);
        assert_eq!(heard.since(now + Duration::from_secs(1)).packets, []);
    }
}
