//! Servers that the gateway asks by itself: where they are, and who vouches for them.

use std::hash::{DefaultHasher, Hash};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use url::{Host, Url};
use webtrunk_engine::net::Network;

use crate::outgoing::{Unreachable, refusal};
use crate::tls;

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Both, as HTTP names them.
    pub authority: String,
    /// From the slash on.
    pub path: String,
}

/// Who vouches for a server's certificate.
#[derive(Debug, Clone)]
pub struct Authorities {
    file: PathBuf,
    pub(super) certificates: Vec<CertificateDer<'static>>,
    client: Arc<ClientConfig>,
}

/// Why nobody is asked at an address that a URL names, unless these networks have it; `own` are the gateway's.
pub(super) fn forbidden(
    literal: Option<IpAddr>,
    networks: &[Network],
    own: &[IpAddr],
) -> Option<&'static str> {
    refusal(literal?, networks, own).map(|refusal| match refusal {
        Unreachable::Own(_) => "is at an address of the gateway's own",
        Unreachable::Forbidden(_) | Unreachable::Nowhere => "is at no public address",
    })
}

impl Target {
    /// Where a URL leads, and the address, where it names one.
    pub(super) fn of(url: &Url) -> Option<(Self, Option<IpAddr>)> {
        let (host, port) = (url.host()?, url.port_or_known_default()?);
        let literal = match &host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::from(*address)),
            Host::Ipv6(address) => Some(IpAddr::from(*address)),
        };
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let path =
            url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let host = literal.map_or_else(|| host.to_string(), |ip| ip.to_string());
        Some((Self { host, port, authority, path }, literal))
    }
}

impl PartialEq for Authorities {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file && self.certificates == other.certificates
    }
}

impl Eq for Authorities {}

impl Authorities {
    pub(super) fn read(file: PathBuf) -> Result<Self, tls::TlsError> {
        let certificates = tls::certificates(&file)?;
        let client = tls::client_config_by(certificates.clone())?;
        Ok(Self { file, certificates, client })
    }

    /// What differs where other certificates vouch.
    pub(super) fn note_in(&self, fingerprint: &mut DefaultHasher) {
        self.certificates.iter().for_each(|certificate| certificate.as_ref().hash(fingerprint));
    }

    /// The settings with which a server is asked.
    #[must_use]
    pub fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.client)
    }
}
