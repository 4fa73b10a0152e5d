//! linphone as a process: a phone that is told by its standard input what to do, speaks a WAV file and records what it
//! hears.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{ChildStdin, Command, Stdio};

use tempfile::TempDir;

use crate::support::gateway::{PATIENCE, password};
use crate::support::log::Log;
use crate::support::process::Process;
use crate::support::sound::Sound;
use crate::support::tools;

/// A linphone that has registered.
pub(super) struct Linphone {
    process: Process,
    input: ChildStdin,
    log: Log,
    folder: TempDir,
}

/// What it is.
pub(super) struct LinphoneConfig<'a> {
    pub(super) user: &'a str,
    pub(super) gateway: SocketAddr,
    /// `udp`, `tcp` or `tls`.
    pub(super) transport: &'a str,
    /// More lines for `[sip]`.
    pub(super) lines: &'a str,
    pub(super) says: &'a Sound,
}

impl Linphone {
    /// Starts one that answers its calls at once, and waits until it has registered. `None` where there is none.
    pub(super) fn start(config: &LinphoneConfig<'_>) -> Option<Self> {
        let program = tools::command("linphonec")?;
        let folder = TempDir::new().expect("a folder");
        let path = folder.path();
        // It does not make the folder of its database, and does nothing at all without.
        std::fs::create_dir_all(path.join(".local/share/linphone")).expect("the folder is ours");
        config.says.write(&path.join("says.wav"));
        std::fs::write(path.join("rc"), rc(config)).expect("the folder is ours");
        let mut process = Process::start(
            Command::new(program)
                .args(["-a", "-d", "0", "-c"])
                .arg(path.join("rc"))
                .env("HOME", path)
                .env("XDG_DATA_HOME", path.join(".local/share"))
                .env("XDG_CONFIG_HOME", path.join(".config"))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let log = Log::of(process.child().stdout.take().expect("it is piped"));
        let input = process.child().stdin.take().expect("it is piped");
        let mut phone = Self { process, input, log, folder };
        phone.tell("soundcard use files");
        phone.tell(&format!("play {}", phone.folder.path().join("says.wav").display()));
        phone.tell(&format!("record {}", phone.folder.path().join("heard.wav").display()));
        Some(phone)
    }

    /// Says a line to it.
    pub(super) fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("it reads");
        self.input.flush().expect("it reads");
    }

    /// Waits until it has said so.
    pub(super) fn wait_for(&self, words: &str) {
        self.log.wait_for(&[words], PATIENCE);
    }

    /// Ends it, and gives what it heard in its last call.
    pub(super) fn heard(mut self) -> Sound {
        self.tell("quit");
        let ended = self.process.wait(PATIENCE);
        assert!(ended.is_some(), "it does not end\n{}", self.log.lines().join("\n"));
        Sound::read(&self.folder.path().join("heard.wav"))
    }
}

fn rc(LinphoneConfig { user, gateway, transport, lines, .. }: &LinphoneConfig<'_>) -> String {
    let secret = password(user);
    let host = match gateway.ip() {
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let (sip, rtp) = (rand::random_range(10_000..20_000), rand::random_range(5_000..10_000) * 2);
    let mut text = String::from("[sip]\n");
    for kind in ["udp", "tcp", "tls"] {
        let key = if kind == "udp" { "sip_port".to_owned() } else { format!("sip_{kind}_port") };
        let port = if kind == *transport { sip } else { 0 };
        writeln!(text, "{key}={port}").expect("writes to a String");
    }
    write!(
        text,
        "use_ipv6={}\nverify_server_certs=0\nverify_server_cn=0\nguess_hostname=0\ndefault_proxy=0\n{lines}\n\
         [rtp]\naudio_rtp_port={rtp}\n\
         [proxy_0]\nreg_proxy=<sip:{host}:{};transport={transport}>\nreg_identity=sip:{user}@{host}\n\
         reg_expires=600\nreg_sendregister=1\npublish=0\n\
         [auth_info_0]\nusername={user}\npasswd={secret}\nrealm=webtrunk\ndomain={host}\n",
        u8::from(gateway.is_ipv6()),
        gateway.port(),
    )
    .expect("writes to a String");
    text
}
