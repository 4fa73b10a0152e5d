//! A party holds the other, and comes back.

use std::time::Duration;

use webtrunk_codecs::CodecId;

use super::{Bench, CallEvent, EndCause, FRAME, HearSource, LegId, SessionDescription};
use crate::media::ENCODED;
use crate::media::quality::AudioState;

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
    let offer = bench.phones[0].offer(direction);
    take(bench, &offer);
}

/// The left phone holds in the old way: it names no address.
fn name_no_address(bench: &mut Bench) {
    let text =
        bench.phones[0].offer("sendrecv").to_string().replace("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0");
    let offer = SessionDescription::parse(text.as_str()).expect("a good offer");
    take(bench, &offer);
}

fn take(bench: &mut Bench, offer: &SessionDescription) {
    let leg = bench.phones[0].leg;
    bench.call.receive_offer(leg, offer, None);
    bench.call.create_answer(leg, None, bench.now, &mut bench.outbox);
}

/// Lets so many seconds pass in which the right phone alone sends; of whom nothing comes, and which legs failed.
fn listen(bench: &mut Bench, seconds: u32) -> (Vec<LegId>, Vec<(LegId, EndCause)>) {
    let (mut unheard, mut failed) = (Vec::new(), Vec::new());
    for _ in 0..seconds {
        bench.send(1, &[0x55; 160]);
        bench.pass(Duration::from_secs(1));
        for event in bench.events() {
            match event {
                CallEvent::AudioChanged { leg, now: AudioState::NoRtp, .. } => unheard.push(leg),
                CallEvent::LegFailed { leg, cause, .. } => failed.push((leg, cause)),
                _ => {}
            }
        }
    }
    (unheard, failed)
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

/// That nothing comes is told once of who might send.
#[test]
fn who_holds_need_not_send_anything_and_must_when_it_is_back() {
    let ways: [fn(&mut Bench); 3] =
        [|bench| change(bench, "sendonly"), |bench| change(bench, "inactive"), name_no_address];
    for (hold, may_send) in ways.into_iter().zip([true, false, true]) {
        let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
        let holder = bench.phones[0].leg;
        hold(&mut bench);
        let unheard = if may_send { vec![holder] } else { vec![] };
        assert_eq!(listen(&mut bench, 300), (unheard, vec![]));
        change(&mut bench, "sendrecv");
        assert_eq!(listen(&mut bench, 59), (vec![holder], vec![]));
        assert_eq!(listen(&mut bench, 2), (vec![], vec![(holder, EndCause::MediaTimeout)]));
    }
}

#[test]
fn of_who_holds_by_sendonly_it_is_told_when_packets_stay_away_and_when_they_come() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    change(&mut bench, "sendonly");
    bench.events();
    for _ in 0..3 {
        assert!(heard_of_holder(&mut bench, Duration::from_millis(990)).is_empty());
        assert_eq!(heard_of_holder(&mut bench, FRAME), [false]);
        for _ in 0..50 {
            bench.send(0, &[0x55; 160]);
            bench.pass(FRAME);
        }
        assert_eq!(heard_of_holder(&mut bench, Duration::ZERO), [true]);
        // The last packet came so long ago.
        bench.send(0, &[0x55; 160]);
    }
}

/// Lets time pass; whether packets come of the left phone from then on, as often as that was told.
fn heard_of_holder(bench: &mut Bench, time: Duration) -> Vec<bool> {
    bench.pass(time);
    let holder = bench.phones[0].leg;
    let mut told = Vec::new();
    for event in bench.events() {
        if let CallEvent::AudioChanged { leg, before, now } = event
            && leg == holder
            && (before == AudioState::NoRtp) != (now == AudioState::NoRtp)
        {
            told.push(now != AudioState::NoRtp);
        }
    }
    told
}
