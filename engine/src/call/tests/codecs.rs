//! A peer that answered with several codecs changes from one to another as it likes (RFC 3264 6.1).

use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::{CodecId, SampleRate};

use super::{Bench, FRAME, Phone, Supplies, tone};
use crate::LegId;
use crate::call::{CallEvent, HearSource, KeyMode, Spoken};
use crate::leg::{Leg, RtpTransport};
use crate::net::SocketId;
use crate::rtp::DropReason;
use crate::sdp::{Direction, LocalMedia, SessionDescription, SrtpPolicy};

/// Opus, as we number it in our offers.
const OPUS: u8 = 111;

/// The left phone was called and answered with `codecs`, ours being the first of them to it; the right one has one.
fn bench(codecs: [CodecId; 2], right: CodecId) -> Bench {
    let mut bench = Bench::between(Phone::new(1, codecs[0]), Phone::new(2, right), KeyMode::Events);
    let leg = bench.phones[0].leg;
    bench.call.remove_leg(leg, bench.now, &mut bench.outbox);
    bench.call.add_leg(leg_of_many(leg, &bench.supplies));
    bench.call.create_offer(leg, Direction::SendRecv);
    let answer = answer(&bench.phones[0], codecs);
    bench.call.receive_answer(leg, &answer, None, bench.now, &mut bench.outbox);
    let other = bench.phones[1].leg;
    bench.call.hear(leg, HearSource::Leg(other), bench.now);
    bench.call.hear(other, HearSource::Leg(leg), bench.now);
    bench.events();
    bench
}

fn leg_of_many(leg: LegId, supplies: &Supplies) -> Leg {
    let transport = RtpTransport::new(20_000, SocketId(2), SocketId(3), None);
    let media = ([127, 0, 0, 1].into(), SrtpPolicy::Forbid);
    let codecs = vec![CodecId::Opus, CodecId::Pcmu, CodecId::Pcma, CodecId::G722];
    Leg::over_rtp(leg, transport, media, codecs, LocalMedia::default_opus_fmtp(), supplies)
}

fn answer(phone: &Phone, codecs: [CodecId; 2]) -> SessionDescription {
    let (ip, port) = (phone.address.ip(), phone.address.port());
    let [first, second] = codecs.map(number);
    let text = format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {first} {second}\r\n\
         a=rtpmap:{OPUS} opus/48000/2\r\na=sendrecv\r\n"
    );
    SessionDescription::parse(text.as_str()).expect("a good answer")
}

fn number(codec: CodecId) -> u8 {
    codec.static_payload_type().unwrap_or(OPUS)
}

/// The left phone sends a packet of this codec.
fn packet(bench: &mut Bench, codec: CodecId, payload: &[u8]) -> Vec<u8> {
    let phone = &mut bench.phones[0];
    let hears = std::mem::replace(&mut phone.codec, codec);
    let mut packet = phone.packet(payload);
    packet[1] = number(codec);
    phone.codec = hears;
    packet
}

#[test]
fn a_peer_that_took_several_codecs_is_heard_by_whichever_it_sends() {
    use CodecId::{G722, Opus, Pcma, Pcmu};
    for codecs in [[Pcmu, Pcma], [Opus, Pcmu], [G722, Opus]] {
        for right in [Pcmu, Opus] {
            let mut bench = bench(codecs, right);
            let [first, second] = codecs.map(|codec| tone(codec, 100));
            let theirs = tone(right, 300);
            let sent = [(codecs[0], &first), (codecs[1], &second), (codecs[0], &first)];
            let sent =
                sent.into_iter().flat_map(|(codec, payloads)| payloads.iter().map(move |it| (codec, it)));
            for ((codec, payload), theirs) in sent.zip(&theirs) {
                let mut packet = packet(&mut bench, codec, payload);
                bench.deliver(0, &mut packet);
                bench.send(1, theirs);
                bench.pass(FRAME);
            }
            for phone in &bench.phones {
                assert_eq!(phone.heard.len(), 300, "{codecs:?} to {right:?}");
                phone.assert_unbroken(phone.codec.clock_rate().hz() / 50);
                let sound = phone.sound();
                // The encoder of Opus needs a while to be as loud as what it hears.
                for part in [6000..15_000, 22_000..31_000, 38_000..47_000] {
                    let level = goertzel_dbm0(&sound[part], SampleRate::HZ_8000, 1000.0);
                    assert!((level + 10.0).abs() < 0.5, "{codecs:?} to {right:?}: {level} dBm0");
                }
            }
            let stats = bench.call.stats();
            let lost: u64 = stats.iter().map(|leg| leg.lost + leg.drops.total()).sum();
            assert_eq!(lost, 0, "{stats:?}");
        }
    }
}

