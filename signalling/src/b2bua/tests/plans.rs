//! What a plan has the gateway do with a caller alone, and how its media ends.

use super::*;

#[test]
fn an_echo_answers_and_sends_back() {
    let mut bench = Bench::new(vec![Step::Answer, Step::Echo], true);
    assert_eq!(bench.effects(), ["add caller", "offered by caller", "make answer for caller"]);
    let caller = bench.caller;
    let words = bench.media(CallEvent::AnswerReady { leg: caller, description: description() });
    assert_eq!(words, ["answer caller", "caller hears caller"]);
}

#[test]
fn a_conference_is_joined_after_the_answer_and_a_full_one_passed_over() {
    let conference = || {
        let (room, role) = (Arc::from("42"), ConferenceRole::Listen);
        let keys = FeatureKeys::default();
        Step::Conference(Conference { room, role, target: None, gain_db: 0.0, is_muted: false, keys })
    };
    let mut bench = Bench::new(vec![Step::Answer, conference()], true);
    let leg = bench.caller;
    let ready = || CallEvent::AnswerReady { leg, description: description() };
    assert_eq!(bench.media(ready()).last().map(String::as_str), Some("caller joins as alice Listen"));
    assert!(bench.media(CallEvent::ConferenceJoined { leg, parties: 2 }).is_empty());
    let party = LegId::next();
    assert!(bench.media(CallEvent::PartyLeft { leg, party, parties: 1 }).is_empty());
    let words =
        bench.media(CallEvent::SpeakerChanged { leg, speaker: Some(leg), name: Some("alice".into()) });
    assert_eq!(words, ["tell caller Speaker { name: Some(\"alice\"), is_self: true }"]);
    let words = bench.signal(Event::DigitPressed { leg, digit: '5', duration: Duration::from_millis(100) });
    assert!(words.is_empty(), "{words:?}");

    let prompts = vec![Arc::from("hello")];
    let play = Step::Play(Play { prompts, is_repeated: false, is_interruptible: false });
    let mut bench = Bench::new(vec![Step::Answer, conference(), play], true);
    let leg = bench.caller;
    bench.media(CallEvent::AnswerReady { leg, description: description() });
    assert_eq!(bench.media(CallEvent::ConferenceRefused { leg }), ["caller hears prompt"]);
    assert_eq!(bench.media(finished(leg, 1)), ["hang up caller Busy"]);
}

#[test]
fn a_prompt_is_played_and_then_the_call_ends() {
    let mut bench = Bench::new(vec![Step::Answer, play(1, false)], true);
    let caller = bench.caller;
    bench.media(CallEvent::AnswerReady { leg: caller, description: description() });
    assert_eq!(bench.media(finished(caller, 1)), ["hang up caller Hangup"]);
    assert!(!bench.call.is_over());
    bench.signal(Event::Ended { leg: caller, cause: EndCause::Hangup });
    assert!(bench.call.is_over());
}

#[test]
fn a_key_ends_the_prompts_that_it_may_end_and_its_release_no_other() {
    let steps = vec![Step::Answer, play(2, true), play(1, true), play(1, false)];
    let mut bench = Bench::new(steps, true);
    bench.effects();
    let leg = bench.caller;
    let words = bench.media(CallEvent::AnswerReady { leg, description: description() });
    assert_eq!(words, ["answer caller", "caller hears prompts"]);
    let digit = Digit::parse('5').expect("a key");
    let words = bench.media(CallEvent::DigitBegan { leg, digit });
    assert_eq!(words, ["caller hears nothing", "caller hears prompt"]);
    let duration = Duration::from_millis(100);
    assert_eq!(bench.media(CallEvent::DigitPressed { leg, digit, duration }), [""; 0]);
    // A browser's keys come in signalling.
    let pressed = || Event::DigitPressed { leg, digit: '5', duration };
    assert_eq!(bench.signal(pressed()), ["caller hears nothing", "caller hears prompt"]);
    assert_eq!(bench.signal(pressed()), [""; 0], "the third may not be ended");
    // The ends of those that a key ended may be told late.
    assert_eq!(bench.media(finished(leg, 1)), [""; 0]);
    assert_eq!(bench.media(finished(leg, 2)), [""; 0]);
    assert_eq!(bench.media(finished(leg, 3)), ["hang up caller Hangup"]);
}

