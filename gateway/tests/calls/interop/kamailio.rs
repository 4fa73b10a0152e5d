//! Kamailio as a process, on a host of its own: a registrar and proxy, or an edge proxy.

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::support::gateway::PATIENCE;
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::log::Log;
use crate::support::process::{Process, wait_until};
use crate::support::tools;

/// A Kamailio that runs.
pub(super) struct Kamailio {
    process: Process,
    _log: Log,
    _folder: TempDir,
}

/// What it is told.
pub(super) struct KamailioConfig<'a> {
    /// Its listeners.
    pub(super) listen: &'a [String],
    /// Where calls go that are for nobody who has registered: those of the first to the second, all others to the first.
    pub(super) far: SocketAddr,
    pub(super) gateway: &'a str,
    /// Its certificate and key, where it listens for TLS.
    pub(super) tls: Option<[&'a Path; 2]>,
}

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/kamailio.cfg");
const EDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/kamailio_edge.cfg");

impl Kamailio {
    /// Starts a registrar and proxy, and waits until it listens. `None` where there is no Kamailio.
    pub(super) fn start(host: &Host, port: u16, config: &KamailioConfig<'_>) -> Option<Self> {
        let listen: String = config.listen.iter().map(|one| format!("listen={one}\n")).collect();
        let tls = config.tls.map(|[certificate, key]| {
            format!(
                "enable_tls=yes\nloadmodule \"tls.so\"\nmodparam(\"tls\", \"certificate\", {certificate:?})\n\
                 modparam(\"tls\", \"private_key\", {key:?})\nmodparam(\"tls\", \"verify_certificate\", 0)\n\
                 modparam(\"tls\", \"tls_method\", \"TLSv1.2+\")\n\
                 tcp_source_ipv4={}",
                host.ip()
            )
        });
        let text = std::fs::read_to_string(CONFIG).expect("it is beside the tests");
        let text = text
            .replace("@LISTEN@", &listen)
            .replace("@TLS@", tls.as_deref().unwrap_or(""))
            .replace("@FAR_IP@", &config.far.ip().to_string())
            .replace("@FAR@", &config.far.to_string())
            .replace("@GATEWAY@", config.gateway);
        Self::run(host.at(port), &text)
    }

    /// Starts an edge proxy for phones over TCP, before a gateway at this host.
    pub(super) fn edge(host: &Host, gateway: &Host) -> Option<Self> {
        let at = host.at(SIP_PORT);
        let text = std::fs::read_to_string(EDGE).expect("it is beside the tests");
        let text = text
            .replace("@EDGE@", &at.to_string())
            .replace("@GATEWAY_IP@", &gateway.ip().to_string())
            .replace("@GATEWAY@", &gateway.at(SIP_PORT).to_string());
        let edge = Self::run(at, &text)?;
        // It listens for datagrams first.
        assert!(wait_until(PATIENCE, || TcpStream::connect(at).is_ok()), "no phone is let in");
        Some(edge)
    }

    fn run(address: SocketAddr, config: &str) -> Option<Self> {
        let program = tools::command("kamailio")?;
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("kamailio.cfg");
        std::fs::write(&path, config).expect("the folder is ours");
        let pid = folder.path().join("pid");
        let mut process = Process::start(
            Command::new(program)
                .args(["-DD", "-E", "-m", "64", "-M", "8", "-f"])
                .arg(&path)
                .arg("-P")
                .arg(&pid)
                .arg("-Y")
                .arg(folder.path())
                .process_group(0)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped()),
        );
        let log = Log::of(process.child().stderr.take().expect("it is piped"));
        // Its port is taken as soon as it listens.
        let is_up = || UdpSocket::bind(address).is_err() && pid.exists();
        assert!(wait_until(PATIENCE, is_up), "Kamailio does not start\n{}", log.lines().join("\n"));
        Some(Self { process, _log: log, _folder: folder })
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its workers are its children, and would outlive it.
        let _ = killpg(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGKILL);
    }
}
