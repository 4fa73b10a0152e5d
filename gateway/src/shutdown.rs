//! When the process is asked to stop.
//!
//! Signals are heard by a thread of their own: whatever else hangs, who asks again and again gets it.

use std::io;
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::supervision::EXIT_UNSOUND;

/// Requests to stop. What the first means and what the next, is for who hears them.
#[derive(Debug, Clone)]
pub struct Shutdown {
    asked: watch::Receiver<u32>,
    heard: u32,
    is_ending: watch::Sender<bool>,
}

/// Asks for the stop.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<u32>);

impl Shutdown {
    /// A stop that is asked for by the trigger.
    #[must_use]
    pub fn channel() -> (ShutdownTrigger, Self) {
        let (sender, asked) = watch::channel(0);
        (ShutdownTrigger(sender), Self { asked, heard: 0, is_ending: watch::Sender::default() })
    }

    /// A stop that SIGTERM and SIGINT ask for.
    ///
    /// # Errors
    /// When the system does not let us handle signals, or there is no thread for it.
    pub fn on_signals() -> io::Result<Self> {
        let (trigger, shutdown) = Self::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _inside = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
        };
        let follower = Follower { signals, trigger, asked: 0, is_ending: shutdown.is_ending.subscribe() };
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(follower.follow()))?;
        Ok(shutdown)
    }

    /// Returns for each time that it was asked for.
    pub async fn requested(&mut self) {
        // An error means that nobody can ask any more; the process is going down by another way.
        let _ = self.asked.wait_for(|asked| *asked > self.heard).await;
        self.heard += 1;
    }

    /// The process ends, as fast as its peers let it: a further signal does not wait for them, and nor is waited for whatever
    /// hangs.
    pub fn set_ending(&self) {
        self.is_ending.send_replace(true);
    }
}

impl ShutdownTrigger {
    /// Asks for the stop.
    pub fn stop(&self) {
        self.0.send_modify(|asked| *asked += 1);
    }
}

/// What a shell adds to a signal for the code of a process that it ended: 143 for SIGTERM, 130 for SIGINT.
const EXIT_BY_SIGNAL: i32 = 128;

/// Who asks so often waits for nobody: the first lets calls end, the second hangs them up.
const AT_ONCE: u32 = 3;

/// How long the orderly end may take. Chosen by us: longer than calls, their peers, the store, recordings and servers are
/// given together.
const LAST_RESORT: Duration = Duration::from_secs(30);

/// Hears the signals.
struct Follower {
    signals: (Signal, Signal),
    trigger: ShutdownTrigger,
    asked: u32,
    is_ending: watch::Receiver<bool>,
}

impl Follower {
    async fn follow(mut self) {
        loop {
            let signal = tokio::select! {
                _ = self.signals.0.recv() => SignalKind::terminate(),
                _ = self.signals.1.recv() => SignalKind::interrupt(),
                () = overdue(self.is_ending.clone()) => {
                    error!(seconds = LAST_RESORT.as_secs(), "the process does not end in order, and ends as it is");
                    std::process::exit(EXIT_UNSOUND.into());
                }
            };
            self.asked += 1;
            let name = if signal == SignalKind::interrupt() { "SIGINT" } else { "SIGTERM" };
            if *self.is_ending.borrow() || self.asked >= AT_ONCE {
                warn!(signal = name, "stopping at once");
                std::process::exit(EXIT_BY_SIGNAL + signal.as_raw_value());
            }
            info!(signal = name, "asked to stop");
            self.trigger.stop();
        }
    }
}

/// Returns when the orderly end takes too long.
async fn overdue(mut is_ending: watch::Receiver<bool>) {
    if is_ending.wait_for(|is_ending| *is_ending).await.is_err() {
        // Who serves is gone without having ended in order.
        return std::future::pending().await;
    }
    tokio::time::sleep(LAST_RESORT).await;
}

#[cfg(test)]
mod tests {
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
