//! Calls between two cores, from setup to end.

use std::time::Duration;

use webtrunk_engine::EndCause;

use super::description;
use super::pair::{Link, Pair, Side};
use crate::adapter::{Command, Event, MediaProfile, Party};
use crate::sip::message::{HeaderName, Message};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_call_is_set_up_and_hung_up_from_either_side() {
    for hanging_up in [Side::Caller, Side::Callee] {
        let mut pair = Pair::new();
        let (caller, callee) = pair.connect();
        let incoming = pair.incoming();
        assert_eq!(incoming.caller, Party { user: "ann".to_owned(), display_name: "Ann".to_owned() });
        assert_eq!((incoming.destination.as_str(), incoming.profile), ("bob", MediaProfile::Rtp));
        assert_eq!((&incoming.offer, incoming.hops), (&Some(description(1)), 4));
        assert!(matches!(pair.told[0][0], Event::Progress { is_ringing: true, description: None, .. }));
        assert!(
            matches!(&pair.told[0][1], Event::Answered { description: Some(d), .. } if *d == description(2))
        );
        assert!(matches!(pair.told[1][1], Event::Acknowledged { description: None, .. }));
        let leg = if hanging_up == Side::Caller { caller } else { callee };
        pair.hang_up(hanging_up, leg, EndCause::Hangup);
        pair.run_for(60 * SECOND);
        assert_eq!(pair.ended(Side::Caller, caller), Some(EndCause::Hangup));
        assert_eq!(pair.ended(Side::Callee, callee), Some(EndCause::Hangup));
        assert!(pair.is_silent());
        let bye = [vec!["INVITE", "ACK", "BYE"], vec!["100 INVITE", "180 INVITE", "200 INVITE", "200 BYE"]];
        let answer =
            [vec!["INVITE", "ACK", "200 BYE"], vec!["100 INVITE", "180 INVITE", "200 INVITE", "BYE"]];
        let expected = if hanging_up == Side::Caller { bye } else { answer };
        assert_eq!([pair.lines(Side::Caller), pair.lines(Side::Callee)], expected);
    }
}

#[test]
fn early_media_comes_once_and_the_same_answer_is_not_told_again() {
    let mut pair = Pair::new();
    let (_, callee) = pair.dial_in();
    pair.command(Side::Callee, Command::Ring { leg: callee, description: Some(description(2)) });
    pair.run_for(SECOND);
    assert!(matches!(&pair.told[0][0], Event::Progress { is_ringing: false, description: Some(_), .. }));
    pair.command(Side::Callee, Command::Answer { leg: callee, description: description(2) });
    pair.run_for(SECOND);
    assert!(matches!(&pair.told[0][1], Event::Answered { description: None, .. }));
}

#[test]
fn a_refusal_reaches_the_caller_with_its_cause() {
    for (refused, heard) in [
        (EndCause::Busy, EndCause::Busy),
        (EndCause::Declined, EndCause::Declined),
        (EndCause::NoAnswer, EndCause::NoAnswer),
        (EndCause::NotFound, EndCause::NotFound),
        (EndCause::Forbidden, EndCause::Forbidden),
        (EndCause::NotAcceptable, EndCause::NotAcceptable),
        (EndCause::MediaFailed, EndCause::NotAcceptable),
        (EndCause::ShuttingDown, EndCause::Overloaded),
    ] {
        let mut pair = Pair::new();
        let (caller, callee) = pair.dial_in();
        pair.hang_up(Side::Callee, callee, refused);
        pair.run_for(60 * SECOND);
        assert_eq!(pair.ended(Side::Caller, caller), Some(heard), "{refused:?}");
        assert_eq!(pair.ended(Side::Callee, callee), Some(refused));
        assert!(pair.is_silent());
    }
}

#[test]
fn a_caller_who_gives_up_cancels() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.dial_in();
    pair.hang_up(Side::Caller, caller, EndCause::Cancelled);
    pair.run_for(60 * SECOND);
    assert_eq!(pair.ended(Side::Callee, callee), Some(EndCause::Cancelled));
    assert_eq!(pair.ended(Side::Caller, caller), Some(EndCause::Cancelled));
    assert_eq!(pair.lines(Side::Caller), ["INVITE", "CANCEL", "ACK"]);
    assert_eq!(pair.lines(Side::Callee), ["100 INVITE", "200 CANCEL", "487 INVITE"]);
    assert!(pair.is_silent());
}

