//! A process of the load tester that is led, or leads others, by a bus.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::nats::NatsServer;

/// Of the user "lead" on the bus.
pub(crate) const PASSWORD: &str = "opensesame";
/// What a leader and an agent may take to end.
const END_MAX: Duration = Duration::from_secs(180);

/// One process of the load tester; it ends with the test.
pub(crate) struct Program {
    pub(crate) child: Child,
    /// What it says on standard error.
    pub(crate) told: PathBuf,
}

impl Program {
    pub(crate) fn start(folder: &Path, name: &str, server: &NatsServer, arguments: &[&str]) -> Self {
        let told = folder.join(format!("{name}.txt"));
        let child = Command::new(env!("CARGO_BIN_EXE_webtrunk-loadtest"))
            .args(arguments)
            .env("NATS_URL", server.url("nats", &format!("lead:{PASSWORD}@")))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&told).expect("the folder is ours"))
            .spawn()
            .expect("it is built");
        Self { child, told }
    }

    pub(crate) fn told(&self) -> String {
        fs::read_to_string(&self.told).expect("it was made")
    }

    pub(crate) async fn says(&self, text: &str) {
        let deadline = Instant::now() + END_MAX;
        while !self.told().contains(text) {
            assert!(Instant::now() < deadline, "no {text:?} in {}", self.told());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + END_MAX;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.told());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
        kill(pid, signal).expect("it runs");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
