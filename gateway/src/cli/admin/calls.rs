//! `webtrunk calls`: the calls that are under way, one of them, or the end of one.

use std::io::{self, Write};

use clap::Args;
use webtrunk_signalling::cdr::{By, CallRecord, LegRecord, OriginRecord, Stage, Way};

use super::{Asked, table};
use crate::admin::{CallList, CallSummary, HungUp, LegSummary};
use crate::cli::Failure;

#[derive(Debug, Args)]
pub(in crate::cli) struct CallsArguments {
    #[command(flatten)]
    asked: Asked,
    /// Only this one, with all that is known of it: its name in the log (call-7), or that of its record.
    call: Option<String>,
    /// Hang the call up.
    #[arg(long, requires = "call")]
    hang_up: bool,
}

impl CallsArguments {
    /// Does what it asks.
    pub(in crate::cli) fn execute(&self, out: impl Write) -> Result<(), Failure> {
        let Some(call) = &self.call else {
            return self.asked.print("/calls", out, |list: &CallList, out| print_list(list, out));
        };
        let path = format!("/calls/{}", escaped(call));
        if self.hang_up {
            let hung_up: HungUp = self.asked.client()?.have("DELETE", &path)?;
            let print =
                |HungUp { hung_up }: &HungUp, out: &mut dyn Write| writeln!(out, "{hung_up} is hung up");
            return self.asked.tell(&hung_up, out, print);
        }
        self.asked.print(&path, out, |record: &CallRecord, out| print_one(record, out))
    }
}

/// A name as a part of a path (RFC 3986 3.3).
pub(super) fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(escape).collect()
}

fn print_list(list: &CallList, out: &mut dyn Write) -> io::Result<()> {
    if list.calls.is_empty() {
        return writeln!(out, "no calls");
    }
    let row = |call: &CallSummary| {
        let name = call.call.clone().unwrap_or_else(|| call.id.to_string());
        let caller = format!("{} ({})", call.caller, origin(&call.origin));
        let parties: Vec<_> = call.legs.iter().map(party).collect();
        let lasts = length(call.duration_ms);
        [name, stage(call.stage).to_owned(), lasts, caller, call.destination.clone(), parties.join(", ")]
    };
    let rows: Vec<_> = list.calls.iter().map(row).collect();
    table::write(out, ["CALL", "STATE", "LASTS", "CALLER", "DIALLED", "PARTIES"], &rows)
}

/// `alice opus webrtc`.
fn party(leg: &LegSummary) -> String {
    let words = [Some(&leg.number), leg.codec_in.as_ref(), leg.transport.as_ref()];
    words.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn print_one(record: &CallRecord, out: &mut dyn Write) -> io::Result<()> {
    let facts = [
        ("call", record.call.clone().unwrap_or_default()),
        ("record", record.id.to_string()),
        ("state", stage(record.timeline.stage()).to_owned()),
        ("began", String::from(record.began_at)),
        ("lasts", length(record.duration_ms)),
        (
            "ended",
            record.end.as_ref().map_or_else(String::new, |end| format!("{}, {}", end.cause, by(end.by))),
        ),
        ("caller", format!("{} ({})", record.caller, origin(&record.origin))),
        ("dialled", record.destination.clone()),
        ("rule", record.rule.clone().unwrap_or_default()),
        ("recorded", record.recordings.join(", ")),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    let rows: Vec<_> = facts.map(|(key, value)| [key.to_owned(), value]).collect();
    table::write(out, ["", ""], &rows)?;
    writeln!(out)?;
    let legs: Vec<_> = record.legs.iter().map(leg_row).collect();
    let head =
        ["LEG", "WAY", "PARTY", "STATE", "LASTS", "CODECS", "LOST", "JITTER", "ROUND TRIP", "MOS IN/OUT"];
    table::write(out, head, &legs)
}

fn leg_row(leg: &LegRecord) -> [String; 10] {
    let quality = leg.quality.clone().unwrap_or_default();
    let codecs: Vec<_> = [quality.codec_in, quality.codec_out].into_iter().flatten().collect();
    let state = leg.end.as_ref().map_or_else(
        || stage(leg.timeline.stage()).to_owned(),
        |end| format!("ended: {}, {}", end.cause, by(end.by)),
    );
    let ms = |value: Option<f64>| value.map_or_else(String::new, |ms| format!("{ms} ms"));
    let mos = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |mos| mos.to_string());
    let has_media = leg.quality.is_some();
    [
        leg.leg.clone(),
        if leg.way == Way::In { "in" } else { "out" }.to_owned(),
        leg.number.clone(),
        state,
        length(leg.duration_ms),
        format!("{} {}", codecs.join("/"), quality.transport).trim().to_owned(),
        if has_media {
            format!("{} of {}", quality.lost_in, quality.packets_in + quality.lost_in)
        } else {
            String::new()
        },
        ms(has_media.then_some(quality.jitter_in_ms)),
        ms(quality.round_trip_ms),
        if has_media { format!("{}/{}", mos(quality.mos_in), mos(quality.mos_out)) } else { String::new() },
    ]
}

fn origin(origin: &OriginRecord) -> String {
    match origin {
        OriginRecord::User(name) => format!("user {name}"),
        OriginRecord::Trunk(name) => format!("trunk {name}"),
    }
}

const fn stage(stage: Option<Stage>) -> &'static str {
    match stage {
        Some(Stage::Trying) => "trying",
        Some(Stage::Ringing) => "ringing",
        Some(Stage::Early) => "early media",
        Some(Stage::Talking) => "talking",
        Some(Stage::OnHold) => "on hold",
        Some(Stage::Ending) => "ending",
        None => "over",
    }
}

/// Who ended it.
const fn by(by: By) -> &'static str {
    match by {
        By::Caller => "by the caller",
        By::Callee => "by the callee",
        By::Gateway => "by the gateway",
        By::Crash => "with the process",
    }
}

/// `1:02:03`, or `2:03`.
fn length(ms: u64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_as_clocks_tell_them() {
        for (ms, told) in [(0, "0:00"), (61_999, "1:01"), (3_723_000, "1:02:03"), (360_000_000, "100:00:00")]
        {
            assert_eq!(length(ms), told);
        }
    }

    #[test]
    fn a_name_leaves_its_path_for_no_other() {
        assert_eq!(escaped("call-7"), "call-7");
        assert_eq!(escaped("../drain?x y"), "..%2Fdrain%3Fx%20y");
    }

    #[test]
    fn a_list_is_a_table_and_none_is_told() {
        let mut out = Vec::new();
        print_list(&CallList { calls: Vec::new() }, &mut out).expect("memory");
        assert_eq!(out, b"no calls\n");
        let told = serde_json::json!({"calls": [{
            "id": "019ac9f2-5a3c-7d11-9d2e-0f5a6b7c8d9e", "call": "call-7", "stage": "talking",
            "began_at": "2026-11-28T09:00:00.000Z", "duration_ms": 62_000, "origin": {"user": "alice"},
            "caller": "alice", "destination": "9100", "rule": "out",
            "legs": [
                {"leg": "leg-1", "way": "in", "number": "alice", "stage": "talking", "transport": "webrtc", "codec_in": "opus"},
                {"leg": "leg-2", "way": "out", "number": "9100", "stage": "talking"},
            ],
        }]});
        let list: CallList = serde_json::from_value(told).expect("a list");
        let mut out = Vec::new();
        print_list(&list, &mut out).expect("memory");
        let expected = "CALL    STATE    LASTS  CALLER              DIALLED  PARTIES\n\
                        call-7  talking  1:02   alice (user alice)  9100     alice opus webrtc, 9100\n";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }
}
