//! `webtrunk cdr`: what the store has of calls, for other programs.

mod csv;

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use webtrunk_signalling::cdr::Stamp;

use super::Failure;
use crate::config::Config;
use crate::store::{CallReader, Period};

#[derive(Debug, Subcommand)]
pub(super) enum CdrCommand {
    /// Write records of calls to standard output, in the order in which they ended; the gateway may be running.
    ///
    /// In CSV (RFC 4180) every cell is quoted, and one that a spreadsheet could take for a formula begins with an apostrophe.
    /// In JSON each record is a line.
    Export(ExportArguments),
}

#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    /// The configuration, which names the store.
    config: PathBuf,
    /// How records are written.
    // Not `format`: that is the log's, which every command has.
    #[arg(long = "format", value_enum, default_value_t = Format::Csv)]
    written_as: Format,
    /// Calls that began at this time or later: `2026-11-28` (UTC) or `2026-11-28T09:00:00+01:00`.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Stamp>,
    /// Calls that began before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Stamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For spreadsheets: the most important of each call.
    Csv,
    /// All that is known, a line each.
    Json,
}

/// There is nothing to read.
#[derive(Debug, thiserror::Error)]
#[error("{}: no store is configured, so no records of calls are kept; add [store] with a path or url, and [cdr]", .0.display())]
struct NoStore(PathBuf);

impl CdrCommand {
    /// Does what it asks.
    pub(super) fn execute(&self, out: impl Write) -> Result<(), Failure> {
        match self {
            Self::Export(arguments) => export(arguments, out),
        }
    }
}

fn export(arguments: &ExportArguments, out: impl Write) -> Result<(), Failure> {
    let config = Config::load(&arguments.config)?;
    let Some(store) = &config.store else { return Err(NoStore(arguments.config.clone()).into()) };
    let period = Period { since: arguments.since, until: arguments.until };
    let mut out = BufWriter::new(out);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reader = runtime.block_on(CallReader::open(&store.place))?;
    // Where there is nothing to read, nothing is written.
    if arguments.written_as == Format::Csv {
        csv::write_head(&mut out)?;
    }
    let read = runtime.block_on(reader.read(period, |record| match arguments.written_as {
        Format::Csv => csv::write_record(&mut out, record),
        Format::Json => {
            serde_json::to_writer(&mut out, record)?;
            out.write_all(b"\n")
        }
    }));
    out.flush()?;
    Ok(read?)
}

/// A date, which begins at midnight UTC, or a time with its offset.
fn moment(text: &str) -> Result<Stamp, String> {
    let date = || text.parse::<Date>().and_then(|date| TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)));
    let at = text.parse::<Timestamp>().or_else(|_| date());
    at.map(|at| Stamp::from_ms(at.as_millisecond())).map_err(|_| {
        "write a date, such as 2026-11-28, or a time, such as 2026-11-28T09:00:00+01:00".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_or_a_time_with_its_offset() {
        let told = |text| moment(text).map(String::from);
        assert_eq!(told("2026-11-28").as_deref(), Ok("2026-11-28T00:00:00.000Z"));
        assert_eq!(told("2026-11-28T09:00:00+01:00").as_deref(), Ok("2026-11-28T08:00:00.000Z"));
        for wrong in ["yesterday", "2026-13-01", "09:00", ""] {
            assert!(told(wrong).is_err(), "{wrong}");
        }
    }
}
