//! The demo as a process, as `webtrunk demo` starts it: on this machine, or where there is no network.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use super::gateway::{PATIENCE, status_at};
use super::log::Log;
use super::process::{Process, wait_until};
use super::tools;

/// A demo that runs.
pub(crate) struct Demo {
    process: Process,
    log: Log,
    port: u16,
}

/// What it is started with: ports that are free.
const ARGUMENTS: [&str; 9] =
    ["demo", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--log", "debug", "--log-format", "json"];

impl Demo {
    /// Starts it on this machine.
    pub(crate) fn start() -> Self {
        Self::start_by(&mut Command::new(env!("CARGO_BIN_EXE_webtrunk")))
    }

    /// Starts it in a network of its own that has loopback and nothing else. `None` where the system lets
    /// nobody make one.
    pub(crate) fn start_without_network() -> Option<Self> {
        let unshare = tools::command("unshare")?;
        tools::command("ip")?;
        let mut alone = Command::new(unshare);
        alone.args(["--map-root-user", "--net", "sh", "-ec"]);
        let mut attempt = Command::new(alone.get_program());
        let is_allowed = attempt.args(alone.get_args()).arg("ip link set lo up").output();
        if !is_allowed.is_ok_and(|output| output.status.success()) {
            return tools::not_possible("this system lets nobody make a network");
        }
        // Each command takes the process over, so that the process is the demo's.
        alone.arg("ip link set lo up; exec \"$@\"").args(["sh", env!("CARGO_BIN_EXE_webtrunk")]);
        Some(Self::start_by(&mut alone))
    }

    /// A command that runs a program in the network of the demo.
    pub(crate) fn beside(&self, program: PathBuf) -> Command {
        let mut command = Command::new("nsenter");
        command.args([
            "--target",
            &self.process.id().to_string(),
            "--user",
            "--net",
            "--preserve-credentials",
        ]);
        command.arg(program);
        command
    }

    /// The page, opened as this user, with a microphone that stays as it is.
    pub(crate) fn page_of(&self, user: &str) -> String {
        format!("http://localhost:{}/?processing=off&user={user}", self.port)
    }

    /// Its log.
    pub(crate) const fn log(&self) -> &Log {
        &self.log
    }

    /// Waits until nothing is left of so many calls, and stops it.
    ///
    /// # Panics
    /// When something is left, or the log tells an error.
    pub(crate) fn finish(mut self, calls: usize) {
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.port);
        let are_over = || self.log.count(&["\"message\":\"call over\""]) == calls;
        let is_over = wait_until(PATIENCE, || are_over() && status_at(address)["media_legs"] == 0);
        assert!(is_over, "left of {calls} calls: {}", status_at(address));
        assert_eq!(self.log.count(&["\"level\":\"ERROR\""]) + self.log.count(&["panicked"]), 0);
        self.stop();
    }

    /// Stops it.
    pub(crate) fn stop(&mut self) {
        self.process.signal(Signal::SIGTERM);
        let status = self.process.wait(PATIENCE).expect("it ends in time");
        assert!(status.success(), "{status}");
    }

    fn start_by(command: &mut Command) -> Self {
        let mut process = Process::start(
            command
                .args(ARGUMENTS)
                .env_remove("WEBTRUNK_LOG")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped()),
        );
        let told = Log::of(process.child().stdout.take().expect("it is piped"));
        let log = Log::of(process.child().stderr.take().expect("it is piped"));
        let line = told.wait_for(&["http://localhost:"], PATIENCE);
        let (_, port) = line.rsplit_once(':').expect("a port");
        let port = port.trim_end_matches('/').parse().expect("a port");
        Self { process, log, port }
    }
}

impl Drop for Demo {
    #[expect(clippy::print_stderr, reason = "only the log tells why a test failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the demo's log:\n{}", self.log.lines().join("\n"));
        }
    }
}
