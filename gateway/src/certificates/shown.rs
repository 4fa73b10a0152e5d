//! The certificates that we show, to whomever.

use std::sync::Arc;

use rustls::ServerConfig;

use super::CertificateFacts;
use crate::config::Config;
use crate::tls::{OwnCertificate, TlsError};

/// The certificates that we show; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    own: Option<Arc<OwnCertificate>>,
    server: Option<Arc<ServerConfig>>,
    /// The same, asking who connects for a certificate.
    asking: Option<Arc<ServerConfig>>,
    /// What trunks are shown that ask, by their names.
    to_trunks: Arc<[(String, Arc<OwnCertificate>)]>,
}

impl Certificates {
    /// Those of a configuration.
    ///
    /// # Errors
    /// [`TlsError`] says which file is wrong.
    pub fn read(config: &Config) -> Result<Self, TlsError> {
        let own = config.tls.as_ref().map(|files| OwnCertificate::read(&files.pair())).transpose()?;
        let server = own.as_ref().map(OwnCertificate::server_config).transpose()?;
        let authorities = config.tls.as_ref().and_then(|files| files.client_authorities.as_ref());
        let asking = own.as_ref().zip(authorities);
        let asking = asking.map(|(own, file)| own.server_config_asking(file)).transpose()?;
        let shown =
            config.trunks.iter().filter_map(|trunk| Some((trunk, trunk.client_certificate.as_ref()?)));
        let read = shown.map(|(trunk, files)| Ok((trunk.sip.name.clone(), OwnCertificate::read(files)?)));
        Ok(Self { own, server, asking, to_trunks: read.collect::<Result<_, TlsError>>()? })
    }

    /// What whoever connects to us is shown.
    #[must_use]
    pub fn own(&self) -> Option<Arc<OwnCertificate>> {
        self.own.clone()
    }

    /// The settings of our listeners.
    #[must_use]
    pub fn server(&self) -> Option<Arc<ServerConfig>> {
        self.server.clone()
    }

    /// The settings of our listeners for SIP over TLS, where who connects is asked for a certificate.
    #[must_use]
    pub fn asking(&self) -> Option<Arc<ServerConfig>> {
        self.asking.clone()
    }

    /// What trunks are shown that ask, by their names.
    #[must_use]
    pub fn to_trunks(&self) -> &[(String, Arc<OwnCertificate>)] {
        &self.to_trunks
    }

    /// Each with whom it is shown to: `listeners`, for whoever connects to us, or `trunk NAME`.
    pub(crate) fn all(&self) -> impl Iterator<Item = (String, &Arc<OwnCertificate>)> {
        let own = self.own.iter().map(|own| ("listeners".to_owned(), own));
        own.chain(self.to_trunks.iter().map(|(trunk, shown)| (format!("trunk {trunk}"), shown)))
    }

    /// What each says now, with whom it is shown to.
    pub(crate) fn facts(&self) -> Vec<(String, CertificateFacts)> {
        self.all().filter_map(|(shown_to, shown)| Some((shown_to, shown.facts()?))).collect()
    }
}
