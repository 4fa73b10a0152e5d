//! What happens beside the two who began the call: others come in, and somebody outside has a hand in it.

use serde_json::{Value, json};

use super::*;
use crate::adapter::{Supervising, SupervisorMode};
use crate::b2bua::{Control, Wish};

fn notes(record: &CallRecord, leg: usize) -> Value {
    serde_json::to_value(&record.legs[leg].timeline.notes).expect("plain")
}

#[test]
fn who_comes_into_a_call_is_a_leg_of_it_that_says_how() {
    let mut desk = Desk::new();
    let bob = desk.talk();
    desk.pass(500);
    let asked = Supervising {
        incoming: incoming(LegId::next(), None),
        user: "bob".to_owned(),
        mode: SupervisorMode::Listen,
    };
    let supervises = Input::Supervisor { adapter: "sip", asked: Box::new(asked), of: bob };
    desk.clerk.see_input(&supervises, desk.at());
    desk.pass(500);
    let replacing = Box::new(incoming(LegId::next(), Some(bob)));
    desk.clerk.see_input(&Input::Incoming { adapter: "sip", incoming: replacing }, desk.at());
    desk.pass(1000);
    let record = desk.close();
    let ways: Vec<_> = record.legs.iter().map(|leg| leg.way).collect();
    assert_eq!(ways, [Way::In, Way::Out, Way::In, Way::In]);
    let of = bob.to_string();
    assert_eq!(notes(&record, 2), json!([{"at_ms": 1500, "event": "supervises", "of": of}]));
    assert_eq!(notes(&record, 3), json!([{"at_ms": 2000, "event": "took_place", "of": of}]));
    let lengths: Vec<_> = record.legs.iter().map(|leg| leg.duration_ms).collect();
    assert_eq!(lengths, [3000, 3000, 1500, 1000]);
}

#[test]
fn a_redirection_and_what_somebody_outside_wants_stand_in_the_timeline_of_their_leg() {
    let mut desk = Desk::new();
    let away = desk.dial("away");
    let places = ["carol", "0301"].map(str::to_owned).into();
    desk.told(Event::Redirected { leg: away, places });
    let bob = desk.talk();
    desk.agree(bob, Direction::SendRecv);
    desk.pass(1000);
    for (wish, ms) in [(Wish::Hold(true), 2000), (Wish::Mute(true), 0), (Wish::Hold(false), 3000)] {
        desk.clerk.see_input(&Input::Control(Control { leg: bob, wish }), desk.at());
        desk.pass(ms);
    }
    let transfer = Control { leg: desk.alice, wish: Wish::Transfer("dave".to_owned()) };
    desk.clerk.see_input(&Input::Control(transfer), desk.at());
    let failed = TransferProgress::Failed(EndCause::Busy);
    desk.clerk.see_effect(&Effect::TransferTold { leg: desk.alice, progress: failed }, desk.at());
    desk.told(Event::Ended { leg: bob, cause: EndCause::Hangup });
    let record = desk.close();
    assert_eq!(notes(&record, 1), json!([{"at_ms": 0, "event": "redirected", "places": ["carol", "0301"]}]));
    let asked = json!([
        {"at_ms": 7000, "event": "transfer_asked", "destination": "dave"},
        {"at_ms": 7000, "event": "transfer_failed", "cause": "busy"},
    ]);
    assert_eq!(notes(&record, 0), asked);
    assert_eq!(
        stretches(&record.legs[2].timeline),
        [
            (Stage::Trying, 100),
            (Stage::Ringing, 900),
            (Stage::Talking, 1000),
            (Stage::OnHold, 2000),
            (Stage::Talking, 3000),
        ]
    );
}
