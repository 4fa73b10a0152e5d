//! Packets of every length on either side.

use std::time::Duration;

use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::{CodecId, SampleRate};

use super::{Bench, Phone, tone_of};
use crate::call::KeyMode;
use crate::rtp::DropReason;

/// What a phone sends and asks for.
fn phone(index: u8, codec: CodecId, ptime_ms: u32) -> Phone {
    Phone { ptime_ms, ..Phone::new(index, codec) }
}

#[test]
fn packets_of_any_length_go_into_packets_of_any_other_without_a_gap() {
    for (input, lengths, output) in [
        (CodecId::Opus, &[10, 20, 40, 60][..], CodecId::Pcmu),
        (CodecId::Pcmu, &[10, 20, 30, 40, 50, 60], CodecId::Opus),
        (CodecId::Pcma, &[10, 20, 30, 40, 50, 60], CodecId::Pcmu),
    ] {
        for &from in lengths {
            for asked in [10, 20, 30, 40, 60] {
                let right = phone(2, output, asked);
                let mut bench = Bench::between(phone(1, input, from), right, KeyMode::Events);
                for payload in tone_of(input, from, (2400 / from) as usize) {
                    bench.send(0, &payload);
                    bench.pass(Duration::from_millis(from.into()));
                }
                let about = format!("{input:?} of {from} ms to {output:?} asked for {asked} ms");
                // Opus has no frame of 30 ms.
                let made = if output == CodecId::Opus && asked == 30 { 20 } else { asked };
                let right = &bench.phones[1];
                assert!((2400 / made - right.heard.len() as u32) <= 1, "{about}: {}", right.heard.len());
                right.assert_unbroken(output.clock_rate().hz() / 1000 * made);
                let level = goertzel_dbm0(&right.sound()[8000..16_000], SampleRate::HZ_8000, 1000.0);
                assert!((level + 10.0).abs() < 0.4, "{about}: {level} dBm0");
            }
        }
    }
}

#[test]
fn no_packet_is_longer_than_a_peer_takes() {
    let lines = "a=maxptime:10\r\n".to_owned();
    let right = Phone { lines, ..phone(2, CodecId::Pcma, 60) };
    let mut bench = Bench::between(phone(1, CodecId::Pcmu, 20), right, KeyMode::Events);
    for payload in tone_of(CodecId::Pcmu, 20, 10) {
        bench.send(0, &payload);
        bench.pass(Duration::from_millis(20));
    }
    assert_eq!(bench.phones[1].heard.len(), 20);
    bench.phones[1].assert_unbroken(80);
}

/// At the pace of packets of 5 ms it would be 45 times as much.
#[test]
fn a_flood_of_long_packets_is_heard_no_faster_than_four_times_as_fast_as_it_was_spoken() {
    let right = Phone::new(2, CodecId::Pcma);
    let mut bench = Bench::between(phone(1, CodecId::Pcmu, 180), right, KeyMode::Events);
    for _ in 0..2500 {
        bench.send(0, &[0x55; 1440]);
        bench.pass(Duration::from_millis(4));
    }
    let left = bench.call.stats().swap_remove(0);
    let most = 4 * 11_000 / 180;
    assert!((most - 1..=most + 1).contains(&left.packets_received), "{}", left.packets_received);
    assert_eq!(left.drops.of(DropReason::TooFast) + left.packets_received, 2500);
}
