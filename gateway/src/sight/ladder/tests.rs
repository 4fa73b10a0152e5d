//! A call of two legs in each of the three forms.

use serde_json::Value;

use super::super::sample::{call, places};
use super::{Ladder, json, svg, text};

#[test]
fn a_terminal_shows_a_column_for_each_party_and_a_rung_for_each_message() {
    let [v4, _] = places();
    let trace = call(&v4);
    let shown = text(&Ladder::new(&trace), 100);
    let expected = [
        "Call-ID: a@w",
        "Call-ID: b@w",
        "",
        "                     alice                       webtrunk                        2001",
        "            WSS 192.0.2.7:51234                                         UDP 192.0.2.9:5060",
        "  +0.000               │── INVITE [opus,PCMU DTLS] ─>│                             │",
        "  +0.001               │<─────── 100 Trying ────────│                             │",
        "  +0.002               │                             │────── INVITE [PCMU] ──────>│",
        "  +0.040               │                             │<─────── 180 Ringing ───────│",
    ];
    let lines: Vec<_> = shown.lines().collect();
    let shape = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ").replace(['─', '╌'], "");
    for (line, expected) in lines[1..].iter().zip(expected) {
        assert_eq!(shape(line), shape(expected), "{shown}");
    }
    assert!(lines[0].ends_with("2027-01-15T08:00:00.000Z  14 messages  over"), "{}", lines[0]);
    assert!(shown.contains("again: 200 OK [PCMU]"), "{shown}");
    assert!(shown.contains("200 OK (BYE)"), "{shown}");
    assert_eq!(lines.len(), 1 + 2 + 1 + 2 + 14);
    // The lines of life stand under each other, whatever is written between them.
    let places: Vec<Vec<_>> = lines[6..]
        .iter()
        .map(|line| line.chars().enumerate().filter(|(_, char)| *char == '│').map(|(at, _)| at).collect())
        .collect();
    assert!(places.iter().all(|of_line| *of_line == places[0] && of_line.len() == 3), "{shown}");
}

#[test]
fn lines_are_as_wide_as_the_terminal_and_labels_give_way() {
    let [_, v6] = places();
    let ladder = Ladder::new(&call(&v6));
    for (width, longest) in [(80, 80), (120, 120), (300, 154), (10, 70)] {
        let shown = text(&ladder, width);
        let rungs = shown.lines().skip(6).map(|line| line.chars().count());
        assert!(rungs.max().is_some_and(|most| most <= longest), "{width}:\n{shown}");
    }
    let narrow = text(&ladder, 10);
    assert!(narrow.contains("… ") && narrow.contains("100 Trying"), "{narrow}");
}

#[test]
fn programs_get_every_message_in_full() {
    let [_, v6] = places();
    let told: Value = serde_json::from_str(&json(&Ladder::new(&call(&v6)))).expect("JSON");
    assert_eq!(told["call_ids"], serde_json::json!(["a@w", "b@w"]));
    let gateway = serde_json::json!({ "name": "webtrunk" });
    assert_eq!(told["parties"][1], gateway);
    assert_eq!(told["parties"][0]["transport"], "WSS");
    assert_eq!(told["parties"][2]["address"], "[2001:db8::9]:5060");
    let messages = told["messages"].as_array().expect("a list");
    assert_eq!(messages.len(), 14);
    let invite = &messages[2];
    assert_eq!((&invite["from"], &invite["to"], &invite["call_id"]), (&1.into(), &2.into(), &1.into()));
    assert_eq!((&invite["method"], &invite["offset_ms"]), (&"INVITE".into(), &2.0.into()));
    assert_eq!((&messages[11]["status"], &messages[11]["method"]), (&200.into(), &"BYE".into()));
    assert_eq!(messages[8]["is_repeated"], true);
    assert!(messages[0]["text"].as_str().expect("text").ends_with("a=ice-pwd:*********\r\n"));
}

#[test]
fn a_picture_has_each_message_and_no_markup_of_peers() {
    let [v4, _] = places();
    let trace = call(&v4);
    let picture = svg(&Ladder::new(&trace));
    assert_eq!(picture.matches("<g class=\"step\">").count(), 14);
    assert_eq!(picture.matches("<title>").count(), 14);
    assert_eq!(picture.matches(" again\"").count(), 1);
    assert!(picture.contains("&quot;Al &lt;ice&gt;&quot; &lt;sip:alice@w&gt;"));
    assert!(!picture.contains("<ice>") && !picture.contains("<script"));
    // Every tag that is opened is closed: a browser shows nothing of a picture that is no XML.
    let mut open = Vec::new();
    for tag in picture.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap_or(tag)),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn no_form_of_a_call_has_its_secrets() {
    for places in places() {
        let ladder = Ladder::new(&call(&places));
        for shown in [text(&ladder, 300), json(&ladder), svg(&ladder)] {
            assert!(!shown.contains("S3cr3t"), "{shown}");
        }
    }
}
