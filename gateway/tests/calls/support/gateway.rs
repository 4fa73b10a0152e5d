//! The gateway as a process: started with a configuration of its own, watched by its log, and asked at
//! the end whether everything was given back.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use webtrunk::http_client::{Request, ask};

use super::certificate::secure;
use super::gateway_config::{ADMIN_PORT, HTTP_PORT, SIP_PORT};
pub(crate) use super::gateway_config::{GatewayConfig, password};
use super::host::Host;
use super::launch::Launch;
use super::log::Log;
use super::process::{Process, wait_until};

/// The configuration in its folder.
const FILE: &str = "webtrunk.toml";

/// How long anything may take that needs no waiting by design. Generous: machines are loaded.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway that runs.
pub(crate) struct Gateway {
    pub(crate) process: Process,
    log: Log,
    host: Host,
    /// Of its HTTP server.
    certificate: Option<PathBuf>,
    launch: Launch,
    /// Of its admin API.
    token: PathBuf,
    /// Holds the configuration; gone with the gateway.
    folder: TempDir,
}

impl Gateway {
    /// Starts a gateway on a host of its own.
    pub(crate) fn start(config: &GatewayConfig) -> Self {
        Self::start_at(Host::new(), config)
    }

    /// Starts a gateway on this host.
    pub(crate) fn start_at(host: Host, config: &GatewayConfig) -> Self {
        let text = config.to_toml(&host);
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join(FILE);
        let file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the folder is ours");
        let launch = config.launch.clone();
        let (process, log) = run(&path, &launch);
        let certificate = config.certificate().map(Path::to_owned);
        let token = config.token_file(folder.path());
        Self { process, log, host, certificate, launch, token, folder }
    }

    /// Lets it stand still for so long, as on a machine that is paused.
    pub(crate) async fn stand_still(&self, length: Duration) {
        self.process.signal(Signal::SIGSTOP);
        tokio::time::sleep(length).await;
        self.process.signal(Signal::SIGCONT);
    }

    /// Kills it as the kernel kills, and starts it on the same host with the same configuration.
    pub(crate) fn kill_and_start_again(&mut self) {
        self.process.signal(Signal::SIGKILL);
        self.start_again();
    }

    /// Starts it again when it was killed.
    pub(crate) fn start_after_kill(&mut self) {
        self.start_again();
    }

    /// Asks for the orderly stop, and starts it again.
    pub(crate) fn stop_and_start_again(&mut self) {
        self.process.signal(Signal::SIGTERM);
        self.start_again();
    }

    fn start_again(&mut self) {
        self.process.wait(PATIENCE).expect("it ends in time");
        (self.process, self.log) = run(&self.folder.path().join(FILE), &self.launch);
    }

    /// What `webtrunk explain` tells of a call with the gateway's configuration.
    pub(crate) fn explain(&self, arguments: &[&str]) -> Value {
        let told = self.tell(&["explain", "--json"], arguments);
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
    }

    /// What `webtrunk cdr export` tells with the gateway's configuration.
    pub(crate) fn export_records(&self, arguments: &[&str]) -> String {
        self.tell(&["cdr", "export"], arguments)
    }

    /// What another run of the binary tells with the gateway's configuration.
    fn tell(&self, command: &[&str], arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_webtrunk"))
            .args(command)
            .args(arguments)
            .arg(self.folder.path().join(FILE))
            .env_remove("WEBTRUNK_LOG")
            .output()
            .expect("it starts");
        let (told, faults) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{faults}");
        told.into_owned()
    }

