//! Every knob of the engine, with its unit and its reason.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use webtrunk_codecs::EncoderConfig;
use webtrunk_codecs::opus::OpusEncoderConfig;

use crate::net::AddressFilter;

/// How the engine works.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Media threads; one a core is the most that helps.
    pub shards: usize,
    /// Addresses of this machine that browsers may reach: one candidate each.
    pub webrtc_addresses: Vec<IpAddr>,
    /// Whether others may come while it runs ([`add_address`](crate::engine::Engine::add_address)): descriptions do not say that
    /// these are all then.
    pub webrtc_addresses_may_come: bool,
    /// Addresses told to browsers instead of the local ones: those of a 1:1 NAT. Empty tells the local ones.
    pub webrtc_external_addresses: Vec<IpAddr>,
    /// Addresses at which somebody takes TCP streams for us ([`take_stream`](crate::engine::Engine::take_stream)), told to browsers
    /// for where UDP does not get through; external ones stand for them too. One of ours must not be among
    /// those of UDP with the same port.
    pub webrtc_tcp: Vec<SocketAddr>,
    /// From where browsers' checks are answered; nothing else is taken from anywhere else.
    pub webrtc_sources: AddressFilter,
    /// UDP port of the first shard; the others take the following ones. Zero takes free ports.
    pub webrtc_port: u16,
    /// Address that plain RTP binds to.
    pub rtp_address: IpAddr,
    /// First port of the RTP/RTCP pairs.
    pub rtp_port_min: u16,
    /// Last port of the RTP/RTCP pairs.
    pub rtp_port_max: u16,
    /// How long neither RTP nor RTCP may come on a leg that should receive, before it counts as dead.
    /// Sixty seconds is what switches commonly allow.
    pub media_timeout: Duration,
    /// How long a WebRTC leg may take from its description to its first key. Twenty seconds outlasts
    /// every retransmission that a living browser makes.
    pub connect_timeout: Duration,
    /// How long after ICE lost its checks a WebRTC leg may stay silent: with ICE's own 15 s it makes
    /// up the 30 s of RFC 7675 5.1.
    pub consent_margin: Duration,
    /// Calls at one time; one more is refused as overload.
    pub calls_max: usize,
    /// The folder in which recordings are made; `None` records nothing.
    pub recordings: Option<PathBuf>,
    /// Parties that one conference may have, supervisors included: what one thread mixes and encodes beside
    /// its other calls.
    pub conference_parties_max: usize,
    /// How voice is encoded.
    pub encoder: EncoderConfig,
    /// Whether phones are told, and may tell, of pauses by comfort noise (RFC 3389).
    pub comfort_noise: bool,
    /// What a browser is told when the far side is narrow band.
    pub narrow_band: NarrowBandWish,
}

/// What our description asks of a browser's Opus encoder when the far side carries narrow band only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NarrowBandWish {
    /// Asks for `maxplaybackrate=8000`: decoding gets several times cheaper, and nothing is lost that
    /// G.711 could carry.
    pub is_asked: bool,
    /// `maxaveragebitrate` in bit/s that goes with it; `None` leaves it to the browser.
    pub bitrate_bps: Option<u32>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            webrtc_addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            webrtc_addresses_may_come: false,
            webrtc_external_addresses: Vec::new(),
            webrtc_tcp: Vec::new(),
            webrtc_sources: AddressFilter::default(),
            webrtc_port: 0,
            rtp_address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            rtp_port_min: 20_000,
            rtp_port_max: 29_999,
            media_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(20),
            consent_margin: Duration::from_secs(15),
            calls_max: 2_000,
            recordings: None,
            conference_parties_max: 32,
            // Redundancy costs the encoder half again its time; reports of loss ask for it soon enough.
            encoder: EncoderConfig {
                opus: OpusEncoderConfig { expected_loss_percent: 0, ..OpusEncoderConfig::default() },
            },
            comfort_noise: true,
            // The least with which speech towards G.711 is as good as without asking, lost packets included
            // (docs/decisions/0008).
            narrow_band: NarrowBandWish { is_asked: true, bitrate_bps: Some(24_000) },
        }
    }
}
