//! Figures for Prometheus, all from one list.
//!
//! ```text
//! Instruments (handles) --- a scrape ---> Readings (one moment) --- each metric of the LIST ---> text
//!                                                                            `---> docs/METRICS.md, held by a test
//! ```
//!
//! A metric is a line of the list: its name, kind, labels, what it says, and how it is read. Nothing is counted here:
//! who does the work counts it, and a scrape reads.

mod back_ends;
#[cfg(test)]
mod document;
mod figures;
mod instruments;
mod list;
mod process;
mod queues;
mod text;

pub use instruments::Instruments;

/// What a scrape gets: the text format of Prometheus, version 0.0.4.
#[must_use]
pub fn scrape(instruments: &Instruments) -> String {
    text::write(list::LIST, &instruments.read())
}

/// How the text is called (`Content-Type`).
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
