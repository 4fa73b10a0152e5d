//! Hold, and other offers within a call.

use webtrunk_engine::media::quality::AudioState;

use super::*;
use crate::b2bua::{Control, Wish};
use crate::routing::Decision;

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

/// The engine heard nothing of a leg, or something again.
fn heard(leg: LegId, is_heard: bool) -> CallEvent {
    let (before, now) = match is_heard {
        true => (AudioState::NoRtp, AudioState::Silent),
        false => (AudioState::Silent, AudioState::NoRtp),
    };
    CallEvent::AudioChanged { leg, before, now }
}

#[test]
fn music_is_heard_while_nothing_comes_of_a_telephone_system_that_could_hold_with_its_own() {
    let (mut bench, callee) = Bench::talking(trunk());
    bench.call.settings.music_on_hold = World.prompt("hello");
    assert!(bench.media(heard(callee, false)).is_empty(), "nobody holds");
    bench.media(heard(callee, true));
    assert_eq!(bench.agreed(callee, Direction::RecvOnly), ["tell caller Held(true)"]);
    for _ in 0..2 {
        assert_eq!(bench.media(heard(callee, false)), ["caller hears prompt"]);
        assert!(bench.agreed(callee, Direction::RecvOnly).is_empty(), "a refresh");
        assert_eq!(bench.media(heard(callee, true)), ["caller hears callee"]);
    }
    bench.media(heard(callee, false));
    let words = bench.agreed(callee, Direction::SendRecv);
    assert_eq!(words, ["tell caller Held(false)", "caller hears callee"]);
    bench.call.settings.music_on_hold = None;
    assert_eq!(bench.agreed(callee, Direction::RecvOnly), ["tell caller Held(true)"]);
    for is_heard in [true, false] {
        assert!(bench.media(heard(callee, is_heard)).is_empty(), "there is no music");
    }
}

#[test]
fn who_rings_and_only_sends_holds_nobody() {
    let mut bench = Bench::calling(trunk());
    bench.call.settings.music_on_hold = World.prompt("hello");
    let leg = bench.dial_all()[0];
    let description = Some(description());
    bench.signal(Event::Progress { leg, is_ringing: false, description, signalled_from: FROM });
    bench.agreed(leg, Direction::RecvOnly);
    assert!(bench.media(heard(leg, false)).is_empty());
    bench.answer(leg);
    assert!(bench.agreed(leg, Direction::RecvOnly).contains(&"caller hears prompt".to_owned()));
}

