//! Each promise, broken.

use webtrunk_engine::EndCause;
use webtrunk_signalling::adapter::Delivery;

use super::*;
use crate::gateway::{description, dial, nobody};

const HERE: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A judge who knows of a leg that was dialled.
fn dialled() -> (Judge, LegId) {
    let (mut judge, dial) = (Judge::default(), dial(nobody()));
    let leg = dial.leg;
    judge.note(&Command::Dial(dial));
    (judge, leg)
}

fn ended(leg: LegId) -> Event {
    Event::Ended { leg, cause: EndCause::Hangup }
}

fn answered(leg: LegId) -> Event {
    Event::Answered { leg, description: None, signalled_from: HERE }
}

fn progress(leg: LegId) -> Event {
    Event::Progress { leg, is_ringing: true, description: None, signalled_from: HERE }
}

#[test]
fn a_call_in_order_is_no_breach() {
    let (mut judge, leg) = dialled();
    judge.hear(&progress(leg)).expect("it rings");
    judge.hear(&answered(leg)).expect("it is answered");
    judge.note(&Command::Reoffer { leg, offer: description(1) });
    assert_eq!(judge.offers(leg), 1);
    judge.hear(&Event::ReofferRefused { leg, cause: EndCause::Glare }).expect("it was asked");
    assert_eq!(judge.finish(), Err(Breach::NoEnd(1)));
    judge.hear(&ended(leg)).expect("once");
    judge.finish().expect("all is over");
}

#[test]
fn each_broken_promise_is_named() {
    let stranger = LegId::next();
    let (mut judge, leg) = dialled();
    let unasked = |what: &str| Err(Breach::Unasked { what: what.into() });
    assert_eq!(judge.hear(&ended(stranger)), Err(Breach::OfNobody { what: "Ended".into() }));
    let muted = Event::MuteAsked { leg, is_muted: true };
    assert_eq!(judge.hear(&muted), Err(Breach::NotAnswered { what: "MuteAsked".into() }));
    judge.hear(&answered(leg)).expect("it was dialled");
    assert_eq!(judge.hear(&answered(leg)), Err(Breach::AnsweredTwice));
    assert_eq!(judge.hear(&progress(leg)), Err(Breach::NotDialled { what: "Progress".into() }));
    let met = Event::ReofferAnswered { leg, description: description(1) };
    assert_eq!(judge.hear(&met), unasked("ReofferAnswered"));
    let sent = Event::TextSent { leg, delivery: Delivery::Done };
    assert_eq!(judge.hear(&sent), unasked("TextSent"));
    judge.hear(&ended(leg)).expect("once");
    assert_eq!(judge.hear(&ended(leg)), Err(Breach::TwoEnds));
    assert_eq!(judge.hear(&progress(leg)), Err(Breach::AfterTheEnd { what: "Progress".into() }));
    assert_eq!(Breach::TwoEnds.to_string(), "the end of a leg is told twice");
}