    /// Asks its admin API; the status, and what is told as JSON.
    pub(crate) fn admin(&self, method: &str, path: &str) -> (u16, Value) {
        let token = fs::read_to_string(&self.token).expect("it has one");
        let (status, body) = self.admin_with(method, path, token.trim());
        (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
    }

    /// The same with another token, and what is told as it comes.
    pub(crate) fn admin_with(&self, method: &str, path: &str, token: &str) -> (u16, String) {
        let authority = self.host.inside(ADMIN_PORT).to_string();
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", authorization.as_str())];
        let request =
            Request { method, authority: &authority, path, headers: &headers, body: &[], patience: PATIENCE };
        let answer = ask(&request).expect("it answers");
        (answer.status, String::from_utf8(answer.body).expect("text"))
    }

    /// The same with GET, as it comes.
    pub(crate) fn admin_text(&self, path: &str) -> String {
        let token = fs::read_to_string(&self.token).expect("it has one");
        self.admin_with("GET", path, token.trim()).1
    }

    /// Where its admin API listens.
    pub(crate) fn operators(&self) -> SocketAddr {
        self.host.inside(ADMIN_PORT)
    }

    /// Its figures, as Prometheus gets them.
    pub(crate) fn metrics(&self) -> String {
        let token = fs::read_to_string(&self.token).expect("it has one");
        let (status, text) = self.admin_with("GET", "/metrics", token.trim());
        assert_eq!(status, 200, "{text}");
        text
    }

    /// How much found no room in a queue, by the figures of the gateway.
    pub(crate) fn overflows(&self, queue: &str) -> u64 {
        let (figures, beginning) =
            (self.metrics(), format!("webtrunk_queue_overflows_total{{queue=\"{queue}\"}} "));
        let count = figures.lines().find_map(|line| line.strip_prefix(&beginning)?.parse().ok());
        count.unwrap_or_else(|| panic!("no queue {queue} in {figures}"))
    }

    /// What its HTTP server answers to everybody.
    pub(crate) fn public(&self, path: &str) -> (u16, String) {
        self.try_public(path).expect("it answers")
    }

    /// The same; `None` where nobody answers.
    pub(crate) fn try_public(&self, path: &str) -> Option<(u16, String)> {
        let authority = self.host.inside(HTTP_PORT).to_string();
        let request = Request {
            method: "GET",
            authority: &authority,
            path,
            headers: &[],
            body: &[],
            patience: PATIENCE,
        };
        let answer = ask(&request).ok()?;
        Some((answer.status, String::from_utf8(answer.body).expect("text")))
    }

    /// Runs the binary as an operator does who asks this gateway.
    pub(crate) fn operate(&self, command: &str, arguments: &[&str]) -> Output {
        let mut asking = Command::new(env!("CARGO_BIN_EXE_webtrunk"));
        asking
            .args(command.split(' '))
            .arg(self.folder.path().join(FILE))
            .args(arguments)
            .env_remove("WEBTRUNK_LOG");
        asking.output().expect("it starts")
    }

    /// Changes its configuration, has it read that, and waits until it has told what came of it.
    pub(crate) fn reload(&self, change: impl FnOnce(String) -> String) {
        self.rewrite(change);
        let told = || self.log.count(&["configuration reloaded"]) + self.log.count(&["all stays as it is"]);
        let before = told();
        self.process.signal(Signal::SIGHUP);
        assert!(wait_until(PATIENCE, || told() > before), "{}", self.log.lines().join("\n"));
    }

    /// Changes its configuration, and lets it know nothing of that.
    pub(crate) fn rewrite(&self, change: impl FnOnce(String) -> String) {
        let path = self.folder.path().join(FILE);
        let text = fs::read_to_string(&path).expect("the folder is ours");
        fs::write(&path, change(text)).expect("the folder is ours");
    }

    /// Its log.
    pub(crate) const fn log(&self) -> &Log {
        &self.log
    }

    /// Where its HTTP server is.
    pub(crate) fn http_authority(&self) -> String {
        self.host.at(HTTP_PORT).to_string()
    }

    /// The test phone's page.
    pub(crate) fn page(&self) -> String {
        format!("http://{}/", self.host.at(HTTP_PORT))
    }

    /// The same, where the gateway has a certificate.
    pub(crate) fn secure_page(&self) -> String {
        format!("https://{}/", self.host.at(HTTP_PORT))
    }

    /// SIP over WebSocket.
    pub(crate) fn websocket(&self) -> String {
        format!("ws://{}/sip", self.host.at(HTTP_PORT))
    }

    /// SIP over WebSocket, where the gateway has a certificate.
    pub(crate) fn secure_websocket(&self) -> String {
        format!("wss://{}/sip", self.host.at(HTTP_PORT))
    }

    /// The JSON API, over TLS where the gateway has a certificate.
    pub(crate) fn json_api(&self) -> String {
        let socket = if self.certificate.is_some() { self.secure_websocket() } else { self.websocket() };
        socket.replace("/sip", "/api/v1")
    }

    /// SIP over UDP and TCP.
    pub(crate) const fn sip(&self) -> SocketAddr {
        self.host.at(SIP_PORT)
    }

    /// What the gateway holds, as it tells at `/status`.
    pub(crate) fn status(&self) -> Value {
        let address = self.host.inside(HTTP_PORT);
        match &self.certificate {
            Some(certificate) => ask_status(secure(connect(address), certificate, self.host.ip()), address),
            None => status_at(address),
        }
    }

    /// Waits until the gateway holds just this; timers come and go by themselves.
    ///
    /// # Panics
    /// When it does not come to that.
    pub(crate) fn wait_for_status(&self, expected: &Value) {
        let without_timers = |mut status: Value| {
            status["media_timers"].take();
            status
        };
        let expected = without_timers(expected.clone());
        let is_so = wait_until(PATIENCE, || without_timers(self.status()) == expected);
        assert!(is_so, "{} is held, not {expected}", self.status());
    }

    /// Waits until `calls` calls have come and gone, and nothing of them is left.
    ///
    /// # Panics
    /// When a call, a leg or an RTP port is left, or the log tells an error.
    pub(crate) fn assert_all_is_over(&self, calls: usize) {
        const COUNTS: [&str; 4] = ["calls", "media_legs", "signalling_legs", "rtp_ports_in_use"];
        let count = |message: &str| self.log.count(&[&format!("\"message\":\"{message}\"")]);
        let told = || ["call began", "call over", "leg added", "leg removed"].map(count);
        // The log may lag behind.
        let is_over = wait_until(PATIENCE, || {
            let ([began, over, added, removed], status) = (told(), self.status());
            (began, over, added) == (calls, calls, removed) && COUNTS.iter().all(|count| status[count] == 0)
        });
        assert!(
            is_over,
            "left of {calls} calls: {}; begun, over, legs added, removed: {:?}",
            self.status(),
            told()
        );
        assert_eq!(self.log.count(&["\"level\":\"ERROR\""]) + self.log.count(&["panicked"]), 0);
    }

    /// Asks for the orderly stop and waits for it.
    pub(crate) fn stop(mut self) {
        self.process.signal(Signal::SIGTERM);
        let status = self.process.wait(PATIENCE).expect("it ends in time");
        assert!(status.success(), "{status}");
    }
}

/// Starts the gateway, and waits until all its listeners are open.
fn run(path: &Path, launch: &Launch) -> (Process, Log) {
    let mut process = Process::start(
        launch.command(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()),
    );
    let log = Log::of(process.child().stderr.take().expect("it is piped"));
    // The HTTP server's alone is open earlier.
    let is_up = || log.count(&["HTTP listens"]) == 1;
    wait_until(PATIENCE, || is_up() || !process.is_running());
    let text = || fs::read_to_string(path).unwrap_or_default();
    assert!(is_up(), "the gateway does not start with\n{}\n{}", text(), log.lines().join("\n"));
    (process, log)
}

/// What a gateway's HTTP server tells at `/status`.
pub(crate) fn status_at(address: SocketAddr) -> Value {
    ask_status(connect(address), address)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

fn ask_status(mut stream: impl Read + Write, address: SocketAddr) -> Value {
    let request = format!("GET /status HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    // A server need not say goodbye in TLS.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

impl Drop for Gateway {
    #[expect(clippy::print_stderr, reason = "only the log tells why a test failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the gateway's log:\n{}", self.log.lines().join("\n"));
        }
    }
}