/// It had early media, and is being told so when the engine misses its sound.
#[test]
fn who_rang_until_another_lifted_holds_nobody() {
    let mut bench = Bench::calling(BridgeTarget::User("two".into()));
    bench.call.settings.music_on_hold = World.prompt("hello");
    let rung = bench.dial_all();
    let (leg, description) = (rung[0], Some(description()));
    bench.signal(Event::Progress { leg, is_ringing: false, description, signalled_from: FROM });
    bench.agreed(leg, Direction::RecvOnly);
    bench.answer(rung[1]);
    bench.agreed(rung[1], Direction::SendRecv);
    assert!(bench.media(heard(leg, false)).is_empty());
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

/// Two that talk, of which each is told when the other holds it.
fn telling() -> (Bench, LegId) {
    let (mut bench, callee) = Bench::talking(trunk());
    bench.call.settings.tells_hold_by_offer = Some("sip");
    (bench, callee)
}

fn told(bench: &mut Bench, leg: LegId, direction: Direction) -> Vec<String> {
    let mut words = bench.media(CallEvent::OfferReady { leg, description: description() });
    words.extend(bench.signal(Event::ReofferAnswered { leg, description: description() }));
    words.extend(bench.agreed(leg, direction));
    words
}

#[test]
fn who_is_held_is_told_so_and_when_it_is_over() {
    for answer in [Direction::SendOnly, Direction::Inactive] {
        let (mut bench, callee) = telling();
        let holder = bench.caller;
        assert_eq!(bench.agreed(holder, Direction::RecvOnly), ["offer callee"]);
        let words = told(&mut bench, callee, answer);
        let said: Vec<_> = words.iter().filter(|words| !words.contains("hears")).collect();
        assert_eq!(said, ["reoffer callee", "answered by callee"], "and the holder is told nothing");
        let words = bench.agreed(holder, Direction::SendRecv);
        assert_eq!(words.last().map(String::as_str), Some("offer callee"));
        let words = told(&mut bench, callee, Direction::SendRecv);
        assert!(words.iter().all(|words| !words.starts_with("offer")), "{words:?}");
    }
}

#[test]
fn who_changes_its_media_meanwhile_is_told_afterwards_and_who_refuses_is_left_alone() {
    let (mut bench, callee) = telling();
    let holder = bench.caller;
    bench.agreed(holder, Direction::RecvOnly);
    bench.media(CallEvent::OfferReady { leg: callee, description: description() });
    let crossed = Event::ReofferRefused { leg: callee, cause: EndCause::Glare };
    assert_eq!(bench.signal(crossed), ["roll back callee"]);
    bench.signal(Event::Reoffered { leg: callee, offer: Some(description()), signalled_from: FROM });
    bench.media(CallEvent::AnswerReady { leg: callee, description: description() });
    assert_eq!(bench.agreed(callee, Direction::SendRecv), ["offer callee"]);
    // Its own offer comes before ours is ready.
    let words =
        bench.signal(Event::Reoffered { leg: callee, offer: Some(description()), signalled_from: FROM });
    assert_eq!(words[0], "roll back callee");
    let ready = || CallEvent::OfferReady { leg: callee, description: description() };
    assert!(bench.media(ready()).is_empty(), "it came too late");
    bench.media(CallEvent::AnswerReady { leg: callee, description: description() });
    assert_eq!(bench.agreed(callee, Direction::SendRecv), ["offer callee"]);
    bench.media(ready());
    let refused = Event::ReofferRefused { leg: callee, cause: EndCause::NotAcceptable };
    assert_eq!(bench.signal(refused), ["roll back callee"]);
    assert_eq!(bench.agreed(callee, Direction::SendRecv), [""; 0], "it does not want to know");
}

/// Its adapter let it in before our offer came there, and refuses ours.
#[test]
fn who_changes_its_media_while_it_is_being_told_is_answered_and_told_afterwards() {
    let (mut bench, leg) = telling();
    bench.agreed(bench.caller, Direction::RecvOnly);
    bench.media(CallEvent::OfferReady { leg, description: description() });
    let words = bench.signal(Event::Reoffered { leg, offer: Some(description()), signalled_from: FROM });
    assert_eq!(words, ["roll back callee", "offered by callee from 192.0.2.9", "make answer for callee"]);
    let crossed = Event::ReofferRefused { leg, cause: EndCause::Glare };
    assert!(bench.signal(crossed).is_empty(), "it is taken back already");
    let words = bench.media(CallEvent::AnswerReady { leg, description: description() });
    assert_eq!(words, ["answer reoffer of callee"]);
    assert_eq!(bench.agreed(leg, Direction::SendRecv), ["offer callee"]);
}

/// The engine cannot take back what it has begun: the first of two offers is not the one that answers.
#[test]
fn who_asks_for_an_offer_while_it_is_to_be_told_gets_the_one_that_was_made_for_it() {
    let (mut bench, leg) = telling();
    bench.agreed(bench.caller, Direction::RecvOnly);
    let words = bench.signal(Event::Reoffered { leg, offer: None, signalled_from: FROM });
    assert_eq!(words, ["roll back callee", "offer callee"]);
    let ready = || CallEvent::OfferReady { leg, description: description() };
    assert!(bench.media(ready()).is_empty());
    assert_eq!(bench.media(ready()), ["answer reoffer of callee"]);
    // What it asked for comes to nothing: now it is told.
    let words = bench.signal(Event::Acknowledged { leg, description: None });
    assert_eq!(words, ["roll back callee", "offer callee"]);
}

#[test]
fn who_cannot_be_told_is_told_a_moment_later_and_only_what_holds_by_then() {
    for cause in [EndCause::Glare, EndCause::SignallingLost] {
        let (mut bench, leg) = telling();
        let holder = bench.caller;
        bench.agreed(holder, Direction::RecvOnly);
        bench.media(CallEvent::OfferReady { leg, description: description() });
        assert_eq!(bench.signal(Event::ReofferRefused { leg, cause }), ["roll back callee"]);
        assert!(bench.pass(Duration::from_millis(2900)).is_empty());
        assert_eq!(bench.pass(Duration::from_millis(100)), ["offer callee"], "{cause:?}");
        bench.media(CallEvent::OfferReady { leg, description: description() });
        bench.signal(Event::ReofferRefused { leg, cause });
        assert!(bench.agreed(holder, Direction::SendRecv).is_empty(), "it knows of nothing");
        assert!(bench.pass(Duration::from_secs(10)).is_empty());
    }
}

#[test]
fn who_holds_and_is_held_is_told_when_it_holds_no_more() {
    let (mut bench, leg) = telling();
    let holder = bench.caller;
    bench.agreed(holder, Direction::RecvOnly);
    bench.signal(Event::Reoffered { leg, offer: Some(description()), signalled_from: FROM });
    bench.media(CallEvent::OfferReady { leg, description: description() });
    bench.media(CallEvent::AnswerReady { leg, description: description() });
    bench.agreed(leg, Direction::RecvOnly);
    assert_eq!(bench.agreed(leg, Direction::SendRecv), ["offer callee"]);
}

/// Of two adapters one has words.
#[test]
fn who_is_told_in_words_is_told_so_beside_one_that_is_told_by_an_offer() {
    let (mut bench, leg) = telling();
    let holder = bench.caller;
    bench.call.caller.adapter = "json";
    assert_eq!(bench.agreed(leg, Direction::RecvOnly), ["tell caller Held(true)"]);
    assert_eq!(bench.agreed(leg, Direction::SendRecv), ["tell caller Held(false)"]);
    assert_eq!(bench.agreed(holder, Direction::RecvOnly), ["offer callee"]);
}

#[test]
fn two_that_hold_each_other_are_told_nothing() {
    let (mut bench, callee) = telling();
    let holder = bench.caller;
    bench.agreed(holder, Direction::RecvOnly);
    bench.signal(Event::Reoffered { leg: callee, offer: Some(description()), signalled_from: FROM });
    bench.media(CallEvent::OfferReady { leg: callee, description: description() });
    bench.media(CallEvent::AnswerReady { leg: callee, description: description() });
    let words = bench.agreed(callee, Direction::RecvOnly);
    assert!(words.iter().all(|words| !words.starts_with("offer")), "{words:?}");
}

/// Whoever holds somebody before it passes it on to a service is gone by then.
#[test]
fn who_was_held_and_is_passed_on_to_a_service_is_told_that_this_is_over() {
    let (mut bench, callee) = telling();
    let stays = bench.caller;
    bench.agreed(callee, Direction::RecvOnly);
    told(&mut bench, stays, Direction::SendOnly);
    let words = passed_to_echo(&mut bench, callee);
    assert!(words.contains(&"offer caller".to_owned()), "{words:?}");
    assert!(told(&mut bench, stays, Direction::SendRecv).contains(&"reoffer caller".to_owned()));
    let (mut bench, callee) = Bench::talking(trunk());
    bench.agreed(callee, Direction::RecvOnly);
    let words = passed_to_echo(&mut bench, callee);
    assert!(words.contains(&"tell caller Held(false)".to_owned()), "{words:?}");
}

fn passed_to_echo(bench: &mut Bench, by: LegId) -> Vec<String> {
    bench.signal(Event::TransferAsked { leg: by, destination: "9196".into(), replaces: None });
    let plan = Plan { rule: Arc::from("test"), steps: vec![Step::Answer, Step::Echo] };
    bench.call.handle_input(Input::Routed(Decision::Run(plan)), &World, bench.now);
    bench.effects()
}

/// Its own side agrees to nothing: what both hear changes inside.
#[test]
fn a_hold_that_somebody_outside_wants_is_heard_by_both_and_told_who_is_held() {
    let (mut bench, callee) = Bench::talking(trunk());
    bench.call.settings.music_on_hold = World.prompt("hello");
    let leg = bench.caller;
    let mut wants = |leg, is_holding| {
        let control = Control { leg, wish: Wish::Hold(is_holding) };
        bench.call.handle_input(Input::Control(control), &World, bench.now);
        bench.effects()
    };
    assert_eq!(wants(leg, true), ["tell callee Held(true)", "callee hears prompt", "caller hears silence"]);
    assert_eq!(wants(leg, true), [""; 0]);
    assert_eq!(wants(leg, false), ["tell callee Held(false)", "callee hears caller", "caller hears callee"]);
    assert_eq!(
        wants(callee, true),
        ["tell caller Held(true)", "caller hears prompt", "callee hears silence"]
    );
    assert_eq!(
        wants(callee, false),
        ["tell caller Held(false)", "caller hears callee", "callee hears caller"]
    );
}
