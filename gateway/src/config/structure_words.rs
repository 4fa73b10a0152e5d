//! What the reader of TOML says of a file's structure, in words of configurations rather than of Rust.

use toml::de::DeValue;

use super::nearest::nearest;
use super::{BIND_CURE, redirects};

/// What is told of one fault.
pub(super) struct Words {
    pub(super) problem: String,
    pub(super) cure: String,
    /// The key that is meant by one that is not known.
    pub(super) meant: Option<String>,
}

impl Words {
    fn new(problem: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { problem: problem.into(), cure: cure.into(), meant: None }
    }
}

/// The words that could stand where `message` refuses one.
pub(super) fn known_words(message: &str) -> Option<Vec<String>> {
    let (_, known) = message.strip_prefix("unknown variant ")?.split_once(", expected ")?;
    Some(in_ticks(known))
}

/// What the reader's `message` says of `value`, which stands at `key`; `known` are the words that could stand there,
/// where it is one of several.
pub(super) fn words(
    message: &str,
    value: Option<&DeValue<'_>>,
    known: Option<&[String]>,
    key: &str,
) -> Words {
    if let Some(unknown) = message.strip_prefix("unknown field `") {
        return unknown_key(message, unknown);
    }
    if message.starts_with("invalid type: unit variant") {
        let word = value.and_then(DeValue::as_str).unwrap_or_default();
        let cure = example(word).unwrap_or_else(|| format!("{{ {word} = .. }}"));
        return Words::new("does not say what to do with it", format!("write {cure}"));
    }
    if let Some(known) = known {
        return one_of(value, known);
    }
    let wrong = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let expected = wrong.and_then(|wrong| wrong.split_once(", expected "));
    if let Some((kind, cure)) = expected.and_then(|(_, expected)| kind(expected)) {
        let name = key.rsplit('.').next().unwrap_or_default();
        let of_key = match kind.as_str() {
            "a list" => list_cure(value, key),
            _ => by_key(name, value),
        };
        return Words::new(format!("is not {kind}"), of_key.unwrap_or(cure));
    }
    Words::new(message, cure(message))
}

/// A key that there is not.
fn unknown_key(message: &str, unknown: &str) -> Words {
    let (written, expected) = unknown.split_once('`').unwrap_or((unknown, ""));
    let known = in_ticks(expected);
    let usual = cure(message);
    let meant = nearest(written, known.iter().map(String::as_str)).filter(|_| written != "password");
    match meant {
        Some(meant) => Words {
            problem: format!("unknown field `{written}`"),
            cure: format!("did you mean `{meant}`?"),
            meant: Some(meant.to_owned()),
        },
        None => Words::new(message, usual),
    }
}

/// A word of several is wanted.
fn one_of(value: Option<&DeValue<'_>>, known: &[String]) -> Words {
    let between = if known.len() == 2 { " or " } else { ", " };
    let listed = known.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(between);
    match value {
        Some(DeValue::Table(table)) if table.iter().count() > 1 => {
            let is_known = |key: &&str| known.iter().any(|word| word == key);
            let keys: Vec<_> = table.iter().map(|(key, _)| key.get_ref().as_ref()).collect();
            let (own, further): (Vec<&str>, Vec<&str>) = keys.iter().copied().partition(is_known);
            let cure = match (own.as_slice(), further.as_slice()) {
                ([own], [further, ..]) => {
                    format!("write {further} inside: {{ {own} = {{ .., {further} = .. }} }}")
                }
                _ => "write each in braces of its own: { .. }, { .. }".to_owned(),
            };
            Words::new("is a table of more than one key", cure)
        }
        Some(DeValue::String(word)) => {
            let cure = nearest(word, known.iter().map(String::as_str))
                .map_or_else(|| format!("write {listed}"), |meant| format!("did you mean {meant:?}?"));
            Words::new("is none of those that there are", cure)
        }
        _ => Words::new("is none of those that there are", format!("write {listed}")),
    }
}

/// The words that stand in back ticks.
fn in_ticks(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What a value should have been, and how that is written.
fn kind(expected: &str) -> Option<(String, String)> {
    let number = |least: u64, most: u64| {
        let range = format!("a whole number from {least} to {most}");
        Some((range.clone(), format!("write {range}")))
    };
    let fixed = |kind: &str, cure: &str| Some((kind.to_owned(), cure.to_owned()));
    match expected {
        "u8" => number(0, u8::MAX.into()),
        "u16" => number(0, u16::MAX.into()),
        "a nonzero u16" => number(1, u16::MAX.into()),
        "u32" => number(0, u32::MAX.into()),
        "u64" | "usize" => fixed("a whole number from 0 on", "write a whole number from 0 on"),
        "f32" | "f64" => fixed("a number", "write a number, such as -10"),
        "a string" => fixed("a text", "write a text in quotes"),
        "a boolean" => fixed("true or false", "write true or false"),
        redirects::KIND => fixed(redirects::KIND, "write true, false or \"pass\""),
        "a sequence" => fixed("a list", "write a list: [ .. ]"),
        _ if expected.starts_with("struct ") => fixed("a table", "write a table: { key = value }"),
        _ => None,
    }
}

/// What stands alone, in the list that is wanted.
fn list_cure(value: Option<&DeValue<'_>>, key: &str) -> Option<String> {
    let name = key.rsplit('.').next().unwrap_or_default();
    match value? {
        DeValue::Table(_) if matches!(name, "users" | "trunks" | "rules" | "listeners") => {
            Some(format!("write [[{key}]]"))
        }
        DeValue::Table(_) => Some("write [{ .. }]".to_owned()),
        DeValue::String(text) => Some(format!("write [{text:?}]")),
        _ => example(name).map(|example| format!("write {example}")),
    }
}

/// Keys that look as if they took something else.
fn by_key(name: &str, value: Option<&DeValue<'_>>) -> Option<String> {
    match (name, value) {
        ("bind", _) => Some(BIND_CURE.to_owned()),
        ("play", Some(DeValue::String(prompt))) => Some(format!("write {{ prompt = {prompt:?} }}")),
        _ => None,
    }
}

/// How some that are hard to guess are written.
fn example(name: &str) -> Option<String> {
    let example = match name {
        "bridge" => "{ bridge = { user = \"alice\" } }",
        "play" => "{ play = { prompt = \"announcement\" } }",
        "register" => "[{ user = \"4930123456\" }]",
        "reject" => "{ reject = \"busy\" }",
        "wait_ms" => "{ wait_ms = 500 }",
        _ => return None,
    };
    Some(example.to_owned())
}

/// What to do about a fault that the reader of TOML found.
pub(super) fn cure(message: &str) -> &'static str {
    let cures = [
        (
            "unknown field `password`, expected one of `name`, `ha1_",
            "write ha1_md5, as `webtrunk password NAME` prints it",
        ),
        ("unknown field", "correct the spelling, or take it out"),
        ("missing field", "add it"),
        ("duplicate key", "take one of them out"),
        ("invalid", "write it as expected"),
        ("a secret is kept", "keep file or env, not both"),
    ];
    let known = cures.into_iter().find(|(start, _)| message.starts_with(start));
    known.map_or("correct it; toml.io explains the format", |(_, cure)| cure)
}
