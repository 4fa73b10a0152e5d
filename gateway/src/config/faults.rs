//! Collects what is wrong while a configuration is checked, so that all of it is told at once.

use std::fmt::Display;
use std::mem;
use std::net::IpAddr;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::str::FromStr;

use toml::Spanned;

use super::apart::{self, NamedFiles};
use super::document::Document;
use super::error::Fault;

/// The faults found so far in one document.
pub(super) struct Faults<'d> {
    document: &'d Document,
    list: Vec<Fault>,
    /// What was not looked at, since its structure is faulty.
    wounds: Vec<Wound>,
    /// The store may have more of these than the file.
    open: &'static [&'static str],
    files: NamedFiles,
}

/// Something that was taken out of the file.
struct Wound {
    key: String,
    /// The section that lacks it; `None` where it may be any.
    section: Option<String>,
}

impl<'d> Faults<'d> {
    pub(super) fn new(document: &'d Document) -> Self {
        Self { document, list: Vec::new(), wounds: Vec::new(), open: &[], files: NamedFiles::default() }
    }

    pub(super) fn document(&self) -> &'d Document {
        self.document
    }

    /// The store has what is kept in these sections too: what is not in the file may be there, now or later.
    pub(super) const fn set_open(&mut self, sections: &'static [&'static str]) {
        self.open = sections;
    }

    /// Whether the store may have more of this section.
    pub(super) fn is_open(&self, section: &str) -> bool {
        self.open.contains(&section)
    }

    /// Notes a fault at `span`; an empty one is that of a default, which stands nowhere.
    pub(super) fn add(&mut self, span: Range<usize>, problem: impl Display, cure: impl Display) {
        let span = Some(span).filter(|span| !span.is_empty());
        self.list.push(self.document.fault(span, problem.to_string(), cure.to_string()));
    }

    /// Notes a fault of the file as a whole.
    pub(super) fn add_to_file(&mut self, problem: impl Display, cure: impl Display) {
        self.list.push(self.document.fault(None, problem.to_string(), cure.to_string()));
    }

    /// Notes a fault of the structure at `span`; what has it is not looked at further. `section` lacks it; `None`
    /// where it may be any.
    pub(super) fn add_structural(
        &mut self,
        span: Range<usize>,
        problem: String,
        cure: String,
        section: Option<String>,
    ) {
        let fault = self.document.fault(Some(span), problem, cure);
        self.wounds.push(Wound { key: fault.key.clone(), section });
        self.list.push(fault);
    }

    /// Notes what may be missing at `span` only because something faulty of the same table was not looked at: then
    /// it is not told.
    pub(super) fn add_missing(&mut self, span: Range<usize>, problem: impl Display, cure: impl Display) {
        let fault = self.document.fault(Some(span), problem.to_string(), cure.to_string());
        let around = match (&fault.value, fault.key.rsplit_once('.')) {
            (Some(_), Some((table, _))) => table,
            _ => fault.key.as_str(),
        };
        if !self.wounds.iter().any(|wound| wound.key.starts_with(around)) {
            self.list.push(fault);
        }
    }

    /// The same of a list, whose elements may be what was not looked at.
    pub(super) fn add_missing_below(
        &mut self,
        span: Range<usize>,
        problem: impl Display,
        cure: impl Display,
    ) {
        if !self.is_partial_below(span.clone()) {
            self.add(span, problem, cure);
        }
    }

    /// Whether something faulty of what stands at `span` was not looked at.
    pub(super) fn is_partial_below(&self, span: Range<usize>) -> bool {
        // Nearly always: who looks up the key has the whole text looked through.
        if self.wounds.is_empty() {
            return false;
        }
        let key = self.key_at(span);
        self.wounds.iter().any(|wound| wound.key.starts_with(&key))
    }

    /// The same of what may be missing only because these sections lack something faulty, or because the store has it.
    pub(super) fn add_absent(
        &mut self,
        sections: &[&str],
        span: Range<usize>,
        problem: impl Display,
        cure: impl Display,
    ) {
        if !self.is_partial(sections) && !sections.iter().any(|section| self.is_open(section)) {
            self.add(span, problem, cure);
        }
    }

    /// Whether something faulty of these sections was not looked at.
    pub(super) fn is_partial(&self, sections: &[&str]) -> bool {
        let is_of = |wound: &Wound| wound.section.as_deref().is_none_or(|own| sections.contains(&own));
        self.wounds.iter().any(is_of)
    }

    /// The key that stands at `span`.
    pub(super) fn key_at(&self, span: Range<usize>) -> String {
        self.document.fault(Some(span), String::new(), String::new()).key
    }

    /// How many were noted.
    pub(super) const fn count(&self) -> usize {
        self.list.len()
    }

    /// Notes that the text is no TOML at `span`.
    pub(super) fn add_syntax(&mut self, span: Option<Range<usize>>, problem: &str, cure: &str) {
        let fault = self.document.syntax_fault(span, problem.to_owned(), cure.to_owned());
        let section = Some(section_of(&fault.key).to_owned());
        self.wounds.push(Wound { key: fault.key.clone(), section });
        self.list.push(fault);
    }

    /// The number that is written; one outside of the range becomes a fault. `unit` ends the cure, and begins with a space
    /// where it is one.
    pub(super) fn number<T: Copy + PartialOrd + Display>(
        &mut self,
        written: &Spanned<T>,
        range: RangeInclusive<T>,
        unit: &str,
    ) -> T {
        let number = *written.get_ref();
        if !range.contains(&number) {
            let cure = format!("write {} to {}{unit}", range.start(), range.end());
            self.add(written.span(), "is out of range", cure);
        }
        number
    }

    /// The text as a `T`, or a fault with this cure.
    pub(super) fn parse<T: FromStr<Err: Display>>(
        &mut self,
        text: &Spanned<String>,
        cure: &str,
    ) -> Option<T> {
        text.get_ref().parse().map_err(|error| self.add(text.span(), error, cure)).ok()
    }

    /// Each text as a `T`; those that are none become faults.
    pub(super) fn parse_all<T: FromStr<Err: Display>>(
        &mut self,
        texts: &[Spanned<String>],
        cure: &str,
    ) -> Vec<T> {
        texts.iter().filter_map(|text| self.parse(text, cure)).collect()
    }

    /// An address that somebody can be told to send to: no unspecified one and no group's.
    pub(super) fn parse_reachable(&mut self, text: &Spanned<String>, cure: &str) -> Option<IpAddr> {
        let address: IpAddr = self.parse(text, cure)?;
        if address.is_unspecified() || address.is_multicast() {
            self.add(text.span(), "is the address of no machine", cure);
            return None;
        }
        Some(address)
    }

    /// Each text as such an address, each of them once.
    pub(super) fn parse_all_reachable(&mut self, texts: &[Spanned<String>], cure: &str) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for text in texts {
            let Some(address) = self.parse_reachable(text, cure) else { continue };
            if addresses.contains(&address) {
                self.add(text.span(), "is named twice", "take one out");
            }
            addresses.push(address);
        }
        addresses
    }

    /// A path that the file names at `span`, of a file that is read.
    pub(super) fn read_from(&mut self, span: Range<usize>, path: &str) -> PathBuf {
        let path = self.document.resolve(path);
        self.files.add_read(span, path.clone());
        path
    }

    /// Takes note of a file that is written; it is named at `span`, and nowhere where that is empty.
    pub(super) fn write_to(&mut self, span: Range<usize>, path: PathBuf) {
        self.files.add_written(span, path);
    }

    /// Notes files that are each other's.
    pub(super) fn check_files(&mut self) {
        let files = mem::take(&mut self.files);
        apart::check(files, self.document.file(), self);
    }

    pub(super) fn into_list(self) -> Vec<Fault> {
        self.list
    }
}

/// The section that a key stands in.
pub(super) fn section_of(key: &str) -> &str {
    key.split(['.', '[']).next().unwrap_or_default()
}
