//! The configuration that a test's gateway gets.

use std::fmt::Write as _;

use webtrunk::config::{DEFAULT_REALM, hashes};

use super::ports::Ports;

/// What a test wants of its gateway. Everything runs on loopback.
#[derive(Default)]
pub(crate) struct GatewayConfig {
    rules: String,
    trunks: String,
    users: Vec<String>,
    origin: Option<String>,
    media: String,
}

/// Every test user's password.
pub(crate) fn password(user: &str) -> String {
    format!("password of {user}")
}

impl GatewayConfig {
    /// Adds a user, with [`password`]'s.
    pub(crate) fn user(mut self, name: &str) -> Self {
        self.users.push(name.to_owned());
        self
    }

    /// Adds a rule: what goes into its section, besides its name.
    pub(crate) fn rule(mut self, keys: &str) -> Self {
        let index = self.rules.matches("[[rules]]").count();
        let _ = write!(self.rules, "\n[[rules]]\nname = \"rule {index}\"\n{keys}\n");
        self
    }

    /// Adds a trunk over UDP to a port on loopback; calls from loopback are its own.
    pub(crate) fn trunk(mut self, name: &str, port: u16, codecs: &[&str]) -> Self {
        let _ = write!(
            self.trunks,
            "\n[[trunks]]\nname = {name:?}\nhost = \"127.0.0.1\"\nport = {port}\n\
             networks = [\"127.0.0.1/32\"]\ncodecs = {codecs:?}\n"
        );
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

    pub(super) fn to_toml(&self, ports: &Ports) -> String {
        let (http, sip, rtp) = (ports.http(), ports.sip(), ports.rtp());
        let mut text = format!("[http]\nbind = \"127.0.0.1:{http}\"\n");
        if let Some(origin) = &self.origin {
            let _ = writeln!(text, "origins = [{origin:?}]");
        }
        let _ = write!(
            text,
            "[log]\nformat = \"json\"\nfilter = \"info,webtrunk=debug,webtrunk_engine=debug,webtrunk_signalling=debug\"\n\
             [[sip.listeners]]\ntransport = \"ws\"\n\
             [[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:{sip}\"\n\
             [[sip.listeners]]\ntransport = \"tcp\"\nbind = \"127.0.0.1:{sip}\"\n\
             [media]\naddresses = [\"127.0.0.1\"]\nwebrtc_port = 0\nrtp_address = \"127.0.0.1\"\n\
             rtp_ports = [{}, {}]\n{}",
            rtp.start(),
            rtp.end(),
            self.media
        );
        for user in &self.users {
            let _ = write!(text, "\n[[users]]\nname = {user:?}\n");
            for hash in hashes(user, DEFAULT_REALM, &password(user)) {
                let key = format!("ha1_{:?}", hash.algorithm()).to_lowercase();
                let _ = writeln!(text, "{key} = {:?}", hash.as_hex());
            }
        }
        text + &self.trunks + &self.rules
    }
}
