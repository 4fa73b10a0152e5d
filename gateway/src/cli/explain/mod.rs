//! `webtrunk explain`: what becomes of a call, why, and what both ends would be told, without placing it.
//!
//! ```text
//! arguments --> asked: an INVITE past the door --> rules --> plan --> rehearsal of the real call --> report --> text, JSON
//! ```
//!
//! Nothing here decides anything: door, rules, call and descriptions are those of calls that are placed.

mod asked;
mod offers;
mod page;
mod print;
mod reasons;
mod report;
mod terms;
#[cfg(test)]
mod tests;
mod world;

use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use webtrunk_signalling::adapter::Header;
use webtrunk_signalling::sip::message::HeaderName;

use super::Failure;
use crate::addresses;
use crate::config::Config;
use crate::demo::{Demo, DemoAddresses};
use report::Report;

/// The call to explain.
#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The configuration; without it the demo's.
    config: Option<PathBuf>,
    /// Who calls: a user, or the number that a trunk's caller shows.
    #[arg(long, value_name = "WHO")]
    from: String,
    /// What is dialled.
    #[arg(long, value_name = "NUMBER")]
    to: String,
    /// The caller's offer (SDP); without it that of a browser where a user calls, else of a phone with G.711.
    #[arg(long, value_name = "FILE")]
    sdp: Option<PathBuf>,
    /// The trunk that the call comes from.
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
    /// The user by whose password the call proves itself; by default --from, where that is a user.
    #[arg(long, value_name = "NAME", conflicts_with = "trunk")]
    user: Option<String>,
    /// The call proves nothing: it has no password.
    #[arg(long, conflicts_with_all = ["user", "trunk"])]
    unauthenticated: bool,
    /// The listener that it comes to, by its name or transport.
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// Where its signalling comes from; without it no rule with from_networks is for the call.
    #[arg(long, value_name = "ADDRESS")]
    source: Option<IpAddr>,
    /// When it comes, such as 2026-11-28T09:00:00+01:00; without it now.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// A header that it has; may be given several times.
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<Header>,
    /// What users are taken to be registered with; by default a browser, where one can connect.
    #[arg(long, value_name = "KIND")]
    contact: Option<Contact>,
    /// A user or trunk that fails when it is called, to see who is next; may be given several times.
    #[arg(long, value_name = "NAME")]
    failing: Vec<String>,
    /// One object of JSON in place of text.
    #[arg(long)]
    json: bool,
}

/// What a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Contact {
    Browser,
    Phone,
}

/// Writes what becomes of the call to `out`.
pub(super) fn explain(arguments: &ExplainArguments, mut out: impl Write) -> Result<(), Failure> {
    let (config, file) = match &arguments.config {
        Some(path) => {
            let mut config = Config::load(path)?;
            config.media.take_machine(addresses::reachable());
            (config, path.display().to_string())
        }
        None => (Demo::new(DemoAddresses::default(), addresses::reachable()).0, "the demo".to_owned()),
    };
    let at = arguments.at.map_or_else(|| Ok(SystemTime::now()), SystemTime::try_from)?;
    let report = Report::new(arguments, &config, &file, at, Instant::now())?;
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        write!(out, "{}", print::text(&report))?;
    }
    Ok(())
}

/// What other arguments say, or what proves who calls.
const IS_SAID: [HeaderName; 9] = [
    HeaderName::Via,
    HeaderName::MaxForwards,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
    HeaderName::Contact,
    HeaderName::Authorization,
    HeaderName::ProxyAuthorization,
];

fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once(':').ok_or("write 'Name: value'")?;
    let (name, value) = (name.trim(), value.trim());
    if !HeaderName::is_name(name) || value.chars().any(char::is_control) {
        return Err("is no header; write 'Name: value', in one line".to_owned());
    }
    if IS_SAID.contains(&HeaderName::from(name)) {
        return Err(format!("{name} follows from --from, --to and --source; take it out"));
    }
    Ok(Header { name: name.to_owned(), value: value.to_owned() })
}
