//! The configuration that a test's gateway gets.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use webtrunk::config::{DEFAULT_REALM, hashes};
use webtrunk_signalling::auth::digest::{Algorithm, Ha1};

use super::cluster::{Cluster, DATABASE};
use super::host::Host;
use super::launch::Launch;

/// What a test wants of its gateway. Everything runs on loopback.
#[derive(Default)]
pub(crate) struct GatewayConfig {
    rules: String,
    trunks: String,
    trunk_srtp: Option<&'static str>,
    users: Vec<String>,
    groups: Vec<(String, String)>,
    supervised: Vec<(String, String)>,
    origin: Option<String>,
    media: String,
    has_all_addresses: bool,
    sip: String,
    sip_ws: String,
    defence: String,
    messages: String,
    subscriptions: String,
    users_more: Vec<(String, String)>,
    sections: String,
    listeners: String,
    tls: String,
    certificate: Option<PathBuf>,
    recording: String,
    store: String,
    is_md5_only: bool,
    rtp_address: Option<&'static str>,
    rtp_ports: Option<[u16; 2]>,
    log_filter: Option<&'static str>,
    pub(super) launch: Launch,
    drain_timeout_s: u32,
    telemetry: String,
    token_folder: Option<PathBuf>,
}

/// The page, and SIP over WebSocket.
pub(crate) const HTTP_PORT: u16 = 8080;

/// The admin API, and where it writes its token.
pub(crate) const ADMIN_PORT: u16 = 9650;
const ADMIN_TOKEN: &str = "admin-token";

/// Browsers' media; further shards take the following ports.
pub(crate) const WEBRTC_PORT: u16 = 10_000;

/// SIP over UDP and TCP, of the gateway and of every phone.
pub(crate) const SIP_PORT: u16 = 5060;

/// Every test user's password.
pub(crate) fn password(user: &str) -> String {
    format!("password-of-{user}")
}

impl GatewayConfig {
    /// Adds a user, with [`password`]'s.
    pub(crate) fn user(mut self, name: &str) -> Self {
        self.users.push(name.to_owned());
        self
    }

    /// Puts a user into a group.
    pub(crate) fn group(mut self, user: &str, group: &str) -> Self {
        self.groups.push((user.to_owned(), group.to_owned()));
        self
    }

    /// Has a user supervise those of a group.
    pub(crate) fn supervises(mut self, user: &str, group: &str) -> Self {
        self.supervised.push((user.to_owned(), group.to_owned()));
        self
    }

    /// Keeps the users' MD5 hashes alone: for clients that give up where SHA-256 is offered too.
    pub(crate) const fn md5_only(mut self) -> Self {
        self.is_md5_only = true;
        self
    }

    /// Adds a rule: what goes into its section, besides its name.
    pub(crate) fn rule(mut self, keys: &str) -> Self {
        let index = self.rules.matches("[[rules]]").count();
        let _ = write!(self.rules, "\n[[rules]]\nname = \"rule {index}\"\n{keys}\n");
        self
    }

    /// Adds a trunk over UDP to a host; calls from there are its own.
    pub(crate) fn trunk(self, name: &str, host: &Host, codecs: &[&str]) -> Self {
        self.trunk_at(name, host.at(SIP_PORT), codecs)
    }

    /// [`GatewayConfig::trunk`] for one that listens somewhere else.
    pub(crate) fn trunk_at(mut self, name: &str, address: SocketAddr, codecs: &[&str]) -> Self {
        let (ip, port) = (address.ip(), address.port());
        let _ = write!(
            self.trunks,
            "\n[[trunks]]\nname = {name:?}\nhost = \"{ip}\"\nport = {port}\nnetworks = [\"{ip}\"]\ncodecs = {codecs:?}\n"
        );
        if let Some(srtp) = self.trunk_srtp {
            let _ = writeln!(self.trunks, "srtp = {srtp:?}");
        }
        self
    }

    /// Gives the trunks that are added from now on this policy.
    pub(crate) const fn trunk_srtp(mut self, srtp: &'static str) -> Self {
        self.trunk_srtp = Some(srtp);
        self
    }

    /// Adds a trunk of which everything is said in these lines.
    pub(crate) fn trunk_lines(mut self, lines: &str) -> Self {
        let _ = write!(self.trunks, "\n[[trunks]]\n{lines}\n");
        self
    }

    /// Adds lines to the section of the trunk that was added last.
    pub(crate) fn last_trunk(mut self, lines: &str) -> Self {
        let _ = writeln!(self.trunks, "{lines}");
        self
    }

    /// Admits the pages of this origin.
    pub(crate) fn origin(mut self, origin: &str) -> Self {
        self.origin = Some(origin.to_owned());
        self
    }

