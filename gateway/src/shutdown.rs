//! When the process is asked to stop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

/// Requests to stop. What the first means and what the next, is for who hears them.
#[derive(Debug, Clone)]
pub struct Shutdown {
    asked: watch::Receiver<u32>,
    heard: u32,
    is_ending: Arc<AtomicBool>,
}

/// Asks for the stop.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<u32>);

impl Shutdown {
    /// A stop that is asked for by the trigger.
    #[must_use]
    pub fn channel() -> (ShutdownTrigger, Self) {
        let (sender, asked) = watch::channel(0);
        (ShutdownTrigger(sender), Self { asked, heard: 0, is_ending: Arc::default() })
    }

    /// A stop that SIGTERM and SIGINT ask for.
    ///
    /// # Errors
    /// When the system does not let us handle signals.
    pub fn on_signals() -> io::Result<Self> {
        let (trigger, shutdown) = Self::channel();
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        tokio::spawn(follow(terminate, interrupt, trigger, Arc::clone(&shutdown.is_ending)));
        Ok(shutdown)
    }

    /// Returns for each time that it was asked for.
    pub async fn requested(&mut self) {
        // An error means that nobody can ask any more; the process is going down by another way.
        let _ = self.asked.wait_for(|asked| *asked > self.heard).await;
        self.heard += 1;
    }

    /// The process ends, as fast as its peers let it: a further signal does not wait for them.
    pub fn set_ending(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }
}

impl ShutdownTrigger {
    /// Asks for the stop.
    pub fn stop(&self) {
        self.0.send_modify(|asked| *asked += 1);
    }
}

/// The code that a shell gives to a process that SIGINT ended.
const EXIT_INTERRUPTED: i32 = 130;

async fn follow(
    mut terminate: Signal,
    mut interrupt: Signal,
    trigger: ShutdownTrigger,
    is_ending: Arc<AtomicBool>,
) {
    loop {
        let signal = either(&mut terminate, &mut interrupt).await;
        if is_ending.load(Ordering::Relaxed) {
            warn!(signal, "stopping at once");
            std::process::exit(EXIT_INTERRUPTED);
        }
        info!(signal, "asked to stop");
        trigger.stop();
    }
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

    const DEADLINE: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn everyone_who_waits_is_told_and_so_is_who_comes_late() {
        let (trigger, shutdown) = Shutdown::channel();
        let mut waiting = shutdown.clone();
        let waiter = tokio::spawn(async move { waiting.requested().await });
        assert!(!waiter.is_finished());
        trigger.stop();
        tokio::time::timeout(DEADLINE, waiter).await.expect("in time").expect("no panic");
        tokio::time::timeout(DEADLINE, shutdown.clone().requested()).await.expect("in time");
    }

    #[tokio::test]
    async fn each_request_is_heard_however_fast_they_come() {
        let (trigger, mut shutdown) = Shutdown::channel();
        trigger.stop();
        trigger.stop();
        for _ in 0..2 {
            tokio::time::timeout(DEADLINE, shutdown.requested()).await.expect("in time");
        }
        let third = tokio::time::timeout(Duration::from_millis(50), shutdown.requested()).await;
        assert!(third.is_err(), "there were two");
    }
}
