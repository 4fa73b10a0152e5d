//! What is not sent is not encoded: a decoder that misses what its encoder knows may never agree with it again.

use webtrunk_codecs::CodecId;
use webtrunk_codecs::tone::Digit;

use super::{
    Bench, CHROMIUM, CallEvent, FRAME, HELD, HearSource, LegId, SessionDescription, new_browser_leg,
};
use crate::media::ENCODED;

#[test]
fn nothing_is_encoded_for_a_browser_whose_transport_is_not_up() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    let (now, page, heard) = (bench.now, LegId::next(), bench.phones[1].leg);
    let leg = new_browser_leg(page, &bench.supplies, now);
    bench.call.add_leg(leg);
    let offer = SessionDescription::parse(CHROMIUM).expect("a good offer");
    bench.call.receive_offer(page, &offer, None);
    bench.call.create_answer(page, None, now, &mut bench.outbox);
    let agrees = |event: &CallEvent| matches!(event, CallEvent::Agreed { leg, codec: CodecId::Opus, .. } if *leg == page);
    assert!(bench.events().iter().any(agrees), "the phone's PCMU is to be encoded for it");
    bench.call.hear(page, HearSource::Leg(heard), now);
    let encoded = ENCODED.get();
    for _ in 0..50 {
        bench.send(1, &[0x55; 160]);
        bench.now += FRAME;
    }
    assert_eq!(ENCODED.get(), encoded);
}

#[test]
fn nothing_is_encoded_that_is_kept_back_for_a_key() {
    let mut bench = Bench::talking(CodecId::Opus, CodecId::Pcmu);
    let leg = bench.phones[0].leg;
    let encoded = ENCODED.get();
    for number in 0..50 {
        if number == 20 {
            bench.call.send_digit(leg, Digit::parse('5').expect("a key"), HELD, bench.now);
        }
        bench.send(1, &[0x55; 160]);
        bench.pass(FRAME);
    }
    let voice = bench.phones[0].heard.iter().filter(|packet| packet.payload_type == 111).count();
    assert!((38..45).contains(&voice), "{voice} packets beside a key of 150 ms");
    assert_eq!(usize::try_from(ENCODED.get() - encoded), Ok(voice));
}
