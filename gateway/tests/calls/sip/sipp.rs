//! sipp as a peer: one scenario, one call unless `CALLS` says how many, judged by its exit status and by the messages that it saw.
//!
//! The scenarios are in `tests/scenarios`. Before sipp gets one, `@NAME@` becomes the value of that
//! name, and `@include FILE@` the text of a file beside it.

use std::fs::File;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::trace::{self, Seen};
use crate::support::gateway::PATIENCE;
use crate::support::host::Host;
use crate::support::process::{Process, wait_until};
use crate::support::taken::is_taken;
use crate::support::tools;

/// The SIP port of every phone.
pub(crate) const PORT: u16 = 5060;

/// What a scenario is told besides what every one is.
pub(crate) type Values<'a> = &'a [(&'a str, &'a str)];

/// A running sipp.
pub(crate) struct Sipp {
    name: String,
    process: Process,
    address: SocketAddr,
    /// Its scenario and what it writes.
    folder: TempDir,
}

/// Where the scenarios are.
const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios");

/// How long sipp waits, inside a call, for the message that its scenario expects, in milliseconds: longer than any
/// test talks before it hangs up, on a busy machine too. The longest have a page lose all that it has a hundred times.
const RECEIVE_MS: &str = "2400000";

/// When sipp gives up; longer than any test waits for it.
const LIFETIME: &str = "2460s";

/// What the scenarios take where a test says nothing else.
const DEFAULTS: Values<'static> = &[
    ("RTP_PORT", "7000"),
    ("FORMATS", "0"),
    ("CALLER", "2001"),
    ("NAME", "The Caller"),
    ("SHOWN", "[local_ip]:[local_port]"),
    ("MORE", ""),
    ("URI", ""),
    ("REASON", ""),
    ("PTIME", "20"),
    ("SDP", ""),
    ("PROGRESS", "180"),
];

impl Sipp {
    /// Waits for a call at the host's SIP port.
    pub(crate) fn callee(host: &Host, scenario: &str, values: Values<'_>) -> Self {
        Self::start(host, scenario, values, &[])
    }

    /// Waits for a call, and sends its media back.
    pub(crate) fn echoing_callee(host: &Host, scenario: &str, values: Values<'_>) -> Self {
        Self::start(host, scenario, values, &["-rtp_echo", "-mp", "7000"])
    }

    /// Calls `number` at the gateway.
    pub(crate) fn caller(
        host: &Host,
        scenario: &str,
        gateway: SocketAddr,
        number: &str,
        values: Values<'_>,
    ) -> Self {
        Self::start(host, scenario, values, &["-s", number, &gateway.to_string()])
    }

    /// Calls `number` at the gateway over TCP.
    pub(crate) fn tcp_caller(host: &Host, scenario: &str, gateway: SocketAddr, number: &str) -> Self {
        Self::spawn(host, scenario, &[], &["-t", "t1", "-s", number, &gateway.to_string()])
    }