#[test]
fn a_cancel_waits_for_the_first_provisional_response() {
    let mut pair = Pair::over(Link { delay: Duration::from_millis(100), ..Link::GOOD });
    let caller = pair.dial();
    pair.hang_up(Side::Caller, caller, EndCause::Cancelled);
    assert_eq!(pair.lines(Side::Caller), ["INVITE"]);
    pair.run_for(60 * SECOND);
    assert_eq!(pair.lines(Side::Caller), ["INVITE", "CANCEL", "ACK"]);
    assert!(pair.is_silent());
}

#[test]
fn a_cancel_that_crosses_the_answer_becomes_a_bye() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.dial_in();
    pair.command(Side::Callee, Command::Answer { leg: callee, description: description(2) });
    pair.hang_up(Side::Caller, caller, EndCause::Cancelled);
    pair.run_for(60 * SECOND);
    assert_eq!(pair.lines(Side::Caller), ["INVITE", "CANCEL", "ACK", "BYE"]);
    assert_eq!(pair.ended(Side::Caller, caller), Some(EndCause::Cancelled));
    assert_eq!(pair.ended(Side::Callee, callee), Some(EndCause::Cancelled));
    assert!(pair.is_silent());
}

#[test]
fn nobody_lifts_until_the_ring_timeout() {
    let mut pair = Pair::new();
    let caller = pair.dial_with(|dial| dial.ring_timeout = 20 * SECOND);
    pair.run_for(SECOND);
    let callee = pair.incoming().leg;
    pair.command(Side::Callee, Command::Ring { leg: callee, description: None });
    pair.run_for(18 * SECOND);
    assert_eq!(pair.ended(Side::Caller, caller), None);
    pair.run_for(2 * SECOND);
    assert_eq!(pair.ended(Side::Caller, caller), Some(EndCause::NoAnswer));
    assert_eq!(pair.ended(Side::Callee, callee), Some(EndCause::Cancelled));
}

#[test]
fn a_waiting_caller_gets_news_each_minute_and_is_let_go_in_the_end() {
    let mut pair = Pair::new();
    let caller = pair.dial_with(|dial| dial.ring_timeout = 1000 * SECOND);
    pair.run_for(SECOND);
    let callee = pair.incoming().leg;
    pair.command(Side::Callee, Command::Ring { leg: callee, description: None });
    pair.run_for(290 * SECOND);
    let rings = pair.lines(Side::Callee).iter().filter(|line| *line == "180 INVITE").count();
    assert_eq!(rings, 5);
    pair.run_for(60 * SECOND);
    assert_eq!(pair.ended(Side::Callee, callee), Some(EndCause::NoAnswer));
    assert_eq!(pair.ended(Side::Caller, caller), Some(EndCause::NoAnswer));
    assert!(pair.is_silent());
}

#[test]
fn a_call_without_offer_is_answered_in_the_ack() {
    let mut pair = Pair::new();
    let caller = pair.dial_with(|dial| dial.offer = None);
    pair.run_for(SECOND);
    assert_eq!(pair.incoming().offer, None);
    let callee = pair.incoming().leg;
    pair.command(Side::Callee, Command::Ring { leg: callee, description: Some(description(9)) });
    pair.command(Side::Callee, Command::Answer { leg: callee, description: description(2) });
    pair.run_for(3 * SECOND);
    let last = pair.told[0].last();
    assert!(matches!(last, Some(Event::Answered { description: Some(d), .. }) if *d == description(2)));
    assert_eq!(pair.lines(Side::Caller), ["INVITE"]);
    pair.command(Side::Caller, Command::Answer { leg: caller, description: description(3) });
    pair.run_for(SECOND);
    let last = pair.told[1].last();
    assert!(matches!(last, Some(Event::Acknowledged { description: Some(d), .. }) if *d == description(3)));
    pair.hang_up(Side::Callee, callee, EndCause::Hangup);
    pair.run_for(60 * SECOND);
    assert!(pair.is_silent());
}

