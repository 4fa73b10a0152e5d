//! Who is silent is asked to check anew.

use webtrunk_engine::sdp::NegotiationError;

use super::*;

impl Bench {
    fn silence(&mut self, leg: LegId) -> Vec<String> {
        self.media(CallEvent::LegSilent { leg })
    }

    fn offer_ready(&mut self, leg: LegId) -> Vec<String> {
        self.media(CallEvent::OfferReady { leg, description: description() })
    }

    fn wait(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        self.call.handle_timeout(&World, self.now);
        self.effects()
    }
}

#[test]
fn a_silent_party_is_offered_a_restart_and_the_other_hears_nothing_of_it() {
    let (mut bench, _) = Bench::talking(trunk());
    let leg = bench.caller;
    assert_eq!(bench.silence(leg), ["restart ICE of caller"]);
    assert_eq!(bench.offer_ready(leg), ["reoffer caller"]);
    assert!(bench.silence(leg).is_empty(), "it has been asked");
    let answered = Event::ReofferAnswered { leg, description: description() };
    assert_eq!(bench.signal(answered), ["answered by caller"]);
    assert!(bench.agreed(leg, Direction::SendRecv).is_empty());
    assert_eq!(bench.silence(leg), ["restart ICE of caller"], "another silence");
}

#[test]
fn a_restart_that_is_refused_is_taken_back_and_not_tried_again() {
    let (mut bench, callee) = Bench::talking(BridgeTarget::User("bob".into()));
    bench.silence(callee);
    bench.offer_ready(callee);
    let refused = Event::ReofferRefused { leg: callee, cause: EndCause::NotAcceptable };
    assert_eq!(bench.signal(refused), ["roll back callee"]);
    assert!(bench.wait(Duration::from_secs(20)).is_empty());
}

#[test]
fn a_restart_that_crosses_an_offer_is_tried_again_unless_the_party_offers() {
    for party_offers in [false, true] {
        let (mut bench, callee) = Bench::talking(BridgeTarget::User("bob".into()));
        for (leg, name, delay) in [(bench.caller, "caller", 1), (callee, "callee", 3)] {
            bench.silence(leg);
            bench.offer_ready(leg);
            let glare = Event::ReofferRefused { leg, cause: EndCause::Glare };
            assert_eq!(bench.signal(glare), [format!("roll back {name}")]);
            assert_eq!(bench.call.poll_timeout(), Some(bench.now + Duration::from_secs(delay)));
            if party_offers {
                bench.signal(Event::Reoffered { leg, offer: Some(description()), signalled_from: FROM });
                bench.media(CallEvent::AnswerReady { leg, description: description() });
                assert!(bench.wait(Duration::from_secs(delay)).is_empty());
            } else {
                assert_eq!(bench.wait(Duration::from_secs(delay)), [format!("restart ICE of {name}")]);
                bench.signal(Event::Reoffered { leg, offer: Some(description()), signalled_from: FROM });
                assert!(bench.offer_ready(leg).is_empty(), "ours came too late");
            }
        }
    }
}

#[test]
fn who_has_lost_its_signalling_too_is_asked_until_it_is_back_or_its_leg_is_lost() {
    let (mut bench, callee) = Bench::talking(user());
    let lost = Event::ReofferRefused { leg: callee, cause: EndCause::SignallingLost };
    bench.silence(callee);
    for _ in 0..8 {
        bench.offer_ready(callee);
        assert_eq!(bench.signal(lost.clone()), ["roll back callee"]);
        assert!(bench.wait(Duration::from_millis(2900)).is_empty());
        assert_eq!(bench.wait(Duration::from_millis(100)), ["restart ICE of callee"]);
    }
    bench.offer_ready(callee);
    assert_eq!(bench.signal(lost.clone()), ["roll back callee"]);
    assert!(bench.wait(Duration::from_secs(60)).is_empty(), "its leg would be lost by now");
    bench.silence(callee);
    bench.offer_ready(callee);
    assert_eq!(bench.signal(lost), ["roll back callee"]);
    assert_eq!(bench.wait(Duration::from_secs(3)), ["restart ICE of callee"], "another silence");
    assert_eq!(bench.offer_ready(callee), ["reoffer callee"]);
    let answered = Event::ReofferAnswered { leg: callee, description: description() };
    assert_eq!(bench.signal(answered), ["answered by callee"]);
    assert!(bench.wait(Duration::from_secs(60)).is_empty());
}

