//! `webtrunk reload`: has a gateway read its configuration again, or tell what would change.

use std::io::Write;

use clap::Args;

use super::Asked;
use crate::admin::{AskError, RefusedReload};
use crate::cli::Failure;
use crate::reload::ReloadReport;

#[derive(Debug, Args)]
pub(in crate::cli) struct ReloadArguments {
    #[command(flatten)]
    asked: Asked,
    /// Only tell what would change: each key with what is in force and what the file says.
    #[arg(long)]
    dry_run: bool,
}

/// The file is faulty; each fault is a line.
#[derive(Debug, thiserror::Error)]
#[error("{message}\n{}", .faults.join("\n"))]
struct Faulty {
    message: String,
    faults: Vec<String>,
}

impl ReloadArguments {
    /// Does what it asks.
    pub(in crate::cli) fn execute(&self, out: impl Write) -> Result<(), Failure> {
        let path = if self.dry_run { "/reload?dry_run" } else { "/reload" };
        let report: ReloadReport = self.asked.client()?.have("POST", path).map_err(explained)?;
        self.asked.tell(&report, out, |report, out| {
            match (self.dry_run, report.changes.is_empty()) {
                (_, true) => writeln!(out, "nothing has changed")?,
                (true, false) => writeln!(out, "would change:")?,
                (false, false) => writeln!(out, "changed:")?,
            }
            report.changes.iter().try_for_each(|change| writeln!(out, "  {change}"))
        })
    }
}

/// A refusal with all that is wrong.
fn explained(error: AskError) -> Failure {
    let AskError::Refused { body, .. } = &error else { return error.into() };
    match serde_json::from_slice::<RefusedReload>(body) {
        Ok(RefusedReload { message, faults, .. }) => Faulty { message, faults }.into(),
        Err(_) => error.into(),
    }
}