#[test]
fn a_late_offer_that_nobody_answers_ends_the_call() {
    let mut pair = Pair::new();
    let caller = pair.dial_with(|dial| dial.offer = None);
    pair.run_for(SECOND);
    let callee = pair.incoming().leg;
    pair.command(Side::Callee, Command::Answer { leg: callee, description: description(2) });
    pair.run_for(120 * SECOND);
    assert!(pair.ended(Side::Caller, caller).is_some());
    assert!(pair.ended(Side::Callee, callee).is_some());
    assert!(pair.is_silent());
}

#[test]
fn an_invite_into_the_void_fails_after_64_t1() {
    let mut pair = Pair::over(Link { loss: 1.0, ..Link::GOOD });
    let caller = pair.dial();
    pair.run_for(Duration::from_millis(31_900));
    assert_eq!(pair.ended(Side::Caller, caller), None);
    pair.run_for(SECOND);
    assert_eq!(pair.ended(Side::Caller, caller), Some(EndCause::GatewayFailure));
    // What is late is still waited for.
    pair.run_for(SECOND * 32);
    assert_eq!(pair.lines(Side::Caller), ["INVITE"; 7]);
    assert!(pair.is_silent());
}

#[test]
fn a_bye_says_why() {
    for (cause, reason) in [
        (EndCause::Hangup, "Q.850;cause=16;text=\"Normal call clearing\""),
        (EndCause::MediaFailed, "SIP;cause=488;text=\"Media failed\""),
        (EndCause::MediaTimeout, "Q.850;cause=41;text=\"Media timeout\""),
    ] {
        let mut pair = Pair::new();
        let (caller, _) = pair.connect();
        pair.hang_up(Side::Caller, caller, cause);
        let Some((_, Message::Request(bye))) = pair.wire.last() else { panic!("BYE was sent") };
        assert_eq!(bye.headers.get(&HeaderName::Reason), Some(reason));
    }
}

#[test]
fn the_callee_does_not_hang_up_before_the_ack() {
    let mut pair = Pair::over(Link { delay: Duration::from_millis(100), ..Link::GOOD });
    let caller = pair.dial();
    pair.run_for(SECOND);
    let callee = pair.incoming().leg;
    pair.command(Side::Callee, Command::Answer { leg: callee, description: description(2) });
    pair.hang_up(Side::Callee, callee, EndCause::Hangup);
    assert_eq!(pair.lines(Side::Callee), ["100 INVITE", "200 INVITE"]);
    assert_eq!(pair.ended(Side::Callee, callee), Some(EndCause::Hangup));
    pair.run_for(60 * SECOND);
    assert_eq!(pair.lines(Side::Callee), ["100 INVITE", "200 INVITE", "BYE"]);
    assert_eq!(pair.ended(Side::Caller, caller), Some(EndCause::Hangup));
    assert!(pair.is_silent());
}

#[test]
fn draining_ends_all_calls_and_takes_no_new_ones() {
    let mut pair = Pair::new();
    let (caller, callee) = pair.connect();
    pair.command(Side::Callee, Command::Drain);
    assert_eq!(pair.ended(Side::Callee, callee), Some(EndCause::ShuttingDown));
    let late = pair.dial();
    pair.run_for(60 * SECOND);
    assert_eq!(pair.ended(Side::Caller, caller), Some(EndCause::Overloaded));
    assert_eq!(pair.ended(Side::Caller, late), Some(EndCause::Overloaded));
    assert!(pair.is_silent() && pair.agent(Side::Callee).is_drained());
}

#[test]
fn digits_arrive_in_their_order() {
    let mut pair = Pair::over(Link { jitter: Duration::from_millis(80), ..Link::GOOD });
    let (caller, callee) = pair.connect();
    for (side, leg) in [(Side::Caller, caller), (Side::Callee, callee)] {
        for digit in "0123456789*#ABCD".chars() {
            pair.command(side, Command::SendDigit { leg, digit, duration: Duration::from_millis(120) });
        }
        pair.run_for(20 * SECOND);
        let heard: String = pair.told[side.other() as usize]
            .iter()
            .filter_map(|event| match event {
                Event::DigitPressed { digit, duration, .. } => {
                    assert_eq!(*duration, Duration::from_millis(120));
                    Some(*digit)
                }
                _ => None,
            })
            .collect();
        assert_eq!(heard, "0123456789*#ABCD");
    }
}
