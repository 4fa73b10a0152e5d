//! From the configuration to what engine and SIP want to be told.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;

use webtrunk_codecs::EncoderConfig;
use webtrunk_codecs::opus::OpusEncoderConfig;
use webtrunk_engine::config::{EngineConfig, NarrowBandWish};
use webtrunk_engine::media::Prompt;
use webtrunk_signalling::accounts::{AccountTrunk, AccountTrunks};
use webtrunk_signalling::auth::digest::{Credentials, DigestConfig};
use webtrunk_signalling::auth::ephemeral_users::EphemeralUsers;
use webtrunk_signalling::auth::validity::UnixTime;
use webtrunk_signalling::calendar;
use webtrunk_signalling::commons::Commons;
use webtrunk_signalling::http::{ChangingOrigins, OriginPolicy, WebOrigin};
use webtrunk_signalling::json::adapter::{JsonAdapter, JsonLimits};
use webtrunk_signalling::json::{JsonConfig, Owned, Proofs};
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::transport::{
    Binding, ListenerConfig, Network, TlsConfig, TransportConfig, TransportLimits,
};

use crate::certificates::Certificates;
use crate::config::{Config, Customer, JsonSettings, JwksSource, MediaConfig, SipListener, Trunk};
use crate::http::BoundHttp;
use crate::tls::{self, TlsError};

/// The engine's settings.
#[must_use]
pub fn engine(config: &Config) -> EngineConfig {
    let media = &config.media;
    let defaults = EngineConfig::default();
    EngineConfig {
        shards: media.shards.get(),
        webrtc_addresses: media.addresses.clone(),
        webrtc_addresses_may_come: media.follows_machine,
        webrtc_external_addresses: media.external_addresses.clone(),
        webrtc_sources: media.checks.clone(),
        webrtc_port: media.webrtc_port,
        rtp_address: media.rtp_address,
        rtp_port_min: *media.rtp_ports.start(),
        rtp_port_max: *media.rtp_ports.end(),
        media_timeout: media.media_timeout,
        connect_timeout: media.connect_timeout,
        calls_max: media.calls_max,
        recordings: config.recording.as_ref().map(|recording| recording.folder.clone()),
        conference_parties_max: media.conference_parties_max,
        comfort_noise: media.comfort_noise,
        narrow_band: NarrowBandWish {
            is_asked: media.narrow_band_bitrate_bps.is_some(),
            bitrate_bps: media.narrow_band_bitrate_bps.map(NonZeroU32::get),
        },
        encoder: EncoderConfig {
            opus: OpusEncoderConfig { complexity: media.opus_complexity, ..defaults.encoder.opus },
        },
        ..defaults
    }
}

/// The addresses at which browsers reach the HTTP server at `bind` for media over TCP, where that is asked for.
#[must_use]
pub fn media_streams(media: &MediaConfig, bind: SocketAddr) -> Vec<SocketAddr> {
    let is_bound =
        |ip: &&IpAddr| **ip == bind.ip() || bind.ip().is_unspecified() && ip.is_ipv4() == bind.is_ipv4();
    let reached = media.addresses.iter().filter(is_bound).map(|ip| SocketAddr::new(*ip, bind.port()));
    if media.tcp { reached.collect() } else { Vec::new() }
}

/// SIP's sockets. A listener without an address of its own is mounted on `http`, whose pages may
/// connect; `certificates` are what secure listeners show, and trunks that ask.
///
/// # Errors
/// [`TlsError`] when a trunk is called over TLS and there is nothing to check its certificate by.
pub fn transports(
    config: &Config,
    http: Option<&BoundHttp>,
    certificates: &Certificates,
    of_customers: &ChangingOrigins,
) -> Result<TransportConfig, TlsError> {
    let authorities = config.tls.as_ref().filter(|_| calls_over_tls(config));
    Ok(TransportConfig {
        listeners: config.listeners().filter_map(|own| listener(own, config, http, of_customers)).collect(),
        limits: TransportLimits {
            connections_per_address: config.sip.strangers_per_address,
            ping_interval: config.sip_ws.ping_interval,
            // Two pings may get lost on the way.
            pong_deadline: config.sip_ws.ping_interval.mul_f64(2.5),
            ..TransportLimits::default()
        },
        guard: config.defence.guard.clone(),
        tls: TlsConfig {
            server: certificates.server(),
            asking: certificates.asking(),
            client: authorities.map(tls::client_config).transpose()?,
            clients: client_certificates(config, certificates)?,
        },
        tap: None,
    })
}

/// Whether trunks may be called over TLS: what their certificates are checked by is read at the start.
#[must_use]
pub fn calls_over_tls(config: &Config) -> bool {
    let has_tls = config.listeners().any(|listener| listener.transport == TransportKind::Tls);
    // An open transport may turn out to be TLS.
    let may_be_called =
        |trunk: &Trunk| trunk.sip.transport == TransportKind::Tls || trunk.sip.is_transport_open && has_tls;
    config.trunks.iter().any(may_be_called)
}

