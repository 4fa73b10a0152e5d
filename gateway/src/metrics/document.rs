//! docs/METRICS.md is what the list says: a metric that is added, removed or told otherwise has to be there too.

use std::fmt::Write as _;
use std::fs;

use super::list::LIST;

/// The document, and where in it the table begins.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/METRICS.md");
const TABLE: &str = "| metric | kind | labels | what it says |\n|---|---|---|---|\n";

/// Writes the table anew where this is set.
const WRITE: &str = "WEBTRUNK_WRITE_METRICS";

fn table() -> String {
    let mut text = TABLE.to_owned();
    for metric in LIST {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, labels) = (metric.name, metric.kind.name(), labels.join(", "));
        let _ = writeln!(text, "| `{name}` | {kind} | {labels} | {} |", metric.help);
    }
    text
}

#[test]
fn the_document_tells_each_metric_and_only_those() {
    let written = fs::read_to_string(FILE).expect("the document is there");
    let (before, rest) = written.split_once(TABLE).expect("it has the table");
    let after = rest.split_once("\n\n").map_or("", |(_, after)| after);
    let end = if after.is_empty() { String::new() } else { format!("\n{after}") };
    let expected = format!("{before}{}{end}", table());
    if std::env::var_os(WRITE).is_some() {
        fs::write(FILE, &expected).expect("the document is ours");
        return;
    }
    assert!(
        written == expected,
        "write it anew: {WRITE}=1 cargo test --package webtrunk --lib metrics\n{}",
        table()
    );
}

#[test]
fn names_are_such_as_prometheus_wants_them_and_no_two_are_the_same() {
    for (index, metric) in LIST.iter().enumerate() {
        let name = metric.name;
        assert!(name.starts_with("webtrunk_") || name.starts_with("process_"), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind == super::text::Kind::Counter, "{name}");
        assert!(!LIST[..index].iter().any(|other| other.name == name), "{name} is there twice");
        assert!(!metric.help.contains(['\n', '|', '\\']) && !metric.help.ends_with('.'), "{name}");
    }
}
