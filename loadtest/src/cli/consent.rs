//! No load on somebody else's machine by a slip of the fingers.

use clap::Args;
use webtrunk_loadtest::scenario::is_stranger;

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct ConsentOptions {
    /// The target is neither on this machine nor in a private network, and is mine to put a load on.
    #[arg(long)]
    i_own_this_target: bool,
}

impl ConsentOptions {
    /// Refuses targets, each `address:port` or a URL, that are neither loopback nor private, unless they are one's own.
    pub(super) fn ask<'t>(self, targets: impl IntoIterator<Item = &'t str>) -> Result<(), String> {
        let strangers: Vec<_> = targets.into_iter().filter(|target| is_stranger(target)).collect();
        if self.i_own_this_target || strangers.is_empty() {
            return Ok(());
        }
        let names = strangers.join(", ");
        Err(format!(
            "{names} is neither this machine nor in a private network; if it is yours, say --i-own-this-target"
        ))
    }
}
