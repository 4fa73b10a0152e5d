//! A recording whose writer stands still or fails, as with a disk that does not answer or is broken: the call does not notice.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;

use super::recorded::{assert_call_goes_on, read_wav, recording, stage, talk};
use super::stage::{phone, webrtc};
use crate::support::gateway::PATIENCE;
use crate::support::process::Process;
use crate::support::tools;

/// A thread of a process that stands still as long as this is held.
struct Still {
    release: Option<mpsc::Sender<()>>,
    tracer: Option<thread::JoinHandle<()>>,
}

impl Still {
    /// Stops the thread of this name; `None` where that is not allowed.
    fn stop(process: u32, name: &str) -> Option<Self> {
        let pid = thread_of(process, name);
        let (release, released) = mpsc::channel();
        let (told, is_stopped) = mpsc::channel();
        // Whoever traces a thread is one thread, too.
        let tracer = thread::spawn(move || {
            let stopped = ptrace::seize(pid, ptrace::Options::empty()).and_then(|()| ptrace::interrupt(pid));
            let stopped = stopped.and_then(|()| waitpid(pid, Some(WaitPidFlag::__WALL)));
            told.send(stopped.map(drop)).expect("somebody waits");
            let _ = released.recv();
            let _ = ptrace::detach(pid, None);
        });
        match is_stopped.recv().expect("it is told") {
            Ok(()) => Some(Self { release: Some(release), tracer: Some(tracer) }),
            Err(error) => tools::not_possible(&format!("no thread can be stopped: {error}")),
        }
    }
}

/// A process's thread of this name.
fn thread_of(process: u32, name: &str) -> Pid {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let mut tasks = tasks.map(|task| task.expect("a thread").path());
    let is_it =
        |path: &PathBuf| fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim_end() == name);
    let task = tasks.find(is_it).expect("a thread of this name");
    let id = task.file_name().and_then(|id| id.to_str()).and_then(|id| id.parse().ok());
    Pid::from_raw(id.expect("a number"))
}

impl Drop for Still {
    fn drop(&mut self) {
        self.release.take();
        if let Some(tracer) = self.tracer.take() {
            let _ = tracer.join();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_stands_still_costs_the_recording_packets_and_the_call_none() {
    let folder = TempDir::new().expect("a folder");
    let stage = stage(folder.path());
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&alice, &callee, "wav").await;
    call.heard_packets(75, PATIENCE).await.expect("audio");
    let Some(still) = Still::stop(stage.gateway.process.id(), "recorder") else { return };
    // Longer than the ring holds: 128 KiB, of some 14 kB a second.
    tokio::time::sleep(Duration::from_secs(12)).await;
    drop(still);
    stage.gateway.log().wait_for(&["recording misses packets: the disk is too slow"], PATIENCE);
    let figures = stage.gateway.metrics();
    let missed = figures
        .lines()
        .find_map(|line| line.strip_prefix("webtrunk_queue_overflows_total{queue=\"recorded_packets\"} "));
    assert!(missed.and_then(|count| count.parse::<u64>().ok()) > Some(0), "{figures}");
    assert_call_goes_on(&call, &lifted, 50).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.log().wait_for(&["recording stopped", "CallEnded"], PATIENCE);
    let (sides, rate) = read_wav(&recording(folder.path(), "wav"));
    let seconds = sides[0].len() as f64 / f64::from(rate.hz());
    assert!(seconds > 13.0, "the file follows the clock past the standstill: {seconds:.2} s");
    stage.gateway.assert_all_is_over(1);
}

/// Every write fails as on a broken disk from the third second on.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_breaks_ends_the_recording_and_not_the_call() {
    let Some(strace) = tools::command("strace") else { return };
    let folder = TempDir::new().expect("a folder");
    let stage = stage(folder.path());
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&alice, &callee, "wav").await;
    call.heard_packets(150, PATIENCE).await.expect("audio");
    let recorder = thread_of(stage.gateway.process.id(), "recorder").to_string();
    let failing = ["-e", "trace=write,pwrite64", "-e", "inject=write,pwrite64:error=EIO"];
    let mut breaking = Command::new(strace);
    // Of this file alone: the log is written by this thread too.
    breaking.args(["-q", "-o", "/dev/null", "-p", &recorder, "-P"]).arg(recording(folder.path(), "wav"));
    breaking.args(failing).stdin(Stdio::null());
    let _breaking = Process::start(&mut breaking);
    stage.gateway.log().wait_for(&["recording stopped, and its call goes on", "os error 5"], PATIENCE);
    assert_call_goes_on(&call, &lifted, 150).await;
    call.hang_up().await.expect("confirmed");
    let (sides, rate) = read_wav(&recording(folder.path(), "wav"));
    assert!(sides[0].len() > rate.samples_in_ms(1500), "{} samples are left", sides[0].len());
    drop(stage);
}
