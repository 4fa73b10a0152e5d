//! When the process is asked to stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

/// A request to stop, which many parts may wait for.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// Asks for the stop.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

impl Shutdown {
    /// A stop that is asked for by the trigger.
    #[must_use]
    pub fn channel() -> (ShutdownTrigger, Self) {
        let (sender, receiver) = watch::channel(false);
        (ShutdownTrigger(sender), Self(receiver))
    }

    /// A stop that SIGTERM and SIGINT ask for. A second signal does not wait for the calls to end:
    /// it ends the process at once.
    ///
    /// # Errors
    /// When the system does not let us handle signals.
    pub fn on_signals() -> io::Result<Self> {
        let (trigger, shutdown) = Self::channel();
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        tokio::spawn(follow(terminate, interrupt, trigger));
        Ok(shutdown)
    }

    /// Returns when the stop was asked for.
    pub async fn requested(&mut self) {
        // An error means that nobody can ask any more; the process is going down by another way.
        let _ = self.0.wait_for(|is_requested| *is_requested).await;
    }
}

impl ShutdownTrigger {
    /// Asks for the stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// The code that a shell gives to a process that SIGINT ended.
const EXIT_INTERRUPTED: i32 = 130;

async fn follow(mut terminate: Signal, mut interrupt: Signal, trigger: ShutdownTrigger) {
    let first = either(&mut terminate, &mut interrupt).await;
    info!(signal = first, "stopping");
    trigger.stop();
    let second = either(&mut terminate, &mut interrupt).await;
    warn!(signal = second, "stopping at once");
    std::process::exit(EXIT_INTERRUPTED);
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn everyone_who_waits_is_told_and_so_is_who_comes_late() {
        let (trigger, shutdown) = Shutdown::channel();
        let mut waiting = shutdown.clone();
        let waiter = tokio::spawn(async move { waiting.requested().await });
        assert!(!waiter.is_finished());
        trigger.stop();
        let deadline = Duration::from_secs(5);
        tokio::time::timeout(deadline, waiter).await.expect("in time").expect("no panic");
        tokio::time::timeout(deadline, shutdown.clone().requested()).await.expect("in time");
    }
}
