//! The spans of a call, as OTLP has them in JSON (opentelemetry-proto, `trace.proto`; proto3's JSON, but names of traces and
//! spans in hexadecimal).
//!
//! A trace is called as the call's record: its UUID has as many bits. So who has one finds the other.

use serde_json::{Value, json};
use webtrunk_signalling::cdr::{
    CallRecord, Happening, LegRecord, Note, OriginRecord, Segment, Stamp, Timeline, Way,
};

/// `SpanKind`.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;

/// `StatusCode`.
const UNSET: u8 = 0;
const ERROR: u8 = 2;

/// Ends that somebody should look at.
const FAILURES: [&str; 7] = [
    "internal_error",
    "overloaded",
    "gateway_failure",
    "media_failed",
    "media_timeout",
    "signalling_lost",
    "not_acceptable",
];

/// What is sent to a collector for these calls (`ExportTraceServiceRequest`).
pub(super) fn request(records: &[Box<CallRecord>]) -> Value {
    let spans: Vec<Value> = records.iter().flat_map(|record| spans(record)).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": [
            text("service.name", "webtrunk"),
            text("service.version", env!("CARGO_PKG_VERSION")),
            number("process.pid", std::process::id().into()),
        ]},
        "scopeSpans": [{"scope": {"name": "webtrunk", "version": env!("CARGO_PKG_VERSION")}, "spans": spans}],
    }]})
}

fn spans(record: &CallRecord) -> Vec<Value> {
    let trace: String = record.id.as_str().chars().filter(|char| *char != '-').collect();
    // Half of the record's name is chance. That none is nothing is asked of names of spans.
    let root = trace.get(16..).and_then(|half| u64::from_str_radix(half, 16).ok()).unwrap_or_default().max(1);
    let mut all = vec![of_call(record, &trace, root)];
    for (leg, number) in record.legs.iter().zip(1_u64..) {
        let mut span = of_leg(record, leg, &trace);
        span["spanId"] = name(root.wrapping_add(number).max(1)).into();
        span["parentSpanId"] = name(root).into();
        all.push(span);
    }
    all
}

fn of_call(record: &CallRecord, trace: &str, root: u64) -> Value {
    let mut attributes = vec![
        text("webtrunk.origin", &origin(&record.origin)),
        text("webtrunk.caller", &record.caller),
        text("webtrunk.destination", &record.destination),
        text("webtrunk.listener", &record.listener),
        json!({"key": "webtrunk.answered", "value": {"boolValue": record.answered_at.is_some()}}),
    ];
    attributes.extend(record.call.as_deref().map(|call| text("webtrunk.call", call)));
    attributes.extend(record.rule.as_deref().map(|rule| text("webtrunk.rule", rule)));
    let cause = record.end.as_ref().map(|end| end.cause.as_str());
    if let Some(end) = &record.end {
        attributes.push(text("webtrunk.end.cause", &end.cause));
        attributes.push(text("webtrunk.end.by", end.by.name()));
        attributes.extend(end.sip_status.map(|status| number("webtrunk.end.sip_status", status.into())));
        attributes.extend(end.q850.map(|cause| number("webtrunk.end.q850", cause.into())));
    }
    json!({
        "traceId": trace,
        "spanId": name(root),
        "name": "call",
        "kind": INTERNAL,
        "startTimeUnixNano": nanoseconds(record.began_at),
        "endTimeUnixNano": nanoseconds(record.began_at.plus_ms(record.duration_ms)),
        "attributes": attributes,
        "events": events(record.began_at, &record.timeline),
        "status": status(cause),
    })
}

