//! Our certificate, from PEM files as certificate authorities and ACME clients leave them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::{ResolvesClientCert, Resumption, WantsClientCert};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificates::CertificateFacts;
use crate::config::{KEY_CURE, PairFiles, TlsFiles, open_to_everybody};
use crate::files;

/// The certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file holds no PEM of the kind that is wanted, or cannot be read.
    #[error("{} holds no usable {what}: {source}", .file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// What was found.
        source: pem::Error,
    },
    /// The key cannot be read without a password.
    #[error("{} is encrypted", .file.display())]
    Encrypted {
        /// The file.
        file: PathBuf,
    },
    /// A renewed key is shared with everybody, and would be refused at the next start.
    #[error("everybody may read {} (mode {mode:o})", .file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Nobody's certificate can be checked by what a file holds.
    #[error("{} holds no usable authority: {source}", .file.display())]
    Authorities {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: VerifierBuilderError,
    },
    /// Certificate and key do not belong together, or are of no kind that we know.
    #[error("certificate and private key cannot be used together: {0}")]
    Mismatch(#[from] rustls::Error),
}

/// A certificate that we show: all our listeners the same, HTTPS, secure WebSocket and SIP over TLS, and trunks that ask for one
/// theirs. It can be changed while it is shown: a handshake from then on sees the new one, and no connection that is open is
/// disturbed.
#[derive(Debug)]
pub struct OwnCertificate {
    /// Read once a handshake.
    shown: RwLock<Arc<CertifiedKey>>,
    /// From where it was read.
    files: RwLock<PairFiles>,
}

/// Certificate and key as they are in their files.
#[derive(Debug, Clone)]
pub struct Pair {
    files: PairFiles,
    key: Arc<CertifiedKey>,
}

impl Pair {
    /// Reads them, which waits for the files for as long as that takes.
    ///
    /// # Errors
    /// [`TlsError`] says which file is wrong.
    pub fn read(files: &PairFiles) -> Result<Self, TlsError> {
        let (chain, key) = (certificates(&files.certificate)?, key(&files.private_key)?);
        let key = Arc::new(CertifiedKey::from_der(chain, key, &provider())?);
        Ok(Self { files: files.clone(), key })
    }

    /// The same of a key that not everybody may read, as the check of a configuration asks.
    ///
    /// # Errors
    /// As [`Pair::read`].
    pub fn read_closed(files: &PairFiles) -> Result<Self, TlsError> {
        let pair = Self::read(files)?;
        match open_to_everybody(&files.private_key) {
            Ok(Some(mode)) => Err(TlsError::Open { file: files.private_key.clone(), mode }),
            // It was read just now: whoever took it away puts another one there.
            Ok(None) | Err(_) => Ok(pair),
        }
    }
}

impl OwnCertificate {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// [`TlsError`] says which file is wrong.
    pub fn read(files: &PairFiles) -> Result<Arc<Self>, TlsError> {
        let Pair { files, key } = Pair::read(files)?;
        Ok(Arc::new(Self { shown: RwLock::new(key), files: RwLock::new(files) }))
    }

    /// Shows what is in these files from now on; whether that is another certificate.
    ///
    /// # Errors
    /// [`TlsError`] says which file is wrong; then it is shown what was shown before.
    pub fn change(&self, files: &PairFiles) -> Result<bool, TlsError> {
        Ok(self.show(Pair::read(files)?))
    }

    /// Shows this from now on; whether it is another certificate.
    pub fn show(&self, pair: Pair) -> bool {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let is_another = shown.cert != pair.key.cert;
        *shown = pair.key;
        *self.files.write().unwrap_or_else(PoisonError::into_inner) = pair.files;
        is_another
    }

    /// Whether this is another certificate than is shown.
    #[must_use]
    pub fn differs(&self, pair: &Pair) -> bool {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).cert != pair.key.cert
    }

    /// From where it was read last.
    #[must_use]
    pub fn files(&self) -> PairFiles {
        self.files.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The settings of servers that show it: TLS 1.2 and 1.3.
    ///
    /// # Errors
    /// The library knows no version of TLS, which is ours to see in a test.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        Ok(Arc::new(config))
    }

    /// The same, asking who connects for a certificate of these authorities; who has none is served too. No session is
    /// resumed: its certificate would not be looked at again, though it may have expired.
    ///
    /// # Errors
    /// [`TlsError`] when the file holds no authority.
    pub fn server_config_asking(self: &Arc<Self>, authorities: &Path) -> Result<Arc<ServerConfig>, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(client_verifier(authorities)?)
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// What it says of itself; `None` where it is written as none should be.
    #[must_use]
    pub fn facts(&self) -> Option<CertificateFacts> {
        let shown = Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner));
        CertificateFacts::read(shown.cert.first()?)
    }
}

