//! One agent of a population, of whatever kind.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::agent::{
    AgentError, Call, CallProgress, Dialect, Dialing, Incoming, PageAgent, Phone, PhoneConfig, WebrtcCaller,
    WebrtcConfig, own_address,
};
use crate::scenario::{Kind, Population};

/// One agent.
#[derive(Debug)]
pub(super) enum Agent {
    /// And where its media are.
    Webrtc(Box<WebrtcCaller>, IpAddr),
    Phone(Box<Phone>),
    /// And where its media are.
    Page(Box<PageAgent>, IpAddr),
}

/// How long media may take to connect after the answer.
const CONNECT_MAX: Duration = Duration::from_secs(15);

impl Agent {
    /// Connects or listens.
    pub(super) async fn connect(population: &Population, index: usize) -> Result<Self, AgentError> {
        let credentials = population.accounts.credentials(index, SystemTime::now());
        let server = population.server.clone().unwrap_or_default();
        Ok(match population.kind {
            Kind::Webrtc | Kind::Page => {
                let mut config = WebrtcConfig::new(&server, "", "");
                // A name that lasts for a while is no user's address.
                config.user = Some(population.accounts.user(index));
                config.credentials = credentials;
                config.trust = population.trust.clone();
                config.domain.clone_from(&population.domain);
                let near = || near(&server).unwrap_or_else(own_address);
                let media_ip = population.media_address.unwrap_or_else(near);
                config.media_address = Some(media_ip);
                config.dialect.comfort_noise = population.takes_noise;
                config.names_instance = true;
                // Then the library asks for no cookie of its own, which browsers do not either.
                config.insists_on_dtls_client = true;
                if !population.codecs.is_empty() {
                    config.codecs.clone_from(&population.codecs);
                }
                if !population.profiles.is_empty() {
                    config.profiles.clone_from(&population.profiles);
                }
                if population.kind == Kind::Page {
                    let proof = population.accounts.proof(index, SystemTime::now());
                    Self::Page(Box::new(PageAgent::new(config, &proof).await?), media_ip)
                } else {
                    Self::Webrtc(Box::new(WebrtcCaller::new(config).await?), media_ip)
                }
            }
            Kind::Phone(transport) => {
                let usual = PhoneConfig::default();
                let codecs = if population.codecs.is_empty() {
                    usual.codecs.clone()
                } else {
                    population.codecs.clone()
                };
                let config = PhoneConfig {
                    bind: population.bind_of(index),
                    transport,
                    trust: population.trust.clone(),
                    server: server.parse().ok(),
                    domain: population.domain.clone(),
                    user: population.accounts.user(index),
                    credentials: population.has_password.then_some(credentials),
                    codecs,
                    srtp: population.srtp,
                    dialect: Dialect { comfort_noise: population.takes_noise, ..Dialect::default() },
                    ..usual
                };
                Self::Phone(Box::new(Phone::new(config).await?))
            }
        })
    }

    pub(super) async fn register_for(&self, expires: Duration) -> Result<(), AgentError> {
        match self {
            Self::Webrtc(caller, _) => caller.register_for(expires).await,
            Self::Phone(phone) => phone.register_for(expires).await,
            // Who is connected can be called.
            Self::Page(..) => Ok(()),
        }
    }

    pub(super) async fn dial(&self, to: &str) -> Result<Dialing, AgentError> {
        match self {
            Self::Webrtc(caller, _) => caller.dial(to).await,
            Self::Phone(phone) => phone.dial(to).await,
            Self::Page(page, _) => page.dial(to).await,
        }
    }

    pub(super) async fn next_incoming(&self) -> Result<Incoming, AgentError> {
        match self {
            Self::Webrtc(caller, _) => caller.next_incoming().await,
            Self::Phone(phone) => phone.next_incoming().await,
            Self::Page(page, _) => page.next_incoming().await,
        }
    }

    /// Loses its WebSocket, has another after so long, and asks after a call by that.
    ///
    /// # Errors
    /// It has none, does not come back, or the target has the call no more.
    pub(super) async fn drop_websocket(&self, call: &Call, away: Duration) -> Result<(), AgentError> {
        match self {
            Self::Webrtc(caller, _) => {
                caller.reconnect(away).await?;
                // Who has not registered is known at its new place by what it says in the call.
                call.resume().await
            }
            Self::Page(page, _) => {
                page.reconnect(away).await?;
                match call.progress() {
                    CallProgress::Ended(_) => Err(AgentError::Gone),
                    CallProgress::Calling | CallProgress::Ringing { .. } | CallProgress::Up => Ok(()),
                }
            }
            Self::Phone(_) => Err(AgentError::Library("phones have no WebSocket".to_owned())),
        }
    }

    /// Waits until the media of a call are connected.
    pub(super) async fn connected(call: &Call) -> Result<(), AgentError> {
        call.media_ready(CONNECT_MAX).await
    }

    /// Whether its media have ICE, which has to restart when they move.
    pub(super) const fn has_ice(&self) -> bool {
        matches!(self, Self::Webrtc(..) | Self::Page(..))
    }

    /// Where its media are.
    pub(super) fn media_ip(&self) -> IpAddr {
        match self {
            Self::Webrtc(_, ip) | Self::Page(_, ip) => *ip,
            Self::Phone(phone) => phone.address().ip(),
        }
    }
}

/// Loopback for a target there; for others this machine's own address is found.
fn near(server: &str) -> Option<IpAddr> {
    let (_, rest) = server.split_once("://")?;
    let host = rest.split(['/', '?']).next()?.rsplit_once(':').map_or(rest, |(host, _)| host);
    let address: IpAddr = host.trim_matches(['[', ']']).parse().ok()?;
    address.is_loopback().then_some(address)
}