#[test]
fn an_offer_of_the_party_comes_before_ours_that_was_not_sent() {
    let (mut bench, _) = Bench::talking(trunk());
    let leg = bench.caller;
    bench.silence(leg);
    let words = bench.signal(Event::Reoffered { leg, offer: Some(description()), signalled_from: FROM });
    let offered = "offered by caller from 192.0.2.9";
    assert_eq!(words, ["roll back caller", offered, "make answer for caller"]);
    assert!(bench.offer_ready(leg).is_empty(), "ours came too late");
    let words = bench.media(CallEvent::AnswerReady { leg, description: description() });
    assert_eq!(words, ["answer reoffer of caller"]);
}

/// Its adapter let it in before ours came there, and refuses ours by whatever word it has for that.
#[test]
fn an_offer_of_the_party_that_overtakes_ours_is_answered_and_the_next_restart_can_be_made() {
    for cause in [EndCause::Glare, EndCause::NotAcceptable] {
        let (mut bench, _) = Bench::talking(trunk());
        let leg = bench.caller;
        bench.silence(leg);
        assert_eq!(bench.offer_ready(leg), ["reoffer caller"]);
        let words = bench.signal(Event::Reoffered { leg, offer: Some(description()), signalled_from: FROM });
        let offered = "offered by caller from 192.0.2.9";
        assert_eq!(words, ["roll back caller", offered, "make answer for caller"]);
        assert!(bench.signal(Event::ReofferRefused { leg, cause }).is_empty(), "it is taken back already");
        let words = bench.media(CallEvent::AnswerReady { leg, description: description() });
        assert_eq!(words, ["answer reoffer of caller"]);
        bench.agreed(leg, Direction::SendRecv);
        assert_eq!(bench.silence(leg), ["restart ICE of caller"]);
    }
}

#[test]
fn while_the_party_changes_its_media_a_restart_waits() {
    let (mut bench, _) = Bench::talking(trunk());
    let leg = bench.caller;
    bench.signal(Event::Reoffered { leg, offer: Some(description()), signalled_from: FROM });
    assert!(bench.silence(leg).is_empty());
    bench.media(CallEvent::AnswerReady { leg, description: description() });
    assert_eq!(bench.wait(Duration::from_secs(1)), ["restart ICE of caller"]);
}

#[test]
fn a_restart_that_the_engine_cannot_make_or_agree_to_leaves_the_call_as_it_is() {
    let (mut bench, _) = Bench::talking(trunk());
    let leg = bench.caller;
    let error = || Box::new(NegotiationError::OfferOutstanding.into());
    bench.silence(leg);
    assert!(bench.media(CallEvent::DescriptionRefused { leg, error: error() }).is_empty());
    bench.silence(leg);
    bench.offer_ready(leg);
    let answered = Event::ReofferAnswered { leg, description: description() };
    bench.signal(answered);
    assert!(
        bench
            .media(CallEvent::DescriptionRefused { leg, error: error() })
            .contains(&"roll back caller".into())
    );
}

#[test]
fn who_was_called_is_asked_again_as_one_that_we_called_after_a_transfer_too() {
    let (mut bench, callee) = Bench::talking(user());
    let caller = bench.caller;
    bench.signal(Event::TransferAsked { leg: caller, destination: "carol".into(), replaces: None });
    let bridge = bridge(user());
    let plan = Plan { rule: Arc::from("test"), steps: vec![Step::Bridge(bridge)] };
    bench.call.handle_input(Input::Routed(crate::routing::Decision::Run(plan)), &World, bench.now);
    bench.effects();
    let target = bench.call.callees[1].leg;
    bench.offer_ready(target);
    bench.answer(target);
    bench.agreed(target, Direction::SendRecv);
    assert_eq!(bench.call.caller.leg, callee, "who was called stays, in the place of the caller");
    for leg in [callee, target] {
        bench.silence(leg);
        bench.offer_ready(leg);
        bench.signal(Event::ReofferRefused { leg, cause: EndCause::Glare });
        assert!(bench.wait(Duration::from_secs(2)).is_empty());
        assert_eq!(bench.wait(Duration::from_secs(1)), ["restart ICE of callee"]);
    }
}
