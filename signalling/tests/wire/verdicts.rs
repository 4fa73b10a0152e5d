//! The messages of RFC 4475 and RFC 5118, and some of our own by the same rules, and the verdict on each.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

/// What the manifest calls normal for a good request of an unauthenticated peer.
const NORMAL: [u64; 14] = [100, 200, 401, 403, 404, 405, 407, 480, 481, 483, 486, 488, 501, 603];

/// A message, and what may become of it.
pub(crate) struct Case {
    pub(crate) octets: Vec<u8>,
    entry: Value,
}

/// What came back for a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Status(u64),
    Closed,
    Nothing,
}

/// How long is waited for what comes back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits {
    /// Nothing within this is nothing, where nothing is right.
    pub(crate) silence: Duration,
    /// An answer takes no longer.
    pub(crate) answer: Duration,
    /// For so long a part of a message may stay away.
    pub(crate) deadline: Duration,
}

impl Case {
    pub(crate) fn name(&self) -> &str {
        self.entry["name"].as_str().expect("each has a name")
    }

    fn lists(&self, key: &str, wanted: &Value) -> bool {
        self.entry[key].as_array().is_some_and(|list| list.contains(wanted))
    }

    /// Whether no answer at all is an answer.
    fn may_be_dropped(&self) -> bool {
        self.entry["verdict"] == "discard"
            || self.lists("expect", &"drop".into())
            || self.lists("also_ok", &"drop".into())
    }

    pub(super) fn patience(&self, waits: &Waits) -> Duration {
        match (&self.entry["verdict"], self.of_streams()) {
            (verdict, None) if verdict == "discard" => waits.silence,
            (_, Some("wait_then_close")) => waits.deadline + waits.answer,
            _ => waits.answer,
        }
    }

    /// What holds for it over streams alone.
    pub(super) fn of_streams(&self) -> Option<&str> {
        self.entry["tcp"].as_str()
    }

    /// Fails unless this is what may come back over a transport.
    pub(crate) fn check(&self, heard: &Heard, transport: &str) {
        let is_right = match heard {
            Heard::Nothing => self.may_be_dropped(),
            Heard::Closed => false,
            Heard::Status(_) if self.entry["verdict"] == "discard" => false,
            Heard::Status(status) => {
                let listed = |key: &str| {
                    self.lists(key, &(*status).into())
                        || (self.lists(key, &"normal".into()) && NORMAL.contains(status))
                };
                let is_exempt = transport == "WS" && listed("ws_ok");
                is_exempt
                    || (!self.lists("forbid", &(*status).into()) && (listed("expect") || listed("also_ok")))
            }
        };
        assert!(is_right, "{transport}: {} got {heard:?}, but {}", self.name(), self.entry);
    }
}

/// The shared messages, where they are here, and our own.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = own();
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let Ok(manifest) = std::fs::read(folder.join("sip_torture.json")) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "shared test data is missing");
        eprintln!("passed over: no shared test data in {}", folder.display());
        return cases;
    };
    let manifest: Value = serde_json::from_slice(&manifest).expect("a manifest");
    for entry in manifest["messages"].as_array().expect("a list") {
        let file = folder.join(entry["file"].as_str().expect("each names its file"));
        cases.push(Case { octets: std::fs::read(file).expect("it is there"), entry: entry.clone() });
    }
    cases
}

/// One message for each kind of verdict, so that the test means something without the shared folder.
fn own() -> Vec<Case> {
    let request = |name: &str, method: &str, change: (&str, &str)| {
        let text = format!(
            "{method} sip:user@example.com SIP/2.0\r\nVia: SIP/2.0/UDP host.example;branch=z9hG4bK{name}\r\n\
             From: <sip:caller@example.net>;tag=1\r\nTo: <sip:user@example.com>\r\nCall-ID: {name}\r\n\
             CSeq: 7 {method}\r\nMax-Forwards: 70\r\nContact: <sip:caller@host.example>\r\n\
             Content-Length: 0\r\n\r\n"
        );
        text.replacen(change.0, change.1, 1).into_bytes()
    };
    let case = |octets, entry| Case { octets, entry };
    vec![
        case(
            request("own-folded", "INVITE", ("From: ", "f\r\n :\r\n  ")),
            json!({"name": "own-folded", "verdict": "lenient", "expect": [400, "normal"]}),
        ),
        case(
            request("own-invite", "INVITE", ("", "")),
            json!({"name": "own-invite", "verdict": "valid", "expect": [401], "forbid": [400]}),
        ),
        case(
            request("own-method", "FETCH", ("", "")),
            json!({"name": "own-method", "verdict": "valid", "expect": [401, 405, 501], "forbid": [400]}),
        ),
        case(
            request("own-scheme", "OPTIONS", ("sip:user@example.com SIP", "news:user SIP")),
            json!({"name": "own-scheme", "verdict": "reject", "expect": [416]}),
        ),
        case(
            request("own-version", "OPTIONS", ("SIP/2.0\r\nVia", "SIP/3.0\r\nVia")),
            json!({"name": "own-version", "verdict": "reject", "expect": [505]}),
        ),
        case(
            request("own-mismatch", "OPTIONS", ("CSeq: 7 OPTIONS", "CSeq: 7 INVITE")),
            json!({"name": "own-mismatch", "verdict": "reject", "expect": [400]}),
        ),
        case(
            request("own-require", "OPTIONS", ("Max-Forwards", "Require: magic\r\nMax-Forwards")),
            json!({"name": "own-require", "verdict": "reject", "expect": [420]}),
        ),
        case(
            request("own-negative", "OPTIONS", ("Content-Length: 0", "Content-Length: -9")),
            json!({"name": "own-negative", "verdict": "reject", "expect": [400], "tcp": "reject_and_close"}),
        ),
        case(
            request("own-short", "OPTIONS", ("Content-Length: 0", "Content-Length: 99")),
            json!({"name": "own-short", "verdict": "reject", "expect": [400], "tcp": "wait_then_close"}),
        ),
        case(
            request("own-unknown", "BYE", ("To: <sip:user@example.com>", "To: <sip:user@example.com>;tag=2")),
            json!({"name": "own-unknown", "verdict": "valid", "expect": [481], "forbid": [400]}),
        ),
        case(
            b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP host.example;branch=z9hG4bKstray\r\nFrom: <sip:a@b>;tag=1\r\n\
              To: <sip:c@d>;tag=2\r\nCall-ID: stray\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
                .to_vec(),
            json!({"name": "own-stray", "verdict": "discard", "expect": []}),
        ),
    ]
}

/// The status of a response.
pub(super) fn status(answer: &str) -> u64 {
    let code = answer.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3));
    code.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no response: {answer}"))
}
