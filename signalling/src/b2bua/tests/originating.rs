//! Calls that the gateway makes by itself: who rings when, what the first party hears, and how it ends.

use super::*;
use crate::origination::Origination;
use crate::routing::{Decision, Refusal};

/// A call for alice, whose first party this is; the bench's caller is what stands for who asked.
fn originate(target: BridgeTarget) -> Bench {
    let party = |user: &str| Party { user: user.into(), display_name: String::new() };
    let parties = [("bob".to_owned(), party("200")), ("200".to_owned(), party("bob"))];
    let asked =
        Origination::new("crm", Origin::User("alice".into()), parties, std::time::SystemTime::UNIX_EPOCH);
    let steps = vec![Step::Answer, play(1, false), Step::Bridge(bridge(target))];
    let plan = Plan { rule: Arc::from("test"), steps };
    let now = Instant::now();
    let call = B2bua::originate(&asked, plan, Settings::default(), &World, now);
    Bench { call, caller: asked.leg, now }
}

fn routed(bench: &mut Bench, decision: Decision) -> Vec<String> {
    bench.call.handle_input(Input::Routed(decision), &World, bench.now);
    bench.effects()
}

fn run(steps: Vec<Step>) -> Decision {
    Decision::Run(Plan { rule: Arc::from("test"), steps })
}

fn rings(bench: &mut Bench, leg: LegId, description: Option<Box<SessionDescription>>) -> Vec<String> {
    bench.signal(Event::Progress { leg, is_ringing: true, description, signalled_from: FROM })
}

/// The first party has answered, and the dial plan is asked.
fn answered(bench: &mut Bench) -> LegId {
    let first = bench.dial_all()[0];
    assert_eq!(rings(bench, first, None), ["ring caller"], "told to who asked, whom nobody hears");
    assert_eq!(bench.answer(first), ["answered by callee"]);
    let words = bench.agreed(first, Direction::SendRecv);
    let expected = ["hang up caller Hangup", "callee hears silence", "route User(\"alice\") to 200"];
    assert_eq!(words, expected);
    let asker = bench.caller;
    assert_eq!(bench.signal(Event::Ended { leg: asker, cause: EndCause::Hangup }), ["remove caller"]);
    bench.caller = first;
    first
}

/// The second party, which is being called.
fn second(bench: &mut Bench, steps: Vec<Step>) -> LegId {
    assert_eq!(routed(bench, run(steps)), ["add callee", "offer callee"]);
    let leg = bench.call.callees[0].leg;
    assert_eq!(bench.media(CallEvent::OfferReady { leg, description: description() }), ["dial callee"]);
    leg
}

#[test]
fn the_second_is_called_when_the_first_has_answered_which_hears_it_ring_and_talks_to_it() {
    let mut bench = originate(user());
    assert_eq!(bench.effects(), ["add callee", "offer callee"], "nothing is played to nobody");
    let first = answered(&mut bench);
    let leg = second(&mut bench, vec![Step::Bridge(bridge(trunk()))]);
    assert_eq!(bench.call.caller.identity.user, "bob", "as whom the second is called");
    assert_eq!(bench.call.payer().as_deref(), Some("alice"));
    assert_eq!(rings(&mut bench, leg, None), ["caller hears prompt"]);
    let words = bench.answer(leg);
    assert_eq!(words, ["answered by callee", "caller hears callee", "callee hears caller"]);
    assert!(bench.agreed(leg, Direction::SendRecv).is_empty());
    let words = bench.signal(Event::Ended { leg: first, cause: EndCause::Hangup });
    assert_eq!(words, ["remove caller", "hang up callee Hangup"]);
    bench.signal(Event::Ended { leg, cause: EndCause::Hangup });
    assert!(bench.call.is_over());
}

#[test]
fn early_media_of_the_first_is_for_nobody_and_that_of_the_second_is_heard() {
    let mut bench = originate(trunk());
    let first = bench.dial_all()[0];
    let words = rings(&mut bench, first, Some(description()));
    assert_eq!(words, ["answered by callee", "ring caller"]);
    assert!(bench.agreed(first, Direction::SendRecv).is_empty());
    let words = bench.signal(Event::Answered { leg: first, description: None, signalled_from: FROM });
    assert_eq!(words.last().map(String::as_str), Some("route User(\"alice\") to 200"));
    let asker = std::mem::replace(&mut bench.caller, first);
    bench.signal(Event::Ended { leg: asker, cause: EndCause::Hangup });
    let leg = second(&mut bench, vec![Step::Bridge(bridge(trunk()))]);
    let words = rings(&mut bench, leg, Some(description()));
    assert_eq!(words, ["answered by callee", "caller hears callee", "callee hears caller"]);
}

#[test]
fn whom_nobody_reaches_is_the_end_and_so_is_what_the_dial_plan_forbids() {
    let mut bench = originate(user());
    let first = bench.dial_all()[0];
    let words = bench.signal(Event::Ended { leg: first, cause: EndCause::Busy });
    assert_eq!(words, ["remove callee", "hang up caller Busy"]);
    let leg = bench.caller;
    bench.signal(Event::Ended { leg, cause: EndCause::Busy });
    assert!(bench.call.is_over());

    let mut bench = originate(user());
    answered(&mut bench);
    let refusal = Decision::Refuse { cause: EndCause::Forbidden, reason: Refusal::NoRule };
    assert_eq!(routed(&mut bench, refusal), ["hang up caller Forbidden"]);

    // What the plan has for a caller that reaches nobody is for the first party.
    let mut bench = originate(user());
    answered(&mut bench);
    let leg = second(&mut bench, vec![Step::Bridge(bridge(user())), play(1, false)]);
    let words = bench.signal(Event::Ended { leg, cause: EndCause::Busy });
    assert_eq!(words, ["remove callee", "caller hears prompt"]);
    let first = bench.caller;
    assert_eq!(bench.media(finished(first, 1)), ["hang up caller Busy"]);
}

#[test]
fn whoever_hangs_up_before_ends_it_for_all() {
    let mut bench = originate(user());
    let first = bench.dial_all()[0];
    bench.call.hang_up(EndCause::Hangup);
    assert_eq!(bench.effects(), ["hang up callee Hangup", "hang up caller Hangup"]);
    for leg in [first, bench.caller] {
        bench.signal(Event::Ended { leg, cause: EndCause::Hangup });
    }
    assert!(bench.call.is_over());

    let mut bench = originate(user());
    let first = answered(&mut bench);
    let leg = second(&mut bench, vec![Step::Bridge(bridge(user()))]);
    let words = bench.signal(Event::Ended { leg: first, cause: EndCause::Hangup });
    assert_eq!(words, ["remove caller", "hang up callee Hangup"]);
    bench.signal(Event::Ended { leg, cause: EndCause::Cancelled });
    assert!(bench.call.is_over());
}