    /// Adds lines to the section `[media]`.
    pub(crate) fn media(mut self, lines: &str) -> Self {
        let _ = writeln!(self.media, "{lines}");
        self
    }

    /// Tells browsers of the addresses that the machine has, and not of its host's alone.
    pub(crate) const fn all_addresses(mut self) -> Self {
        self.has_all_addresses = true;
        self
    }

    /// Records to this folder.
    pub(crate) fn recording(mut self, folder: &Path) -> Self {
        self.recording = format!("[recording]\nfolder = {folder:?}\n");
        self
    }

    /// Keeps registrations in this file.
    pub(crate) fn store(mut self, path: &Path) -> Self {
        self.store = format!("[store]\npath = {path:?}\n");
        self
    }

    /// Keeps them in the database of a cluster, by TCP and with its password.
    pub(crate) fn store_in(mut self, cluster: &Cluster) -> Self {
        let (url, password) = (cluster.by_tcp(DATABASE), cluster.password_file());
        self.store = format!("[store]\nurl = {url:?}\npassword = {{ file = {password:?} }}\n");
        self
    }

    /// Keeps people in the store that was configured before, sealed by this key, which is in its environment.
    pub(crate) fn store_key(mut self, variable: &str, key: &str) -> Self {
        let _ = writeln!(self.store, "secret_key = {{ env = {variable:?} }}");
        self.environment(variable, key)
    }

    /// Keeps records of calls in the store that was configured before, and writes them to this file.
    pub(crate) fn records(mut self, file: &Path) -> Self {
        let _ = writeln!(self.store, "[cdr]\nfile = {file:?}");
        self
    }

    /// Lets records that the store does not take wait in this file.
    pub(crate) fn spare_records(mut self, file: &Path) -> Self {
        let _ = writeln!(self.store, "spare = {file:?}");
        self
    }

    /// Binds plain RTP to this address, and not to its host's.
    pub(crate) const fn rtp_address(mut self, address: &'static str) -> Self {
        self.rtp_address = Some(address);
        self
    }

    /// Takes plain RTP's ports from this range alone.
    pub(crate) const fn rtp_ports(mut self, from: u16, to: u16) -> Self {
        self.rtp_ports = Some([from, to]);
        self
    }

    /// Sends traces to this collector.
    pub(crate) fn traces_to(mut self, collector: &str) -> Self {
        self.telemetry = format!("[telemetry]\notlp = {collector:?}\n");
        self
    }

    /// Gives calls so many seconds when it is asked to stop; none, where nothing is said.
    pub(crate) const fn drain_timeout(mut self, seconds: u32) -> Self {
        self.drain_timeout_s = seconds;
        self
    }

    /// Has the admin API's token in this folder, and not beside the configuration.
    pub(crate) fn token_in(mut self, folder: &Path) -> Self {
        self.token_folder = Some(folder.to_owned());
        self
    }

    /// Where the token is of a gateway whose configuration is in this folder.
    pub(super) fn token_file(&self, folder: &Path) -> PathBuf {
        self.token_folder.as_deref().unwrap_or(folder).join(ADMIN_TOKEN)
    }

    /// Logs by this filter, and the start, which tests wait for.
    pub(crate) const fn log_filter(mut self, filter: &'static str) -> Self {
        self.log_filter = Some(filter);
        self
    }

    /// Runs with this in its environment.
    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.launch.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lets it have so many files and sockets open, and no more.
    pub(crate) const fn open_files(mut self, most: u32) -> Self {
        self.launch.open_files = Some(most);
        self
    }

    /// Has this test be the gateway, in a process of its own, and not the binary.
    pub(crate) const fn run_by(mut self, test: &'static str) -> Self {
        self.launch.test = Some(test);
        self
    }

    /// Adds lines to the section `[sip]`.
    pub(crate) fn sip(mut self, lines: &str) -> Self {
        let _ = writeln!(self.sip, "{lines}");
        self
    }

    /// Adds lines to the section `[sip_ws]`.
    pub(crate) fn sip_ws(mut self, lines: &str) -> Self {
        let _ = writeln!(self.sip_ws, "{lines}");
        self
    }

    /// Adds lines to the section `[defence]`.
    pub(crate) fn defence(mut self, lines: &str) -> Self {
        let _ = writeln!(self.defence, "{lines}");
        self
    }

    /// Adds lines to the section `[messages]`.
    pub(crate) fn messages(mut self, lines: &str) -> Self {
        let _ = writeln!(self.messages, "{lines}");
        self
    }

    /// Adds lines to the section `[subscriptions]`.
    pub(crate) fn subscriptions(mut self, lines: &str) -> Self {
        let _ = writeln!(self.subscriptions, "{lines}");
        self
    }

