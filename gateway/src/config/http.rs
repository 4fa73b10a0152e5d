//! `[http]`, the page and its interface, and `[tls]`, certificates.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;
use super::secret::{WORLD, open_to};
use crate::tls::{self, OwnCertificate};

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where it listens; port 0 takes a free one.
    pub bind: SocketAddr,
}

/// Certificates, for HTTPS, SIP over TLS and secure WebSocket alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: our certificate first, then those between it and the root ("fullchain.pem").
    pub certificate: PathBuf,
    /// PEM: the certificate's private key.
    pub private_key: PathBuf,
    /// PEM: the authorities by which trunks' certificates are checked.
    pub trusted_certificates: PathBuf,
}

/// A certificate that we show to a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM: our certificate first, then those between it and the root.
    pub certificate: PathBuf,
    /// PEM: the certificate's private key.
    pub private_key: PathBuf,
}

/// Where Debian and its family keep the authorities that the system trusts.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientCertificateSection {
    certificate: Spanned<String>,
    private_key: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpSection {
    #[serde(default = "default_bind")]
    bind: Spanned<String>,
    /// Has moved.
    origins: Option<Spanned<toml::Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsSection {
    certificate: Spanned<String>,
    private_key: Spanned<String>,
    trusted_certificates: Option<Spanned<String>>,
}

/// Loopback: without certificates a browser gives a page its microphone only there.
fn default_bind() -> Spanned<String> {
    Spanned::new(0..0, "127.0.0.1:8080".to_owned())
}

impl HttpSection {
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> Option<HttpConfig> {
        let bind = faults.parse(&self.bind, super::BIND_CURE);
        if let Some(moved) = &self.origins {
            faults.add(moved.span(), "has moved to sip_ws.origins", "write it into [sip_ws]");
        }
        Some(HttpConfig { bind: bind? })
    }
}

impl ClientCertificateSection {
    /// Resolves the paths, and reads the files so that nothing is left to find out at the start.
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> ClientCertificate {
        let resolve = |path: &Spanned<String>| faults.document().resolve(path.get_ref());
        let own = ClientCertificate {
            certificate: resolve(&self.certificate),
            private_key: resolve(&self.private_key),
        };
        if let Err(error) = tls::check_pair(&own) {
            let span = if error.is_of(&own.private_key) { &self.private_key } else { &self.certificate };
            faults.add(span.span(), error, "name the PEM files of one certificate and its key");
        }
        if let Ok(Some(mode)) = open_to(WORLD, &own.private_key) {
            let problem = format!("everybody may read this key (mode {mode:o})");
            let cure = "run chmod 600 on it, or 640 to share it with a group";
            faults.add(self.private_key.span(), problem, cure);
        }
        own
    }
}

impl TlsSection {
    /// Resolves the paths, and reads the files so that nothing is left to find out at the start.
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> TlsFiles {
        let resolve = |path: &Spanned<String>| faults.document().resolve(path.get_ref());
        let files = TlsFiles {
            certificate: resolve(&self.certificate),
            private_key: resolve(&self.private_key),
            trusted_certificates: self
                .trusted_certificates
                .as_ref()
                .map_or(SYSTEM_AUTHORITIES.into(), resolve),
        };
        let written = [
            (Some(&self.certificate), &files.certificate),
            (Some(&self.private_key), &files.private_key),
            (self.trusted_certificates.as_ref(), &files.trusted_certificates),
        ];
        let mut is_readable = true;
        for (written, path) in written {
            if let (Some(written), Err(error)) = (written, crate::files::read(path, crate::files::TEXT_MAX)) {
                let cure = "correct the path, or the file's permissions";
                faults.add(written.span(), format!("cannot be read: {error}"), cure);
                is_readable = false;
            }
        }
        if !is_readable {
            return files;
        }
        if let Err(error) = OwnCertificate::read(&files) {
            let span = if error.is_of(&files.private_key) { &self.private_key } else { &self.certificate };
            faults.add(span.span(), error, "name the PEM files of one certificate and its key");
        }
        // A file that cannot be looked at was told of above.
        if let Ok(Some(mode)) = open_to(WORLD, &files.private_key) {
            let problem = format!("everybody may read this key (mode {mode:o})");
            faults.add(
                self.private_key.span(),
                problem,
                "run chmod 600 on it, or 640 to share it with a group",
            );
        }
        if let (Some(written), Err(error)) = (&self.trusted_certificates, tls::client_config(&files)) {
            faults.add(written.span(), error, "name a PEM file of certificate authorities, or leave it out");
        }
        files
    }
}
