//! The phone itself: places and takes calls.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use webtrunk_codecs::CodecId;

use super::leg::RtpLeg;
use super::sdes::PhoneSrtp;
use crate::agent::call_task::{dial, receive};
use crate::agent::media::{Media, MediaConfig, MediaSocket, Uplink};
use crate::agent::sdp::Dialect;
use crate::agent::sip::{Account, Transactions, UserAgent, Wire};
use crate::agent::{AgentError, Call, Credentials, Dialing, Incoming, Trust, Voice};

/// How a phone speaks SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PhoneTransport {
    /// Datagrams.
    #[default]
    Udp,
    /// Streams.
    Tcp,
    /// Streams over TLS, to its server alone: it has no certificate, and is reached along the connection that it made.
    Tls,
}

/// What a phone is.
#[derive(Debug, Clone)]
pub struct PhoneConfig {
    /// Where it listens for SIP; port 0 takes a free one. Its media have the same address.
    pub bind: SocketAddr,
    /// How it speaks SIP.
    pub transport: PhoneTransport,
    /// Whom it trusts over TLS.
    pub trust: Trust,
    /// Its registrar and proxy: where calls to users and numbers go.
    pub server: Option<SocketAddr>,
    /// The domain of its address of record; the server's address where there is none.
    pub domain: Option<String>,
    /// The user of its address of record.
    pub user: String,
    /// What it answers challenges with.
    pub credentials: Option<Credentials>,
    /// Its codecs, best first.
    pub codecs: Vec<CodecId>,
    /// What it says in a call.
    pub voice: Option<Voice>,
    /// Behind a NAT: descriptions and Contact name this address, at which nobody is.
    pub behind_nat: Option<IpAddr>,
    /// What is unusual in its descriptions.
    pub dialect: Dialect,
    /// Encrypts its media.
    pub srtp: Option<PhoneSrtp>,
    /// Refreshes its calls, which end where nobody does for so long (RFC 4028); `None` knows no session timers.
    pub session_interval: Option<Duration>,
}

/// A plain SIP phone.
#[derive(Debug)]
pub struct Phone {
    agent: Arc<UserAgent>,
    config: PhoneConfig,
}

/// The port that a phone behind a NAT believes to have; its packets come from another.
const INNER_RTP_PORT: u16 = 40_000;
/// How long an answer may take in [`Phone::call`].
const ANSWER_MAX: Duration = Duration::from_secs(60);

impl Default for PhoneConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            transport: PhoneTransport::default(),
            trust: Trust::default(),
            server: None,
            domain: None,
            user: "phone".to_owned(),
            credentials: None,
            codecs: vec![CodecId::Pcmu, CodecId::Pcma],
            voice: None,
            behind_nat: None,
            dialect: Dialect::default(),
            srtp: None,
            session_interval: None,
        }
    }
}

impl PhoneConfig {
    /// Media of one call, whatever signals it.
    ///
    /// # Errors
    /// There are no ports.
    pub(crate) fn open_media(&self) -> Result<Media, AgentError> {
        let ip = self.bind.ip();
        let (socket, rtcp_socket) = MediaSocket::bind_pair(ip)
            .map_err(|source| AgentError::Local { what: format!("UDP ports for media at {ip}"), source })?;
        let inner = self.behind_nat.map(|ip| SocketAddr::new(ip, INNER_RTP_PORT));
        Ok(Media::start(MediaConfig {
            leg: Box::new(RtpLeg::new(socket.local(), inner, self.srtp, self.dialect.clone())),
            socket,
            rtcp_socket: Some(rtcp_socket),
            codecs: self.codecs.clone(),
            voice: self.voice.clone(),
            uplink: Uplink::default(),
        }))
    }
}

impl Phone {
    /// Starts to listen.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn new(config: PhoneConfig) -> Result<Self, AgentError> {
        let bound = match config.transport {
            PhoneTransport::Udp => Wire::udp(config.bind).await,
            PhoneTransport::Tcp => Wire::tcp(config.bind).await,
            PhoneTransport::Tls => Wire::tls(config.bind, &config.trust, config.domain.as_deref()),
        };
        let (wire, inbox) =
            bound.map_err(|source| AgentError::Local { what: format!("SIP at {}", config.bind), source })?;
        let local = wire.local();
        let server = config.server.unwrap_or(local);
        let domain = match &config.domain {
            Some(domain) => domain.parse().map_err(|_| AgentError::Destination(domain.clone()))?,
            None => server.ip().into(),
        };
        let account = Account {
            user: config.user.clone(),
            domain,
            credentials: config.credentials.clone(),
            server,
            shown_address: config.behind_nat.map(|ip| SocketAddr::new(ip, local.port())),
            session_interval: config.session_interval,
            instance: None,
        };
        let (transactions, new_calls) = Transactions::start(wire, inbox);
        Ok(Self { agent: Arc::new(UserAgent::new(account, transactions, new_calls)), config })
    }

    /// Where it listens for SIP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.agent.transactions().wire().local()
    }

    /// Registers for an hour.
    ///
    /// # Errors
    /// The registrar refused or did not answer.
    pub async fn register(&self) -> Result<(), AgentError> {
        self.register_for(Duration::from_secs(3600)).await
    }

    /// Registers for that long, in whole seconds; zero removes the binding.
    ///
    /// # Errors
    /// The registrar refused or did not answer.
    pub async fn register_for(&self, expires: Duration) -> Result<(), AgentError> {
        self.agent.register(expires).await.map(drop)
    }

    /// Dials a user or number at the server, or a SIP URI.
    ///
    /// # Errors
    /// The destination is no address, or there are no ports for media.
    pub async fn dial(&self, to: &str) -> Result<Dialing, AgentError> {
        dial(&self.agent, self.config.open_media()?, to, true).await
    }

    /// Dials with an INVITE that leaves the offer to the other end.
    ///
    /// # Errors
    /// As [`dial`](Self::dial).
    pub async fn dial_without_offer(&self, to: &str) -> Result<Dialing, AgentError> {
        dial(&self.agent, self.config.open_media()?, to, false).await
    }

    /// Dials and waits up to a minute for the answer.
    ///
    /// # Errors
    /// Nobody answered, or the call was refused.
    pub async fn call(&self, to: &str) -> Result<Call, AgentError> {
        self.dial(to).await?.answered(ANSWER_MAX).await
    }

    /// Waits for a call.
    ///
    /// # Errors
    /// An INVITE came that is of no use, or there are no ports for media.
    pub async fn next_incoming(&self) -> Result<Incoming, AgentError> {
        let new_call = self.agent.next_call().await.ok_or(AgentError::Gone)?;
        receive(&self.agent, self.config.open_media()?, new_call)
    }
}