impl ResolvesClientCert for OwnCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner)))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The settings with which we call trunks: their certificates must be vouched for by an authority that
/// we trust, and name the host that we call.
///
/// # Errors
/// [`TlsError`] when the file holds no authority.
pub fn client_config(files: &TlsFiles) -> Result<Arc<ClientConfig>, TlsError> {
    client_config_with(files, None)
}

/// The same, with a certificate of ours for servers that ask for one.
///
/// # Errors
/// [`TlsError`] when the file holds no authority.
pub fn client_config_with(
    files: &TlsFiles,
    own: Option<Arc<OwnCertificate>>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let config = trusting(certificates(&files.trusted_certificates)?)?;
    let config = match own {
        None => config.with_no_client_auth(),
        Some(own) => {
            let mut config = config.with_client_cert_resolver(own);
            // A session that is resumed is that of the certificate with which it began, which may have been renewed.
            config.resumption = Resumption::disabled();
            config
        }
    };
    Ok(Arc::new(config))
}

/// The settings with which we call servers that these authorities vouch for.
///
/// # Errors
/// [`TlsError`] when there is no TLS that we speak.
pub fn client_config_by(authorities: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, TlsError> {
    Ok(Arc::new(trusting(authorities)?.with_no_client_auth()))
}

fn trusting(
    authorities: Vec<CertificateDer<'static>>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let mut roots = RootCertStore::empty();
    // Bundles of systems hold a few that are too old to be read; the others are good all the same.
    roots.add_parsable_certificates(authorities);
    let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots))
}

/// Checks certificates of clients by the authorities in a file; who has none is let in.
///
/// # Errors
/// [`TlsError`] when the file holds no authority.
pub fn client_verifier(file: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(file)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let verifier = verifier.allow_unauthenticated().build();
    verifier.map_err(|source| TlsError::Authorities { file: file.to_owned(), source })
}