#[test]
fn a_recording_begins_with_the_answer_or_when_its_turn_comes() {
    let bridge = bridge(trunk());
    let steps = vec![Step::Record(record(RecordingFormat::Ogg)), Step::Bridge(bridge)];
    let mut bench = Bench::new(steps, true);
    let callee = bench.dial_all()[0];
    bench.answer(callee);
    bench.agreed(callee, Direction::SendRecv);
    let leg = bench.caller;
    let words = bench.media(CallEvent::AnswerReady { leg, description: description() });
    assert_eq!(words, ["record caller as Ogg", "answer caller"]);

    let (recorded, stop) = (Step::Record(record(RecordingFormat::Wav)), Step::StopRecording);
    let mut bench = Bench::new(vec![Step::Answer, recorded, play(1, false), stop, Step::Echo], true);
    bench.effects();
    let leg = bench.caller;
    let words = bench.media(CallEvent::AnswerReady { leg, description: description() });
    assert_eq!(words, ["answer caller", "record caller as Wav", "caller hears prompt"]);
    let words = bench.media(finished(leg, 1));
    assert_eq!(words, ["stop recording", "caller hears caller"]);
}

#[test]
fn a_caller_without_an_offer_gets_ours_and_answers_in_its_confirmation() {
    let mut bench = Bench::new(vec![Step::Answer, Step::Echo], false);
    assert_eq!(bench.effects(), ["add caller", "offer caller"]);
    let leg = bench.caller;
    assert_eq!(bench.media(CallEvent::OfferReady { leg, description: description() }), ["answer caller"]);
    let words = bench.signal(Event::Acknowledged { leg, description: Some(description()) });
    assert_eq!(words, ["answered by caller", "caller hears caller"]);
}

#[test]
fn candidates_that_a_party_tells_are_taken_or_refused_by_the_engine() {
    let (mut bench, _) = Bench::talking(trunk());
    let leg = bench.caller;
    let fragment = CandidateFragment::parse(b"a=ice-ufrag:8hhY\na=ice-pwd:asd88fgpdd777uzjYhagZg\n");
    let fragment = Box::new(fragment.expect("sound"));
    assert_eq!(bench.signal(Event::CandidatesTold { leg, fragment }), ["candidates of caller"]);
    let words = bench.media(CallEvent::CandidatesTaken { leg, refused: None });
    assert_eq!(words, ["candidates of caller: None"]);
    let refused = Some(FragmentError::UnknownMid);
    let words = bench.media(CallEvent::CandidatesTaken { leg, refused });
    assert_eq!(words, ["candidates of caller: Some(UnknownMid)"]);
}

#[test]
fn a_party_is_told_of_the_gateways_new_candidates_as_soon_as_it_talks() {
    let found = |leg, ufrag| {
        let fragment = CandidateFragment::new(ufrag, "asd88fgpdd777uzjYhagZg", "0", Vec::new());
        CallEvent::CandidatesFound { leg, fragment: Box::new(fragment) }
    };
    let told = |words: &[String]| -> Vec<String> {
        let words = words.iter().filter_map(|word| word.split_once(" Candidates("));
        let ufrag = |rest: &str| rest.split('"').nth(1).unwrap_or_default().to_owned();
        words.map(|(whom, rest)| format!("{whom} {}", ufrag(rest))).collect()
    };
    let mut bench = Bench::calling(trunk());
    let (caller, callee) = (bench.caller, bench.dial_all()[0]);
    for (leg, ufrag) in [(caller, "first"), (callee, "second"), (caller, "third")] {
        assert!(bench.media(found(leg, ufrag)).is_empty(), "nobody has answered");
    }
    let words = [bench.answer(callee), bench.agreed(callee, Direction::SendRecv)].concat();
    assert_eq!(told(&words), ["tell callee second"]);
    let words = bench.media(CallEvent::AnswerReady { leg: caller, description: description() });
    assert_eq!(told(&words), ["tell caller third"], "the newest has all: {words:?}");
    assert!(
        words.iter().position(|word| word == "answer caller")
            < words.iter().position(|word| word.contains("third"))
    );
    assert!(told(&bench.agreed(caller, Direction::SendRecv)).is_empty(), "once");
    assert_eq!(told(&bench.media(found(caller, "fourth"))), ["tell caller fourth"]);
}

