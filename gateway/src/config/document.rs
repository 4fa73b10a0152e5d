//! A configuration file's text, and where in it a span of bytes lies.
//!
//! A text of a hundred thousand lines is read in a moment: it is looked through for its lines once, and for its keys when the
//! first fault is told, once for all of them.

use std::cell::OnceCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::error::Fault;
use super::places::Places;

/// Longest value shown in an error, in characters. Chosen by us: it fits on the line.
const SHOWN_MAX: usize = 60;

/// What the reader of TOML calls a key that stands there twice.
const DUPLICATE: &str = "duplicate key";

/// Lists of tables, which are written in double brackets.
const LISTS: [&str; 10] = [
    "customers",
    "groups",
    "users",
    "trunks",
    "rules",
    "sip.listeners",
    "sip_ws.listeners",
    "token_keys",
    "api_keys",
    "webhooks",
];

/// A line that begins a table: `[path]`, or `[[path]]` for an element of an array.
#[derive(PartialEq, Eq)]
struct Header {
    path: String,
    is_element: bool,
}

fn header(line: &str) -> Option<Header> {
    let (inside, _) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    let path = inside.trim_start_matches('[').trim().to_owned();
    Some(Header { path, is_element: inside.starts_with('[') })
}

/// The text of one configuration file.
#[derive(Debug, Clone)]
pub(super) struct Document {
    file: PathBuf,
    text: String,
    /// Where lines end, in bytes.
    ends: Vec<usize>,
    /// What stands where; nobody asks of a sound file.
    places: OnceCell<Places>,
}

impl Document {
    pub(super) fn new(file: &Path, text: String) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
        Self { file: file.to_owned(), text, ends, places: OnceCell::new() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// A path that the file names, which is relative to the file's own folder.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// A fault at `span`; without one, of the file as a whole.
    pub(super) fn fault(&self, span: Option<Range<usize>>, problem: String, cure: String) -> Fault {
        let mut fault =
            Fault { file: self.file.clone(), line: 0, key: String::new(), value: None, problem, cure };
        let Some(span) = span else { return fault };
        fault.line = self.line_of(span.start);
        if let Some(place) = self.places.get_or_init(|| Places::of(&self.text)).at(&span) {
            let scalar = place.scalar.clone().filter(|_| !place.is_secret);
            fault.value = scalar.and_then(|scalar| self.text.get(scalar)).map(shortened);
            fault.key.clone_from(&place.path);
        }
        fault
    }

    /// A fault of the text as TOML: where that is broken, the line alone can be trusted.
    pub(super) fn syntax_fault(&self, span: Option<Range<usize>>, problem: String, cure: String) -> Fault {
        let mut fault = self.fault(None, problem, cure);
        if let Some(span) = span {
            fault.line = self.line_of(span.start);
            if fault.problem == DUPLICATE {
                let key = self.text.get(span.clone()).map(shortened).unwrap_or_default();
                fault.key = match self.header_at(span.start) {
                    Some(header) if LISTS.contains(&header.path.as_str()) => {
                        fault.cure = format!("write [[{}]], each time", header.path);
                        header.path
                    }
                    Some(header) => header.path,
                    None => self.table_before(span.start) + &key,
                };
            }
        }
        fault
    }

    /// The line at `offset`, where it begins a table.
    fn header_at(&self, offset: usize) -> Option<Header> {
        header(self.text.get(..offset)?.rsplit('\n').next().map(|start| &self.text[offset - start.len()..])?)
    }

    /// The table that a line at `offset` belongs to, with a dot behind it: what the last header says.
    fn table_before(&self, offset: usize) -> String {
        let before: Vec<_> = self.text.get(..offset).unwrap_or_default().lines().map(header).collect();
        let Some(own) = before.iter().rev().find_map(|header| header.as_ref()) else { return String::new() };
        let earlier = before.iter().flatten().filter(|header| *header == own).count() - 1;
        if own.is_element { format!("{}[{earlier}].", own.path) } else { format!("{}.", own.path) }
    }

    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.ends.partition_point(|end| *end < offset) + 1
    }

    /// Whether it was looked through for its keys.
    #[cfg(test)]
    pub(super) fn is_looked_through(&self) -> bool {
        self.places.get().is_some()
    }
}

pub(super) fn holds(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn shortened(value: &str) -> String {
    let value = value.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'");
    if value.chars().count() <= SHOWN_MAX {
        return value;
    }
    let start: String = value.chars().take(SHOWN_MAX).collect();
    format!("{start}...")
}
