//! `[telemetry]`: where traces of calls go.

use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;

/// Traces of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// The collector.
    pub otlp: Collector,
}

/// Where a collector takes OTLP over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    /// Host and port.
    pub authority: String,
    /// The path of its traces.
    pub path: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TelemetrySection {
    otlp: Spanned<String>,
}

/// The cure for a bad URL.
const CURE: &str = "write \"http://HOST:PORT\" of a collector near by, such as \"http://127.0.0.1:4318\"; it passes traces on over TLS";

/// Where traces go below the URL (OTLP 1.x, "OTLP/HTTP Request").
const TRACES: &str = "/v1/traces";

impl TelemetrySection {
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> Option<TelemetryConfig> {
        let otlp = Collector::parse(self.otlp.get_ref());
        if otlp.is_none() {
            faults.add(self.otlp.span(), "is no URL of a collector that is asked without TLS", CURE);
        }
        Some(TelemetryConfig { otlp: otlp? })
    }
}

impl Collector {
    fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let (authority, path) =
            rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
        let (host, port) = authority.rsplit_once(':')?;
        let is_plain = |char: char| char.is_ascii_graphic() && !"@?#/\"".contains(char);
        let is_sound = !host.is_empty()
            && authority.chars().all(is_plain)
            && port.parse::<u16>().is_ok_and(|port| port > 0);
        let path = path.trim_end_matches('/');
        let is_path_sound = path.chars().all(|char| char.is_ascii_graphic() && !"?#".contains(char));
        let path = if path.is_empty() { TRACES.to_owned() } else { format!("/{path}{TRACES}") };
        (is_sound && is_path_sound).then(|| Self { authority: authority.to_owned(), path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_a_host_with_a_port_and_perhaps_a_path() {
        let told = |url| Collector::parse(url).map(|it| format!("{} {}", it.authority, it.path));
        assert_eq!(told("http://127.0.0.1:4318").as_deref(), Some("127.0.0.1:4318 /v1/traces"));
        assert_eq!(told("http://[::1]:4318/").as_deref(), Some("[::1]:4318 /v1/traces"));
        assert_eq!(told("http://otel.example:80/a/b/").as_deref(), Some("otel.example:80 /a/b/v1/traces"));
        for wrong in [
            "",
            "https://a:1",
            "http://a",
            "http://:1",
            "http://a:x",
            "http://a:0",
            "http://u@a:1",
            "http://a:1/?x",
            "http://a b:1",
        ] {
            assert_eq!(told(wrong), None, "{wrong}");
        }
    }
}