    /// The messages so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        trace::read(&self.folder.path().join("messages"))
    }

    /// The messages that came with this status or method.
    pub(crate) fn received(&self, what: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| !seen.is_sent && seen.is(what)).collect()
    }

    /// Waits until a message with this status or method came.
    pub(crate) fn wait_for(&self, what: &str) -> Seen {
        let came = wait_until(PATIENCE, || !self.received(what).is_empty());
        assert!(came, "{}: no {what} came\n{}", self.name, self.told());
        self.received(what).swap_remove(0)
    }

    /// Waits until it sent this status or method.
    pub(crate) fn wait_for_sent(&self, what: &str) {
        let is_it = |seen: &Seen| seen.is_sent && seen.is(what);
        let was_sent = wait_until(PATIENCE, || self.seen().iter().any(is_it));
        assert!(was_sent, "{}: no {what} was sent\n{}", self.name, self.told());
    }

    /// Lets a scenario go on that waits for `MESSAGE`: sipp has no other ear for its test.
    pub(crate) fn go_on(&self) {
        self.go_on_with(&[]);
    }

    /// [`Sipp::go_on`], with headers that the scenario takes values from.
    pub(crate) fn go_on_with(&self, headers: Values<'_>) {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let seen = self.seen();
        let call_id = seen.iter().find_map(|seen| seen.header("Call-ID")).expect("it has a call");
        let socket = UdpSocket::bind((self.address.ip(), 0)).expect("the host is ours");
        let message = format!(
            "MESSAGE sip:test@{0} SIP/2.0\r\nVia: SIP/2.0/UDP {0};branch=z9hG4bK-test\r\n\
             From: <sip:test@{0}>;tag=test\r\nTo: <sip:test@{0}>\r\nCall-ID: {call_id}\r\n\
             CSeq: 1 MESSAGE\r\n{headers}Content-Length: 0\r\n\r\n",
            self.address
        );
        socket.send_to(message.as_bytes(), self.address).expect("loopback takes it");
    }

    /// Waits for the end of its scenario, and gives the messages.
    ///
    /// # Panics
    /// When the scenario failed.
    pub(crate) fn finish(mut self) -> Vec<Seen> {
        let status = self.process.wait(2 * PATIENCE);
        let is_good = status.is_some_and(|status| status.success());
        assert!(is_good, "{} ended with {status:?}\n{}", self.name, self.told());
        self.seen()
    }

    /// Starts it and waits until it listens.
    fn start(host: &Host, scenario: &str, values: Values<'_>, arguments: &[&str]) -> Self {
        let mut sipp = Self::spawn(host, scenario, values, arguments);
        let address = sipp.address;
        // Its port is taken as soon as it listens; a caller may have done all it has to do by then.
        let has_begun = || is_taken(address) || !sipp.process.is_running();
        assert!(wait_until(PATIENCE, has_begun), "sipp does not listen on {address}\n{}", sipp.told());
        sipp
    }

    fn spawn(host: &Host, scenario: &str, values: Values<'_>, arguments: &[&str]) -> Self {
        let sipp = tools::command("sipp").expect("the stage made sure of it");
        let folder = TempDir::new().expect("a folder");
        let ip = host.ip().to_string();
        let family = if host.ip().is_ipv4() { "IP4" } else { "IP6" };
        let text = fill(&scenario_path(scenario), &[("RTP_HOST", &ip), ("FAMILY", family)], values);
        let calls = values.iter().find(|(name, _)| *name == "CALLS").map_or("1", |(_, calls)| calls);
        std::fs::write(folder.path().join("scenario.xml"), text).expect("the folder is ours");
        let mut command = Command::new(sipp);
        command
            .current_dir(folder.path())
            .args(["-sf", "scenario.xml", "-m", calls, "-nostdin", "-cid_str", "%u-%p"])
            .args(["-i", &ip, "-mi", &ip, "-ci", &ip, "-bind_local", "-p", &PORT.to_string()])
            .args(["-trace_msg", "-message_file", "messages", "-trace_err", "-error_file", "errors"])
            .args(["-recv_timeout", RECEIVE_MS, "-timeout", LIFETIME, "-timeout_error"])
            .args(["-watchdog_major_maxtriggers", "1000000", "-watchdog_minor_maxtriggers", "1000000"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("stderr")).expect("the folder is ours"));
        let process = Process::start(&mut command);
        Self { name: scenario.to_owned(), process, address: host.at(PORT), folder }
    }

    /// All that sipp wrote, for who has to find out what went wrong.
    fn told(&self) -> String {
        let read = |name: &str| {
            let bytes = std::fs::read(self.folder.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        ["messages", "errors", "stderr"].map(read).join("\n")
    }
}

fn scenario_path(name: &str) -> PathBuf {
    Path::new(SCENARIOS).join(format!("{name}.xml"))
}

/// The text of a file with its values; what a test says goes first, and may include too.
fn fill(path: &Path, of_host: Values<'_>, of_test: Values<'_>) -> String {
    let mut text = read(path);
    for (name, value) in of_test {
        text = text.replace(&format!("@{name}@"), value);
    }
    while let Some((before, rest)) = text.split_once("@include ") {
        let (name, after) = rest.split_once('@').expect("the name's end");
        let part = read(&path.with_file_name(name));
        text = format!("{before}{}{after}", part.trim());
    }
    for (name, value) in of_test.iter().chain(of_host).chain(DEFAULTS) {
        text = text.replace(&format!("@{name}@"), value);
    }
    text
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
