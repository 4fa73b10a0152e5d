//! Ctrl-C and SIGTERM: the first ends all calls and has the report written, the second ends the process.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::view;

/// The exit status of a process that the second ended.
const BY_SIGNAL: i32 = 130;

/// Calls `stop` at the first of these signals; the second ends the process.
///
/// # Errors
/// The system does not let them be waited for.
pub(super) fn stop_by_hand(stop: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut signals = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        next(&mut signals).await;
        view::say("ending all calls; once more to leave them as they are");
        stop();
        next(&mut signals).await;
        view::leave();
        std::process::exit(BY_SIGNAL);
    });
    Ok(())
}

async fn next((interrupt, terminate): &mut (Signal, Signal)) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
