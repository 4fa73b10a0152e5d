//! Our certificate, from PEM files as certificate authorities and ACME clients leave them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::TlsFiles;
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
    /// Certificate and key do not belong together, or are of no kind that we know.
    #[error("certificate and private key cannot be used together: {0}")]
    Mismatch(#[from] rustls::Error),
}

/// The settings of servers that show this certificate: TLS 1.2 and 1.3.
///
/// # Errors
/// [`TlsError`] says which file is wrong.
pub fn server_config(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(&files.certificate)?;
    let key = read(&files.private_key)
        .and_then(|text| PrivateKeyDer::from_pem_slice(&text))
        .map_err(|source| pem_error(&files.private_key, "private key", source))?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

/// The settings with which we call trunks: their certificates must be vouched for by an authority that
/// we trust, and name the host that we call.
///
/// # Errors
/// [`TlsError`] when the file holds no authority.
pub fn client_config(files: &TlsFiles) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    // Bundles of systems hold a few that are too old to be read; the others are good all the same.
    roots.add_parsable_certificates(certificates(&files.trusted_certificates)?);
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// All certificates in a file, one at least.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fault = |source| pem_error(file, "certificate", source);
    let text = read(file).map_err(fault)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(fault)?;
    if found.is_empty() { Err(fault(pem::Error::NoItemsFound)) } else { Ok(found) }
}

fn read(file: &Path) -> Result<Vec<u8>, pem::Error> {
    files::read(file, files::TEXT_MAX).map_err(pem::Error::Io)
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
        matches!(self, Self::Pem { file, .. } if file == path)
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
        }
    }

    #[test]
    fn a_pair_is_used_and_a_mismatch_is_told() {
        let folder = TempDir::new().expect("a folder for the test");
        let (one, other) = (pair(&folder, "one"), pair(&folder, "other"));
        assert!(server_config(&one).is_ok() && client_config(&one).is_ok());
        let told = |certificate: &PathBuf, private_key: &PathBuf| {
            let files = TlsFiles {
                certificate: certificate.clone(),
                private_key: private_key.clone(),
                trusted_certificates: certificate.clone(),
            };
            server_config(&files).expect_err("not a pair").to_string()
        };
        let mixed = told(&one.certificate, &other.private_key);
        assert!(mixed.starts_with("certificate and private key cannot be used together"), "{mixed}");
        let swapped = told(&one.private_key, &one.certificate);
        assert!(swapped.contains("one.key holds no usable certificate"), "{swapped}");
        let no_key = told(&one.certificate, &one.certificate);
        assert!(no_key.contains("one.crt holds no usable private key"), "{no_key}");
    }
}
