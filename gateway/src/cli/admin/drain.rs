//! `webtrunk drain`: has a gateway stop when its calls have ended, or at once.

use std::io::Write;

use clap::Args;

use super::Asked;
use crate::admin::DrainReport;
use crate::cli::Failure;

#[derive(Debug, Args)]
pub(in crate::cli) struct DrainArguments {
    #[command(flatten)]
    asked: Asked,
    /// Hang all calls up, as a second SIGTERM does.
    #[arg(long)]
    now: bool,
}

impl DrainArguments {
    /// Asks for it, and tells how far it is.
    pub(in crate::cli) fn execute(&self, out: impl Write) -> Result<(), Failure> {
        let path = if self.now { "/drain?now" } else { "/drain" };
        let report: DrainReport = self.asked.client()?.have("POST", path)?;
        self.asked.tell(&report, out, |DrainReport { calls, ends_in_s }, out| match calls {
            0 => writeln!(out, "the gateway has no calls, and ends"),
            _ if self.now => writeln!(out, "the gateway hangs up the {calls} calls that it has, and ends"),
            _ => writeln!(
                out,
                "the gateway takes no new calls, and ends when the {calls} that it has are over, in {ends_in_s} s at the latest"
            ),
        })
    }
}
