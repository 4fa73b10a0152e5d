//! Records as CSV (RFC 4180), for people who open it in a spreadsheet.
//!
//! Names and numbers come from strangers. A cell that begins like a formula would be one in a spreadsheet, whatever
//! quotes stand around it, and could fetch and send what the sheet has; so an apostrophe goes before it, which such
//! programs take for "this is text".

use std::io::{self, Write};

use webtrunk_signalling::cdr::{CallRecord, LegRecord, OriginRecord, QualityRecord, Way};

/// With what a formula begins, behind what a spreadsheet may skip before it. The wide ones of East Asian keyboards are the same
/// to some.
const FORMULAS: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// What no cell begins with as it is, since programs skip it in ways of their own (OWASP, CSV injection).
const SKIPPED: [char; 3] = ['\t', '\r', '\n'];

/// Whether a spreadsheet may take this for a formula.
fn is_formula(cell: &str) -> bool {
    cell.starts_with(SKIPPED) || cell.trim_start().starts_with(FORMULAS)
}

/// Marks that turn the order of letters around, so that a cell reads as it is not (Unicode TR 36 2.2): they are left out.
const fn is_turning(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// What stands in a column of a call.
type Cell = fn(&CallRecord) -> String;

/// The columns, by their names.
const COLUMNS: &[(&str, Cell)] = &[
    ("id", |call| call.id.to_string()),
    ("began_at", |call| call.began_at.into()),
    ("answered_at", |call| call.answered_at.map(String::from).unwrap_or_default()),
    ("ended_at", |call| call.ended_at.map(String::from).unwrap_or_default()),
    ("duration_ms", |call| call.duration_ms.to_string()),
    ("talked_ms", |call| call.talked_ms.to_string()),
    ("from_user", |call| user(Some(&call.origin))),
    ("from_trunk", |call| trunk(Some(&call.origin))),
    ("caller", |call| call.caller.clone()),
    ("caller_name", |call| call.caller_name.clone()),
    ("destination", |call| call.destination.clone()),
    ("rule", |call| call.rule.clone().unwrap_or_default()),
    ("to_user", |call| user(callee(call).and_then(|leg| leg.party.as_ref()))),
    ("to_trunk", |call| trunk(callee(call).and_then(|leg| leg.party.as_ref()))),
    ("to_number", |call| callee(call).map(|leg| leg.number.clone()).unwrap_or_default()),
    ("end", |call| call.end.as_ref().map(|end| end.cause.clone()).unwrap_or_default()),
    ("ended_by", |call| call.end.as_ref().map(|end| end.by.name()).unwrap_or_default().to_owned()),
    ("sip_status", |call| number(call.end.as_ref().and_then(|end| end.sip_status))),
    ("q850", |call| number(call.end.as_ref().and_then(|end| end.q850))),
    ("clock_step", |call| call.clock_step.to_string()),
    ("recordings", |call| call.recordings.join(" ")),
    ("caller_codec", |call| of(caller(call), |it| it.codec_in.clone())),
    ("caller_lost", |call| of(caller(call), |it| Some(it.lost_in))),
    ("caller_mos_in", |call| of(caller(call), |it| it.mos_in)),
    ("caller_mos_out", |call| of(caller(call), |it| it.mos_out)),
    ("callee_sip_status", |call| number(callee(call).and_then(|leg| leg.end.as_ref()?.sip_status))),
    ("callee_q850", |call| number(callee(call).and_then(|leg| leg.end.as_ref()?.q850))),
    ("callee_codec", |call| of(callee(call), |it| it.codec_in.clone())),
    ("callee_lost", |call| of(callee(call), |it| Some(it.lost_in))),
    ("callee_mos_in", |call| of(callee(call), |it| it.mos_in)),
    ("callee_mos_out", |call| of(callee(call), |it| it.mos_out)),
];

pub(super) fn write_head(out: &mut impl Write) -> io::Result<()> {
    write_line(out, COLUMNS.iter().map(|(name, _)| (*name).to_owned()))
}

pub(super) fn write_record(out: &mut impl Write, call: &CallRecord) -> io::Result<()> {
    write_line(out, COLUMNS.iter().map(|(_, cell)| cell(call)))
}

fn write_line(out: &mut impl Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    for (index, cell) in cells.enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let cell = cell.replace(is_turning, "");
        let shield = if is_formula(&cell) { "'" } else { "" };
        write!(out, "{comma}\"{shield}{}\"", cell.replace('"', "\"\""))?;
    }
    out.write_all(b"\r\n")
}

fn caller(call: &CallRecord) -> Option<&LegRecord> {
    call.legs.iter().find(|leg| leg.way == Way::In)
}

/// Who talked longest of those that were called; where nobody did, who was called first.
fn callee(call: &CallRecord) -> Option<&LegRecord> {
    // The last of several equal ones is the greatest, so they are looked at backwards.
    call.legs.iter().filter(|leg| leg.way == Way::Out).rev().max_by_key(|leg| leg.talked_ms())
}

