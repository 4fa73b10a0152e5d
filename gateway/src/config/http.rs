//! `[http]`, the page and its interface, and `[tls]`, certificates.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;
use super::secret::{KEY_CURE, open_to_everybody};
use crate::tls::{self, OwnCertificate, TlsError};

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
    /// PEM: the authorities by which is checked what who calls by SIP over TLS may show; nobody is asked without.
    pub client_authorities: Option<PathBuf>,
}

impl TlsFiles {
    /// What is shown to whoever connects to us.
    #[must_use]
    pub fn pair(&self) -> PairFiles {
        PairFiles { certificate: self.certificate.clone(), private_key: self.private_key.clone() }
    }
}

/// A certificate that we show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFiles {
    /// PEM: our certificate first, then those between it and the root.
    pub certificate: PathBuf,
    /// PEM: the certificate's private key.
    pub private_key: PathBuf,
}

/// Where Debian and its family keep the authorities that the system trusts.
pub(super) const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

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
    client_authorities: Option<Spanned<String>>,
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

    /// Where its address stands.
    pub(super) fn bind_span(&self) -> Range<usize> {
        self.bind.span()
    }
}

impl ClientCertificateSection {
    /// Resolves the paths, and reads the files so that nothing is left to find out at the start.
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> PairFiles {
        let mut resolve = |path: &Spanned<String>| faults.read_from(path.span(), path.get_ref());
        let own =
            PairFiles { certificate: resolve(&self.certificate), private_key: resolve(&self.private_key) };
        let pair = [(&self.certificate, &own.certificate), (&self.private_key, &own.private_key)];
        if are_readable(&pair, faults) {
            check_pair(pair, OwnCertificate::read(&own).map(drop), faults);
        }
        own
    }
}

impl TlsSection {
    /// Whether who calls by SIP over TLS is asked for a certificate.
    pub(super) const fn asks_for_certificates(&self) -> bool {
        self.client_authorities.is_some()
    }

    /// Resolves the paths, and reads the files so that nothing is left to find out at the start.
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> TlsFiles {
        let mut resolve = |path: &Spanned<String>| faults.read_from(path.span(), path.get_ref());
        let files = TlsFiles {
            certificate: resolve(&self.certificate),
            private_key: resolve(&self.private_key),
            trusted_certificates: self
                .trusted_certificates
                .as_ref()
                .map_or(SYSTEM_AUTHORITIES.into(), &mut resolve),
            client_authorities: self.client_authorities.as_ref().map(resolve),
        };
        let pair = [(&self.certificate, &files.certificate), (&self.private_key, &files.private_key)];
        let trusted =
            self.trusted_certificates.as_ref().map(|written| (written, &files.trusted_certificates));
        let asked_by = self.client_authorities.as_ref().zip(files.client_authorities.as_ref());
        let named: Vec<_> = pair.into_iter().chain(trusted).chain(asked_by).collect();
        if !are_readable(&named, faults) {
            return files;
        }
        check_pair(pair, OwnCertificate::read(&files.pair()).map(drop), faults);
        if let (Some(written), Err(error)) = (&self.trusted_certificates, tls::client_config(&files)) {
            faults.add(written.span(), error, AUTHORITIES_CURE);
        }
        if let Some((written, file)) = asked_by
            && let Err(error) = tls::client_verifier(file)
        {
            faults.add(written.span(), error, AUTHORITIES_CURE);
        }
        files
    }
}

const AUTHORITIES_CURE: &str = "name a PEM file of certificate authorities, or leave it out";

/// A file, and where it is named.
type Named<'s> = (&'s Spanned<String>, &'s PathBuf);

/// Whether all can be read; those that cannot become faults.
fn are_readable(named: &[Named<'_>], faults: &mut Faults<'_>) -> bool {
    let mut is_readable = true;
    for (written, path) in named {
        if let Err(error) = crate::files::read_at_hand(path, crate::files::TEXT_MAX) {
            let cure = "correct the path, or the file's permissions";
            faults.add(written.span(), format!("cannot be read: {error}"), cure);
            is_readable = false;
        }
    }
    is_readable
}

/// Notes what is wrong with a certificate and its key, which were `read`.
fn check_pair([certificate, key]: [Named<'_>; 2], read: Result<(), TlsError>, faults: &mut Faults<'_>) {
    if holds(certificate.1, "PRIVATE KEY-----") && holds(key.1, "BEGIN CERTIFICATE-----") {
        let problem = "is a private key, and private_key names a certificate";
        return faults.add(certificate.0.span(), problem, "swap the two");
    }
    if let Err(error) = read {
        let span = if error.is_of(key.1) { key.0.span() } else { certificate.0.span() };
        let cure = error.cure();
        faults.add(span, error, cure);
    }
    // A file that cannot be looked at was told of above.
    if let Ok(Some(mode)) = open_to_everybody(key.1) {
        let problem = format!("everybody may read this key (mode {mode:o})");
        faults.add(key.0.span(), problem, KEY_CURE);
    }
}

fn holds(path: &Path, text: &str) -> bool {
    crate::files::read_text(path).is_ok_and(|whole| whole.contains(text))
}
