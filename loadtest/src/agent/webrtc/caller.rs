//! The caller itself: SIP over WebSocket, and calls with WebRTC media.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use webtrunk_codecs::CodecId;

use super::SrtpProfile;
use super::dtls::Identity;
use super::leg::{Settings, WebrtcLeg};
use crate::agent::call_task::{dial, receive};
use crate::agent::media::{Media, MediaConfig, MediaSocket, Uplink};
use crate::agent::sdp::Dialect;
use crate::agent::sip::{Account, Transactions, Trust, UserAgent, Wire, uuid};
use crate::agent::{AgentError, Call, Credentials, Dialing, Incoming, Voice};

/// What a WebRTC caller is.
#[derive(Debug, Clone)]
pub struct WebrtcConfig {
    /// `ws://host:port/path` or `wss://..`.
    pub server: String,
    /// Whom a `wss` server must be trusted by.
    pub trust: Trust,
    /// The domain of its address of record; the server's address where there is none.
    pub domain: Option<String>,
    /// The user of its address of record; that of the credentials where there is none.
    pub user: Option<String>,
    /// What it answers challenges with.
    pub credentials: Credentials,
    /// Its codecs, best first.
    pub codecs: Vec<CodecId>,
    /// Its SRTP profiles, best first.
    pub profiles: Vec<SrtpProfile>,
    /// Whether its offers insist on being the DTLS client; otherwise the other end chooses.
    pub insists_on_dtls_client: bool,
    /// Whether its descriptions name another certificate than it shows: nobody may talk to it then.
    pub is_impostor: bool,
    /// Whether it only answers checks (ICE lite).
    pub is_lite: bool,
    /// Whether its descriptions leave its candidate out, which [`Call::trickle`] tells.
    pub trickles: bool,
    /// Whether its registrations name its instance, as browsers' do: then it is known again when it comes back by
    /// another connection, and its calls go on there (RFC 5626).
    pub names_instance: bool,
    /// The address of its media; by default this machine's first that is not loopback.
    pub media_address: Option<IpAddr>,
    /// What is unusual in its descriptions.
    pub dialect: Dialect,
    /// What it says in a call.
    pub voice: Option<Voice>,
    /// What becomes of the audio that it sends.
    pub uplink: Uplink,
}

/// A headless WebRTC caller.
#[derive(Debug)]
pub struct WebrtcCaller {
    agent: Arc<UserAgent>,
    config: WebrtcConfig,
}

/// How long an answer may take in [`WebrtcCaller::call`], and media after it.
const ANSWER_MAX: Duration = Duration::from_secs(60);
const CONNECT_MAX: Duration = Duration::from_secs(15);

impl WebrtcConfig {
    /// A caller like Chromium, without a voice.
    #[must_use]
    pub fn new(server: &str, user: &str, password: &str) -> Self {
        Self {
            server: server.to_owned(),
            trust: Trust::default(),
            domain: None,
            user: None,
            credentials: Credentials::new(user, password),
            codecs: CodecId::USUAL.to_vec(),
            profiles: SrtpProfile::ALL.to_vec(),
            insists_on_dtls_client: false,
            is_impostor: false,
            is_lite: false,
            trickles: false,
            names_instance: false,
            media_address: None,
            dialect: Dialect::default(),
            voice: None,
            uplink: Uplink::default(),
        }
    }

    /// Media of one call, whatever signals it.
    ///
    /// # Errors
    /// There is no port, or the library fails.
    pub(crate) fn open_media(&self) -> Result<Media, AgentError> {
        let mut identity = Identity::shared()?;
        if self.is_impostor {
            identity.fingerprint = Identity::generate()?.fingerprint;
        }
        let setup = if self.insists_on_dtls_client { "active" } else { "actpass" };
        let Self { is_lite, trickles, .. } = *self;
        let (profiles, dialect) = (self.profiles.clone(), self.dialect.clone());
        let settings = Settings { identity, profiles, setup, is_lite, trickles, dialect };
        let ip = self.media_address.unwrap_or_else(own_address);
        let socket = MediaSocket::bind(ip)
            .map_err(|source| AgentError::Local { what: format!("a UDP port at {ip}"), source })?;
        let leg = WebrtcLeg::new(socket.local(), settings, Instant::now())?;
        Ok(Media::start(MediaConfig {
            leg: Box::new(leg),
            socket,
            rtcp_socket: None,
            codecs: self.codecs.clone(),
            voice: self.voice.clone(),
            uplink: self.uplink.clone(),
        }))
    }
}

impl WebrtcCaller {
    /// Connects.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn new(config: WebrtcConfig) -> Result<Self, AgentError> {
        let connected = Wire::websocket(&config.server, &config.trust).await;
        let (wire, server, inbox) =
            connected.map_err(|source| AgentError::Unreachable { server: config.server.clone(), source })?;
        let domain = match &config.domain {
            Some(domain) => domain.parse().map_err(|_| AgentError::Destination(domain.clone()))?,
            None => server.ip().into(),
        };
        let account = Account {
            user: config.user.clone().unwrap_or_else(|| config.credentials.user.clone()),
            domain,
            credentials: Some(config.credentials.clone()),
            server,
            shown_address: None,
            session_interval: None,
            instance: config.names_instance.then(uuid),
        };
        let (transactions, new_calls) = Transactions::start(wire, inbox);
        let agent = Arc::new(UserAgent::new(account, transactions, new_calls));
        Ok(Self { agent, config })
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

    /// Loses its WebSocket without a word, as a laptop that changes networks, and has another after so long, by which
    /// it registers where it had before. Its calls go on.
    ///
    /// # Errors
    /// The server cannot be reached any more, or does not take the registration: then its calls are over.
    pub async fn reconnect(&self, away: Duration) -> Result<(), AgentError> {
        self.agent.reconnect(away).await
    }

    /// Dials a user or number at the server, or a SIP URI.
    ///
    /// # Errors
    /// The destination is no address, or there is no port for media.
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

    /// Dials, waits up to a minute for the answer, and until media can flow.
    ///
    /// # Errors
    /// Nobody answered, the call was refused, or media did not connect.
    pub async fn call(&self, to: &str) -> Result<Call, AgentError> {
        let call = self.dial(to).await?.answered(ANSWER_MAX).await?;
        call.media_ready(CONNECT_MAX).await?;
        Ok(call)
    }

    /// Waits for a call.
    ///
    /// # Errors
    /// An INVITE came that is of no use, there is no port for media, or the connection has ended.
    pub async fn next_incoming(&self) -> Result<Incoming, AgentError> {
        let new_call = self.agent.next_call().await.ok_or(AgentError::Gone)?;
        receive(&self.agent, self.config.open_media()?, new_call)
    }
}

/// This machine's first address that is not loopback; loopback where there is none.
pub(crate) fn own_address() -> IpAddr {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses = interfaces.into_iter().filter(|it| !it.is_loopback()).map(|it| it.ip());
    addresses.into_iter().find(IpAddr::is_ipv4).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// From which address this machine reaches another; `None` where there is no way.
pub(crate) fn address_towards(other: SocketAddr) -> Option<IpAddr> {
    let any = if other.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).ok()?;
    // That sends nothing: it asks for the way.
    socket.connect(other).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
