//! `[http]`, the page and its interface, and `[tls]`, certificates.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::sip::transport::WebOrigin;

use super::faults::Faults;

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where it listens; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Web pages from elsewhere that may connect; our own always may.
    pub origins: Vec<WebOrigin>,
}

/// Certificates, for HTTPS, SIP over TLS and secure WebSocket alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: our certificate first, then those between it and the root ("fullchain.pem").
    pub certificate: PathBuf,
    /// PEM: the certificate's private key.
    pub private_key: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpSection {
    #[serde(default = "default_bind")]
    bind: Spanned<String>,
    #[serde(default)]
    origins: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsSection {
    certificate: Spanned<String>,
    private_key: Spanned<String>,
}

/// Loopback: without certificates a browser gives a page its microphone only there.
fn default_bind() -> Spanned<String> {
    Spanned::new(0..0, "127.0.0.1:8080".to_owned())
}

impl HttpSection {
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> Option<HttpConfig> {
        let bind = faults.parse(&self.bind, super::BIND_CURE);
        let origins = faults
            .parse_all(&self.origins, "write it as the browser shows it, such as \"https://crm.example\"");
        Some(HttpConfig { bind: bind?, origins })
    }
}

impl TlsSection {
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> TlsFiles {
        let mut file = |path: &Spanned<String>| {
            let resolved = faults.document().resolve(path.get_ref());
            if let Err(error) = std::fs::File::open(&resolved) {
                let problem = format!("{} cannot be read: {error}", resolved.display());
                faults.add(path.span(), problem, "correct the path or the file's permissions");
            }
            resolved
        };
        TlsFiles { certificate: file(&self.certificate), private_key: file(&self.private_key) }
    }
}
