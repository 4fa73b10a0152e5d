//! Speakers that are plugged in and pulled out: PulseAudio's, each of which can be listened to.

use std::ffi::OsStr;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::gateway::PATIENCE;
use super::process::{Process, wait_until};
use super::sound::Sound;
use super::tools;

/// The rate of all speakers.
const RATE: u32 = 48_000;

/// A sound system of the test's own, which ends with it.
pub(crate) struct Speakers {
    /// Where it listens, and what its programs would write into a home.
    folder: TempDir,
    pactl: PathBuf,
    parec: PathBuf,
    _process: Process,
}

/// One that is plugged in, as long as nobody pulls it out.
pub(crate) struct Speaker<'s> {
    speakers: &'s Speakers,
    name: &'static str,
    module: String,
}

impl Speakers {
    /// Without a speaker yet. `None` where a tool is missing.
    pub(crate) fn start() -> Option<Self> {
        let [server, pactl, parec] = ["pulseaudio", "pactl", "parec"].map(tools::command);
        let (server, pactl, parec) = (server?, pactl?, parec?);
        let folder = TempDir::new().expect("a folder");
        let socket = folder.path().join("socket");
        let load = format!("--load=module-native-protocol-unix socket={} auth-anonymous=1", socket.display());
        let options =
            ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"];
        let mut command = beside(&folder, server);
        command.args(options).arg(load).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start(&mut command);
        assert!(wait_until(PATIENCE, || socket.exists()), "PulseAudio does not start");
        Some(Self { folder, pactl, parec, _process: process })
    }

    /// A command that runs a program which plays by these speakers.
    pub(crate) fn beside(&self, program: impl AsRef<OsStr>) -> Command {
        beside(&self.folder, program)
    }

    /// Plugs one in, by whose name browsers list it.
    pub(crate) fn plug(&self, name: &'static str) -> Speaker<'_> {
        let named = [format!("sink_name={name}"), format!("sink_properties=device.description={name}")];
        let rate = format!("rate={RATE}");
        let [sink, description] = named.each_ref().map(String::as_str);
        let module = self.control(&["load-module", "module-null-sink", sink, description, &rate]);
        Speaker { speakers: self, name, module: module.trim().to_owned() }
    }

    fn control(&self, arguments: &[&str]) -> String {
        let done = self.beside(&self.pactl).args(arguments).output().expect("pactl runs");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("UTF-8")
    }
}

impl Speaker<'_> {
    /// Makes it the usual one.
    pub(crate) fn make_usual(&self) {
        self.speakers.control(&["set-default-sink", self.name]);
    }

    /// Pulls it out.
    pub(crate) fn unplug(self) {
        self.speakers.control(&["unload-module", &self.module]);
    }

    /// What it plays in the next seconds.
    pub(crate) fn listen(&self, seconds: f64) -> Sound {
        let mut command = self.speakers.beside(&self.speakers.parec);
        command.args(["--raw", "--format=s16le", "--channels=1", "--latency-msec=20"]);
        command.args([format!("--rate={RATE}"), format!("--device={}.monitor", self.name)]);
        let mut recorder = Process::start(command.stdin(Stdio::null()).stdout(Stdio::piped()));
        let mut octets = vec![0; 2 * (seconds * f64::from(RATE)) as usize];
        let mut sound = recorder.child().stdout.take().expect("it is piped");
        sound.read_exact(&mut octets).expect("a speaker plays, were it silence");
        let samples = octets.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        Sound { rate: RATE, samples }
    }
}

fn beside(folder: &TempDir, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env("PULSE_SERVER", format!("unix:{}", folder.path().join("socket").display()));
    command.env("HOME", folder.path()).env("XDG_RUNTIME_DIR", folder.path());
    command
}
