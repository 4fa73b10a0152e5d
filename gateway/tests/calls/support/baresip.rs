//! baresip: a phone that speaks a WAV file and records what it hears.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::gateway::PATIENCE;
use super::gateway_config::password;
use super::log::Log;
use super::process::{Process, wait_until};
use super::sound::Sound;
use super::tools;

/// A baresip that runs. It hangs up when it has said everything.
///
/// It sends its media from whatever address the system takes, which is 127.0.0.1, so it lives there, or where there is
/// one other address alone.
pub(crate) struct Baresip {
    address: SocketAddr,
    process: Process,
    log: Log,
    folder: TempDir,
}

/// Where Debian puts its modules.
const MODULES: &str = "/usr/lib/baresip/modules";

impl Baresip {
    /// Waits for a call to `user`, and answers it at once, with a codec alone. `None` where there is no baresip.
    pub(crate) fn answering(user: &str, codec: &str, says: &Sound) -> Option<Self> {
        Self::answering_with(user, codec, "", says)
    }

    /// [`Baresip::answering`] with more parameters of its account.
    pub(crate) fn answering_with(user: &str, codec: &str, parameters: &str, says: &Sound) -> Option<Self> {
        let address = free_address();
        let account = format!(
            "<sip:{user}@{address}>;regint=0;answermode=auto;audio_codecs={codec}/8000/1{parameters}"
        );
        let phone = Self::start(address, &account, says, &[])?;
        phone.log.wait_for(&["baresip is ready"], PATIENCE);
        Some(phone)
    }

    /// Registers as one of the gateway's users, and answers its calls at once. `None` where there is no baresip.
    pub(crate) fn registered(user: &str, codec: &str, gateway: SocketAddr, says: &Sound) -> Option<Self> {
        Self::registered_at(Ipv4Addr::LOCALHOST.into(), user, codec, gateway, says)
    }

    /// [`Baresip::registered`] on a machine that has this address alone.
    pub(crate) fn registered_at(
        ip: IpAddr,
        user: &str,
        codec: &str,
        gateway: SocketAddr,
        says: &Sound,
    ) -> Option<Self> {
        Self::register(free_address_at(ip), user, codec, &gateway.to_string(), "", says)
    }

    /// [`Baresip::registered`] over TLS, its media encrypted by keys in the descriptions or refused.
    pub(crate) fn registered_securely(
        user: &str,
        codec: &str,
        gateway: SocketAddr,
        says: &Sound,
    ) -> Option<Self> {
        let gateway = format!("{gateway};transport=tls");
        Self::register(free_address(), user, codec, &gateway, ";mediaenc=srtp-mand", says)
    }

    fn register(
        address: SocketAddr,
        user: &str,
        codec: &str,
        gateway: &str,
        parameters: &str,
        says: &Sound,
    ) -> Option<Self> {
        let password = password(user);
        let account = format!(
            "<sip:{user}@{gateway}>;regint=600;answermode=auto;auth_user={user};auth_pass={password};\
             audio_codecs={codec}/8000/1{parameters}"
        );
        let phone = Self::start(address, &account, says, &[])?;
        phone.log.wait_for(&["200 OK"], PATIENCE);
        Some(phone)
    }

    /// Registers as one of the gateway's users, and watches whether another can be reached. `None` where there is no
    /// baresip.
    pub(crate) fn watching(user: &str, gateway: SocketAddr, watched: &str) -> Option<Self> {
        let password = password(user);
        let account = format!(
            "<sip:{user}@{gateway}>;regint=600;auth_user={user};auth_pass={password};audio_codecs=PCMU/8000/1"
        );
        let contacts = format!("\"{watched}\" <sip:{watched}@{gateway}>;presence=p2p");
        let says = Sound { rate: 8000, samples: vec![0; 8000] };
        Self::start_with(free_address(), (&account, &contacts), &says, &[])
    }

    /// Waits until it says that whom it watches is so from now on.
    pub(crate) fn wait_for_status(&self, status: &str) {
        let is_so = || {
            let lines = self.log.lines();
            let last = lines.iter().rfind(|line| line.contains("changed status"));
            last.and_then(|line| line.split(" to ").nth(1)).is_some_and(|now| now.contains(status))
        };
        let lines = || self.log.lines().join("\n");
        assert!(wait_until(PATIENCE, is_so), "{status} is never said:\n{}", lines());
    }

    /// Calls `number` at the gateway, as one of its users.
    pub(crate) fn calling(
        user: &str,
        codec: &str,
        gateway: SocketAddr,
        number: &str,
        says: &Sound,
    ) -> Option<Self> {
        Self::calling_with(user, codec, "", gateway, number, says)
    }

