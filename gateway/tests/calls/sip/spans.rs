//! What the log says of a call can be found by the call and by the leg: each line is inside their spans.

use std::collections::HashSet;

use serde_json::Value;

use super::stage::Stage;

/// What is logged of a leg by signalling and by media, once its call is known.
const OF_A_LEG: [&str; 8] = [
    "call began",
    "call placed",
    "call was answered",
    "agreed",
    "path opened",
    "leg added",
    "leg removed",
    "leg ended",
];

/// The leg's span of a line, and the call that it names or that its outer span is of.
fn leg_and_call(line: &Value) -> Option<(String, String)> {
    let spans = line["spans"].as_array()?;
    let leg = spans.iter().find(|span| span["name"] == "leg")?;
    let outer = spans.iter().find(|span| span["name"] == "call").map(|call| &call["id"]);
    let call = outer.unwrap_or(&leg["call"]);
    Some((leg["id"].as_str()?.to_owned(), call.as_str()?.to_owned()))
}

#[test]
fn every_line_about_a_leg_is_inside_its_span_and_tells_its_call() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_talks", &[]);
    let caller = stage.call("caller_talks", "9100", &[]);
    callee.wait_for("ACK");
    caller.wait_for_sent("ACK");
    caller.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
    let lines = stage.gateway.log().lines();
    let lines: Vec<Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let (mut legs, mut calls) = (HashSet::new(), HashSet::new());
    for message in OF_A_LEG {
        let told: Vec<_> = lines.iter().filter(|line| line["message"] == message).collect();
        assert!(!told.is_empty(), "{message:?} is logged");
        for line in told {
            assert!(line.get("leg").is_none() && line.get("call").is_none(), "told twice: {line}");
            let (leg, call) = leg_and_call(line).unwrap_or_else(|| panic!("not in its leg's span: {line}"));
            legs.insert(leg);
            calls.insert(call);
        }
    }
    assert_eq!((legs.len(), calls.len()), (2, 1), "{legs:?} {calls:?}");
}
