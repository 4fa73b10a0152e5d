//! Every state of the negotiation meets every input.

use super::*;
use crate::sdp::{AnswerWish, Direction};

/// Rows are states, columns inputs. A cell is the state after, or the error (after which the state is the same).
const TABLE: &str = "\
state        | create_offer     | receive_offer    | create_answer    | receive_answer   | rollback
fresh        | local offer      | remote offer     | NoOffer          | NoOffer          | stable
answered     | local offer      | remote offer     | NoOffer          | NoOffer          | stable
met          | local offer      | remote offer     | NoOffer          | stable           | stable
local offer  | OfferOutstanding | OfferOutstanding | NoOffer          | stable           | stable
remote offer | OfferOutstanding | OfferOutstanding | stable           | NoOffer          | stable
";

/// Gives a leg one input; tells the error.
type Input = fn(&mut Negotiator) -> Option<String>;

#[test]
fn the_table_holds() {
    let inputs: [(&str, Input); 5] = [
        ("create_offer", |leg| error(leg.create_offer(Direction::SendRecv))),
        ("receive_offer", |leg| error(leg.receive_offer(&parse(SIPP)))),
        ("create_answer", |leg| error(leg.create_answer(AnswerWish::default()))),
        ("receive_answer", |leg| error(leg.receive_answer(&parse(SIPP)))),
        ("rollback", |leg| {
            leg.rollback();
            None
        }),
    ];
    let mut table = format!("{:12}", "state");
    for (name, _) in inputs {
        table.push_str(&format!(" | {name:16}"));
    }
    for (name, leg) in states() {
        table.push_str(&format!("\n{name:12}"));
        for (_, input) in inputs {
            let mut leg = leg.clone();
            let before = state_of(&leg);
            let cell = input(&mut leg);
            if cell.is_some() {
                assert_eq!(state_of(&leg), before, "an error changes nothing");
            }
            table.push_str(&format!(" | {:16}", cell.unwrap_or(state_of(&leg).to_owned())));
        }
    }
    let table: Vec<&str> = table.lines().map(str::trim_end).collect();
    assert_eq!(table.join("\n") + "\n", TABLE);
}

fn states() -> [(&'static str, Negotiator); 5] {
    let fresh = rtp_leg(&CodecId::USUAL);
    let mut remote_offer = fresh.clone();
    remote_offer.receive_offer(&parse(SIPP)).expect("met");
    let mut answered = remote_offer.clone();
    answered.create_answer(AnswerWish::default()).expect("answered");
    let mut local_offer = fresh.clone();
    local_offer.create_offer(Direction::SendRecv).expect("stable");
    let mut met = local_offer.clone();
    met.receive_answer(&parse(SIPP)).expect("met");
    [
        ("fresh", fresh),
        ("answered", answered),
        ("met", met),
        ("local offer", local_offer),
        ("remote offer", remote_offer),
    ]
}

/// Told from outside: by what the leg takes next.
fn state_of(leg: &Negotiator) -> &'static str {
    let can_offer = leg.clone().create_offer(Direction::SendRecv).is_ok();
    match (can_offer, leg.remote_offer()) {
        (true, _) => "stable",
        (false, Some(_)) => "remote offer",
        (false, None) => "local offer",
    }
}

fn error<T, E: std::fmt::Debug>(result: Result<T, E>) -> Option<String> {
    result.err().map(|error| format!("{error:?}"))
}
