//! The file: a header, then each frame with its time (the format of libpcap, draft-ietf-opsawg-pcap).

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use webtrunk_engine::net::capture::Capture as Media;
use webtrunk_signalling::sip::trace::{CallTrace, Direction};

use super::frame;

/// Marks a file whose times have microseconds.
const MAGIC: u32 = 0xa1b2_c3d4;

/// The format's version.
const VERSION: [u16; 2] = [2, 4];

/// What a frame may have at most: any IP packet.
const SNAP_LENGTH: u32 = 0xffff + 40;

/// Frames begin with their IP header, of either version (LINKTYPE_RAW).
const LINK_TYPE: u32 = 101;

/// A capture that is being written.
#[derive(Debug)]
pub struct Capture {
    octets: Vec<u8>,
}

impl Default for Capture {
    /// An empty one.
    fn default() -> Self {
        let mut octets = Vec::new();
        octets.extend(MAGIC.to_le_bytes());
        octets.extend(VERSION.map(u16::to_le_bytes).concat());
        // Neither a time zone nor a claim of accuracy.
        octets.extend([0; 8]);
        octets.extend(SNAP_LENGTH.to_le_bytes());
        octets.extend(LINK_TYPE.to_le_bytes());
        Self { octets }
    }
}

impl Capture {
    /// Adds a frame of which only the begin was kept; `length` is how long it was.
    pub fn push_frame(&mut self, at: SystemTime, kept: &[u8], length: usize) {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        // The format ends in 2106.
        let seconds = u32::try_from(since.as_secs()).unwrap_or(u32::MAX);
        let lengths = [kept.len(), length].map(|length| u32::try_from(length).unwrap_or(u32::MAX));
        for number in [seconds, since.subsec_micros(), lengths[0], lengths[1]] {
            self.octets.extend(number.to_le_bytes());
        }
        self.octets.extend(kept);
    }

    /// The file.
    #[must_use]
    pub fn into_octets(self) -> Vec<u8> {
        self.octets
    }
}

/// All messages of a call, and what was captured of its media, by time.
#[must_use]
pub fn of_call(trace: &CallTrace, media: &[Arc<Media>]) -> Capture {
    let mut frames: Vec<(SystemTime, Vec<u8>, usize)> = Vec::new();
    for seen in &trace.messages {
        let (from, to) = match seen.direction {
            Direction::In => (seen.remote, seen.local),
            Direction::Out => (seen.local, seen.remote),
        };
        let frame = frame::udp(from, to, &seen.octets);
        let length = frame.len();
        frames.push((seen.at, frame, length));
    }
    if let Some(first) = trace.messages.first() {
        // Media has the clock that only goes forward alone.
        let wall = |at: Instant| match at.checked_duration_since(first.now) {
            Some(after) => first.at + after,
            None => first.at - first.now.duration_since(at),
        };
        for (packet, kept) in media.iter().flat_map(|media| media.packets()) {
            let frame = if kept.len() == packet.length {
                frame::udp(packet.from, packet.to, kept)
            } else {
                frame::udp_begin(packet.from, packet.to, kept, packet.length)
            };
            let length = frame.len() + packet.length - kept.len();
            frames.push((wall(packet.at), frame, length));
        }
    }
    frames.sort_by_key(|(at, ..)| *at);
    let mut capture = Capture::default();
    for (at, frame, length) in frames {
        capture.push_frame(at, &frame, length);
    }
    capture
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use webtrunk_engine::net::capture::CaptureSpec;

    use super::super::super::sample::{call, places};
    use super::*;

    /// What another program reads: each frame with its time in microseconds.
    fn frames(file: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four octets"));
        assert_eq!((number(0), number(4), number(20)), (0xa1b2_c3d4, 0x0004_0002, 101));
        let (mut frames, mut at) = (Vec::new(), 24);
        while at < file.len() {
            let (kept, whole) = (number(at + 8) as usize, number(at + 12) as usize);
            assert!(kept <= whole && whole <= number(16) as usize);
            frames.push((
                u64::from(number(at)) * 1_000_000 + u64::from(number(at + 4)),
                file[at + 16..at + 16 + kept].to_vec(),
            ));
            at += 16 + kept;
        }
        frames
    }

    #[test]
    fn media_stands_among_the_messages_by_time_and_says_how_long_it_was() {
        let [v4, _] = places();
        let trace = call(&v4);
        let began_at = trace.messages[0].now;
        let spec = CaptureSpec { packets_max: 10, lasts_max: Duration::from_secs(60), has_payload: false };
        let mut media = Media::new(spec, began_at);
        for ms in [3000, 3020] {
            media.push(began_at + Duration::from_millis(ms), v4.phone, v4.own, &[0x80; 172]);
        }
        let file = of_call(&trace, &[Arc::new(media)]).into_octets();
        let read = frames(&file);
        assert_eq!(read.len(), trace.messages.len() + 2);
        assert!(read.is_sorted_by_key(|(at, _)| *at));
        let rtp: Vec<_> = read.iter().filter(|(_, frame)| frame.len() == 20 + 8 + 12).collect();
        assert_eq!(rtp.len(), 2);
        // The length in its header is the whole's.
        assert_eq!(u16::from_be_bytes([rtp[0].1[2], rtp[0].1[3]]), 20 + 8 + 172);
    }

    #[test]
    fn a_capture_has_every_message_with_its_time_and_its_addresses() {
        for (places, header) in places().iter().zip([20, 40]) {
            let trace = call(places);
            let read = frames(&of_call(&trace, &[]).into_octets());
            assert_eq!(read.len(), trace.messages.len());
            for ((at, frame), seen) in read.iter().zip(&trace.messages) {
                let since = seen.at.duration_since(UNIX_EPOCH).unwrap_or_default();
                assert_eq!(Duration::from_micros(*at), since);
                assert_eq!(frame[header + 8..], *seen.octets);
                let ports = [seen.remote.port(), seen.local.port()].map(u16::to_be_bytes);
                let [from, to] = if seen.direction == Direction::In { ports } else { [ports[1], ports[0]] };
                assert_eq!(
                    (&frame[header..header + 2], &frame[header + 2..header + 4]),
                    (&from[..], &to[..])
                );
            }
            assert!(!read.iter().any(|(_, frame)| frame.windows(6).any(|window| window == b"S3cr3t")));
        }
    }
}
