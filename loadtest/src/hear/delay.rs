//! How long packets were inside what lies between two agents: from one's send call to the kernel's
//! receipt for the other.

use std::collections::HashMap;
use std::time::Duration;

use webtrunk_codecs::SampleRate;

use super::Alignment;
use crate::agent::{Heard, Sent, Voice, packet_number};

/// The delays of one direction of one call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Delays {
    /// Of each packet that came and is known to be one that was sent.
    pub each: Vec<Duration>,
    /// Packets that came and belong to none that was sent.
    pub unmatched: usize,
}

/// Samples, at 8 kHz, of one packet.
const PACKET: usize = 160;

/// Follows numbered packets ([`Voice::numbered`]) that were passed through.
#[must_use]
pub fn numbered_delays(sent: &Sent, heard: &Heard) -> Delays {
    let sent: HashMap<_, _> = sent.packets.iter().map(|packet| (packet.index, packet.at)).collect();
    let mut delays = Delays::default();
    for packet in &heard.packets {
        let sent_at = packet_number(&packet.payload).and_then(|number| sent.get(&number));
        match sent_at.and_then(|at| packet.at.duration_since(*at).ok()) {
            Some(delay) => delays.each.push(delay),
            None => delays.unmatched += 1,
        }
    }
    delays
}

impl Delays {
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
            sent.packets.iter().map(|packet| (packet.timestamp, packet.at)).collect();
        let heard_rate = u64::from(first.codec.clock_rate().hz());
        let sent_rate = u64::from(sent.codec?.clock_rate().hz());
        let mut delays = Self::default();
        for packet in &heard.packets {
            let elapsed = u64::from(packet.timestamp.wrapping_sub(first.timestamp));
            let timestamp = origin.timestamp.wrapping_add((elapsed * sent_rate / heard_rate) as u32);
            match by_timestamp.get(&timestamp).and_then(|at| packet.at.duration_since(*at).ok()) {
                Some(delay) => delays.each.push(delay),
                None => delays.unmatched += 1,
            }
        }
        Some(delays)
    }
}
