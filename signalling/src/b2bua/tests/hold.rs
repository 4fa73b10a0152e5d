//! Hold, and other offers within a call.

use super::*;

#[test]
fn a_hold_is_answered_on_its_own_leg_and_a_silent_one_is_heard_as_silence() {
    let (mut bench, _) = Bench::talking(trunk());
    let leg = bench.caller;
    let words = bench.signal(Event::Reoffered { leg, offer: Some(description()), signalled_from: FROM });
    assert_eq!(words, ["offered by caller from 192.0.2.9", "make answer for caller"]);
    let words = bench.media(CallEvent::AnswerReady { leg, description: description() });
    assert_eq!(words, ["answer reoffer of caller"]);
    let words = bench.agreed(leg, Direction::Inactive);
    assert_eq!(words, ["tell callee Held(true)", "callee hears silence"]);
    let words = bench.agreed(leg, Direction::SendRecv);
    assert_eq!(words, ["tell callee Held(false)", "callee hears caller"]);
}

#[test]
fn music_is_heard_by_who_is_on_hold_unless_a_telephone_system_holds_with_its_own() {
    let (mut bench, callee) = Bench::talking(trunk());
    bench.call.settings.music_on_hold = World.prompt("hello");
    let browser = bench.caller;
    for direction in [Direction::RecvOnly, Direction::Inactive] {
        let words = bench.agreed(browser, direction);
        assert_eq!(words, ["tell callee Held(true)", "callee hears prompt"], "{direction:?}");
        let words = bench.agreed(browser, Direction::SendRecv);
        assert_eq!(words, ["tell callee Held(false)", "callee hears caller"]);
    }
    assert_eq!(bench.agreed(callee, Direction::RecvOnly), ["tell caller Held(true)"]);
    assert_eq!(bench.agreed(callee, Direction::Inactive), ["caller hears prompt"]);
    let words = bench.agreed(callee, Direction::SendRecv);
    assert_eq!(words, ["tell caller Held(false)", "caller hears callee"]);
}

#[test]
fn a_party_that_is_muted_is_heard_as_silence_and_its_hold_as_music_all_the_same() {
    let (mut bench, _) = Bench::talking(trunk());
    bench.call.settings.music_on_hold = World.prompt("hello");
    let leg = bench.caller;
    assert_eq!(bench.signal(Event::MuteAsked { leg, is_muted: true }), ["callee hears silence"]);
    assert_eq!(bench.signal(Event::MuteAsked { leg, is_muted: true }), [""; 0]);
    let words = bench.agreed(leg, Direction::Inactive);
    assert_eq!(words, ["tell callee Held(true)", "callee hears prompt"]);
    let words = bench.agreed(leg, Direction::SendRecv);
    assert_eq!(words, ["tell callee Held(false)", "callee hears silence"]);
    assert_eq!(bench.signal(Event::MuteAsked { leg, is_muted: false }), ["callee hears caller"]);
}

#[test]
fn an_empty_reoffer_gets_our_offer() {
    let (mut bench, callee) = Bench::talking(trunk());
    assert_eq!(
        bench.signal(Event::Reoffered { leg: callee, offer: None, signalled_from: FROM }),
        ["offer callee"]
    );
    let words = bench.media(CallEvent::OfferReady { leg: callee, description: description() });
    assert_eq!(words, ["answer reoffer of callee"]);
    let words = bench.signal(Event::Acknowledged { leg: callee, description: Some(description()) });
    assert_eq!(words, ["answered by callee"]);
}