/// What trunks are shown that ask who calls them, by their names.
fn client_certificates(
    config: &Config,
    certificates: &Certificates,
) -> Result<HashMap<String, Arc<rustls::ClientConfig>>, TlsError> {
    let Some(files) = &config.tls else { return Ok(HashMap::new()) };
    let shown = certificates.to_trunks().iter();
    shown
        .map(|(trunk, own)| Ok((trunk.clone(), tls::client_config_with(files, Some(Arc::clone(own)))?)))
        .collect()
}

/// The JSON API, whose pages come to `http` by `connections` at most, and have room in common with all others.
#[must_use]
pub fn json(
    config: &Config,
    json: &JsonSettings,
    http: &BoundHttp,
    connections: usize,
    commons: Commons,
    of_customers: &ChangingOrigins,
) -> JsonAdapter {
    let own = JsonConfig {
        resume: json.resume,
        sessions_per_user: json.sessions_per_user,
        passwords: json.passwords,
        account_grace: json.account_grace,
        realm: config.sip.realm.clone(),
    };
    let limits = JsonLimits {
        connections,
        strangers_per_address: config.sip.strangers_per_address,
        ping_interval: json.ping_interval,
        ..JsonLimits::default()
    };
    JsonAdapter::new(
        own,
        proofs(config, json),
        http.origin_policy(&json.origins).and(of_customers.clone()),
        limits,
        commons,
    )
}

/// The pages of customers, which may connect too.
#[must_use]
pub fn pages_of_customers(config: &Config) -> Vec<WebOrigin> {
    config.entry.customers.iter().flat_map(|customer| customer.origins.clone()).collect()
}

/// From where users of customers may come, of those that say so.
#[must_use]
pub fn networks_of_customers(config: &Config) -> HashMap<String, Vec<Network>> {
    let own = |customer: &Customer| (customer.issuer.name.clone(), customer.networks.clone());
    config.entry.customers.iter().filter(|customer| !customer.networks.is_empty()).map(own).collect()
}

/// Where keys of tokens are fetched that are.
#[must_use]
pub fn jwks_sources(config: &Config) -> &[JwksSource] {
    config.json.as_ref().map(|json| json.keys.sources.as_slice()).unwrap_or_default()
}

/// What pages' proofs are checked by.
#[must_use]
pub fn proofs(config: &Config, json: &JsonSettings) -> Proofs {
    Proofs {
        tokens: json.keys.tokens.clone(),
        ephemeral: json.keys.ephemeral.clone(),
        edge: config.entry.keys.clone(),
        users: Arc::new(config.users.clone()),
        trunks: account_trunks(config),
        passwords: json.keys.passwords.clone(),
        customers: {
            let owned = |customer: &Customer| {
                let (numbers, trunks) = (customer.numbers.clone(), customer.trunks.clone());
                (customer.issuer.name.clone(), Owned { numbers, trunks })
            };
            config.entry.customers.iter().map(owned).collect()
        },
        has_customers: config.entry.has_customers,
        ice: config.entry.ice.clone(),
        has_recordings: config.recording.is_some(),
        headers: json.headers.clone(),
    }
}

/// Who logs in by Digest: users, and names that last for a while where there are keys of such.
#[must_use]
pub fn users(config: &Config) -> Arc<dyn Credentials + Send + Sync> {
    let users: Arc<dyn Credentials + Send + Sync> = Arc::new(config.users.clone());
    if config.entry.keys.is_empty() {
        return users;
    }
    let names = config.entry.customers.iter().map(|customer| customer.issuer.name.clone());
    let customers = config.entry.has_customers.then(|| HashSet::from_iter(names));
    let keys = config.entry.keys.clone();
    Arc::new(EphemeralUsers::new(users, keys, customers, || UnixTime::from(calendar::now())))
}

/// Where tokens may have accounts.
fn account_trunks(config: &Config) -> AccountTrunks {
    let taking = config.trunks.iter().map(|trunk| &trunk.sip).filter(|trunk| trunk.takes_page_accounts);
    let read = |host: &str| host.strip_suffix('.').unwrap_or(host).parse().ok();
    let known = taking.filter_map(|trunk| {
        Some(AccountTrunk {
            name: trunk.name.clone(),
            host: read(&trunk.host)?,
            port: trunk.port(),
            domain: read(trunk.domain.as_ref().unwrap_or(&trunk.host))?,
        })
    });
    AccountTrunks(known.collect())
}

/// How users are challenged.
#[must_use]
pub fn digest(config: &Config) -> DigestConfig {
    DigestConfig { algorithms: config.users.algorithms(), ..DigestConfig::new(config.sip.realm.as_str()) }
}

