//! Hold, resume and glare between two cores.

use std::time::Duration;

use webtrunk_engine::{EndCause, LegId};

use super::description;
use super::pair::{Link, Pair, Side};
use super::peer::Peer;
use crate::adapter::{Command, Event, Origin};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn hold_and_resume_from_either_side_ten_times() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.connect();
    for round in 0..10 {
        for (side, ours, theirs) in [(Side::Caller, caller, callee), (Side::Callee, callee, caller)] {
            let offer = description(100 + round);
            pair.command(side, Command::Reoffer { leg: ours, offer: offer.clone() });
            pair.run_for(SECOND);
            let asked = pair.told[side.other() as usize].last();
            assert!(matches!(asked, Some(Event::Reoffered { offer: Some(o), .. }) if *o == offer));
            let answer = description(200 + round);
            let command = Command::AnswerReoffer { leg: theirs, description: answer.clone() };
            pair.command(side.other(), command);
            pair.run_for(SECOND);
            let got = pair.told[side as usize].last();
            assert!(matches!(got, Some(Event::ReofferAnswered { description: d, .. }) if *d == answer));
        }
    }
    pair.hang_up(Side::Caller, caller, EndCause::Hangup);
    pair.run_for(60 * SECOND);
    assert_eq!(pair.ended(Side::Callee, callee), Some(EndCause::Hangup));
    assert!(pair.is_silent());
}

#[test]
fn a_refused_offer_leaves_the_call_as_it_was() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.connect();
    pair.command(Side::Caller, Command::Reoffer { leg: caller, offer: description(3) });
    pair.run_for(SECOND);
    let refusal = Command::RefuseReoffer { leg: callee, cause: EndCause::NotAcceptable };
    pair.command(Side::Callee, refusal);
    pair.run_for(SECOND);
    assert_eq!(refused(&pair, Side::Caller), [EndCause::NotAcceptable]);
    assert_eq!(pair.ended(Side::Caller, caller), None);
    reoffer(&mut pair, Side::Caller, caller, callee);
}

#[test]
fn offers_that_cross_are_glare_on_both_sides_and_can_be_tried_again() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.connect();
    pair.command(Side::Caller, Command::Reoffer { leg: caller, offer: description(3) });
    pair.command(Side::Callee, Command::Reoffer { leg: callee, offer: description(4) });
    pair.run_for(SECOND);
    assert_eq!(refused(&pair, Side::Caller), [EndCause::Glare]);
    assert_eq!(refused(&pair, Side::Callee), [EndCause::Glare]);
    reoffer(&mut pair, Side::Callee, callee, caller);
    reoffer(&mut pair, Side::Caller, caller, callee);
}

#[test]
fn an_offer_of_ours_while_the_peers_waits_is_glare_at_once() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.connect();
    pair.command(Side::Caller, Command::Reoffer { leg: caller, offer: description(3) });
    pair.run_for(SECOND);
    pair.command(Side::Callee, Command::Reoffer { leg: callee, offer: description(4) });
    assert_eq!(refused(&pair, Side::Callee), [EndCause::Glare]);
    pair.command(Side::Caller, Command::Reoffer { leg: caller, offer: description(5) });
    assert_eq!(refused(&pair, Side::Caller), [EndCause::Glare]);
}

#[test]
fn an_offer_before_the_answer_is_glare() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.dial_in();
    pair.command(Side::Caller, Command::Reoffer { leg: caller, offer: description(3) });
    pair.command(Side::Callee, Command::Reoffer { leg: callee, offer: description(3) });
    assert_eq!(refused(&pair, Side::Caller), [EndCause::Glare]);
    assert_eq!(refused(&pair, Side::Callee), [EndCause::Glare]);
}

#[test]
fn a_gateway_that_leaves_an_offer_unanswered_loses_the_call() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.connect();
    pair.command(Side::Caller, Command::Reoffer { leg: caller, offer: description(3) });
    pair.run_for(60 * SECOND);
    assert_eq!(pair.ended(Side::Callee, callee), Some(EndCause::InternalError));
    assert_eq!(pair.ended(Side::Caller, caller), Some(EndCause::GatewayFailure));
}

#[test]
fn a_reinvite_that_waits_too_long_is_cancelled_and_the_call_stays() {
    let mut peer = Peer::new();
    let (leg, invite) = peer.called(Origin::User("bob".to_owned()));
    peer.respond(&invite, 200, "one");
    peer.sent_messages();
    peer.command(Command::Reoffer { leg, offer: description(3) });
    let reinvite = peer.sent_request();
    peer.respond(&reinvite, 100, "one");
    peer.run_for(33 * SECOND);
    assert_eq!(peer.lines()[0], "CANCEL");
    peer.respond(&reinvite, 487, "one");
    assert_eq!(peer.lines(), ["ACK"]);
    assert!(matches!(peer.told.last(), Some(Event::ReofferRefused { cause: EndCause::Cancelled, .. })));
    assert!(!peer.told.iter().any(|event| matches!(event, Event::Ended { .. })));
}

#[test]
fn hanging_up_while_an_offer_waits_ends_both() {
    for hanging_up in [Side::Caller, Side::Callee] {
        let mut pair = Pair::new();
        let (caller, callee) = pair.connect();
        pair.command(Side::Caller, Command::Reoffer { leg: caller, offer: description(3) });
        pair.run_for(SECOND);
        let leg = if hanging_up == Side::Caller { caller } else { callee };
        pair.hang_up(hanging_up, leg, EndCause::Hangup);
        pair.run_for(60 * SECOND);
        assert!(pair.lines(Side::Callee).contains(&"487 INVITE".to_owned()));
        assert_eq!(pair.ended(Side::Caller, caller), Some(EndCause::Hangup));
        assert_eq!(pair.ended(Side::Callee, callee), Some(EndCause::Hangup));
        assert!(pair.is_silent());
    }
}

#[test]
fn a_peer_that_is_gone_ends_the_call_at_the_next_offer() {
    let mut pair = Pair::over(Link::GOOD);
    let (caller, _) = pair.connect();
    pair.cut();
    pair.command(Side::Caller, Command::Reoffer { leg: caller, offer: description(3) });
    pair.run_for(33 * SECOND);
    assert_eq!(pair.ended(Side::Caller, caller), Some(EndCause::SignallingLost));
}

fn reoffer(pair: &mut Pair, side: Side, ours: LegId, theirs: LegId) {
    pair.command(side, Command::Reoffer { leg: ours, offer: description(7) });
    pair.run_for(SECOND);
    pair.command(side.other(), Command::AnswerReoffer { leg: theirs, description: description(8) });
    pair.run_for(SECOND);
    assert!(matches!(pair.told[side as usize].last(), Some(Event::ReofferAnswered { .. })));
}

fn refused(pair: &Pair, side: Side) -> Vec<EndCause> {
    let causes = pair.told[side as usize].iter().filter_map(|event| match event {
        Event::ReofferRefused { cause, .. } => Some(*cause),
        _ => None,
    });
    causes.collect()
}
