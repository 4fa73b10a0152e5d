//! Keys of one party, as the other takes them.

use super::*;

#[test]
fn digits_go_to_a_phone_in_media_and_to_a_browser_in_signalling() {
    let (mut bench, callee) = Bench::talking(trunk());
    let leg = bench.caller;
    let duration = Duration::from_millis(230);
    let signalled = Event::DigitPressed { leg, digit: '5', duration };
    assert_eq!(bench.signal(signalled), ["send 5 to callee for 230ms"]);
    let digit = Digit::parse('#').expect("a key");
    let in_media = CallEvent::DigitPressed { leg: callee, digit, duration };
    assert_eq!(bench.media(in_media), ["signal # to caller for 230ms"]);
    let refused = CallEvent::DigitRefused { leg: callee, digit, duration };
    assert_eq!(bench.media(refused), ["signal # to callee for 230ms"]);
}

#[test]
fn a_key_in_media_goes_to_a_phone_while_it_is_down_and_to_a_browser_when_it_is_up() {
    let (mut bench, callee) = Bench::talking(trunk());
    let digit = Digit::parse('5').expect("a key");
    let duration = Duration::from_millis(230);
    let leg = bench.caller;
    assert_eq!(bench.media(CallEvent::DigitBegan { leg, digit }), ["begin 5 to callee"]);
    let up = |leg| CallEvent::DigitPressed { leg, digit, duration };
    assert_eq!(bench.media(up(leg)), ["end 5 to callee after 230ms"]);
    let began = CallEvent::DigitBegan { leg: callee, digit };
    assert!(bench.media(began).is_empty());
    assert_eq!(bench.media(up(callee)), ["signal 5 to caller for 230ms"]);
}

#[test]
fn between_two_parties_with_tones_keys_are_left_to_the_voice() {
    let (mut bench, callee) = Bench::talking(trunk());
    bench.call.caller.keys = KeyMode::Tones;
    let (digit, duration) = (Digit::parse('5').expect("a key"), Duration::from_millis(230));
    let leg = bench.caller;
    assert_eq!(bench.media(CallEvent::DigitBegan { leg, digit }), ["begin 5 to callee"]);
    assert_eq!(
        bench.media(CallEvent::DigitPressed { leg, digit, duration }),
        ["end 5 to callee after 230ms"]
    );
    bench.call.callees[0].keys = KeyMode::Tones;
    for leg in [leg, callee] {
        assert!(bench.media(CallEvent::DigitBegan { leg, digit }).is_empty());
        assert!(bench.media(CallEvent::DigitPressed { leg, digit, duration }).is_empty());
    }
}
