//! `[sip_ws]`: SIP over WebSocket, by which browsers come.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::http::WebOrigin;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::transport::TransportLimits;

use super::faults::Faults;
use super::listener::{ListenerKeys, Ports, SipListener, Taken};

/// SIP over WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketSettings {
    /// Where the HTTP server serves the listener that has no address of its own.
    pub path: String,
    /// Web pages from elsewhere that may connect; on loopback our own always may.
    pub origins: Vec<WebOrigin>,
    /// How often a client is pinged.
    pub ping_interval: Duration,
    /// Where it listens; nowhere where it is switched off.
    pub listeners: Vec<SipListener>,
}

/// The path where none is written; the test phone's page knows no other.
pub const WEBSOCKET_PATH: &str = "/sip";

/// How often clients may be pinged. Chosen by us: an hour is longer than any proxy keeps what is idle.
pub(super) const PING_RANGE_S: std::ops::RangeInclusive<u32> = 1..=3600;

/// Paths that the HTTP server has for something else.
const TAKEN_PATHS: [&str; 6] = ["/", "/status", "/healthz", "/readyz", "/api/demo", "/index.html"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SipWsSection {
    #[serde(default = "is_enabled")]
    enabled: bool,
    path: Option<Spanned<String>>,
    #[serde(default)]
    origins: Vec<Spanned<String>>,
    ping_s: Option<Spanned<u32>>,
    listeners: Option<Vec<WsListenerSection>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WsListenerSection {
    name: Option<Spanned<String>>,
    transport: Option<Spanned<WsTransport>>,
    bind: Option<Spanned<String>>,
    external_address: Option<Spanned<String>>,
    #[serde(default)]
    local_networks: Vec<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WsTransport {
    Ws,
    Wss,
}

/// What the listeners can lean on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    pub(super) has_http: bool,
    /// Whether the HTTP server listens on loopback alone, so that our page's own origin follows from it.
    pub(super) is_on_loopback: bool,
    pub(super) has_certificate: bool,
}

/// Whoever writes the section wants it.
pub(super) const fn is_enabled() -> bool {
    true
}

impl Default for WebSocketSettings {
    fn default() -> Self {
        Self {
            path: WEBSOCKET_PATH.to_owned(),
            origins: Vec::new(),
            ping_interval: TransportLimits::default().ping_interval,
            listeners: Vec::new(),
        }
    }
}

impl SipWsSection {
    pub(super) fn check(
        &self,
        around: Surroundings,
        taken: &mut Taken,
        faults: &mut Faults<'_>,
    ) -> WebSocketSettings {
        let usual = WebSocketSettings::default();
        let origins = self.origins.iter().filter_map(|origin| check_origin(origin, faults)).collect();
        if let Some(path) = self.path.as_ref().filter(|path| !is_path(path.get_ref())) {
            faults.add(
                path.span(),
                "is no path of its own",
                "write one such as \"/sip\", of letters, digits and / - _ .",
            );
        }
        let ping_interval = self.ping_s.as_ref().map_or(usual.ping_interval, |ping| {
            Duration::from_secs(faults.number(ping, PING_RANGE_S, " seconds").into())
        });
        let mut listeners = Vec::new();
        let usual_listener = [WsListenerSection::default()];
        let written = self.listeners.as_deref();
        if written.is_none() && self.enabled && !around.has_http {
            let problem = "sip_ws has no listener of its own, and [http], which would serve it, is missing";
            faults.add_to_file(problem, "add [http], or [[sip_ws.listeners]] with bind");
        }
        for section in written.unwrap_or(&usual_listener) {
            let has_origin = around.is_on_loopback || !self.origins.is_empty();
            if let Some((listener, span)) = section.check(around, has_origin, faults) {
                taken.add(span, &listener, faults);
                listeners.push(listener);
            }
        }
        if !self.enabled {
            listeners.clear();
        }
        WebSocketSettings {
            path: self.path.as_ref().map_or(usual.path, |path| path.get_ref().clone()),
            origins,
            ping_interval,
            listeners,
        }
    }

    /// Notes listeners whose ports the HTTP server has.
    pub(super) fn check_ports(&self, ports: Ports<'_>, faults: &mut Faults<'_>) {
        for listener in self.listeners.iter().flatten() {
            listener.keys().check_port(false, ports, faults);
        }
    }

    pub(super) fn listener_names(&self) -> HashSet<&str> {
        let written = self.listeners.as_deref().map(|all| all.iter().map(WsListenerSection::name).collect());
        written.unwrap_or_else(|| HashSet::from([USUAL_NAME]))
    }
}

/// What rules call a listener without name and transport.
const USUAL_NAME: &str = "ws";

impl WsListenerSection {
    const fn default() -> Self {
        Self { name: None, transport: None, bind: None, external_address: None, local_networks: Vec::new() }
    }

    fn keys(&self) -> ListenerKeys<'_> {
        ListenerKeys {
            name: self.name.as_ref(),
            bind: self.bind.as_ref(),
            external_address: self.external_address.as_ref(),
            local_networks: &self.local_networks,
        }
    }

    /// What rules call it.
    fn name(&self) -> &str {
        let written = self.transport.as_ref().map(|transport| *transport.get_ref());
        let usual = if written == Some(WsTransport::Wss) { "wss" } else { USUAL_NAME };
        self.name.as_ref().map_or(usual, |name| name.get_ref())
    }

    /// The listener, and where it is written.
    fn check(
        &self,
        around: Surroundings,
        has_origin: bool,
        faults: &mut Faults<'_>,
    ) -> Option<(SipListener, std::ops::Range<usize>)> {
        let written = self.transport.as_ref();
        let span = self.bind.as_ref().map(Spanned::span).or(written.map(Spanned::span)).unwrap_or_default();
        let is_secure = match written.map(|transport| *transport.get_ref()) {
            Some(transport) if self.bind.is_some() => transport == WsTransport::Wss,
            // At the HTTP server it is as secure as that.
            _ => around.has_certificate,
        };
        if self.bind.is_none() && around.has_http && !has_origin {
            let problem =
                "[http] listens beyond loopback and sip_ws names no origin, so no page could connect";
            let cure = "add to [sip_ws]: origins = [\"https://where.browsers.open.it\"]";
            if !faults.is_partial(&["http", "sip_ws"]) {
                faults.add_to_file(problem, cure);
            }
        }
        if self.bind.is_none() && !around.has_http {
            // Without any listener written this was told of.
            if let Some(written) = written {
                let problem = "without bind it is served by [http], which is missing";
                faults.add_absent(&["http", "sip_ws"], written.span(), problem, "add [http], or bind");
            }
            return None;
        }
        if self.bind.is_some() && is_secure && !around.has_certificate {
            let cure = "add [tls] with certificate and private_key";
            faults.add_absent(&["tls"], span.clone(), "a secure listener needs a certificate", cure);
        }
        let transport = if is_secure { TransportKind::Wss } else { TransportKind::Ws };
        Some((self.keys().check(transport, self.name(), faults)?, span))
    }
}

/// An origin as the browser shows it; commonly it is taken from the address bar, with a slash behind it.
pub(super) fn check_origin(written: &Spanned<String>, faults: &mut Faults<'_>) -> Option<WebOrigin> {
    let text = written.get_ref();
    match text.parse::<WebOrigin>() {
        Ok(origin) => Some(origin),
        Err(_) if text.strip_suffix('/').is_some_and(|bare| bare.parse::<WebOrigin>().is_ok()) => {
            faults.add(written.span(), "is no origin", "take out the / at its end");
            None
        }
        Err(_) => {
            let cure = "write it as the browser shows it, such as \"https://crm.example\"";
            faults.add(written.span(), "is no origin", cure);
            None
        }
    }
}

/// A path of the HTTP server that nothing else has.
pub(super) fn is_path(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    text.starts_with('/') && text.bytes().all(is_allowed) && !TAKEN_PATHS.contains(&text)
}
