//! Digits from one leg to the other.

use super::*;

#[test]
fn a_digit_is_told_once_and_sent_anew_as_an_event_of_the_other_leg() {
    let mut bench = Bench::talking(CodecId::Opus, CodecId::Pcmu);
    bench.send(0, &tone(CodecId::Opus, 1)[0]);
    bench.events();
    let digit = Digit::parse('7').expect("a key");
    for end in [0, 0, 0x80, 0x80, 0x80] {
        let mut packet = bench.phones[0].packet(&[7, end | 10, 0x1c, 0x20]);
        packet[1] = 101;
        // All packets of a press show its begin.
        let begin = Timestamp(u32::MAX - 3000).plus(960).0;
        packet[4..8].copy_from_slice(&begin.to_be_bytes());
        bench.deliver(0, &mut packet);
        bench.pass(FRAME);
    }
    let told = bench.events();
    assert!(
        matches!(told[..], [CallEvent::DigitBegan { digit: down, .. }, CallEvent::DigitPressed { digit: up, duration, .. }]
            if down == digit && up == digit && duration == HELD),
        "{told:?}"
    );

    let leg = bench.phones[1].leg;
    bench.call.send_digit(leg, digit, HELD, bench.now);
    bench.pass(Duration::from_millis(400));
    let events: Vec<_> = bench.phones[1].heard.iter().filter(|heard| heard.payload_type == 101).collect();
    assert!(events.len() >= 6, "{} packets", events.len());
    assert!(events.iter().all(|event| event.timestamp == events[0].timestamp && event.payload[0] == 7));
    let ends: Vec<_> = events.iter().filter(|event| event.payload[1] & 0x80 != 0).collect();
    assert_eq!(ends.len(), 3);
    assert!(ends.iter().all(|end| end.payload[2..] == HELD_UNITS.to_be_bytes()));
}

#[test]
fn a_digit_too_many_is_lost_and_does_not_overtake_those_that_wait() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    let leg = bench.phones[0].leg;
    bench.events();
    let digit = Digit::parse('1').expect("a key");
    (0..70).for_each(|_| bench.call.send_digit(leg, digit, HELD, bench.now));
    assert!(bench.events().is_empty(), "none is refused, to be sent in another way");
    bench.pass(Duration::from_secs(20));
    let begins = bench.phones[0].heard.iter().filter(|heard| heard.payload_type == 101);
    let times: std::collections::HashSet<_> = begins.map(|heard| heard.timestamp).collect();
    assert_eq!(times.len(), 64);
}

#[test]
fn a_digit_for_a_phone_on_hold_waits_for_its_resume() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    let leg = bench.phones[0].leg;
    for (direction, digits) in [("inactive", 0), ("sendrecv", 1)] {
        bench.call.receive_offer(leg, &bench.phones[0].offer(direction), None);
        bench.call.create_answer(leg, None, bench.now, &mut bench.outbox);
        if direction == "inactive" {
            bench.call.send_digit(leg, Digit::parse('5').expect("a key"), HELD, bench.now);
        }
        bench.pass(Duration::from_secs(1));
        let begins = bench.phones[0].heard.iter().filter(|heard| heard.payload_type == 101);
        let times: std::collections::HashSet<_> = begins.map(|heard| heard.timestamp).collect();
        assert_eq!(times.len(), digits, "{direction}");
    }
}

/// Phones say which keys they take: many name those from 0 to #, and no others.
#[test]
fn a_key_that_the_peer_does_not_take_is_refused_and_the_others_are_sent() {
    let mut right = Phone::new(2, CodecId::Pcmu);
    right.events = "0-11";
    let mut bench = Bench::between(Phone::new(1, CodecId::Pcmu), right, KeyMode::Events);
    let leg = bench.phones[1].leg;
    let [pound, a] = ['#', 'A'].map(|key| Digit::parse(key).expect("a key"));
    bench.events();
    bench.call.send_digit(leg, a, HELD, bench.now);
    bench.call.begin_digit(leg, a, bench.now);
    bench.pass(FRAME * 10);
    bench.call.end_digit(leg, a, HELD);
    let refused = |event: &CallEvent| matches!(event, CallEvent::DigitRefused { digit, duration, .. } if *digit == a && *duration == HELD);
    let told = bench.events();
    assert!(told.len() == 2 && told.iter().all(refused), "{told:?}");
    assert!(bench.phones[1].heard.is_empty());
    bench.call.send_digit(leg, pound, HELD, bench.now);
    bench.pass(FRAME * 20);
    assert!(bench.phones[1].heard.iter().all(|heard| heard.payload[0] == 11));
    assert_eq!(bench.phones[1].heard.len(), 10);
}