    /// [`Baresip::calling`] with more parameters of its account.
    pub(crate) fn calling_with(
        user: &str,
        codec: &str,
        parameters: &str,
        gateway: SocketAddr,
        number: &str,
        says: &Sound,
    ) -> Option<Self> {
        let password = password(user);
        let account = format!(
            "<sip:{user}@{gateway}>;regint=0;auth_user={user};auth_pass={password};\
             audio_codecs={codec}/8000/1{parameters}"
        );
        Self::start(free_address(), &account, says, &["-e", &format!("d sip:{number}@{gateway}")])
    }

    /// Has it do something: `hold`, `resume`, `transfer` to a URI, `sndcode` with a key, `dial`, `hangup`.
    pub(crate) fn tell(&self, command: &str, parameter: &str) {
        let text = serde_json::json!({ "command": command, "params": parameter }).to_string();
        let mut stream = TcpStream::connect(control_of(self.address)).expect("it listens");
        // A netstring.
        stream.write_all(format!("{}:{text},", text.len()).as_bytes()).expect("it reads");
    }

    /// Waits until it has said so.
    pub(crate) fn wait_for(&self, words: &str) {
        self.log.wait_for(&[words], PATIENCE);
    }

    /// Where it takes calls.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until its call is over, for either reason.
    pub(crate) fn wait_for_the_end_of_its_call(&self) {
        self.log.wait_for(&["terminated (duration"], PATIENCE);
    }

    /// Ends it, and gives what it heard.
    pub(crate) fn heard(mut self) -> Sound {
        self.process.signal(Signal::SIGTERM);
        self.process.wait(PATIENCE).expect("it ends in time");
        let files = std::fs::read_dir(self.folder.path()).expect("the folder is ours");
        let recordings = files.map(|file| file.expect("the folder is ours").path());
        let recording = recordings.into_iter().find(|path| path.to_string_lossy().ends_with("-dec.wav"));
        let recording =
            recording.unwrap_or_else(|| panic!("it heard nothing:\n{}", self.log.lines().join("\n")));
        Sound::read(&recording)
    }

    fn start(address: SocketAddr, account: &str, says: &Sound, arguments: &[&str]) -> Option<Self> {
        Self::start_with(address, (account, ""), says, arguments)
    }

    fn start_with(
        address: SocketAddr,
        (account, contacts): (&str, &str),
        says: &Sound,
        arguments: &[&str],
    ) -> Option<Self> {
        let program = tools::command("baresip")?;
        tools::path(Path::new(MODULES), "install baresip-core")?;
        let folder = TempDir::new().expect("a folder");
        let path = folder.path();
        says.write(&path.join("says.wav"));
        // A bridge to nobody takes the place of the loudspeaker.
        let path_text = path.display();
        let config = format!(
            "sip_listen {address}\naudio_source aufile,{path_text}/says.wav\naudio_player aubridge,loudspeaker\n\
             audio_alert aubridge,bell\naudio_path {path_text}\nausrc_srate {rate}\nauplay_srate {rate}\n\
             ausrc_channels 1\nauplay_channels 1\nsnd_path {path_text}\nmodule_path {MODULES}\n\
             module g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\nmodule srtp.so\n\
             ctrl_tcp_listen {control}\nmodule_app ctrl_tcp.so\n\
             module_app account.so\nmodule_app menu.so\n{watching}",
            rate = says.rate,
            control = control_of(address),
            watching =
                if contacts.is_empty() { "" } else { "module_app contact.so\nmodule_app presence.so\n" },
        );
        for (name, text) in [("config", config.as_str()), ("accounts", account), ("contacts", contacts)] {
            std::fs::write(path.join(name), format!("{text}\n")).expect("the folder is ours");
        }
        let family = if address.is_ipv4() { "-4" } else { "-6" };
        let mut process = Process::start(
            Command::new(program)
                .args([family, "-n", &address.ip().to_string(), "-f"])
                .arg(path)
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let log = Log::of(process.child().stdout.take().expect("it is piped"));
        Some(Self { address, process, log, folder })
    }
}

/// How far behind its SIP port it is told what to do.
const CONTROL: u16 = 2;

const fn control_of(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port() + CONTROL)
}

fn free_address() -> SocketAddr {
    free_address_at(Ipv4Addr::LOCALHOST.into())
}

/// An address that is free for UDP and TCP, with the port after it for TLS and the next to be told at.
fn free_address_at(ip: IpAddr) -> SocketAddr {
    let is_free = |port: u16| {
        let address = (ip, port);
        UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
    };
    // Below the ports that the system hands out, so that nobody gets it in the meantime.
    let port = (0..1000).map(|_| rand::random_range(10_000..30_000));
    let port =
        port.into_iter().find(|port| (0..=CONTROL).all(|more| is_free(port + more))).expect("a free port");
    (ip, port).into()
}
