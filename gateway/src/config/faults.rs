//! Collects what is wrong while a configuration is checked, so that all of it is told at once.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;

use super::document::Document;
use super::error::Fault;

/// The faults found so far in one document.
pub(super) struct Faults<'d> {
    document: &'d Document,
    list: Vec<Fault>,
    is_partial: bool,
}

impl<'d> Faults<'d> {
    pub(super) fn new(document: &'d Document) -> Self {
        Self { document, list: Vec::new(), is_partial: false }
    }

    pub(super) fn document(&self) -> &'d Document {
        self.document
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

    /// Notes a fault of the structure at `span`; what has it is not looked at further.
    pub(super) fn add_structural(&mut self, span: Range<usize>, problem: String, cure: String) {
        self.is_partial = true;
        self.add(span, problem, cure);
    }

    /// Notes what may be missing only because something faulty was not looked at: then it is not told.
    pub(super) fn add_missing(&mut self, span: Range<usize>, problem: impl Display, cure: impl Display) {
        if !self.is_partial {
            self.add(span, problem, cure);
        }
    }

    /// Notes that the text is no TOML at `span`.
    pub(super) fn add_syntax(&mut self, span: Option<Range<usize>>, problem: &str, cure: &str) {
        self.list.push(self.document.syntax_fault(span, problem.to_owned(), cure.to_owned()));
    }

    /// Whether something faulty was not looked at.
    pub(super) const fn is_partial(&self) -> bool {
        self.is_partial
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

    pub(super) fn into_list(self) -> Vec<Fault> {
        self.list
    }
}
