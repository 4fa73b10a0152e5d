//! A party holds the other, and comes back.

use webtrunk_codecs::CodecId;

use super::{Bench, FRAME, HearSource};
use crate::media::ENCODED;

/// Lets the right phone talk for two seconds; every tenth packet is lost where the network is bad.
fn talk(bench: &mut Bench, is_bad: bool) {
    for number in 0..100 {
        let mut packet = bench.phones[1].packet(&[0x55; 160]);
        if !is_bad || number % 10 != 5 {
            bench.deliver(1, &mut packet);
        }
        bench.pass(FRAME);
    }
}

/// The left phone describes itself anew.
fn change(bench: &mut Bench, direction: &str) {
    let (leg, offer) = (bench.phones[0].leg, bench.phones[0].offer(direction));
    bench.call.receive_offer(leg, &offer, None);
    bench.call.create_answer(leg, None, bench.now, &mut bench.outbox);
}

#[test]
fn what_is_lost_while_a_party_is_sent_nothing_is_missing_for_nobody() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    talk(&mut bench, false);
    change(&mut bench, "sendonly");
    talk(&mut bench, true);
    change(&mut bench, "sendrecv");
    talk(&mut bench, false);
    assert_eq!(bench.phones[0].heard.len(), 200);
    for pair in bench.phones[0].heard.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
    }
}

/// What a party that may not be sent anything would hear is not encoded, and its stream goes on where time is.
#[test]
fn nothing_is_encoded_for_a_party_that_is_sent_nothing() {
    for direction in ["sendonly", "inactive"] {
        let mut bench = Bench::talking(CodecId::Opus, CodecId::Pcmu);
        talk(&mut bench, false);
        let encoded = ENCODED.get();
        change(&mut bench, direction);
        talk(&mut bench, true);
        assert_eq!(ENCODED.get(), encoded, "{direction}");
        change(&mut bench, "sendrecv");
        talk(&mut bench, false);
        assert!(ENCODED.get() >= encoded + 100);
        let heard = &bench.phones[0].heard;
        assert_eq!(heard.len(), 200);
        for (number, packet) in (0..).zip(heard) {
            assert_eq!(packet.sequence, heard[0].sequence.wrapping_add(number));
            let time = u32::from(if number < 100 { number } else { number + 100 });
            assert_eq!(packet.timestamp, heard[0].timestamp.wrapping_add(time * 960));
        }
    }
}

#[test]
fn a_prompt_goes_on_unencoded_for_a_party_that_is_sent_nothing() {
    let mut bench = Bench::talking(CodecId::Opus, CodecId::Pcmu);
    let leg = bench.phones[0].leg;
    bench.call.hear(leg, HearSource::Tone { hz: 440.0, level_dbm0: -20.0 }, bench.now);
    bench.pass(FRAME * 50);
    change(&mut bench, "sendonly");
    bench.pass(FRAME * 50);
    change(&mut bench, "sendrecv");
    bench.pass(FRAME * 50);
    let heard = &bench.phones[0].heard;
    assert!((100..=101).contains(&heard.len()), "{}", heard.len());
    let span = heard[heard.len() - 1].timestamp.wrapping_sub(heard[0].timestamp);
    assert!(span.abs_diff(149 * 960) <= 960, "{span} ticks");
}
