//! The structure of a file: which keys there are, and what kind of value each has.
//!
//! The reader of TOML stops at the first fault. So what it stops at is noted and taken out of the parsed
//! text, and it begins again, until all that is left can be read.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer, Error};

use super::document::holds;
use super::faults::Faults;
use super::redirects;

/// Faults that are told of one file. Chosen by us: who has more begins with these.
const FAULTS_MAX: usize = 50;

/// Reads the text as a `T`, less whatever is faulty; `None` where nothing can be made of it.
pub(super) fn read<T: DeserializeOwned>(faults: &mut Faults<'_>) -> Option<T> {
    let text = faults.document().text();
    let mut root = match DeTable::parse(text) {
        Ok(root) => root,
        Err(error) => {
            faults.add_syntax(error.span(), error.message(), cure(error.message()));
            return None;
        }
    };
    // Tables that lack what was taken out of them: what else is wrong with them as a whole follows from that.
    let mut wounded: Vec<Range<usize>> = Vec::new();
    for _ in 0..FAULTS_MAX {
        let error = match T::deserialize(Deserializer::from(root.clone())) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let Some(span) = error.span() else {
            faults.add_to_file(error.message(), cure(error.message()));
            return None;
        };
        if !wounded.contains(&span) {
            let (problem, cure) = words(&error);
            faults.add_structural(span.clone(), problem, cure);
        }
        let around = root.span();
        match take_out(root.get_mut(), &around, &span) {
            Some(table) => wounded.push(table),
            None => return None,
        }
    }
    None
}

/// Takes the innermost entry, or element that is a table, out that holds `span`; gives the span of the
/// table that it was in.
fn take_out(table: &mut DeTable<'_>, around: &Range<usize>, span: &Range<usize>) -> Option<Range<usize>> {
    let mut culprit = None;
    for (key, value) in table.iter_mut() {
        if let Some(wounded) = take_out_of(value, around, span) {
            return Some(wounded);
        }
        if holds(&key.span(), span) || holds(&value.span(), span) {
            culprit = Some(key.clone());
            break;
        }
    }
    table.remove(&culprit?);
    Some(around.clone())
}

fn take_out_of(
    value: &mut Spanned<DeValue<'_>>,
    around: &Range<usize>,
    span: &Range<usize>,
) -> Option<Range<usize>> {
    let own = value.span();
    match value.get_mut() {
        DeValue::Table(table) => take_out(table, &own, span),
        DeValue::Array(array) => {
            for item in array.iter_mut().filter(|item| item.get_ref().is_table()) {
                if let Some(wounded) = take_out_of(item, &own, span) {
                    return Some(wounded);
                }
            }
            let is_culprit =
                |item: &Spanned<DeValue<'_>>| item.get_ref().is_table() && holds(&item.span(), span);
            if !array.iter().any(is_culprit) {
                return None;
            }
            let mut kept = DeArray::new();
            array.iter().filter(|item| !is_culprit(item)).for_each(|item| kept.push(item.clone()));
            *array = kept;
            Some(around.clone())
        }
        _ => None,
    }
}

/// What is wrong and what to do about it, in words of configurations rather than of Rust.
fn words(error: &Error) -> (String, String) {
    let message = error.message();
    let wrong = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let expected = wrong.and_then(|wrong| wrong.split_once(", expected "));
    if let Some((kind, cure)) = expected.and_then(|(_, expected)| kind(expected)) {
        return (format!("is not {kind}"), cure);
    }
    let variant = message.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected "));
    if let Some((_, known)) = variant {
        let known = known.trim_start_matches("one of ").replace('`', "\"");
        return ("is none of those that there are".to_owned(), format!("write {known}"));
    }
    (message.to_owned(), cure(message).to_owned())
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

/// What to do about a fault that the reader of TOML found.
fn cure(message: &str) -> &'static str {
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
