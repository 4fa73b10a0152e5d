//! The one agent of a command: a WebRTC caller or a plain phone.

use std::error::Error;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::{Args, ValueEnum};
use webtrunk_loadtest::agent::{
    AgentError, Dialing, Incoming, Phone, PhoneConfig, PhoneTransport, Voice, WebrtcCaller,
};

use super::options::{AccountOptions, Codec, VoiceOptions, WebrtcOptions};

/// What kind of agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// SIP over WebSocket, ICE, DTLS-SRTP.
    Webrtc,
    /// Plain SIP and RTP.
    Phone,
}

/// How a phone speaks SIP.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Transport {
    Udp,
    Tcp,
    Tls,
}

/// What an agent is, whatever its kind.
#[derive(Debug, Clone, Args)]
pub(super) struct AgentOptions {
    /// Where the server is: ws://host:port/path or wss://.. for webrtc, address:port for a phone.
    #[arg(long)]
    server: Option<String>,
    /// Codecs, best first; by default all for webrtc, G.711 for a phone.
    #[arg(long, value_enum, value_delimiter = ',')]
    codec: Vec<Codec>,
    /// How a phone speaks SIP.
    #[arg(long, value_enum, default_value_t = Transport::Udp)]
    transport: Transport,
    /// Address of a phone; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    bind: SocketAddr,
    /// A phone behaves as behind a NAT: it names this address, from which nothing is sent.
    #[arg(long, value_name = "IP")]
    behind_nat: Option<IpAddr>,
    #[command(flatten)]
    account: AccountOptions,
    #[command(flatten)]
    voice: VoiceOptions,
    #[command(flatten)]
    webrtc: WebrtcOptions,
}

/// The one agent of a command.
pub(super) enum Agent {
    Webrtc(WebrtcCaller),
    Phone(Phone),
}

/// Where the gateway serves SIP over WebSocket by default.
const WEBSOCKET_SERVER: &str = "ws://127.0.0.1:8080/sip";

impl AgentOptions {
    pub(super) fn voice(&self) -> Result<Option<Voice>, Box<dyn Error>> {
        self.voice.voice()
    }

    /// Where a call to this destination goes: to the server, or to the host of a URI where there is none.
    pub(super) fn target(&self, kind: Kind, destination: &str) -> String {
        match (&self.server, kind) {
            (Some(server), _) => server.clone(),
            (None, Kind::Webrtc) => WEBSOCKET_SERVER.to_owned(),
            (None, Kind::Phone) => host_of(destination).to_owned(),
        }
    }

    /// Whether it can register: it has a password, and a server to register at.
    pub(super) fn can_register(&self, kind: Kind) -> Result<bool, Box<dyn Error>> {
        let has_server = kind == Kind::Webrtc || self.server.is_some();
        Ok(has_server && self.account.credentials()?.is_some())
    }

    pub(super) async fn agent(&self, kind: Kind, voice: Option<Voice>) -> Result<Agent, Box<dyn Error>> {
        let credentials = self.account.credentials()?;
        let codecs = Codec::ids(&self.codec);
        match kind {
            Kind::Webrtc => {
                let server = self.server.as_deref().unwrap_or(WEBSOCKET_SERVER);
                let mut config = self.webrtc.config(server, &self.account);
                config.credentials = credentials.unwrap_or(config.credentials);
                config.voice = voice;
                if !codecs.is_empty() {
                    config.codecs = codecs;
                }
                Ok(Agent::Webrtc(WebrtcCaller::new(config).await.map_err(|error| with_cure(&error))?))
            }
            Kind::Phone => {
                let parse = |server: &String| {
                    server
                        .parse()
                        .map_err(|_| format!("--server {server} is no address:port, which a phone needs"))
                };
                let mut config = PhoneConfig {
                    bind: self.bind,
                    transport: self.transport.into(),
                    trust: self.webrtc.trust(),
                    server: self.server.as_ref().map(parse).transpose()?,
                    domain: self.account.domain.clone(),
                    user: self.account.user.clone(),
                    credentials,
                    voice,
                    behind_nat: self.behind_nat,
                    ..PhoneConfig::default()
                };
                if !codecs.is_empty() {
                    config.codecs = codecs;
                }
                Ok(Agent::Phone(Phone::new(config).await?))
            }
        }
    }
}

/// The host and port of a SIP URI.
fn host_of(uri: &str) -> &str {
    let rest = uri.split_once('@').map_or(uri, |(_, rest)| rest);
    let rest = rest.trim_start_matches("sips:").trim_start_matches("sip:");
    rest.split([';', '?', '>']).next().unwrap_or(rest)
}

/// Of a certificate that nobody vouches for, what to do about it.
pub(super) fn with_cure(error: &impl Display) -> String {
    let told = error.to_string();
    let is_of_certificate =
        ["CaUsedAsEndEntity", "UnknownIssuer", "NotValidForName", "invalid peer certificate"].iter();
    if is_of_certificate.clone().any(|word| told.contains(word)) {
        format!("{told}; name its certificate by --ca FILE, or take any by --insecure")
    } else {
        told
    }
}

impl Agent {
    pub(super) async fn register(&self) -> Result<(), Box<dyn Error>> {
        let registered = match self {
            Self::Webrtc(caller) => caller.register().await,
            Self::Phone(phone) => phone.register().await,
        };
        registered.map_err(|error| {
            format!("cannot register: {error}; check --user, the password and --server").into()
        })
    }

    /// A browser's registration ends with its connection.
    pub(super) async fn unregister(&self) -> Result<(), AgentError> {
        match self {
            Self::Webrtc(_) => Ok(()),
            Self::Phone(phone) => phone.register_for(Duration::ZERO).await,
        }
    }

    pub(super) async fn dial(&self, to: &str) -> Result<Dialing, Box<dyn Error>> {
        Ok(match self {
            Self::Webrtc(caller) => caller.dial(to).await?,
            Self::Phone(phone) => phone.dial(to).await?,
        })
    }

    pub(super) async fn next_incoming(&self) -> Result<Incoming, AgentError> {
        match self {
            Self::Webrtc(caller) => caller.next_incoming().await,
            Self::Phone(phone) => phone.next_incoming().await,
        }
    }

    /// Where calls find it.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Webrtc(_) => "its registration".to_owned(),
            Self::Phone(phone) => phone.address().to_string(),
        }
    }
}

impl From<Transport> for PhoneTransport {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Udp => Self::Udp,
            Transport::Tcp => Self::Tcp,
            Transport::Tls => Self::Tls,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{host_of, with_cure};

    #[test]
    fn a_certificate_that_nobody_vouches_for_has_its_cure() {
        let told = with_cure(&"cannot reach wss://x: invalid peer certificate: Other(CaUsedAsEndEntity)");
        assert!(told.ends_with("; name its certificate by --ca FILE, or take any by --insecure"), "{told}");
        assert_eq!(with_cure(&"refused"), "refused");
    }

    #[test]
    fn a_uri_says_where_it_leads() {
        for (uri, expected) in [
            ("sip:bob@192.0.2.9:5070;transport=udp", "192.0.2.9:5070"),
            ("sip:192.0.2.9", "192.0.2.9"),
            ("sips:bob@[2001:db8::1]:5061?x=y", "[2001:db8::1]:5061"),
        ] {
            assert_eq!(host_of(uri), expected);
        }
    }
}
