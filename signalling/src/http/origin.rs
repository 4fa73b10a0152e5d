//! Which web pages may open a WebSocket here (RFC 6455 10.2).
//!
//! A browser names the page's origin in the handshake and no page can forge it, so an exact list
//! keeps foreign pages out. Programs that are no browsers send none.

use std::sync::{Arc, Mutex};

use crate::lock::lock;

/// The pages that are let in.
#[derive(Debug, Clone, Default)]
pub struct OriginPolicy {
    allowed: Vec<WebOrigin>,
    /// More, which change.
    changing: Option<ChangingOrigins>,
    allows_absent: bool,
}

/// Pages that are let in from now on, and others later; cheap to clone, and then the same.
#[derive(Debug, Clone, Default)]
pub struct ChangingOrigins(Arc<Mutex<Vec<WebOrigin>>>);

/// Scheme, host and port of a page (RFC 6454 4), in lower case, the port always given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin {
    scheme: String,
    host: String,
    port: u16,
}

/// The text is no web origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no web origin: write scheme://host or scheme://host:port with http or https")]
pub struct OriginError(String);

impl OriginPolicy {
    /// Lets in pages of `allowed`, and clients that name no origin where `allows_absent`.
    #[must_use]
    pub const fn new(allowed: Vec<WebOrigin>, allows_absent: bool) -> Self {
        Self { allowed, changing: None, allows_absent }
    }

    /// Lets these in as well, whichever they are at the time.
    #[must_use]
    pub fn and(self, changing: ChangingOrigins) -> Self {
        Self { changing: Some(changing), ..self }
    }

    fn has(&self, origin: &WebOrigin) -> bool {
        self.allowed.contains(origin) || self.changing.as_ref().is_some_and(|more| more.has(origin))
    }

    /// Whether a handshake with this `Origin` header is let in. `null`, the origin of sandboxed
    /// pages and local files, never is.
    #[must_use]
    pub fn admits(&self, header: Option<&str>) -> bool {
        match header {
            None => self.allows_absent,
            Some(text) => text.parse().is_ok_and(|origin| self.has(&origin)),
        }
    }
}

impl ChangingOrigins {
    /// Lets these in from now on, and no others.
    pub fn set(&self, origins: Vec<WebOrigin>) {
        *lock(&self.0) = origins;
    }

    fn has(&self, origin: &WebOrigin) -> bool {
        lock(&self.0).contains(origin)
    }
}

impl WebOrigin {
    /// How the addresses of its WebSockets begin (RFC 6455 3), up to their path: `wss://phone.example`.
    #[must_use]
    pub fn websocket_base(&self) -> String {
        let (scheme, default_port) = if self.scheme == "https" { ("wss", 443) } else { ("ws", 80) };
        let Self { host, port, .. } = self;
        if *port == default_port { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") }
    }
}

impl std::str::FromStr for WebOrigin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let error = || OriginError(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(error)?;
        let scheme = scheme.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return Err(error()),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, digits(port).ok_or_else(error)?),
            _ => (rest, default_port),
        };
        let is_host = !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        let is_ipv6 = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
        if is_host || is_ipv6 {
            Ok(Self { scheme, host: host.to_ascii_lowercase(), port })
        } else {
            Err(error())
        }
    }
}

/// A port in plain digits; `parse` alone would take a sign.
fn digits(port: &str) -> Option<u16> {
    port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allowed: &[&str], allows_absent: bool) -> OriginPolicy {
        OriginPolicy::new(
            allowed.iter().map(|text| text.parse().expect("an origin")).collect(),
            allows_absent,
        )
    }

    #[test]
    fn only_the_exact_origin_is_let_in() {
        let policy = policy(&["https://phone.example", "http://localhost:8080", "http://[::1]:8080"], false);
        for good in [
            "https://phone.example",
            "HTTPS://Phone.Example:443",
            "http://localhost:8080",
            "http://[::1]:8080",
        ] {
            assert!(policy.admits(Some(good)), "{good}");
        }
        for bad in [
            "http://phone.example",
            "https://phone.example:8443",
            "https://phone.example.evil.example",
            "https://evil.example/https://phone.example",
            "https://phone.example@evil.example",
            "http://localhost",
            "http://localhost:+8080",
            "null",
            "",
        ] {
            assert!(!policy.admits(Some(bad)), "{bad}");
        }
    }

    #[test]
    fn pages_that_change_are_let_in_as_long_as_they_are_there() {
        let changing = ChangingOrigins::default();
        let policy = policy(&["https://phone.example"], false).and(changing.clone());
        assert!(!policy.admits(Some("https://crm.example")));
        changing.set(vec!["https://crm.example".parse().expect("an origin")]);
        assert!(policy.admits(Some("https://crm.example")) && policy.admits(Some("https://phone.example")));
        changing.set(Vec::new());
        assert!(!policy.admits(Some("https://crm.example")));
    }

    #[test]
    fn a_websocket_is_where_its_origin_is() {
        for (origin, base) in [
            ("https://Phone.example", "wss://phone.example"),
            ("https://phone.example:8443", "wss://phone.example:8443"),
            ("http://[::1]:80", "ws://[::1]"),
            ("http://localhost:443", "ws://localhost:443"),
        ] {
            assert_eq!(origin.parse::<WebOrigin>().expect("an origin").websocket_base(), base);
        }
    }

    #[test]
    fn an_absent_origin_needs_permission() {
        assert!(!policy(&["https://phone.example"], false).admits(None));
        assert!(policy(&[], true).admits(None));
    }
}