#[test]
fn a_change_of_codec_behind_a_loss_waits_for_its_turn() {
    let mut bench = bench([CodecId::Pcmu, CodecId::Pcma], CodecId::Pcmu);
    let payloads = [tone(CodecId::Pcmu, 50), tone(CodecId::Pcma, 50)];
    for number in 0..100 {
        let (codec, payload) = if number < 50 {
            (CodecId::Pcmu, &payloads[0][number])
        } else {
            (CodecId::Pcma, &payloads[1][number - 50])
        };
        let mut packet = packet(&mut bench, codec, payload);
        if number != 49 {
            bench.deliver(0, &mut packet);
        }
        bench.pass(FRAME);
    }
    let phone = &bench.phones[1];
    assert_eq!(phone.heard.len(), 99);
    let level = goertzel_dbm0(&phone.sound()[9000..15_000], SampleRate::HZ_8000, 1000.0);
    assert!((level + 10.0).abs() < 0.5, "{level} dBm0");
    for pair in phone.heard.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((160..=480).contains(&ticks), "{ticks} ticks");
    }
}

#[test]
fn who_changes_its_codec_with_every_packet_costs_no_more_than_ten_changes_a_second() {
    let mut bench = bench([CodecId::Pcmu, CodecId::Pcma], CodecId::Opus);
    for number in 0..100 {
        let codec = if number % 2 == 0 { CodecId::Pcmu } else { CodecId::Pcma };
        let mut packet = packet(&mut bench, codec, &[0x55; 160]);
        bench.deliver(0, &mut packet);
        bench.pass(FRAME);
    }
    let stats = bench.call.stats();
    let left = stats.iter().find(|leg| leg.leg == bench.phones[0].leg).expect("there");
    let refused = left.drops.of(DropReason::TooFast);
    assert!((30..=45).contains(&refused), "{refused} of 100");
    // What was refused is missing to who judges and repairs, and nothing else is.
    for _ in 0..10 {
        let mut packet = packet(&mut bench, CodecId::Pcma, &[0x55; 160]);
        bench.deliver(0, &mut packet);
        bench.pass(FRAME);
    }
    let stats = bench.call.stats();
    let left = stats.iter().find(|leg| leg.leg == bench.phones[0].leg).expect("there");
    let loss = left.heard.expect("packets came").total.loss;
    let expected = left.drops.of(DropReason::TooFast) as f32 / 110.0;
    assert!((loss - expected).abs() < 0.001, "{loss} told, {expected} missing");
    assert!(bench.events().iter().all(|event| !matches!(event, CallEvent::LegFailed { .. })));
}

#[test]
fn a_party_of_a_conference_may_change_its_codec_too() {
    for codecs in [[CodecId::Pcmu, CodecId::Pcma], [CodecId::G722, CodecId::Pcmu]] {
        let mut bench = bench(codecs, CodecId::Pcmu);
        let leg = bench.phones[0].leg;
        assert!(bench.call.enter_conference(leg, bench.now));
        let payloads = codecs.map(|codec| tone(codec, 100));
        let (mut frame, mut said) = ([0; 960], Vec::new());
        for number in 0..200 {
            let mut packet = packet(&mut bench, codecs[number / 100], &payloads[number / 100][number % 100]);
            bench.deliver(0, &mut packet);
            let Spoken::Frame(rate) = bench.call.speak(leg, bench.now, &mut frame) else {
                panic!("it speaks")
            };
            if number >= 150 {
                said.extend_from_slice(&frame[..rate.samples_in_ms(20)]);
            }
            bench.pass(FRAME);
        }
        let level = goertzel_dbm0(&said, SampleRate::HZ_8000, 1000.0);
        assert!((level + 10.0).abs() < 0.5, "{codecs:?}: {level} dBm0");
    }
}