fn of_leg(record: &CallRecord, leg: &LegRecord, trace: &str) -> Value {
    let mut attributes = vec![text("webtrunk.leg", &leg.leg), text("webtrunk.number", &leg.number)];
    attributes.extend(leg.party.as_ref().map(|party| text("webtrunk.party", &origin(party))));
    attributes.extend(leg.end.as_ref().map(|end| text("webtrunk.end.cause", &end.cause)));
    if let Some(quality) = &leg.quality {
        attributes.push(text("webtrunk.media.transport", &quality.transport));
        attributes.extend(quality.codec_in.as_deref().map(|codec| text("webtrunk.media.codec_in", codec)));
        attributes.extend(quality.codec_out.as_deref().map(|codec| text("webtrunk.media.codec_out", codec)));
        attributes.push(number("webtrunk.media.packets_in", quality.packets_in));
        attributes.push(number("webtrunk.media.packets_out", quality.packets_out));
        attributes.push(number("webtrunk.media.lost_in", quality.lost_in));
        attributes.push(real("webtrunk.media.jitter_in_ms", quality.jitter_in_ms));
        attributes.extend(quality.mos_in.map(|mos| real("webtrunk.media.mos_in", mos)));
        attributes.extend(quality.mos_out.map(|mos| real("webtrunk.media.mos_out", mos)));
    }
    let begin = record.began_at.plus_ms(leg.timeline.begin_ms());
    json!({
        "traceId": trace,
        "name": format!("leg {}", if leg.way == Way::In { "in" } else { "out" }),
        "kind": if leg.way == Way::In { SERVER } else { CLIENT },
        "startTimeUnixNano": nanoseconds(begin),
        "endTimeUnixNano": nanoseconds(begin.plus_ms(leg.duration_ms)),
        "attributes": attributes,
        "events": events(record.began_at, &leg.timeline),
        "status": status(leg.end.as_ref().map(|end| end.cause.as_str())),
    })
}

/// What goes on is told by when it began: the first stretch begins with the span. What happened besides, a transfer say, stands
/// among it.
fn events(began_at: Stamp, timeline: &Timeline) -> Vec<Value> {
    let at = |ms: u64| nanoseconds(began_at.plus_ms(ms));
    let stage = |segment: &Segment| {
        let event = json!({"timeUnixNano": at(segment.begin_ms), "name": segment.stage.name()});
        (segment.begin_ms, event)
    };
    let note = |note: &Note| (note.at_ms, happened(at(note.at_ms), &note.what));
    let mut all: Vec<_> =
        timeline.segments.iter().skip(1).map(stage).chain(timeline.notes.iter().map(note)).collect();
    all.sort_by_key(|(ms, _)| *ms);
    all.into_iter().map(|(_, event)| event).collect()
}

/// As a record names it, with what it tells of it.
fn happened(at: String, what: &Happening) -> Value {
    let told = json!(what);
    let words = told.as_object().into_iter().flatten().filter(|(key, _)| *key != "event");
    let attributes: Vec<_> = words
        .map(|(key, value)| {
            let several = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            let said = value.as_str().map_or_else(|| several.collect::<Vec<_>>().join(" "), str::to_owned);
            text(&format!("webtrunk.{key}"), &said)
        })
        .collect();
    json!({"timeUnixNano": at, "name": told["event"], "attributes": attributes})
}

fn status(cause: Option<&str>) -> Value {
    match cause.filter(|cause| FAILURES.contains(cause)) {
        Some(cause) => json!({"code": ERROR, "message": cause}),
        None => json!({"code": UNSET}),
    }
}

fn origin(origin: &OriginRecord) -> String {
    match origin {
        OriginRecord::User(name) => format!("user {name}"),
        OriginRecord::Trunk(name) => format!("trunk {name}"),
    }
}

fn name(span: u64) -> String {
    format!("{span:016x}")
}

