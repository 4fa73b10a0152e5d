//! What the reader gives out: in order, once, in time, and every packet accounted for.

use std::time::Duration;

use proptest::prelude::*;

use super::super::{Content, JitterConfig, JitterCounters, JitterReader, Pull, jitter_buffer};
use super::link::{CLOCK, Link, Sent, Weather, number_of, payload, talk};

const TICK: Duration = Duration::from_millis(20);

/// What was heard, tick by tick.
#[derive(Debug, Default)]
struct Heard {
    numbers: Vec<u32>,
    missing: u64,
    /// Missing packets whose very next one was at hand.
    repairable: u64,
    silent: u64,
    longest_delay: Duration,
    /// The delay of each packet that was played, and when.
    delays: Vec<(Duration, Duration)>,
    counters: JitterCounters,
    waiting: usize,
}

/// Plays everything that comes over the link, a tick at a time, until a second after its end.
fn play(mut link: Link, config: JitterConfig) -> Heard {
    let (mut writer, mut reader) = jitter_buffer(config, CLOCK, link.start);
    let mut heard = Heard::default();
    let mut time = Duration::ZERO;
    let mut after_end = 0;
    while after_end < 50 {
        link.deliver(time, &mut writer);
        heard.tick(&mut reader, &link, time);
        time += TICK;
        after_end += u32::from(link.is_empty());
    }
    heard.counters = reader.counters();
    heard.waiting = reader.waiting();
    heard
}

impl Heard {
    fn tick(&mut self, reader: &mut JitterReader, link: &Link, time: Duration) {
        match reader.pull(link.start + time, |payload| Some(payload.len() as u32)) {
            Pull::Packet(packet) => {
                self.numbers.push(number_of(packet.payload));
                let delay = reader.playout_delay();
                self.delays.push((time, delay));
                self.longest_delay = self.longest_delay.max(delay);
            }
            Pull::Missing { next, .. } => {
                self.missing += 1;
                self.repairable += u64::from(next.is_some());
            }
            Pull::Idle | Pull::Silence | Pull::Noise(_) => self.silent += 1,
        }
    }

    fn assert_accounts(&self, carried: u64, doubled: u64, lost: u64) {
        let counters = self.counters;
        assert_eq!(counters.received, carried + doubled, "{counters:?}");
        assert_eq!(self.waiting, 0);
        let fates = counters.played + counters.late + counters.duplicate + counters.discarded;
        assert_eq!(fates, counters.received, "{counters:?}");
        assert_eq!(counters.duplicate, doubled, "{counters:?}");
        assert!(counters.lost <= lost && lost - counters.lost <= 6, "{lost} were, {counters:?}");
        assert_eq!(counters.played, self.numbers.len() as u64);
        assert_eq!(counters.concealed, self.missing);
    }

    fn assert_order(&self) {
        assert!(self.numbers.windows(2).all(|pair| pair[0] < pair[1]), "in order, nothing twice");
    }
}

#[test]
fn a_clean_stream_is_played_whole_with_the_least_delay() {
    let heard = play(Link::new(talk(3000), Weather::default(), 1), JitterConfig::default());
    assert_eq!(heard.numbers, (0..3000).collect::<Vec<_>>());
    heard.assert_accounts(3000, 0, 0);
    // Five are invented after the end, where the reader cannot know that nothing more comes.
    assert_eq!((heard.counters.late, heard.missing), (0, 5));
}

#[test]
fn losses_are_told_and_the_next_packet_is_at_hand_for_repair() {
    for (percent, seed) in [(1, 1), (5, 2), (10, 3), (20, 4)] {
        let weather = Weather { loss: f64::from(percent) / 100.0, ..Weather::default() };
        let link = Link::new(talk(5000), weather, seed);
        let (carried, lost, repairable) = (link.carried, link.lost, link.repairable);
        let heard = play(link, JitterConfig::default());
        heard.assert_order();
        heard.assert_accounts(carried, 0, lost);
        assert_eq!(heard.numbers.len() as u64, carried, "all that came is played");
        assert!(heard.missing.abs_diff(lost + 5) <= 6, "{} for {lost} lost", heard.missing);
        // Where the delay is too long a lost packet's time is left out: that repairs it too.
        assert!(repairable - heard.repairable <= 2, "{} of {repairable}, {percent} %", heard.repairable);
    }
}

