//! Who ended a call, and why.

use super::*;

#[test]
fn whoever_ended_a_call_is_told() {
    type Story = fn(&mut Desk);
    type End = (&'static str, By, Option<u16>);
    let stories: [(&str, Story, End); 8] = [
        (
            "the caller hangs up",
            |desk| {
                let bob = desk.talk();
                desk.told(Event::Ended { leg: desk.alice, cause: EndCause::Hangup });
                desk.wants(Command::Hangup { leg: bob, cause: EndCause::Hangup });
                desk.told(Event::Ended { leg: bob, cause: EndCause::Hangup });
            },
            ("hangup", By::Caller, None),
        ),
        (
            "the caller gives up",
            |desk| {
                let bob = desk.dial("bob");
                desk.told(ringing(bob));
                desk.told(Event::Ended { leg: desk.alice, cause: EndCause::Cancelled });
                desk.wants(Command::Hangup { leg: bob, cause: EndCause::Cancelled });
                desk.told(Event::Ended { leg: bob, cause: EndCause::Cancelled });
            },
            ("cancelled", By::Caller, Some(487)),
        ),
        (
            "the callee is busy",
            |desk| {
                let bob = desk.dial("bob");
                desk.told(Event::Ended { leg: bob, cause: EndCause::Busy });
                desk.wants(Command::Hangup { leg: desk.alice, cause: EndCause::Busy });
                desk.told(Event::Ended { leg: desk.alice, cause: EndCause::Busy });
            },
            ("busy", By::Callee, Some(486)),
        ),
        (
            "nobody lifts",
            |desk| {
                let bob = desk.dial("bob");
                desk.told(ringing(bob));
                desk.told(Event::Ended { leg: bob, cause: EndCause::NoAnswer });
                desk.wants(Command::Hangup { leg: desk.alice, cause: EndCause::NoAnswer });
            },
            ("no_answer", By::Gateway, Some(480)),
        ),
        (
            "media stops",
            |desk| {
                let bob = desk.talk();
                let reason = "no packet".to_owned();
                desk.heard(CallEvent::LegFailed { leg: bob, reason, cause: EndCause::MediaTimeout });
                for leg in [desk.alice, bob] {
                    desk.wants(Command::Hangup { leg, cause: EndCause::MediaTimeout });
                }
                desk.told(Event::Ended { leg: bob, cause: EndCause::Hangup });
            },
            ("media_timeout", By::Gateway, None),
        ),
        (
            "one of two declines, and later we stop",
            |desk| {
                let (bob, carol) = (desk.dial("bob"), desk.dial("carol"));
                desk.told(Event::Ended { leg: carol, cause: EndCause::Declined });
                assert!(desk.clerk.settle().is_some());
                for leg in [desk.alice, bob] {
                    desk.wants(Command::Hangup { leg, cause: EndCause::ShuttingDown });
                }
            },
            ("shutting_down", By::Gateway, Some(503)),
        ),
        (
            "another phone took it, and its party hangs up later",
            |desk| {
                let carol = desk.dial("carol");
                let bob = desk.talk();
                desk.wants(Command::Hangup { leg: carol, cause: EndCause::AnsweredElsewhere });
                desk.told(Event::Ended { leg: carol, cause: EndCause::AnsweredElsewhere });
                desk.pass(500);
                desk.told(Event::Ended { leg: bob, cause: EndCause::Hangup });
                desk.wants(Command::Hangup { leg: desk.alice, cause: EndCause::Hangup });
            },
            ("hangup", By::Callee, None),
        ),
        (
            "the caller has itself replaced, and the one in its place hangs up",
            |desk| {
                let bob = desk.talk();
                desk.told(Event::TransferAsked {
                    leg: desk.alice,
                    destination: "carol".into(),
                    replaces: None,
                });
                let carol = desk.dial("carol");
                desk.told(Event::Answered { leg: carol, description: None, signalled_from: ADDRESS });
                desk.wants(Command::TransferProgress { leg: desk.alice, progress: TransferProgress::Done });
                desk.wants(Command::Hangup { leg: desk.alice, cause: EndCause::Hangup });
                desk.told(Event::Ended { leg: desk.alice, cause: EndCause::Hangup });
                desk.pass(1000);
                desk.told(Event::Ended { leg: carol, cause: EndCause::Hangup });
                desk.wants(Command::Hangup { leg: bob, cause: EndCause::Hangup });
            },
            ("hangup", By::Callee, None),
        ),
    ];
    for (story, act, (cause, by, sip_status)) in stories {
        let mut desk = Desk::new();
        act(&mut desk);
        let record = desk.close();
        let end = record.end.as_ref().expect("it is over");
        assert_eq!((end.cause.as_str(), end.by, end.sip_status), (cause, by, sip_status), "{story}");
    }
}

#[test]
fn what_a_callee_says_of_its_end_is_told_in_its_own_codes_unless_we_ended_it_before() {
    let mut desk = Desk::new();
    let [bob, carol] = ["bob", "carol"].map(|user| desk.dial(user));
    desk.wants(Command::Hangup { leg: carol, cause: EndCause::AnsweredElsewhere });
    for (leg, sip_status, q850) in [(carol, 487, None), (bob, 603, Some(21))] {
        desk.told(Event::EndTold { leg, codes: EndCodes { sip_status: Some(sip_status), q850 } });
        desk.told(Event::Ended { leg, cause: EndCause::Declined });
    }
    desk.wants(Command::Hangup { leg: desk.alice, cause: EndCause::Declined });
    let record = desk.close();
    let ends: Vec<_> = record.legs.iter().map(|leg| leg.end.as_ref().expect("over")).collect();
    let codes: Vec<_> = ends.iter().map(|end| (end.cause.as_str(), end.sip_status, end.q850)).collect();
    let expected =
        [("declined", None, None), ("declined", Some(603), Some(21)), ("answered_elsewhere", None, None)];
    assert_eq!(codes, expected);
}

#[test]
fn a_fault_of_ours_is_told_as_such_whatever_came_before() {
    let mut desk = Desk::new();
    let carol = desk.dial("carol");
    let bob = desk.talk();
    desk.wants(Command::Hangup { leg: carol, cause: EndCause::AnsweredElsewhere });
    desk.pass(250);
    let at = desk.at();
    let record = desk.clerk.break_off(at);
    let end = record.end.expect("it is over");
    assert_eq!((end.cause.as_str(), end.by), ("internal_error", By::Gateway));
    let causes: Vec<_> =
        record.legs.iter().map(|leg| leg.end.as_ref().expect("over").cause.as_str()).collect();
    assert_eq!(causes, ["internal_error", "answered_elsewhere", "internal_error"], "{bob}");
}