/// The prompts, ready for the engine.
#[must_use]
pub fn prompts(config: &Config) -> HashMap<Arc<str>, Prompt> {
    let prepare = |(name, clip): (&Arc<str>, &webtrunk_codecs::wav::Clip)| {
        (Arc::clone(name), Prompt::new(&clip.samples, clip.rate))
    };
    config.prompts.iter().map(prepare).collect()
}

/// `None` for a listener that is to be mounted where no HTTP server is, which the check refuses.
fn listener(
    own: &SipListener,
    config: &Config,
    http: Option<&BoundHttp>,
    of_customers: &ChangingOrigins,
) -> Option<ListenerConfig> {
    let (binding, origins) = match own.bind {
        Some(bind) => (Binding::Own(bind), OriginPolicy::new(config.sip_ws.origins.clone(), true)),
        None => {
            let http = http?;
            (Binding::Mounted(http.address()), http.origin_policy(&config.sip_ws.origins))
        }
    };
    Some(ListenerConfig {
        name: own.name.as_str().into(),
        kind: own.transport,
        binding,
        external_address: own.external_address,
        local_networks: own.local_networks.clone(),
        origins: origins.and(of_customers.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{Demo, DemoAddresses};

    #[test]
    fn the_demo_mounts_websocket_on_its_page_and_opens_udp_and_tcp() {
        let free = "127.0.0.1:0".parse().ok();
        let (config, _) = Demo::new(DemoAddresses { http: free, sip: free }, Vec::new());
        let http = config.http.as_ref().map(|http| BoundHttp::open(http, None).expect("a free port"));
        let made = transports(&config, http.as_ref(), &Certificates::default(), &ChangingOrigins::default())
            .expect("no TLS");
        let kinds: Vec<_> = made.listeners.iter().map(|listener| listener.kind).collect();
        assert_eq!(kinds, [TransportKind::Ws, TransportKind::Udp, TransportKind::Tcp]);
        let page = http.expect("the demo has one").address();
        assert_eq!(made.listeners[0].binding, Binding::Mounted(page));
        assert!(made.listeners[0].origins.admits(Some(&format!("http://localhost:{}", page.port()))));
        assert!(!made.listeners[0].origins.admits(Some("http://localhost:1")));
        assert!(made.tls.client.is_none());
    }

    #[test]
    fn the_engine_gets_what_is_configured() {
        let text = "[http]\n[media]\naddresses = [\"192.0.2.1\"]\nshards = 3\nwebrtc_port = 7000\n\
                    rtp_ports = [30000, 30099]\nmedia_timeout_s = 5\nconnect_timeout_s = 6\ncalls_max = 7\n\
                    conference_parties_max = 9\n\
                    narrow_band_bitrate = 0\nopus_complexity = 3\n";
        let made = engine(&Config::parse("w.toml", text).expect("sound"));
        assert_eq!((made.shards, made.webrtc_port, made.calls_max), (3, 7000, 7));
        assert_eq!(made.conference_parties_max, 9);
        assert_eq!((made.narrow_band.is_asked, made.encoder.opus.complexity), (false, 3));
        assert_eq!((made.rtp_port_min, made.rtp_port_max), (30_000, 30_099));
        assert_eq!((made.media_timeout.as_secs(), made.connect_timeout.as_secs()), (5, 6));
        assert_eq!(made.webrtc_addresses, ["192.0.2.1".parse::<IpAddr>().expect("an address")]);
    }

    #[test]
    fn media_over_tcp_is_told_where_the_http_server_listens() {
        let (v4, v6) = ("192.0.2.1:443", "[2001:db8::1]:443");
        for (bind, tcp, expected) in [
            ("0.0.0.0:443", "tcp = true", &[v4][..]),
            ("[::]:443", "tcp = true", &[v6]),
            (v4, "tcp = true", &[v4]),
            ("127.0.0.1:443", "tcp = true", &[]),
            ("0.0.0.0:443", "", &[]),
        ] {
            let text = format!(
                "[media]\naddresses = [\"192.0.2.1\", \"2001:db8::1\"]\n{tcp}\n[http]\nbind = \"{bind}\"\n"
            );
            let media = Config::parse("w.toml", &text).expect("sound").media;
            let told = media_streams(&media, bind.parse().expect("an address"));
            assert_eq!(told.iter().map(ToString::to_string).collect::<Vec<_>>(), expected, "{bind} {tcp}");
        }
    }

    #[test]
    fn the_announcement_is_ready_for_the_demo() {
        let (config, _) = Demo::new(DemoAddresses::default(), Vec::new());
        assert!(prompts(&config).contains_key("announcement"));
        assert_eq!(digest(&config).algorithms.len(), 1, "MD5, which every phone takes");
        assert_eq!(config.trunks.len(), 0);
    }
}