/// All certificates in a file, one at least.
///
/// # Errors
/// [`TlsError`] when the file holds none.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fault = |source| pem_error(file, "certificate", source);
    let text = read(file).map_err(fault)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(fault)?;
    if found.is_empty() { Err(fault(pem::Error::NoItemsFound)) } else { Ok(found) }
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let fault = |source| pem_error(file, "private key", source);
    let text = read(file).map_err(fault)?;
    // PKCS#8 says so in its first line, the older form in its second (RFC 1421 4.6.1.1).
    let is_encrypted = || {
        let text = String::from_utf8_lossy(&text);
        text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
    };
    match PrivateKeyDer::from_pem_slice(&text) {
        Err(_) if is_encrypted() => Err(TlsError::Encrypted { file: file.to_owned() }),
        key => key.map_err(fault),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, pem::Error> {
    files::read_at_hand(file, files::TEXT_MAX).map_err(pem::Error::Io)
}

fn pem_error(file: &Path, what: &'static str, source: pem::Error) -> TlsError {
    TlsError::Pem { file: file.to_owned(), what, source }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

impl TlsError {
    /// Whether it is this file's fault alone.
    #[must_use]
    pub fn is_of(&self, path: &Path) -> bool {
        match self {
            Self::Pem { file, .. }
            | Self::Encrypted { file }
            | Self::Open { file, .. }
            | Self::Authorities { file, .. } => file == path,
            Self::Mismatch(_) => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::Encrypted { .. } => {
                "take its password out: openssl pkey -in OLD -out NEW, and chmod 600 NEW"
            }
            Self::Open { .. } => KEY_CURE,
            Self::Pem { .. } | Self::Mismatch(_) => "name the PEM files of one certificate and its key",
            Self::Authorities { .. } => "name a PEM file of certificate authorities",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A self-signed pair in files of its own.
    fn pair(folder: &TempDir, name: &str) -> TlsFiles {
        let made =
            rcgen::generate_simple_self_signed(vec!["phone.example".to_owned()]).expect("a certificate");
        let file = |end: &str, text: String| {
            let path = folder.path().join(format!("{name}.{end}"));
            fs::write(&path, text).expect("the folder is ours");
            path
        };
        let certificate = file("crt", made.cert.pem());
        TlsFiles {
            private_key: file("key", made.signing_key.serialize_pem()),
            trusted_certificates: certificate.clone(),
            certificate,
            client_authorities: None,
        }
    }

    /// A server that asks for a certificate gets ours, and is served by nobody without one.
    #[test]
    fn a_trunk_that_asks_for_a_certificate_is_shown_ours_and_a_renewed_one_from_then_on() {
        let folder = TempDir::new().expect("a folder for the test");
        let (trunk, ours) = (pair(&folder, "trunk"), pair(&folder, "ours"));
        let own = OwnCertificate::read(&ours.pair()).expect("a pair");
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates(&ours.certificate).expect("it is one"));
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .expect("one root");
        let chain = certificates(&trunk.certificate).expect("it is one");
        let server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("both versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key(&trunk.private_key).expect("a key"))
            .expect("a pair");
        let server = Arc::new(server);
        let calling = |own| client_config_with(&trunk, own).expect("sound files");
        let is_let_in = |client: Arc<ClientConfig>| {
            let name = "phone.example".try_into().expect("a name");
            let mut client = rustls::ClientConnection::new(client, name).expect("a client");
            let mut server = rustls::ServerConnection::new(Arc::clone(&server)).expect("a server");
            for _ in 0..10 {
                let mut bytes = Vec::new();
                client.write_tls(&mut bytes).expect("memory");
                let mut rest = bytes.as_slice();
                while !rest.is_empty() && server.read_tls(&mut rest).is_ok() {}
                if server.process_new_packets().is_err() {
                    return false;
                }
                let mut bytes = Vec::new();
                server.write_tls(&mut bytes).expect("memory");
                let mut rest = bytes.as_slice();
                while !rest.is_empty() && client.read_tls(&mut rest).is_ok() {}
                if client.process_new_packets().is_err() {
                    return false;
                }
            }
            server.peer_certificates().is_some()
        };
        let with_ours = calling(Some(Arc::clone(&own)));
        assert_eq!([is_let_in(Arc::clone(&with_ours)), is_let_in(calling(None))], [true, false]);
        // What the trunk does not know is shown to it as soon as it is ours.
        own.change(&pair(&folder, "new").pair()).expect("a pair");
        assert!(!is_let_in(Arc::clone(&with_ours)));
        own.change(&ours.pair()).expect("a pair");
        assert!(is_let_in(with_ours));
    }

    /// A session that is resumed has the certificate with which it began, which may have expired.
    #[test]
    fn no_session_of_who_is_asked_for_a_certificate_is_resumed() {
        let folder = TempDir::new().expect("a folder for the test");
        let files = pair(&folder, "one");
        let own = OwnCertificate::read(&files.pair()).expect("a pair");
        let server = own.server_config_asking(&files.certificate).expect("an authority");
        let client = client_config(&files).expect("sound files");
        let handshake = || {
            let name = "phone.example".try_into().expect("a name");
            let mut client = rustls::ClientConnection::new(Arc::clone(&client), name).expect("a client");
            let mut server = rustls::ServerConnection::new(Arc::clone(&server)).expect("a server");
            for _ in 0..10 {
                let mut bytes = Vec::new();
                client.write_tls(&mut bytes).expect("memory");
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    server.read_tls(&mut rest).expect("memory");
                }
                server.process_new_packets().expect("it is served");
                let mut bytes = Vec::new();
                server.write_tls(&mut bytes).expect("memory");
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    client.read_tls(&mut rest).expect("memory");
                }
                client.process_new_packets().expect("it trusts us");
            }
            server.handshake_kind()
        };
        let kinds = [handshake(), handshake()];
        assert!(kinds.iter().all(|kind| *kind == Some(rustls::HandshakeKind::Full)), "{kinds:?}");
    }

    #[test]
    fn a_pair_is_used_and_a_mismatch_is_told() {
        let folder = TempDir::new().expect("a folder for the test");
        let (one, other) = (pair(&folder, "one"), pair(&folder, "other"));
        assert!(OwnCertificate::read(&one.pair()).is_ok() && client_config(&one).is_ok());
        let told = |certificate: &PathBuf, private_key: &PathBuf| {
            let files = PairFiles { certificate: certificate.clone(), private_key: private_key.clone() };
            OwnCertificate::read(&files).expect_err("not a pair").to_string()
        };
        let shown = OwnCertificate::read(&one.pair()).expect("a pair");
        assert_eq!(
            [&one, &other, &other].map(|files| shown.change(&files.pair()).ok()),
            [false, true, false].map(Some)
        );
        let mixed = told(&one.certificate, &other.private_key);
        assert!(mixed.starts_with("certificate and private key cannot be used together"), "{mixed}");
        let swapped = told(&one.private_key, &one.certificate);
        assert!(swapped.contains("one.key holds no usable certificate"), "{swapped}");
        let no_key = told(&one.certificate, &one.certificate);
        assert!(no_key.contains("one.crt holds no usable private key"), "{no_key}");
    }
}
