//! What the log says of a call can be found by the call and by the leg: each line is inside their spans.

use std::collections::HashSet;

use serde_json::Value;

use super::stage::Stage;
use crate::support::gateway::{GatewayConfig, PATIENCE};

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

/// The lines of the log with this message.
fn lines(stage: &Stage, message: &str) -> Vec<Value> {
    let lines = stage.gateway.log().lines();
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == message).collect()
}

#[test]
fn every_line_about_a_leg_is_inside_its_span_and_tells_its_call() {
    let Some(stage) = Stage::new() else { return };
    stage.call_through();
    stage.gateway.assert_all_is_over(1);
    let (mut legs, mut calls) = (HashSet::new(), HashSet::new());
    for message in OF_A_LEG {
        let told = lines(&stage, message);
        assert!(!told.is_empty(), "{message:?} is logged");
        for line in &told {
            assert!(line.get("leg").is_none() && line.get("call").is_none(), "told twice: {line}");
            let (leg, call) = leg_and_call(line).unwrap_or_else(|| panic!("not in its leg's span: {line}"));
            legs.insert(leg);
            calls.insert(call);
        }
    }
    assert_eq!((legs.len(), calls.len()), (2, 1), "{legs:?} {calls:?}");
}

/// Who asks for less gets less, but of what is left still learns whom it is about.
#[test]
fn a_warning_is_inside_its_spans_where_nothing_lower_is_logged() {
    let config = GatewayConfig::default().media("media_timeout_s = 1").log_filter("warn");
    let Some(stage) = Stage::with(&["PCMU"], config) else { return };
    let callee = stage.answer("callee_talks", &[]);
    let caller = stage.call("caller_talks", "9100", &[]);
    for phone in [caller, callee] {
        phone.wait_for("BYE");
        phone.finish();
    }
    stage.gateway.log().wait_for(&["leg failed"], PATIENCE);
    for line in lines(&stage, "leg failed") {
        let spans = line["spans"].as_array().map_or(0, Vec::len);
        assert!(spans == 2 && leg_and_call(&line).is_some(), "not in its spans: {line}");
    }
    assert!(lines(&stage, "leg added").is_empty() && lines(&stage, "call began").is_empty());
}
