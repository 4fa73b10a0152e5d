//! The tasks that run a shard: one a socket, one for time, one for sending.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::{spawn_local, yield_now};
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until};
use tracing::{debug, error, warn};

use super::frames::FrameCutter;
use super::shard::{Reading, SharedShard};
use super::shard_actor::Pulse;
use super::shard_streams::Adopted;
use super::stream::{GREETING_MAX, Line};

/// Who is so late stood still, with the whole process or machine: what came meanwhile is read before anything is taken for
/// missing. Chosen by us.
const STOOD_STILL: Duration = Duration::from_millis(50);

/// Starts the shard's own tasks on the current thread.
pub(crate) fn start(shard: &SharedShard, pulse: &Pulse) {
    spawn_local(keep_time(Rc::clone(shard), pulse.clone()));
    spawn_local(keep_flushing(Rc::clone(shard), pulse.clone()));
    spawn_local(keep_measuring(Rc::clone(shard)));
    spawn_local(keep_beating(Rc::clone(shard)));
}

/// Starts to read a socket; with a pulse where the shard is deaf without it.
pub(crate) fn read(shard: &SharedShard, reading: Reading, pulse: Option<Pulse>) {
    spawn_local(keep_reading(Rc::clone(shard), reading, pulse));
}

async fn keep_reading(shard: SharedShard, reading: Reading, pulse: Option<Pulse>) {
    loop {
        let ready = tokio::select! {
            () = reading.closed.notified() => {
                pulse.into_iter().for_each(Pulse::let_go);
                return;
            }
            ready = reading.socket.readable() => ready,
        };
        if let Err(error) = ready {
            warn!(%error, local = %reading.socket.local(), "socket is of no use any more");
            return;
        }
        guarded(|| shard.borrow_mut().handle_readable(reading.id, Instant::now()));
    }
}

/// Starts to read and write a leg's TCP stream.
pub(crate) fn serve_stream(shard: &SharedShard, adopted: Adopted) {
    spawn_local(keep_writing(Rc::clone(shard), adopted.from, Rc::clone(&adopted.line)));
    spawn_local(keep_cutting(Rc::clone(shard), adopted));
}

async fn keep_cutting(shard: SharedShard, adopted: Adopted) {
    let Adopted { from, line, rest } = adopted;
    let mut cutter = FrameCutter::default();
    let mut unread = rest.as_slice();
    let overdue = sleep(GREETING_MAX);
    tokio::pin!(overdue);
    let mut is_timed = false;
    loop {
        let room = cutter.room();
        let read = if unread.is_empty() {
            tokio::select! {
                () = line.reading_ends.notified() => return,
                () = &mut overdue, if !is_timed => {
                    is_timed = true;
                    if shard.borrow_mut().expire_stream(from, Instant::now()) {
                        return;
                    }
                    continue;
                }
                ready = line.socket.readable() => ready.and_then(|()| line.socket.try_read(room)),
            }
        } else {
            let count = room.len().min(unread.len());
            room[..count].copy_from_slice(&unread[..count]);
            unread = &unread[count..];
            Ok(count)
        };
        match read {
            Ok(count @ 1..) => cutter.advance(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Ok(0) | Err(_) => break,
        }
        let is_sound = loop {
            match cutter.next_frame() {
                Ok(Some(frame)) => guarded(|| shard.borrow_mut().handle_frame(from, frame, Instant::now())),
                Ok(None) => break true,
                Err(error) => {
                    debug!(%error, %from, "media stream is none");
                    break false;
                }
            }
        };
        if !is_sound {
            break;
        }
    }
    shard.borrow_mut().remove_stream(from);
}

async fn keep_writing(shard: SharedShard, from: SocketAddr, line: Rc<Line>) {
    loop {
        tokio::select! {
            () = line.writing_ends.notified() => return,
            () = line.is_waiting.notified() => {}
        }
        loop {
            tokio::select! {
                () = line.writing_ends.notified() => return,
                ready = line.socket.writable() => if ready.is_err() { return },
            }
            match shard.borrow_mut().write_stream(from) {
                Some(true) => break,
                Some(false) => {}
                None => return,
            }
        }
    }
}

async fn keep_time(shard: SharedShard, _pulse: Pulse) {
    let wake = shard.borrow().wake();
    loop {
        let next = shard.borrow().poll_timeout();
        match next {
            Some(at) => tokio::select! {
                () = sleep_until(at.into()) => {
                    if at.elapsed() > STOOD_STILL {
                        yield_now().await;
                    }
                    guarded(|| shard.borrow_mut().handle_timeouts(Instant::now()));
                }
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

/// Measures each second how busy the thread is.
async fn keep_measuring(shard: SharedShard) {
    let metrics = Handle::current().metrics();
    let (mut since, mut busy) = (Instant::now(), metrics.worker_total_busy_duration(0));
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        let (now, busy_now) = (Instant::now(), metrics.worker_total_busy_duration(0));
        let (worked, passed) = (busy_now.saturating_sub(busy), now.saturating_duration_since(since));
        (since, busy) = (now, busy_now);
        let permille = (1000 * worked.as_micros()).checked_div(passed.as_micros()).unwrap_or(0);
        shard.borrow_mut().note_measured(u32::try_from(permille).unwrap_or(u32::MAX), now);
    }
}

/// How often the thread says that it goes on.
const BEAT: Duration = Duration::from_millis(100);

/// Says so.
async fn keep_beating(shard: SharedShard) {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        shard.borrow().beat();
    }
}

/// A broken assumption of the shard's own costs one datagram or one deadline, not the thread's task:
/// without its tasks the shard would be deaf for all its calls.
fn guarded(act: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(act)).is_err() {
        error!("a panic in a media thread, outside of any call");
    }
}