/// Numbers of 64 bits are texts in proto3's JSON.
fn nanoseconds(at: Stamp) -> String {
    format!("{}000000", at.ms().max(0))
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn number(key: &str, value: u64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

fn real(key: &str, value: f64) -> Value {
    json!({"key": key, "value": {"doubleValue": value}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Box<CallRecord> {
        let told = json!({
            "id": "019ac9f2-5a3c-7d11-9d2e-0f5a6b7c8d9e", "call": "call-7", "origin": {"user": "alice"}, "caller": "alice",
            "destination": "0301", "listener": "ws", "rule": "out", "began_at": "2026-11-28T09:00:00.000Z",
            "answered_at": "2026-11-28T09:00:04.010Z", "ended_at": "2026-11-28T09:01:04.040Z", "duration_ms": 64040,
            "talked_ms": 60000, "clock_step": false,
            "timeline": {"segments": [{"stage": "trying", "begin_ms": 0, "duration_ms": 4010},
                {"stage": "talking", "begin_ms": 4010, "duration_ms": 60030}]},
            "legs": [
                {"leg": "leg-1", "way": "in", "party": {"user": "alice"}, "number": "alice",
                 "timeline": {"segments": [{"stage": "trying", "begin_ms": 0, "duration_ms": 64040}]}, "duration_ms": 64040,
                 "end": {"cause": "hangup", "by": "callee"}},
                {"leg": "leg-2", "way": "out", "party": {"trunk": "carrier"}, "number": "0301",
                 "timeline": {"segments": [{"stage": "trying", "begin_ms": 10, "duration_ms": 64030}]}, "duration_ms": 64030,
                 "end": {"cause": "media_timeout", "by": "gateway"}},
            ],
            "end": {"cause": "hangup", "by": "callee", "q850": 16},
        });
        Box::new(serde_json::from_value(told).expect("a record"))
    }

    #[test]
    fn a_call_is_a_trace_by_its_records_name_and_each_leg_a_span_in_it() {
        let told = request(&[record()]);
        let spans = &told["resourceSpans"][0]["scopeSpans"][0]["spans"];
        let [call, caller, callee] = spans.as_array().expect("spans").as_slice() else { panic!("{spans}") };
        for span in [call, caller, callee] {
            assert_eq!(span["traceId"], "019ac9f25a3c7d119d2e0f5a6b7c8d9e");
        }
        assert_eq!((&call["spanId"], &call["parentSpanId"]), (&"9d2e0f5a6b7c8d9e".into(), &Value::Null));
        assert_eq!(
            (&caller["spanId"], &callee["spanId"]),
            (&"9d2e0f5a6b7c8d9f".into(), &"9d2e0f5a6b7c8da0".into())
        );
        assert_eq!((&caller["parentSpanId"], &callee["parentSpanId"]), (&call["spanId"], &call["spanId"]));
        assert_eq!([&call["kind"], &caller["kind"], &callee["kind"]], [1, 2, 3]);
        assert_eq!(call["startTimeUnixNano"], "1795856400000000000");
        assert_eq!(call["endTimeUnixNano"], "1795856464040000000");
        assert_eq!(callee["startTimeUnixNano"], "1795856400010000000");
        assert_eq!(call["events"], json!([{"timeUnixNano": "1795856404010000000", "name": "talking"}]));
        assert_eq!(
            (&call["status"]["code"], &callee["status"]),
            (&0.into(), &json!({"code": 2, "message": "media_timeout"}))
        );
        let says = |span: &Value, key: &str| {
            let all = span["attributes"].as_array().expect("some");
            all.iter().find(|one| one["key"] == key).map(|one| one["value"].clone())
        };
        assert_eq!(says(call, "webtrunk.end.q850"), Some(json!({"intValue": "16"})));
        assert_eq!(says(call, "webtrunk.answered"), Some(json!({"boolValue": true})));
        assert_eq!(says(callee, "webtrunk.party"), Some(json!({"stringValue": "trunk carrier"})));
    }

    #[test]
    fn transfers_and_redirections_stand_among_what_went_on() {
        let mut told = serde_json::to_value(record()).expect("plain");
        told["legs"][0]["timeline"] = json!({
            "segments": [{"stage": "trying", "begin_ms": 0, "duration_ms": 1000},
                {"stage": "talking", "begin_ms": 1000, "duration_ms": 2000},
                {"stage": "ending", "begin_ms": 3000, "duration_ms": 0}],
            "notes": [{"at_ms": 500, "event": "redirected", "places": ["2", "3"]},
                {"at_ms": 2000, "event": "transfer_asked", "destination": "bob"}, {"at_ms": 3000, "event": "transferred"}],
        });
        let record = serde_json::from_value(told).expect("a record");
        let events = &spans(&record)[1]["events"];
        let event = |ms: u64, name: &str| json!({"timeUnixNano": nanoseconds(record.began_at.plus_ms(ms)), "name": name});
        let with = |mut event: Value, attributes: &[Value]| {
            event["attributes"] = attributes.into();
            event
        };
        let expected = [
            with(event(500, "redirected"), &[text("webtrunk.places", "2 3")]),
            event(1000, "talking"),
            with(event(2000, "transfer_asked"), &[text("webtrunk.destination", "bob")]),
            event(3000, "ending"),
            with(event(3000, "transferred"), &[]),
        ];
        assert_eq!(*events, Value::from(expected.to_vec()));
    }

    #[test]
    fn no_span_is_called_nothing() {
        let mut record = record();
        let mut told = serde_json::to_value(&record).expect("plain");
        told["id"] = "019ac9f2-5a3c-7d11-0000-000000000000".into();
        *record = serde_json::from_value(told).expect("a record");
        let names: Vec<_> = spans(&record).iter().map(|span| span["spanId"].clone()).collect();
        assert_eq!(names, ["0000000000000001", "0000000000000002", "0000000000000003"]);
    }
}
