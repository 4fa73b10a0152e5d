//! The tasks that run a shard: one a socket, one for time, one for sending.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Instant;

use tokio::task::spawn_local;
use tokio::time::sleep_until;
use tracing::{error, warn};

use super::shard::{Reading, SharedShard};
use super::shard_actor::Pulse;

/// Starts the shard's own tasks on the current thread.
pub(crate) fn start(shard: &SharedShard, pulse: &Pulse) {
    spawn_local(keep_time(Rc::clone(shard), pulse.clone()));
    spawn_local(keep_flushing(Rc::clone(shard), pulse.clone()));
}

/// Starts to read a socket; with a pulse where the shard is deaf without it.
pub(crate) fn read(shard: &SharedShard, reading: Reading, pulse: Option<Pulse>) {
    spawn_local(keep_reading(Rc::clone(shard), reading, pulse));
}

async fn keep_reading(shard: SharedShard, reading: Reading, _pulse: Option<Pulse>) {
    loop {
        let ready = tokio::select! {
            () = reading.closed.notified() => return,
            ready = reading.socket.readable() => ready,
        };
        if let Err(error) = ready {
            warn!(%error, local = %reading.socket.local(), "socket is of no use any more");
            return;
        }
        guarded(|| shard.borrow_mut().handle_readable(reading.id, Instant::now()));
    }
}

async fn keep_time(shard: SharedShard, _pulse: Pulse) {
    let wake = shard.borrow().wake();
    loop {
        let next = shard.borrow().poll_timeout();
        match next {
            Some(at) => tokio::select! {
                () = sleep_until(at.into()) => guarded(|| shard.borrow_mut().handle_timeouts(Instant::now())),
                () = wake.timer.notified() => {}
            },
            None => wake.timer.notified().await,
        }
    }
}

/// Sends after every task that was ready has had its turn, so that their datagrams leave together.
async fn keep_flushing(shard: SharedShard, _pulse: Pulse) {
    let wake = shard.borrow().wake();
    loop {
        wake.flush.notified().await;
        guarded(|| shard.borrow_mut().flush());
    }
}

/// A broken assumption of the shard's own costs one datagram or one deadline, not the thread's task:
/// without its tasks the shard would be deaf for all its calls.
fn guarded(act: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(act)).is_err() {
        error!("a panic in a media thread, outside of any call");
    }
}