fn user(origin: Option<&OriginRecord>) -> String {
    match origin {
        Some(OriginRecord::User(name)) => name.clone(),
        Some(OriginRecord::Trunk(_)) | None => String::new(),
    }
}

fn trunk(origin: Option<&OriginRecord>) -> String {
    match origin {
        Some(OriginRecord::Trunk(name)) => name.clone(),
        Some(OriginRecord::User(_)) | None => String::new(),
    }
}

fn of<T: ToString>(leg: Option<&LegRecord>, cell: impl Fn(&QualityRecord) -> Option<T>) -> String {
    number(leg.and_then(|leg| leg.quality.as_deref()).and_then(cell))
}

fn number<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(caller: &str, name: &str) -> CallRecord {
        let json = serde_json::json!({
            "id": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "origin": {"trunk": "provider"}, "caller": caller,
            "caller_name": name, "destination": "bob", "listener": "udp", "rule": "in",
            "began_at": "2026-11-28T09:00:00.000Z", "answered_at": "2026-11-28T09:00:01.000Z",
            "ended_at": "2026-11-28T09:00:11.000Z", "duration_ms": 11000, "talked_ms": 10000, "clock_step": false,
            "timeline": {"segments": []},
            "legs": [
                {"leg": "leg-1", "way": "in", "party": {"trunk": "provider"}, "number": caller, "duration_ms": 11000,
                 "timeline": {"segments": []}},
                {"leg": "leg-2", "way": "out", "party": {"user": "carol"}, "number": "carol", "duration_ms": 1000,
                 "timeline": {"segments": [{"stage": "ringing", "begin_ms": 0, "duration_ms": 1000}]}},
                {"leg": "leg-3", "way": "out", "party": {"user": "bob"}, "number": "bob", "duration_ms": 11000,
                 "timeline": {"segments": [{"stage": "talking", "begin_ms": 1000, "duration_ms": 10000}]}},
            ],
            "end": {"cause": "hangup", "by": "callee", "q850": 16},
        });
        serde_json::from_value(json).expect("a record")
    }

    /// The cells of a line, by the rules of RFC 4180 2; all are quoted.
    fn cells(line: &str) -> Vec<String> {
        let mut rest = line.strip_suffix("\r\n").expect("a line");
        let mut cells = Vec::new();
        loop {
            rest = rest.strip_prefix('"').expect("a quoted cell");
            let mut cell = String::new();
            while let Some((before, after)) = rest.split_once('"') {
                cell += before;
                rest = after;
                match rest.strip_prefix('"') {
                    Some(after) => {
                        cell.push('"');
                        rest = after;
                    }
                    None => break,
                }
            }
            cells.push(cell);
            match rest.strip_prefix(',') {
                Some(after) => rest = after,
                None => {
                    assert!(rest.is_empty(), "{rest}");
                    return cells;
                }
            }
        }
    }

    fn cell(call: &CallRecord, column: &str) -> String {
        let mut line = Vec::new();
        write_record(&mut line, call).expect("memory");
        let index = COLUMNS.iter().position(|(name, _)| *name == column).expect("a column");
        cells(&String::from_utf8(line).expect("text"))[index].clone()
    }

    #[test]
    fn no_cell_is_a_formula_to_a_spreadsheet() {
        for evil in [
            "=cmd|' /C calc'!A0",
            "+49301234567",
            "-1+1",
            "@SUM(1,2)",
            "\t=1+1",
            "\r=1+1",
            "\nx",
            "  =1+1",
            "=HYPERLINK(\"http://x.example\",\"y\")",
            "\u{ff1d}1+1",
            " \u{ff0b}1",
            "\u{ff0d}1",
            "\u{ff20}SUM(1)",
        ] {
            let call = record(evil, evil);
            for column in ["caller", "caller_name"] {
                assert_eq!(cell(&call, column), format!("'{evil}"), "{column}");
            }
        }
        assert_eq!(cell(&record("a\u{202e}=b", "\u{200f}=1"), "caller"), "a=b", "it reads as it is");
        assert_eq!(cell(&record("a", "\u{200f}=1"), "caller_name"), "'=1");
        assert_eq!(cell(&record("0301234567", "O'Hara \"Bob\", Jr."), "caller_name"), "O'Hara \"Bob\", Jr.");
    }

    #[test]
    fn a_line_has_a_cell_for_each_column_and_who_talked_is_the_callee() {
        let mut head = Vec::new();
        write_head(&mut head).expect("memory");
        let names = cells(&String::from_utf8(head).expect("text"));
        assert_eq!(names.len(), COLUMNS.len());
        let call = record("1", "");
        for (column, value) in [
            ("to_user", "bob"),
            ("to_trunk", ""),
            ("from_trunk", "provider"),
            ("ended_by", "callee"),
            ("q850", "16"),
        ] {
            assert_eq!(cell(&call, column), value, "{column}");
        }
    }
}
