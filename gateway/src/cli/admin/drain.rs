//! `webtrunk drain`: has a gateway stop when its calls have ended.

use std::io::Write;

use super::Asked;
use crate::admin::DrainReport;
use crate::cli::Failure;

/// Asks for it, and tells how far it is.
pub(in crate::cli) fn drain(asked: &Asked, out: impl Write) -> Result<(), Failure> {
    let report: DrainReport = asked.client()?.have("POST", "/drain")?;
    asked.tell(&report, out, |DrainReport { calls, ends_in_s }, out| match calls {
        0 => writeln!(out, "the gateway has no calls, and ends"),
        _ => writeln!(
            out,
            "the gateway takes no new calls, and ends when the {calls} that it has are over, in {ends_in_s} s at the latest"
        ),
    })
}
