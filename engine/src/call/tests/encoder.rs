//! What a peer asks of our Opus encoder, and what its reports and our own load do to it.

use webtrunk_codecs::{CodecId, SampleRate, decoder};

use super::{Bench, FRAME, Heard, Phone, tone};
use crate::call::KeyMode;
use crate::rtp::rtcp::{Cname, CompoundReport, ReportBlock};
use crate::rtp::{ShortNtpTime, Ssrc};

/// A phone with Opus that asks for this.
fn asking(fmtp: &str) -> Phone {
    Phone { lines: format!("a=fmtp:111 {fmtp}\r\n"), ..Phone::new(2, CodecId::Opus) }
}

/// What a phone that asks for this hears of so many packets, by their lengths.
fn hears(fmtp: &str, payloads: &[Vec<u8>]) -> Bench {
    let mut bench = Bench::between(Phone::new(1, CodecId::Pcmu), asking(fmtp), KeyMode::Events);
    for payload in payloads {
        bench.send(0, payload);
        bench.pass(FRAME);
    }
    bench
}

fn bitrate_bps(bench: &Bench) -> usize {
    let heard = &bench.phones[1].heard[50..];
    heard.iter().map(|packet| packet.payload.len()).sum::<usize>() * 8 * 50 / heard.len()
}

/// A report of the right phone of so much loss, in 1/256.
fn report(bench: &mut Bench, fraction_lost: u8) {
    let block = ReportBlock {
        ssrc: Ssrc(bench.phones[1].heard[0].ssrc),
        fraction_lost,
        cumulative_lost: 0,
        highest_sequence: 0,
        jitter: 0,
        last_sender_report: ShortNtpTime(0),
        delay_since_last_sender_report: 0,
    };
    let cname = Cname::new("phone").expect("short");
    let report = CompoundReport {
        ssrc: Ssrc(7),
        sender_info: None,
        blocks: &[block],
        cname: &cname,
        extended: None,
        is_goodbye: false,
    };
    let mut bytes = vec![0; report.byte_len()];
    report.write_to(&mut bytes);
    bench.deliver(1, &mut bytes);
}

#[test]
fn a_peers_bitrate_and_constant_bitrate_are_kept() {
    let noise = noise(300);
    let free = bitrate_bps(&hears("useinbandfec=1", &noise));
    let bounded = bitrate_bps(&hears("useinbandfec=1;maxaveragebitrate=12000", &noise));
    assert!(free > 24_000 && (9000..13_000).contains(&bounded), "{free} and {bounded} bit/s");
    let constant = hears("cbr=1;maxaveragebitrate=16000", &noise);
    let lengths: Vec<_> = constant.phones[1].heard.iter().map(|packet| packet.payload.len()).collect();
    assert!(lengths.iter().all(|length| *length == 40), "{lengths:?}");
}

#[test]
fn silence_is_not_sent_to_a_peer_that_wants_none_and_the_stream_goes_on() {
    let silence = vec![vec![0xff; 160]; 150];
    let spoken = [tone(CodecId::Pcmu, 50), silence, tone(CodecId::Pcmu, 50)].concat();
    let bench = hears("usedtx=1", &spoken);
    let heard = &bench.phones[1].heard;
    assert!((100..190).contains(&heard.len()), "{} packets", heard.len());
    for pair in heard.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "nothing is lost");
        let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(ticks >= 960 && ticks % 960 == 0, "{ticks} ticks");
    }
    let all = heard[heard.len() - 1].timestamp.wrapping_sub(heard[0].timestamp);
    assert_eq!(all, 249 * 960, "time passed as it does");
    assert_eq!(hears("", &spoken).phones[1].heard.len(), 250, "who wants silence gets it");
}

#[test]
fn redundancy_follows_what_the_peer_reports_if_it_can_use_it() {
    for (fmtp, has_use) in [("useinbandfec=1", true), ("", false)] {
        let mut bench = hears(fmtp, &speech(50));
        let redundant = |bench: &Bench| {
            let mut decoder = decoder(CodecId::Opus, SampleRate::HZ_8000).expect("a decoder");
            let mut out = [0; 160];
            let heard = &bench.phones[1].heard;
            let has_copy = |packet: &&Heard| {
                let has_copy = decoder.recover(&packet.payload, &mut out);
                decoder.decode(&packet.payload, &mut out).expect("20 ms");
                has_copy
            };
            heard[heard.len() - 50..].iter().filter(has_copy).count()
        };
        assert_eq!(redundant(&bench), 0, "nothing was lost yet");
        report(&mut bench, 26);
        for payload in speech(100) {
            bench.send(0, &payload);
            bench.pass(FRAME);
        }
        assert_eq!(redundant(&bench) > 10, has_use, "{} of 50, {fmtp:?}", redundant(&bench));
    }
}

#[test]
fn the_work_per_packet_can_be_bounded_at_any_time() {
    let sent = |complexity: Option<u8>| {
        let mut bench = hears("useinbandfec=1", &speech(10));
        if let Some(complexity) = complexity {
            bench.call.set_complexity(complexity);
        }
        for payload in speech(50) {
            bench.send(0, &payload);
            bench.pass(FRAME);
        }
        bench.phones[1].heard.iter().map(|packet| packet.payload.clone()).collect::<Vec<_>>()
    };
    assert_eq!(sent(None), sent(Some(5)), "as configured");
    assert_ne!(sent(None), sent(Some(0)));
}

/// White noise, which takes all the bits that there are.
fn noise(frames: usize) -> Vec<Vec<u8>> {
    let mut random = 1_u32;
    let mut next = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // A code of u-law of any sign, not too loud.
        (random >> 24) as u8 | 0x20
    };
    (0..frames).map(|_| (0..160).map(|_| next()).collect()).collect()
}

/// A voice, for the codec: periods of 8 ms that swell and fade.
fn speech(frames: usize) -> Vec<Vec<u8>> {
    let sample = |n: usize| {
        let pulse = 1.0 - (n % 64) as f64 / 32.0;
        let swell = (n as f64 / 1600.0 * std::f64::consts::PI).sin().abs();
        webtrunk_codecs::g711::Law::Mu.encode((8000.0 * pulse * swell) as i16)
    };
    (0..frames).map(|frame| (0..160).map(|n| sample(frame * 160 + n)).collect()).collect()
}
