//! The structure of a file: which keys there are, and what kind of value each has.
//!
//! The reader of TOML stops at the first fault. So what it stops at is noted and taken out of the parsed
//! text, and it begins again, until all that is left can be read.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer, Error};

use super::document::holds;
use super::faults::{Faults, section_of};
use super::structure_words::{Words, cure, known_words, words};

/// Faults that are told of one file. Chosen by us: who has more begins with these.
const FAULTS_MAX: usize = 50;

/// What stands in place of a value whose kind is wrong, to learn which words could stand there.
const PROBE: &str = "?";

/// A key that a table lacks because it was taken out, or is meant by one that was.
struct Lost {
    table: Range<usize>,
    key: Option<String>,
}

/// Reads the text as a `T`, less whatever is faulty; `None` where nothing can be made of it.
pub(super) fn read<T: DeserializeOwned>(faults: &mut Faults<'_>) -> Option<T> {
    let mut root = parse(faults)?;
    // What else is wrong with tables that lack something as a whole follows from that.
    let mut lost: Vec<Lost> = Vec::new();
    for _ in 0..FAULTS_MAX {
        let error = match T::deserialize(Deserializer::from(root.clone())) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let Some(span) = error.span() else {
            faults.add_to_file(error.message(), cure(error.message()));
            return None;
        };
        let mut meant = None;
        if !follows(&lost, &error, &span) {
            let Words { problem, cure, meant: key } = explain::<T>(&root, &error, &span, faults);
            let is_unknown = root.get_ref().iter().any(|(own, _)| own.span() == span);
            let section = if is_unknown {
                key.clone()
            } else {
                Some(section_of(&faults.key_at(span.clone())).to_owned())
            };
            faults.add_structural(span.clone(), problem, cure, section);
            meant = key;
        }
        let around = root.span();
        let taken = take_out(root.get_mut(), &around, &span)?;
        lost.push(Lost { table: taken.table.clone(), key: meant });
        lost.push(taken);
    }
    None
}

/// The text as TOML; keys that stand there twice are told, and the first is looked at.
fn parse<'d>(faults: &mut Faults<'d>) -> Option<Spanned<DeTable<'d>>> {
    let (root, errors) = DeTable::parse_recoverable(faults.document().text());
    let (twice, others): (Vec<_>, Vec<_>) =
        errors.into_iter().partition(|error| error.message() == "duplicate key");
    // What follows the first of the others may follow from it.
    let first = others.into_iter().next();
    let is_readable = first.is_none();
    for error in twice.into_iter().take(FAULTS_MAX).chain(first) {
        faults.add_syntax(error.span(), error.message(), cure(error.message()));
    }
    is_readable.then_some(root)
}

/// Whether a fault is there only because something was taken out.
fn follows(lost: &[Lost], error: &Error, span: &Range<usize>) -> bool {
    let missing = error.message().strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    lost.iter()
        .any(|lost| lost.table == *span && missing.is_none_or(|missing| lost.key.as_deref() == Some(missing)))
}

/// What is wrong and what to do about it. Where a word of several is wanted and something else stands, the reader
/// does not say which words: they are learned by having a wrong one read.
fn explain<T: DeserializeOwned>(
    root: &Spanned<DeTable<'_>>,
    error: &Error,
    span: &Range<usize>,
    faults: &Faults<'_>,
) -> Words {
    let value = value_at(root.get_ref(), span);
    let is_of_value = ["wanted ", "invalid type: ", "unknown variant "]
        .iter()
        .any(|start| error.message().starts_with(start));
    let mut probed = root.clone();
    let known = value.filter(|_| is_of_value && replace(probed.get_mut(), span)).and_then(|_| {
        let error = T::deserialize(Deserializer::from(probed)).err()?;
        known_words(error.message()).filter(|_| error.span().as_ref() == Some(span))
    });
    words(error.message(), value, known.as_deref(), &faults.key_at(span.clone()))
}

/// The value that stands at `span`.
fn value_at<'v, 'd>(table: &'v DeTable<'d>, span: &Range<usize>) -> Option<&'v DeValue<'d>> {
    let below = |value: &'v Spanned<DeValue<'d>>| below(value, span);
    table.iter().find_map(|(_, value)| below(value))
}

fn below<'v, 'd>(value: &'v Spanned<DeValue<'d>>, span: &Range<usize>) -> Option<&'v DeValue<'d>> {
    if value.span() == *span {
        return Some(value.get_ref());
    }
    match value.get_ref() {
        DeValue::Table(table) => value_at(table, span),
        DeValue::Array(array) => array.iter().find_map(|item| below(item, span)),
        _ => None,
    }
}

/// Puts the probe where the value at `span` stands; whether there is one.
fn replace(table: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    table.iter_mut().any(|(_, value)| replace_below(value, span))
}

fn replace_below(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>) -> bool {
    if value.span() == *span {
        *value.get_mut() = DeValue::String(PROBE.into());
        return true;
    }
    match value.get_mut() {
        DeValue::Table(table) => replace(table, span),
        DeValue::Array(array) => array.iter_mut().any(|item| replace_below(item, span)),
        _ => false,
    }
}

/// Takes the innermost entry, or element of a list, out that holds `span`; gives the table that it was in.
fn take_out(table: &mut DeTable<'_>, around: &Range<usize>, span: &Range<usize>) -> Option<Lost> {
    let of_key = table.iter().find(|(key, _)| key.span() == *span).map(|(key, _)| key.clone());
    let mut culprit = of_key;
    for (key, value) in table.iter_mut() {
        if culprit.is_some() {
            break;
        }
        if let Some(lost) = take_out_of(value, around, span) {
            return Some(lost);
        }
        if holds(&key.span(), span) || holds(&value.span(), span) {
            culprit = Some(key.clone());
        }
    }
    let culprit = culprit?;
    table.remove(&culprit);
    Some(Lost { table: around.clone(), key: Some(culprit.get_ref().to_string()) })
}

fn take_out_of(value: &mut Spanned<DeValue<'_>>, around: &Range<usize>, span: &Range<usize>) -> Option<Lost> {
    let own = value.span();
    match value.get_mut() {
        DeValue::Table(table) => take_out(table, &own, span),
        DeValue::Array(array) => {
            for item in array.iter_mut() {
                if let Some(lost) = take_out_of(item, &own, span) {
                    return Some(lost);
                }
            }
            let is_culprit = |item: &Spanned<DeValue<'_>>| holds(&item.span(), span);
            if !array.iter().any(is_culprit) {
                return None;
            }
            let mut kept = DeArray::new();
            array.iter().filter(|item| !is_culprit(item)).for_each(|item| kept.push(item.clone()));
            *array = kept;
            Some(Lost { table: around.clone(), key: None })
        }
        _ => None,
    }
}