#[test]
fn bursts_of_three_are_filled_and_nothing_is_lost_beside_them() {
    let weather = Weather { bursts: 0.05 / 3.0, ..Weather::default() };
    let link = Link::new(talk(5000), weather, 5);
    let (carried, lost) = (link.carried, link.lost);
    assert!(lost > 150);
    let heard = play(link, JitterConfig::default());
    heard.assert_order();
    heard.assert_accounts(carried, 0, lost);
    assert_eq!(heard.numbers.len() as u64, carried);
    assert!(heard.missing.abs_diff(lost + 5) <= 6, "{} for {lost}", heard.missing);
}

#[test]
fn jitter_costs_few_packets_and_no_more_delay_than_it_has() {
    for (jitter_ms, is_disorderly, seed) in [(30, false, 6), (100, false, 7), (30, true, 8), (100, true, 9)] {
        let weather = Weather { jitter_ms, is_disorderly, ..Weather::default() };
        let link = Link::new(talk(5000), weather, seed);
        let heard = play(link, JitterConfig::default());
        heard.assert_order();
        heard.assert_accounts(5000, 0, 0);
        let late = heard.counters.late as f64 / 5000.0;
        assert!(late < 0.03, "{late} late at {jitter_ms} ms, disorderly: {is_disorderly}");
        let bound = Duration::from_millis(jitter_ms + 45);
        assert!(heard.longest_delay < bound, "{:?} at {jitter_ms} ms", heard.longest_delay);
        assert_eq!(heard.counters.reordered > 0, is_disorderly);
    }
}

#[test]
fn drifting_clocks_neither_starve_nor_fill_the_buffer() {
    for drift_ppm in [-200, 200] {
        let weather = Weather { drift_ppm, jitter_ms: 10, ..Weather::default() };
        let heard = play(Link::new(talk(30_000), weather, 10), JitterConfig::default());
        heard.assert_order();
        heard.assert_accounts(30_000, 0, 0);
        assert!(heard.longest_delay < Duration::from_millis(180), "{:?}", heard.longest_delay);
    }
}

#[test]
fn duplicates_are_played_once() {
    let weather = Weather { duplicates: 0.3, jitter_ms: 30, is_disorderly: true, ..Weather::default() };
    let link = Link::new(talk(5000), weather, 11);
    let doubled = link.doubled;
    assert!(doubled > 1000);
    let heard = play(link, JitterConfig::default());
    heard.assert_order();
    heard.assert_accounts(5000, doubled, 0);
}

#[test]
fn a_restart_of_the_sender_costs_five_packets_at_most_and_another_source_four() {
    let again = |ssrc, sequence: u16, timestamp: u32| {
        talk(1500).map(move |packet| {
            if packet.at < Duration::from_secs(10) {
                return packet;
            }
            Sent {
                ssrc,
                sequence: packet.sequence.wrapping_add(sequence),
                timestamp: packet.timestamp.wrapping_add(timestamp),
                ..packet
            }
        })
    };
    for (ssrc, sequence, timestamp, costs) in
        [(1, 20_000, 0x4000_0000, 5), (1, 20_000, 0xc000_0000, 5), (2, 7, 1 << 20, 4), (1, 0, 0x2000_0000, 4)]
    {
        let link = Link::new(again(ssrc, sequence, timestamp), Weather::default(), 12);
        let heard = play(link, JitterConfig::default());
        heard.assert_order();
        let unheard = 1500 - heard.numbers.len();
        assert!(unheard <= costs, "{unheard} unheard with {ssrc}, {sequence}, {timestamp:x}");
        assert!(heard.numbers.iter().rev().take(900).eq((600..1500).rev().collect::<Vec<_>>().iter()));
    }
}

