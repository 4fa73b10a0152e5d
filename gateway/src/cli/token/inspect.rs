//! `webtrunk token inspect`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use webtrunk_signalling::auth::token::{Claims, Format, Keyring, Look, Refusal};
use webtrunk_signalling::auth::validity::UnixTime;

use super::{FORGEABLE, moment, warn};
use crate::cli::Failure;
use crate::config::load_token_keys;

/// The token to look at.
#[derive(Debug, Args)]
pub(in crate::cli) struct InspectArguments {
    /// The token; without it, standard input.
    token: Option<String>,
    /// The file of keys (`[[token_keys]]`), TOML.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// The time for which it is looked at, such as 2026-11-28T09:00:00+01:00; without it now.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// One object of JSON in place of text.
    #[arg(long)]
    json: bool,
}

/// The token is good for nothing.
#[derive(Debug, thiserror::Error)]
#[error("the token is refused: {0}")]
struct Refused(Refusal);

/// What is told of a token.
#[derive(Debug, Serialize)]
struct Report {
    format: &'static str,
    /// The key that opens it; without keys, the one that it names.
    key: Option<String>,
    /// `None` where no keys were given.
    is_valid: Option<bool>,
    refusal: Option<Told>,
    /// Without secrets; `None` where it was not opened.
    claims: Option<Claims>,
}

#[derive(Debug, Serialize)]
struct Told {
    word: &'static str,
    text: String,
}

/// Writes what a token is to `out`.
pub(super) fn inspect(arguments: &InspectArguments, mut out: impl Write) -> Result<(), Failure> {
    let token = match &arguments.token {
        Some(token) => token.clone(),
        None => io::read_to_string(io::stdin())?,
    };
    let token = token.trim();
    let now = moment(arguments.at)?;
    let look = Look::at(token).map_err(Refused)?;
    let (report, refusal) = match &arguments.keys {
        None => (Report::of(&look), None),
        Some(file) => {
            let keys = load_token_keys(file)?;
            if look.format == Format::Legacy && keys.takes_forgeable() {
                warn(FORGEABLE)?;
            }
            opened(&keys, &look, token, now)
        }
    };
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        write!(out, "{}", report.text(now)?)?;
    }
    refusal.map_or(Ok(()), |refusal| Err(Refused(refusal).into()))
}

fn opened(keys: &Keyring, look: &Look, token: &str, now: UnixTime) -> (Report, Option<Refusal>) {
    let mut report = Report::of(look);
    let refusal = match keys.unseal(token, now) {
        Err(refusal) => Some(refusal),
        Ok(unsealed) => {
            report.key = Some(unsealed.key.id.clone());
            report.claims = Some(unsealed.claims.blanked());
            unsealed.judge(now).err()
        }
    };
    report.is_valid = Some(refusal.is_none());
    let told = |refusal: &Refusal| Told { word: refusal.word(), text: refusal.to_string() };
    report.refusal = refusal.as_ref().map(told);
    (report, refusal)
}

impl Report {
    fn of(look: &Look) -> Self {
        let (format, key) = (look.format.name(), look.names.clone());
        Self { format, key, is_valid: None, refusal: None, claims: None }
    }

    fn text(&self, now: UnixTime) -> Result<String, Failure> {
        let meaning = match self.format {
            "wt1" => "our own, sealed: the page reads nothing of it",
            "jwt" => "JWT, signed: the page reads all of it",
            "bridge" => "the web call server's, with a MAC",
            _ => "the web call server's, without a MAC",
        };
        let mut lines = vec![format!("format: {} ({meaning})", self.format)];
        // A name that nobody proved may hold anything.
        lines.extend(self.key.as_ref().map(|key| format!("key: {}", key.escape_debug())));
        lines.push(match (&self.refusal, self.is_valid) {
            (Some(told), _) => format!("valid: no ({}): {}", told.word, told.text),
            (None, Some(_)) => "valid: yes".to_owned(),
            (None, None) => "valid: unknown without --keys".to_owned(),
        });
        if let Some(claims) = &self.claims {
            let end = Timestamp::from_second(i64::try_from(claims.expires.0).unwrap_or(i64::MAX));
            let end = end.map_or_else(|_| "never".to_owned(), |end| end.to_string());
            let left = claims.expires.since(now).as_secs();
            lines.push(format!("expires: {end}, {left} s left"));
            lines.push(format!("claims: {}", serde_json::to_string_pretty(claims)?));
        }
        Ok(lines.join("\n") + "\n")
    }
}
