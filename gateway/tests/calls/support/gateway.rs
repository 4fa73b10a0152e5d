//! The gateway as a process: started with a configuration of its own, watched by its log, and asked at
//! the end whether everything was given back.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

pub(crate) use super::gateway_config::GatewayConfig;
use super::log::Log;
use super::ports::Ports;
use super::process::{Process, wait_until};

/// How long anything may take that needs no waiting by design. Generous: machines are loaded.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway that runs.
pub(crate) struct Gateway {
    process: Process,
    log: Log,
    ports: Ports,
    /// Holds the configuration; gone with the gateway.
    _folder: TempDir,
}

impl Gateway {
    /// Starts a gateway; `configure` gets its ports too, for its trunks.
    pub(crate) fn start(configure: impl FnOnce(&Ports) -> GatewayConfig) -> Self {
        let ports = Ports::reserve();
        let text = configure(&ports).to_toml(&ports);
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("webtrunk.toml");
        let file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the folder is ours");
        let mut process = Process::start(
            Command::new(env!("CARGO_BIN_EXE_webtrunk"))
                .args(["run".as_ref(), path.as_os_str()])
                .env_remove("WEBTRUNK_LOG")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped()),
        );
        let log = Log::of(process.child().stderr.take().expect("it is piped"));
        let mut gateway = Self { process, log, ports, _folder: folder };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, gateway.ports.http()));
        let is_up =
            wait_until(PATIENCE, || TcpStream::connect(address).is_ok() || !gateway.process.is_running());
        assert!(is_up && gateway.process.is_running(), "the gateway does not start with\n{text}");
        gateway
    }

    /// Its ports, and those of its peers.
    pub(crate) const fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Its log.
    pub(crate) const fn log(&self) -> &Log {
        &self.log
    }

    /// SIP over WebSocket.
    pub(crate) fn websocket(&self) -> String {
        format!("ws://127.0.0.1:{}/sip", self.ports.http())
    }

    /// SIP over UDP and TCP.
    pub(crate) fn sip(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.sip()).into()
    }

    /// Waits until `calls` calls have come and gone, and nothing of them is left.
    ///
    /// # Panics
    /// When a call, a leg or an RTP port is left, or the log tells an error.
    pub(crate) fn assert_all_is_over(&self, calls: usize) {
        let count = |message: &str| self.log.count(&[&format!("\"message\":\"{message}\"")]);
        let told = || ["call began", "call over", "leg added", "leg removed"].map(count);
        let is_over = wait_until(PATIENCE, || {
            let [began, over, added, removed] = told();
            began == over && began >= calls && added == removed && self.rtp_ports_in_use().is_empty()
        });
        let [began, over, added, removed] = told();
        let in_use = self.rtp_ports_in_use();
        assert!(
            is_over,
            "calls: {began} began, {over} are over; legs: {added} added, {removed} removed; RTP ports in use: {in_use:?}"
        );
        assert_eq!(began, calls, "calls");
        assert_eq!(self.log.count(&["\"level\":\"ERROR\""]) + self.log.count(&["panicked"]), 0);
    }

    /// Asks for the orderly stop and waits for it.
    pub(crate) fn stop(mut self) {
        self.process.signal(Signal::SIGTERM);
        let status = self.process.wait(PATIENCE).expect("it ends in time");
        assert!(status.success(), "{status}");
    }

    /// The ports of its RTP range that are bound: those of legs. The range is this gateway's alone.
    fn rtp_ports_in_use(&self) -> Vec<u16> {
        let table = fs::read_to_string("/proc/net/udp").expect("Linux tells its sockets");
        let local_port = |line: &str| {
            let (_, port) = line.split_whitespace().nth(1)?.rsplit_once(':')?;
            u16::from_str_radix(port, 16).ok()
        };
        table.lines().filter_map(local_port).filter(|port| self.ports.rtp().contains(port)).collect()
    }
}

impl Drop for Gateway {
    #[expect(clippy::print_stderr, reason = "only the log tells why a test failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the gateway's log:\n{}", self.log.lines().join("\n"));
        }
    }
}