#[test]
fn a_leg_whose_media_fails_ends_the_call() {
    let (mut bench, _) = Bench::talking(user());
    let failed = CallEvent::LegFailed {
        leg: bench.caller,
        reason: "consent expired".into(),
        cause: EndCause::MediaTimeout,
    };
    assert_eq!(bench.media(failed), ["hang up callee MediaTimeout", "hang up caller MediaTimeout"]);
}

#[test]
fn a_party_that_closes_its_media_has_a_moment_to_say_so() {
    let (mut bench, _) = Bench::talking(user());
    let leg = bench.caller;
    assert!(bench.media(CallEvent::LegClosed { leg }).is_empty());
    bench.now += Duration::from_secs(2);
    bench.call.handle_timeout(&World, bench.now);
    assert_eq!(bench.effects(), ["hang up callee SignallingLost", "hang up caller SignallingLost"]);
}

#[test]
fn a_page_that_closes_its_media_as_its_signalling_is_lost_may_come_back_with_others_within_half_a_minute() {
    let away = |leg, is_away| Event::AwayTold { leg, is_away };
    for is_away_first in [true, false] {
        let (mut bench, _) = Bench::talking(user());
        let leg = bench.caller;
        let wait = |bench: &mut Bench, seconds| {
            bench.now += Duration::from_secs(seconds);
            bench.call.handle_timeout(&World, bench.now);
            bench.effects()
        };
        if is_away_first {
            bench.signal(away(leg, true));
        }
        bench.media(CallEvent::LegClosed { leg });
        bench.signal(away(leg, true));
        assert!(
            wait(&mut bench, 60).is_empty(),
            "its session says how long it is waited for, {is_away_first}"
        );
        bench.signal(away(leg, false));
        assert!(wait(&mut bench, 29).is_empty(), "{is_away_first}");
        let ends = ["hang up callee SignallingLost", "hang up caller SignallingLost"];
        assert_eq!(wait(&mut bench, 1), ends, "it brings none, {is_away_first}");
    }
}

#[test]
fn a_page_of_which_nothing_is_heard_while_its_signalling_is_lost_is_waited_for_as_long_as_its_session_says() {
    let failed =
        |leg| CallEvent::LegFailed { leg, reason: "consent expired".into(), cause: EndCause::MediaTimeout };
    let (mut bench, _) = Bench::talking(user());
    let leg = bench.caller;
    bench.signal(Event::AwayTold { leg, is_away: true });
    assert!(bench.media(failed(leg)).is_empty());
    let wait = |bench: &mut Bench, seconds| {
        bench.now += Duration::from_secs(seconds);
        bench.call.handle_timeout(&World, bench.now);
        bench.effects()
    };
    assert!(wait(&mut bench, 60).is_empty());
    bench.signal(Event::AwayTold { leg, is_away: false });
    assert!(wait(&mut bench, 29).is_empty(), "it may bring other media");
    assert_eq!(wait(&mut bench, 1), ["hang up callee SignallingLost", "hang up caller SignallingLost"]);

    let (mut bench, _) = Bench::talking(user());
    let leg = bench.caller;
    let ends = ["hang up callee MediaTimeout", "hang up caller MediaTimeout"];
    assert_eq!(bench.media(failed(leg)), ends, "its signalling is there");
}

#[test]
fn a_refused_offer_of_the_caller_is_not_acceptable() {
    let mut bench = Bench::new(vec![Step::Answer, Step::Echo], true);
    bench.effects();
    let error = Box::new(webtrunk_engine::sdp::NegotiationError::NoCommonCodec.into());
    let words = bench.media(CallEvent::DescriptionRefused { leg: bench.caller, error });
    assert_eq!(words, ["hang up caller NotAcceptable"]);
}

#[test]
fn a_tone_with_an_end_is_heard_no_longer() {
    let tone = Tone { frequency_hz: 440, level_dbm0: -10.0, duration: Some(Duration::from_secs(1)) };
    let wait = Step::Wait(Duration::from_secs(1));
    let mut bench = Bench::new(vec![Step::Answer, Step::Tone(tone), wait], true);
    let caller = bench.caller;
    bench.media(CallEvent::AnswerReady { leg: caller, description: description() });
    bench.now += Duration::from_secs(1);
    bench.call.handle_timeout(&World, bench.now);
    assert_eq!(bench.effects(), ["caller hears nothing"]);
    bench.now += Duration::from_secs(1);
    bench.call.handle_timeout(&World, bench.now);
    assert_eq!(bench.effects(), ["hang up caller Hangup"]);
}
