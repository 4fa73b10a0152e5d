//! A certificate that nobody vouches for, in files as a gateway is told of it.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::{IpAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

/// Makes a certificate for an address and its key; the files are `NAME.crt` and `NAME.key` in the folder.
pub(crate) fn pair(folder: &TempDir, name: &str, ip: IpAddr) -> (PathBuf, PathBuf) {
    pair_for(folder, name, &ip.to_string())
}

/// The same for a host's name.
pub(crate) fn pair_for(folder: &TempDir, name: &str, host: &str) -> (PathBuf, PathBuf) {
    make(folder, name, CertificateParams::new(vec![host.to_owned()]).expect("a host"))
}

/// The same of one that ends on the day in so many days.
pub(crate) fn pair_for_days(folder: &TempDir, name: &str, ip: IpAddr, days: i32) -> (PathBuf, PathBuf) {
    let mut parameters = CertificateParams::new(vec![ip.to_string()]).expect("an address");
    let end = TimeZone::UTC.to_datetime(Timestamp::now()).date().saturating_add(days.days());
    let part = |part: i8| u8::try_from(part).expect("of a date");
    parameters.not_after = rcgen::date_time_ymd(end.year().into(), part(end.month()), part(end.day()));
    make(folder, name, parameters)
}

fn make(folder: &TempDir, name: &str, parameters: CertificateParams) -> (PathBuf, PathBuf) {
    let signing_key = KeyPair::generate().expect("a key");
    let cert = parameters.self_signed(&signing_key).expect("a certificate");
    let file = |end: &str, text: String| {
        let path = folder.path().join(format!("{name}.{end}"));
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the folder is ours");
        path
    };
    (file("crt", cert.pem()), file("key", signing_key.serialize_pem()))
}

/// Talks TLS to who has a certificate that was made for this address.
pub(crate) fn secure(
    stream: TcpStream,
    certificate: &Path,
    ip: IpAddr,
) -> StreamOwned<ClientConnection, TcpStream> {
    secure_by(stream, certificate, ip, rustls::DEFAULT_VERSIONS)
}

/// The same by these versions alone.
pub(crate) fn secure_by(
    stream: TcpStream,
    certificate: &Path,
    ip: IpAddr,
    versions: &[&'static SupportedProtocolVersion],
) -> StreamOwned<ClientConnection, TcpStream> {
    let config = client_config(certificate, versions);
    StreamOwned::new(ClientConnection::new(config, ip.into()).expect("a client"), stream)
}

/// What a server is like that shows this certificate, and asks nobody for one.
pub(crate) fn server_config((certificate, key): &(PathBuf, PathBuf)) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_file(certificate).expect("it is one");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions that we know")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(config.expect("a pair"))
}

/// What a client is like that trusts this certificate alone.
pub(crate) fn client_config(
    certificate: &Path,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).expect("it is one")).expect("it is one");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions that we know")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
