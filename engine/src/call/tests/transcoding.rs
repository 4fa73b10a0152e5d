//! What one phone says as the other hears it: transcoded or passed through, with packets lost and swapped.

use super::*;

#[test]
fn opus_and_pcmu_are_transcoded_both_ways_at_the_same_level() {
    let mut bench = Bench::talking(CodecId::Opus, CodecId::Pcmu);
    let payloads = [tone(CodecId::Opus, 150), tone(CodecId::Pcmu, 150)];
    for (left, right) in payloads[0].iter().zip(&payloads[1]) {
        bench.send(0, left);
        bench.send(1, right);
        bench.pass(FRAME);
    }
    for (phone, ticks) in [(0, 960), (1, 160)] {
        let phone = &bench.phones[phone];
        assert_eq!(phone.heard.len(), 150);
        phone.assert_unbroken(ticks);
        let sound = phone.sound();
        let level = goertzel_dbm0(&sound[4000..20_000], SampleRate::HZ_8000, 1000.0);
        assert!((level + 10.0).abs() < 0.3, "{:?}: {level} dBm0", phone.codec);
    }
    assert!(bench.call.stats().iter().all(|leg| leg.is_transcoded));
}

#[test]
fn wide_band_codecs_are_transcoded_whatever_their_clocks() {
    const L16: CodecId = CodecId::L16(L16Rate::Wide);
    for (left, right) in
        [(CodecId::Opus, CodecId::G722), (CodecId::G722, CodecId::Pcmu), (L16, CodecId::G722)]
    {
        let mut bench = Bench::talking(left, right);
        let payloads = [tone(left, 100), tone(right, 100)];
        for (left, right) in payloads[0].iter().zip(&payloads[1]) {
            bench.send(0, left);
            bench.send(1, right);
            bench.pass(FRAME);
        }
        for phone in &bench.phones {
            assert_eq!(phone.heard.len(), 100, "{left:?} and {right:?}");
            phone.assert_unbroken(phone.codec.clock_rate().hz() / 50);
            let level = goertzel_dbm0(&phone.sound()[4000..14_000], SampleRate::HZ_8000, 1000.0);
            assert!((level + 10.0).abs() < 0.4, "{:?} of {left:?} and {right:?}: {level} dBm0", phone.codec);
        }
        assert!(bench.call.stats().iter().all(|leg| leg.is_transcoded));
    }
}

#[test]
fn the_same_codec_is_passed_through_byte_for_byte() {
    for codec in [CodecId::Pcma, CodecId::G722] {
        let mut bench = Bench::talking(codec, codec);
        let payloads = tone(codec, 50);
        for payload in &payloads {
            bench.send(0, payload);
            bench.pass(FRAME);
        }
        let heard: Vec<_> = bench.phones[1].heard.iter().map(|heard| heard.payload.clone()).collect();
        assert_eq!(heard, payloads);
        bench.phones[1].assert_unbroken(160);
        assert!(bench.call.stats().iter().all(|leg| !leg.is_transcoded));
    }
}

#[test]
fn a_lost_packet_is_filled_so_that_time_and_sequence_go_on() {
    let mut bench = Bench::talking(CodecId::Opus, CodecId::Pcmu);
    for (frame, payload) in tone(CodecId::Opus, 100).iter().enumerate() {
        let mut packet = bench.phones[0].packet(payload);
        if frame % 10 != 9 {
            bench.deliver(0, &mut packet);
        }
        bench.pass(FRAME);
    }
    bench.pass(FRAME * 5);
    assert_eq!(bench.phones[1].heard.len(), 99, "the last one's loss cannot be known");
    bench.phones[1].assert_unbroken(160);
    let stats = bench.call.stats();
    assert_eq!(stats[0].lost, 9);
    assert_eq!(stats[0].recovered + stats[0].concealed, 9);
}

#[test]
fn a_lost_packet_of_a_relayed_stream_is_missing_for_who_listens() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    for frame in 0..50u8 {
        let mut packet = bench.phones[0].packet(&[frame; 160]);
        if frame % 10 < 8 {
            bench.deliver(0, &mut packet);
        }
        bench.pass(FRAME);
    }
    bench.pass(FRAME * 5);
    let heard = &bench.phones[1].heard;
    assert_eq!(heard.len(), 40);
    for packet in heard {
        let frame = u16::from(packet.payload[0]);
        assert_eq!(packet.sequence, heard[0].sequence.wrapping_add(frame));
        assert_eq!(packet.timestamp, heard[0].timestamp.wrapping_add(u32::from(frame) * 160));
    }
}

#[test]
fn swapped_packets_are_heard_in_order() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    let mut packets: Vec<_> = (0..40u8).map(|byte| bench.phones[0].packet(&[byte; 160])).collect();
    for pair in packets.chunks_mut(2).skip(1) {
        pair.swap(0, 1);
    }
    for pair in packets.chunks_mut(2) {
        for packet in pair {
            bench.deliver(0, packet);
            bench.pass(FRAME / 4);
        }
        bench.pass(FRAME * 3 / 2);
    }
    assert_eq!(bench.phones[1].heard.len(), 40);
    bench.phones[1].assert_unbroken(160);
    let firsts: Vec<_> = bench.phones[1].heard.iter().map(|heard| heard.payload[0]).collect();
    assert_eq!(firsts, (0..40).collect::<Vec<u8>>());
    assert_eq!(bench.call.stats()[0].lost, 0);
}
