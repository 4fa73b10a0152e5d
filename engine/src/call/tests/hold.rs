//! A party holds the other, and comes back.

use webtrunk_codecs::CodecId;

use super::{Bench, FRAME};

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
