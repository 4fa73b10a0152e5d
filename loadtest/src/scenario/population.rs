//! Agents of one kind.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use webtrunk_codecs::CodecId;

use super::Accounts;
use crate::agent::{BadTimes, PhoneSrtp, PhoneTransport, SrtpProfile, Trust, Uplink, Weather};

/// Agents of one kind.
#[derive(Debug, Clone)]
pub struct Population {
    /// What traffic calls it.
    pub name: String,
    /// How they speak.
    pub kind: Kind,
    /// What they do.
    pub role: Role,
    /// How many.
    pub count: usize,
    /// Where the target is: `address:port` for phones, a URL for others; phones that only answer need none.
    pub server: Option<String>,
    /// Whom `wss` trusts.
    pub trust: Trust,
    /// The domain of their addresses of record, where it is not the server's address.
    pub domain: Option<String>,
    /// Who they are.
    pub accounts: Accounts,
    /// Whether they have a password.
    pub has_password: bool,
    /// Whether they register first.
    pub registers: bool,
    /// Codecs, best first; empty for the usual ones.
    pub codecs: Vec<CodecId>,
    /// SRTP profiles of WebRTC, best first; empty for all.
    pub profiles: Vec<SrtpProfile>,
    /// SRTP of phones, with keys in their descriptions.
    pub srtp: Option<PhoneSrtp>,
    /// Where the first phone is, and each other one port further; port 0 takes free ones.
    pub bind: SocketAddr,
    /// Where the media of WebRTC are.
    pub media_address: Option<IpAddr>,
    /// How long they ring before they answer.
    pub rings: Duration,
    /// Whether those who answer send each digit back that they hear.
    pub returns_digits: bool,
    /// What becomes of their packets on the way to the target.
    pub network: Network,
    /// Whether their descriptions name comfort noise, since their traffic has it.
    pub takes_noise: bool,
}

/// What becomes of packets on the way to the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Network {
    /// The share that is lost by chance, 0 to 1.
    pub loss: f64,
    /// How many are lost in a row each time.
    pub in_a_row: u32,
    /// Losses in bad times, in place of those.
    pub bad_times: Option<BadTimes>,
    /// How packets are held back.
    pub weather: Weather,
    /// A NAT in front forgets each so long.
    pub rebinds: Option<Duration>,
}

/// How agents speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SIP over WebSocket, and WebRTC.
    Webrtc,
    /// The JSON API, and WebRTC.
    Page,
    /// Plain SIP and RTP.
    Phone(PhoneTransport),
}

/// What agents do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// They call.
    Caller,
    /// They answer.
    Answerer,
    /// Either.
    Both,
}

impl Population {
    /// Where the phone of this number is.
    #[must_use]
    pub fn bind_of(&self, agent: usize) -> SocketAddr {
        let port = match self.bind.port() {
            0 => 0,
            first => u16::try_from(usize::from(first) + agent).unwrap_or(u16::MAX),
        };
        SocketAddr::new(self.bind.ip(), port)
    }

    /// The network on which one of its agents sends in the call of this number; the same for the same seed.
    #[must_use]
    pub fn uplink(&self, seed: u64, call: usize) -> Uplink {
        let seed = seed.wrapping_add(call as u64);
        let losing = match self.network {
            Network { bad_times: Some(times), .. } => Uplink::losing_at_times(times, seed),
            Network { loss, in_a_row, .. } if loss > 0.0 => Uplink::losing_in_a_row(loss, in_a_row, seed),
            _ => Uplink::default(),
        };
        let uplink = losing.with_weather(self.network.weather, seed);
        match self.network.rebinds {
            Some(every) => uplink.rebinding(every),
            None => uplink,
        }
    }
}

impl Role {
    pub(super) const fn calls(self) -> bool {
        matches!(self, Self::Caller | Self::Both)
    }

    pub(super) const fn answers(self) -> bool {
        matches!(self, Self::Answerer | Self::Both)
    }
}
