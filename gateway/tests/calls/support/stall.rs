//! A thread of a process of ours that stands still for as long as a test wants: as good as one that waits for a disk or a
//! lock.

use std::fs;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// How often it is looked whether the thread has ended.
const LOOK: Duration = Duration::from_millis(20);

/// The begin of the names of media threads and of those of servers, which are started in this order.
const ARBITER: &str = "actix-rt";

/// A thread that stands still as long as this is held.
pub(crate) struct Stall {
    release: Option<Sender<()>>,
    tracer: Option<JoinHandle<()>>,
}

impl Stall {
    /// Stops the thread that was started first of those of a process whose names begin so.
    pub(crate) fn of(process: u32, name: &str) -> Self {
        Self::begin(first_of(process, name), false)
    }

    /// Stops the media thread of shard 0.
    pub(crate) fn of_media(process: u32) -> Self {
        Self::of(process, ARBITER)
    }

    /// Stops both threads of the HTTP server of a gateway that has one shard.
    pub(crate) fn of_http(process: u32) -> [Self; 2] {
        let threads = threads(process, ARBITER);
        [1, 2].map(|place| Self::begin(threads[place], false))
    }

    /// Stops the thread that a process began with.
    pub(crate) fn of_main(process: u32) -> Self {
        Self::begin(Pid::from_raw(process.cast_signed()), true)
    }

    fn begin(thread: Pid, is_main: bool) -> Self {
        let (release, released) = mpsc::channel();
        let (told, is_stopped) = mpsc::channel();
        // The system lets one thread alone trace another: the one that began.
        let tracer = thread::spawn(move || hold(thread, is_main, &told, &released));
        is_stopped.recv().expect("it is told").expect("a parent may trace its child");
        Self { release: Some(release), tracer: Some(tracer) }
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        self.release.take();
        if let Some(tracer) = self.tracer.take() {
            let _ = tracer.join();
        }
    }
}

fn hold(thread: Pid, is_main: bool, told: &Sender<nix::Result<()>>, released: &Receiver<()>) {
    let stopped = ptrace::seize(thread, ptrace::Options::empty())
        .and_then(|()| ptrace::interrupt(thread))
        .and_then(|()| waitpid(thread, Some(WaitPidFlag::__WALL)));
    // One that stands before a signal gets it when it goes on.
    let signal = match stopped {
        Ok(WaitStatus::Stopped(_, signal)) => Some(signal),
        Ok(_) | Err(_) => None,
    };
    if told.send(stopped.map(drop)).is_err() || stopped.is_err() {
        return;
    }
    while let Err(RecvTimeoutError::Timeout) = released.recv_timeout(LOOK) {
        // Its end is told to its tracer, and before that nobody hears of the end of the process. That of the main thread is
        // the same, and for whoever waits for the process.
        if !is_main {
            let _ = waitpid(thread, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL));
        }
    }
    // It may have ended.
    let _ = ptrace::detach(thread, signal);
}

/// The thread that was started first of those of a process whose names begin so.
pub(crate) fn first_of(process: u32, name: &str) -> Pid {
    *threads(process, name).first().unwrap_or_else(|| panic!("{process} has no thread {name:?}"))
}

/// The threads of a process whose names begin so, in the order in which they were started.
fn threads(process: u32, name: &str) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("it runs and is ours");
    let is_named = |task: &fs::DirEntry| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.starts_with(name))
    };
    let mut numbers: Vec<i32> = tasks
        .filter_map(Result::ok)
        .filter(is_named)
        .filter_map(|task| task.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers.into_iter().map(Pid::from_raw).collect()
}