    /// Adds whole sections.
    pub(crate) fn sections(mut self, text: &str) -> Self {
        let _ = write!(self.sections, "\n{text}\n");
        self
    }

    /// Adds lines to the section of a user.
    pub(crate) fn user_lines(mut self, user: &str, lines: &str) -> Self {
        self.users_more.push((user.to_owned(), lines.to_owned()));
        self
    }

    /// Adds lines to the sections of the listeners for UDP and TCP.
    pub(crate) fn listeners(mut self, lines: &str) -> Self {
        let _ = writeln!(self.listeners, "{lines}");
        self
    }

    /// Serves page and WebSocket over TLS, with this certificate and key.
    pub(crate) fn tls(mut self, certificate: &Path, private_key: &Path) -> Self {
        let pair = format!("[tls]\ncertificate = {certificate:?}\nprivate_key = {private_key:?}\n");
        self.tls.insert_str(0, &pair);
        self.certificate = Some(certificate.to_owned());
        self
    }

    /// Trusts this certificate where trunks are called over TLS.
    pub(crate) fn trusting(mut self, certificate: &Path) -> Self {
        let _ = writeln!(self.tls, "trusted_certificates = {certificate:?}");
        self
    }

    /// Asks who calls over TLS for a certificate by these authorities.
    pub(crate) fn asking_by(mut self, authorities: &Path) -> Self {
        let _ = writeln!(self.tls, "client_authorities = {authorities:?}");
        self
    }

    pub(super) fn certificate(&self) -> Option<&Path> {
        self.certificate.as_deref()
    }

    pub(super) fn to_toml(&self, host: &Host) -> String {
        let ip = host.ip();
        let mut text = format!(
            "[drain]\ntimeout_s = {}\n[admin]\nbind = \"{}\"\ntoken_file = {:?}\n[http]\nbind = \"{}\"\n[sip_ws]\n{}",
            self.drain_timeout_s,
            host.inside(ADMIN_PORT),
            self.token_file(Path::new("")),
            host.door(HTTP_PORT),
            self.sip_ws
        );
        if let Some(origin) = &self.origin {
            let _ = writeln!(text, "origins = [{origin:?}]");
        }
        let _ = write!(
            text,
            "[log]\nformat = \"json\"\nfilter = \"{},webtrunk::serve=info\"\n\
             [sip]\n{}\
             [[sip.listeners]]\ntransport = \"udp\"\nbind = \"{sip}\"\n{listeners}\
             [[sip.listeners]]\ntransport = \"tcp\"\nbind = \"{sip}\"\n{listeners}\
             [defence]\n{late}{}[messages]\n{}[subscriptions]\n{}[media]\n{addresses}webrtc_port = {WEBRTC_PORT}\nrtp_address = \"{rtp_address}\"\n\
             rtp_ports = {:?}\n{}",
            self.log_filter.unwrap_or("debug,hickory_net=info,hickory_resolver=info,mio=info"),
            self.sip,
            self.defence,
            self.messages,
            self.subscriptions,
            self.rtp_ports.unwrap_or([20_000, 20_099]),
            self.media,
            sip = host.at(SIP_PORT),
            // Machines that test are.
            late = if self.defence.contains("refuse_when_late") { "" } else { "refuse_when_late = false\n" },
            rtp_address = self.rtp_address.map_or(ip.to_string(), str::to_owned),
            listeners = self.listeners,
            addresses =
                if self.has_all_addresses { String::new() } else { format!("addresses = [\"{ip}\"]\n") },
        );
        text + &self.parts()
    }

    /// Users, trunks, rules and what else stands in no section that there is once.
    pub(crate) fn parts(&self) -> String {
        let mut text = String::new();
        for user in &self.users {
            let _ = write!(text, "\n[[users]]\nname = {user:?}\n");
            for (key, pairs) in [("groups", &self.groups), ("supervises", &self.supervised)] {
                let own = pairs.iter().filter(|(member, _)| member == user);
                let _ = writeln!(text, "{key} = {:?}", own.map(|(_, group)| group).collect::<Vec<_>>());
            }
            for (_, lines) in self.users_more.iter().filter(|(of, _)| of == user) {
                let _ = writeln!(text, "{lines}");
            }
            let is_kept = |hash: &Ha1| !self.is_md5_only || hash.algorithm() == Algorithm::Md5;
            for hash in hashes(user, DEFAULT_REALM, &password(user)).into_iter().filter(is_kept) {
                let key = format!("ha1_{:?}", hash.algorithm()).to_lowercase();
                let _ = writeln!(text, "{key} = {:?}", hash.as_hex());
            }
        }
        text + &self.sections
            + &self.telemetry
            + &self.tls
            + &self.recording
            + &self.store
            + &self.trunks
            + &self.rules
    }
}
