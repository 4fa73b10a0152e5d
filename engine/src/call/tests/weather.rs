//! Networks that lose, delay, swap and double: what the other side gets is one stream all the same.

use std::time::Duration;

use webtrunk_codecs::CodecId;

use super::{Bench, FRAME, tone};

const FRAMES: usize = 1500;

/// What a network does.
#[derive(Debug, Clone, Copy)]
struct Weather {
    /// Lost of 100 packets.
    loss: u32,
    /// How many are lost in a row.
    burst: usize,
    jitter_ms: u32,
    /// Doubled of 100 packets.
    doubled: u32,
}

struct Random(u32);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % bound.max(1)
    }
}

impl Weather {
    /// When which frame arrives, in order of arrival.
    fn arrivals(self, random: &mut Random) -> Vec<(Duration, usize)> {
        let mut arrivals = Vec::new();
        let mut lost = 0;
        for frame in 0..FRAMES {
            if lost == 0 && random.below(100 * self.burst as u32) < self.loss {
                lost = self.burst;
            }
            let is_lost = lost > 0;
            lost = lost.saturating_sub(1);
            // The first tells where the stream begins.
            if is_lost && frame > 0 {
                continue;
            }
            let mut arrive = |random: &mut Random| {
                let late = Duration::from_millis(random.below(self.jitter_ms + 1).into());
                arrivals.push((FRAME * frame as u32 + late, frame));
            };
            arrive(random);
            if random.below(100) < self.doubled {
                arrive(random);
            }
        }
        arrivals.sort();
        arrivals
    }
}

/// Every network of the table, with its seed.
fn every_weather() -> impl Iterator<Item = (Weather, u32)> {
    let loss = [0, 1, 5, 10, 20].into_iter().flat_map(|loss| [1, 3].map(|burst| (loss, burst)));
    let jitter = [0, 30, 100].into_iter().flat_map(|jitter_ms| [0, 5].map(|doubled| (jitter_ms, doubled)));
    let all = loss.flat_map(move |(loss, burst)| {
        jitter.clone().map(move |(jitter_ms, doubled)| Weather { loss, burst, jitter_ms, doubled })
    });
    all.zip(1..)
}

/// Lets the left phone speak through a network; gives the first frame that arrived and the last.
fn speak(bench: &mut Bench, payloads: &[Vec<u8>], weather: Weather, seed: u32) -> (usize, usize) {
    let packets: Vec<_> = payloads.iter().map(|payload| bench.phones[0].packet(payload)).collect();
    let began_at = bench.now;
    let arrivals = weather.arrivals(&mut Random(seed));
    for (at, frame) in &arrivals {
        bench.pass((began_at + *at).saturating_duration_since(bench.now));
        bench.deliver(0, &mut packets[*frame].clone());
    }
    bench.pass(FRAME * 10);
    let last = arrivals.iter().map(|(_, frame)| *frame).max();
    (arrivals[0].1, last.expect("something arrives"))
}

#[test]
fn what_is_passed_through_keeps_its_order_and_its_time() {
    let payloads: Vec<Vec<u8>> = (0..FRAMES).map(|frame| vec![frame as u8, (frame >> 8) as u8]).collect();
    for (weather, seed) in every_weather() {
        let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
        let (first, _) = speak(&mut bench, &payloads, weather, seed);
        let heard = &bench.phones[1].heard;
        let mut before = None;
        for packet in heard {
            let frame = usize::from(packet.payload[0]) + (usize::from(packet.payload[1]) << 8);
            assert!(before.is_none_or(|before| frame > before), "{frame} after {before:?}, {weather:?}");
            let since = (frame - first) as u32;
            assert_eq!(packet.sequence, heard[0].sequence.wrapping_add(since as u16), "{weather:?}");
            assert_eq!(packet.timestamp, heard[0].timestamp.wrapping_add(since * 160), "{weather:?}");
            before = Some(frame);
        }
        let lost = FRAMES - heard.len();
        let most = FRAMES * (weather.loss as usize + 3) / 100 + if weather.jitter_ms > 60 { 120 } else { 20 };
        assert!(lost <= most, "{lost} lost, seed {seed}, {weather:?}");
    }
}

#[test]
fn what_is_transcoded_has_no_gap_in_sequence_or_time() {
    for (input, output) in [(CodecId::Opus, CodecId::Pcmu), (CodecId::Pcmu, CodecId::Opus)] {
        let ticks = output.clock_rate().hz() / 50;
        let payloads = tone(input, FRAMES);
        for (weather, seed) in every_weather() {
            let mut bench = Bench::talking(input, output);
            let (first, last) = speak(&mut bench, &payloads, weather, seed);
            let heard = &bench.phones[1].heard;
            for pair in heard.windows(2) {
                assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "seed {seed}, {weather:?}");
                let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
                assert!(step >= ticks && step % ticks == 0, "{step} ticks, seed {seed}, {weather:?}");
            }
            let all = heard[heard.len() - 1].timestamp.wrapping_sub(heard[0].timestamp);
            // What was made up while nothing came and came after all is left out in the next pause: here is none.
            let made_up = all.wrapping_sub((last - first) as u32 * ticks);
            let is_harsh = weather.burst > 1 && weather.loss == 20 && weather.jitter_ms == 100;
            assert!(
                made_up <= if is_harsh { 5 * ticks } else { 0 },
                "{made_up} ticks, seed {seed}, {weather:?}"
            );
            // Up to five packets in a row are filled; no run is longer where little is lost.
            if weather.loss <= 5 && weather.burst == 1 && weather.jitter_ms <= 30 {
                bench.phones[1].assert_unbroken(ticks);
            }
        }
    }
}