#[test]
fn pauses_are_silent_and_cost_nothing() {
    // A second of talk, then silence for most of a second, of which noise and a digit tell.
    let sent = talk(3000).filter(|packet| packet.at.as_millis() % 2000 < 1000);
    let mut sequence = 100;
    let sent: Vec<Sent> = sent
        .flat_map(|packet| {
            let is_last = packet.at.as_millis() % 2000 == 980;
            let behind = |content, after: u32| Sent {
                content,
                timestamp: packet.timestamp.wrapping_add(160 * after),
                payload: payload(u32::MAX),
                at: packet.at + TICK * after,
                ..packet.clone()
            };
            let behind = [behind(Content::Noise, 1), behind(Content::Other, 10), behind(Content::Other, 11)];
            std::iter::once(packet).chain(behind.into_iter().filter(move |_| is_last))
        })
        .map(|packet| {
            sequence += 1;
            Sent { sequence, ..packet }
        })
        .collect();
    let voiced = sent.iter().filter(|packet| packet.content == Content::Voice).count();
    let packets = sent.len() as u64;
    let link = Link::new(sent, Weather { jitter_ms: 15, ..Weather::default() }, 13);
    let heard = play(link, JitterConfig::default());
    heard.assert_order();
    assert_eq!(heard.numbers.len(), voiced);
    assert_eq!((heard.counters.played, heard.counters.lost), (packets, 0));
    assert!(heard.missing <= 5, "{} invented", heard.missing);
    assert!(heard.longest_delay < Duration::from_millis(90), "{:?}", heard.longest_delay);
}

#[test]
fn pauses_without_notice_are_silent_soon() {
    let sent: Vec<Sent> = talk(3000)
        .filter(|packet| packet.at.as_millis() % 2000 < 1000)
        .zip(1000_u16..)
        .map(|(packet, sequence)| Sent { sequence, ..packet })
        .collect();
    let packets = sent.len();
    let heard = play(Link::new(sent, Weather::default(), 14), JitterConfig::default());
    heard.assert_order();
    assert_eq!((heard.numbers.len(), heard.counters.lost), (packets, 0));
    assert_eq!(heard.missing, 5 * 30, "five at the begin of each pause");
}

#[test]
fn a_standstill_longer_than_the_longest_delay_drops_the_oldest_only() {
    let mut link = Link::new(talk(1000), Weather::default(), 15);
    link.stall(Duration::from_millis(5000), Duration::from_millis(5400));
    let heard = play(link, JitterConfig::default());
    heard.assert_order();
    heard.assert_accounts(1000, 0, 0);
    assert!((8..=14).contains(&heard.counters.late), "{:?}", heard.counters);
    assert!(heard.longest_delay <= Duration::from_millis(180), "{:?}", heard.longest_delay);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn in_any_weather_order_is_kept_and_every_packet_accounted_for(
        loss in 0.0..0.3, bursts in 0.0..0.05, jitter_ms in 0_u64..150, is_disorderly: bool,
        duplicates in 0.0..0.2, drift_ppm in -200_i64..200, seed: u64,
    ) {
        let weather = Weather { loss, bursts, jitter_ms, is_disorderly, duplicates, drift_ppm };
        let link = Link::new(talk(1500), weather, seed);
        let (carried, doubled, lost) = (link.carried, link.doubled, link.lost);
        let heard = play(link, JitterConfig::default());
        heard.assert_order();
        heard.assert_accounts(carried, doubled, lost);
        prop_assert!(heard.longest_delay <= Duration::from_millis(160 + 25), "{:?}", heard.longest_delay);
    }

    #[test]
    fn whatever_a_peer_sends_nothing_panics(
        packets in prop::collection::vec(
            (0_u32..3, any::<u16>(), any::<u32>(), 0_usize..1500, 0_u8..3, 0_u64..500), 1..300,
        ),
    ) {
        let mut at = Duration::ZERO;
        let sent = packets.into_iter().map(|(ssrc, sequence, timestamp, length, content, pause_ms)| {
            at += Duration::from_millis(pause_ms % 50);
            let content = [Content::Voice, Content::Noise, Content::Other][usize::from(content)];
            Sent { ssrc, sequence, timestamp, payload: vec![0; length.max(4)], content, at }
        });
        let link = Link::new(sent.collect::<Vec<_>>(), Weather::default(), 1);
        let mut heard = play(link, JitterConfig { ring_bytes: 1 << 20, ..JitterConfig::default() });
        heard.numbers.clear();
        let counters = heard.counters;
        let fates = counters.played + counters.late + counters.duplicate + counters.discarded;
        prop_assert_eq!(fates + heard.waiting as u64, counters.received);
    }
}
