//! The gateway with a trunk that calls, a trunk that is called, and users; every one on a host of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use webtrunk::config::{DEFAULT_REALM, hashes};

use super::host::Host;
use super::sipp::{PORT, Sipp, Values};
use crate::support::log::Log;
use crate::support::process::{Process, wait_until};
use crate::support::tools;

/// How long anything may take that needs no waiting by design. Generous: machines are loaded.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The gateway and its peers' hosts.
pub(crate) struct Stage {
    process: Process,
    log: Log,
    gateway: Host,
    /// Of the trunk "office", which calls.
    pub(crate) caller: Host,
    /// Of the trunk "carrier", which is called.
    pub(crate) callee: Host,
    /// Holds the configuration.
    _folder: TempDir,
}

/// What a stage is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// What the trunk that is called speaks.
    pub(crate) callee_codecs: &'a [&'a str],
    /// Whether the users' SHA-256 hashes are configured beside those of MD5.
    pub(crate) has_sha256: bool,
    /// Further lines of the configuration.
    pub(crate) more: &'a str,
}

/// Who may register, each with [`password`]'s.
const USERS: [&str; 2] = ["alice", "bob"];

const HTTP_PORT: u16 = 8080;

impl Default for Setting<'_> {
    fn default() -> Self {
        Self { callee_codecs: &["PCMU", "PCMA"], has_sha256: true, more: "" }
    }
}

/// A user's password.
pub(crate) fn password(user: &str) -> String {
    format!("password of {user}")
}

impl Stage {
    /// A stage of the usual setting, where sipp is there to play on it.
    pub(crate) fn new() -> Option<Self> {
        Self::with(Setting::default())
    }

    /// A stage, where sipp is there to play on it.
    pub(crate) fn with(setting: Setting<'_>) -> Option<Self> {
        tools::command("sipp")?;
        Some(Self::start(setting))
    }

    /// The gateway's SIP address, over UDP and TCP.
    pub(crate) const fn sip(&self) -> SocketAddr {
        self.gateway.at(PORT)
    }

    /// The gateway's RTP address on a port.
    pub(crate) const fn rtp(&self, port: u16) -> SocketAddr {
        self.gateway.at(port)
    }

    /// The gateway's log.
    pub(crate) const fn log(&self) -> &Log {
        &self.log
    }

    /// A sipp that calls `number` from the office.
    pub(crate) fn call(&self, scenario: &str, number: &str, values: Values<'_>) -> Sipp {
        Sipp::caller(&self.caller, scenario, self.sip(), number, values)
    }

    /// A sipp that is called at the carrier.
    pub(crate) fn answer(&self, scenario: &str, values: Values<'_>) -> Sipp {
        Sipp::callee(&self.callee, scenario, values)
    }

    /// What the gateway holds.
    pub(crate) fn status(&self) -> serde_json::Value {
        let mut stream = TcpStream::connect(self.gateway.at(HTTP_PORT)).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let host = self.gateway.at(HTTP_PORT);
        let request = format!("GET /status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// Waits until nothing is left of any call: no leg in signalling or media, no RTP port.
    ///
    /// # Panics
    /// When something is left, or the log tells an error.
    pub(crate) fn assert_nothing_is_left(&self) {
        const COUNTS: [&str; 4] = ["calls", "media_legs", "signalling_legs", "rtp_ports_in_use"];
        let is_over = wait_until(PATIENCE, || {
            let status = self.status();
            COUNTS.iter().all(|count| status[count] == 0)
        });
        assert!(is_over, "left: {}", self.status());
        let count = |message: &str| self.log.count(&[&format!("\"message\":\"{message}\"")]);
        assert_eq!(count("leg added"), count("leg removed"), "legs");
        assert_eq!(self.log.count(&["\"level\":\"ERROR\""]) + self.log.count(&["panicked"]), 0);
    }

    /// Asks the gateway to stop.
    pub(crate) fn terminate(&self) {
        self.process.signal(Signal::SIGTERM);
    }

    /// Waits for the gateway's end.
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        self.process.wait(PATIENCE).expect("it ends in time")
    }

    fn start(setting: Setting<'_>) -> Self {
        let [gateway, caller, callee] = std::array::from_fn(|_| Host::new());
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("webtrunk.toml");
        let text = configuration(setting, &gateway, &caller, &callee);
        let mut file = std::fs::OpenOptions::new();
        let file = file.create_new(true).write(true).mode(0o600).open(&path);
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
        let address = gateway.at(HTTP_PORT);
        let is_up = wait_until(PATIENCE, || TcpStream::connect(address).is_ok() || !process.is_running());
        let stage = Self { process, log, gateway, caller, callee, _folder: folder };
        assert!(is_up, "the gateway does not start with\n{text}");
        stage
    }
}

impl Drop for Stage {
    #[expect(clippy::print_stderr, reason = "only the log tells why a test failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the gateway's log:\n{}", self.log.lines().join("\n"));
        }
    }
}

/// What is dialled, and what happens: numbers that begin with 8 ring at the carrier for two seconds, those
/// with 9 for half a minute.
const DIAL_PLAN: [(&str, &str); 3] = [
    (r"8\\d+", r#"{ bridge = { trunk = "carrier", number = "$0", ring_timeout_s = 2 } }"#),
    (r"9\\d+", r#"{ bridge = { trunk = "carrier", number = "$0" } }"#),
    ("alice|bob", r#"{ bridge = { user = "$0" } }"#),
];

fn configuration(setting: Setting<'_>, gateway: &Host, caller: &Host, callee: &Host) -> String {
    let [gateway, caller, callee] = [gateway, caller, callee].map(|host| host.ip());
    let Setting { callee_codecs, has_sha256, more } = setting;
    let mut text = format!(
        r#"
[log]
format = "json"
filter = "info"
[http]
bind = "{gateway}:{HTTP_PORT}"
[[sip.listeners]]
transport = "ws"
[[sip.listeners]]
transport = "udp"
bind = "{gateway}:{PORT}"
[[sip.listeners]]
transport = "tcp"
bind = "{gateway}:{PORT}"
[media]
addresses = ["{gateway}"]
webrtc_port = 0
shards = 2
rtp_address = "{gateway}"
rtp_ports = [20000, 20099]
[[trunks]]
name = "office"
host = "{caller}"
networks = ["{caller}"]
[[trunks]]
name = "carrier"
host = "{callee}"
codecs = {callee_codecs:?}
{more}
"#
    );
    for (index, (destination, action)) in DIAL_PLAN.iter().enumerate() {
        // A rule is for users unless it names trunks.
        for from in ["", "from_trunk = \"office\""] {
            text += &format!(
                "[[rules]]\nname = \"{index} {}\"\ndestination = \"{destination}\"\n{from}\nactions = [{action}]\n",
                from.len()
            );
        }
    }
    for user in USERS {
        text += &format!("[[users]]\nname = \"{user}\"\n");
        for hash in hashes(user, DEFAULT_REALM, &password(user)) {
            let key = format!("ha1_{:?}", hash.algorithm()).to_lowercase();
            if has_sha256 || key == "ha1_md5" {
                text += &format!("{key} = \"{}\"\n", hash.as_hex());
            }
        }
    }
    text
}
