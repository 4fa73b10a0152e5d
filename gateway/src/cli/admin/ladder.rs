//! `webtrunk ladder`, `webtrunk pcap` and `webtrunk capture`: the messages of a call of late, and its packets.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::calls::escaped;
use super::{Asked, table};
use crate::admin::{Capturing, Client, TraceList, TraceSummary};
use crate::cli::Failure;

/// A call, and how it is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct LadderArguments {
    #[command(flatten)]
    asked: Asked,
    /// `last`, a call's name (call-7), a Call-ID, or the begin of one; without it all of late are listed.
    call: Option<String>,
    /// Write a picture to this new file, `-` for standard output; the pointer over an arrow shows the message.
    #[arg(long, value_name = "FILE", requires = "call", conflicts_with = "json")]
    svg: Option<PathBuf>,
}

/// A call, and where its packets go.
#[derive(Debug, Args)]
pub(in crate::cli) struct PcapArguments {
    /// The configuration with which the gateway was started; it has an `[admin]` section.
    config: PathBuf,
    /// `last`, a call's name (call-7), a Call-ID, or the begin of one.
    call: String,
    /// The new file to write, for Wireshark and its like; `-` for standard output.
    file: PathBuf,
}

/// A call whose media is captured.
#[derive(Debug, Args)]
pub(in crate::cli) struct CaptureArguments {
    #[command(flatten)]
    asked: Asked,
    /// The call's name (call-7).
    call: String,
    /// For how long, at most 600.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Capture what is said too, and not just the headers of packets.
    #[arg(long)]
    media: bool,
}

/// A line where standard output is no terminal.
const WIDTH: u16 = 100;

impl LadderArguments {
    /// Shows a call, or lists those of late.
    pub(in crate::cli) fn execute(&self, mut out: impl Write) -> Result<(), Failure> {
        let Some(call) = &self.call else {
            return self.asked.print("/traces", out, |list: &TraceList, out| print_list(list, out));
        };
        let path = |query: &str| format!("/calls/{}/ladder?{query}", escaped(call));
        let client = self.asked.client()?;
        if let Some(file) = &self.svg {
            return write(file, &client.get(&path("format=svg"))?, out);
        }
        if self.asked.json {
            out.write_all(&client.get(&path("format=json"))?)?;
            return Ok(writeln!(out)?);
        }
        Ok(out.write_all(&client.get(&path(&format!("width={}", width())))?)?)
    }
}

impl PcapArguments {
    /// Writes a call's packets.
    pub(in crate::cli) fn execute(&self, out: impl Write) -> Result<(), Failure> {
        let path = format!("/calls/{}/pcap", escaped(&self.call));
        write(&self.file, &Client::new(&self.config)?.get(&path)?, out)
    }
}

impl CaptureArguments {
    /// Has a call's media captured.
    pub(in crate::cli) fn execute(&self, mut out: impl Write) -> Result<(), Failure> {
        let path =
            format!("/calls/{}/capture?seconds={}&media={}", escaped(&self.call), self.seconds, self.media);
        let Capturing { call, seconds, media } = self.asked.client()?.have("POST", &path)?;
        let what = if media { "packets are" } else { "headers of packets are" };
        Ok(writeln!(out, "{call}: {what} captured for {seconds} s, or until webtrunk pcap fetches them")?)
    }
}

/// Writes a file that was not there, for its owner alone: it tells who called whom, and may have what was said.
fn write(file: &Path, octets: &[u8], mut out: impl Write) -> Result<(), Failure> {
    if file == Path::new("-") {
        return Ok(out.write_all(octets)?);
    }
    let opened = OpenOptions::new().create_new(true).write(true).mode(0o600).open(file);
    let written = opened.and_then(|mut opened| opened.write_all(octets));
    Ok(written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("{} is there already: name another file, or take it away", file.display())
        }
        _ => format!("cannot write {}: {error}", file.display()),
    })?)
}

fn width() -> u16 {
    let size = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    size.map_or(WIDTH, |(terminal_size::Width(width), _)| width)
}

fn print_list(list: &TraceList, out: &mut dyn Write) -> io::Result<()> {
    if list.traces.is_empty() {
        return writeln!(out, "no messages");
    }
    let row = |trace: &TraceSummary| {
        let name = trace.call.clone().unwrap_or_else(|| "-".to_owned());
        let began = trace.began_at.clone().unwrap_or_default();
        let state = match (&trace.call, trace.is_over) {
            (None, _) => "",
            (Some(_), true) => "over",
            (Some(_), false) => "goes on",
        };
        let call_id = trace.call_ids.first().cloned().unwrap_or_default();
        [name, began, state.to_owned(), trace.messages.to_string(), trace.first.clone(), call_id]
    };
    let rows: Vec<_> = list.traces.iter().map(row).collect();
    table::write(out, ["CALL", "BEGAN", "STATE", "MESSAGES", "FIRST", "CALL-ID"], &rows)
}
