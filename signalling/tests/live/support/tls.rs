//! A server's certificate, clients that trust it, and what these may show in turn.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use webtrunk_signalling::sip::transport::TlsConfig;

/// A certificate that says `localhost`, as a server shows it and as a client trusts it.
pub(crate) struct Pair {
    server: Arc<ServerConfig>,
    trusted: Arc<RootCertStore>,
    client: Arc<ClientConfig>,
}

/// Somebody who vouches for clients.
pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a name and a key");
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], private_key(&own.signing_key))
            .expect("they belong together");
        let trusted = trusting(own.cert.der());
        let client = ClientConfig::builder().with_root_certificates(trusted.clone()).with_no_client_auth();
        Self { server: Arc::new(server), trusted, client: Arc::new(client) }
    }

    /// For a transport layer that shows it, and trusts it where it dials.
    pub(crate) fn config(&self) -> TlsConfig {
        TlsConfig {
            server: Some(self.server.clone()),
            client: Some(self.client.clone()),
            ..TlsConfig::default()
        }
    }

    /// The same for one that asks who connects for a certificate of this authority, and serves who has none too.
    pub(crate) fn asking(&self, authority: &Authority) -> TlsConfig {
        let verifier = WebPkiClientVerifier::builder(trusting(&authority.certificate));
        let verifier = verifier.allow_unauthenticated().build().expect("an authority");
        let asking = ServerConfig::builder()
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(self.server.cert_resolver.clone());
        TlsConfig { asking: Some(Arc::new(asking)), ..self.config() }
    }

    /// A client's stream inside TLS.
    pub(crate) async fn connect(&self, server: SocketAddr) -> TlsStream<TcpStream> {
        connect_by(self.client.clone(), server).await
    }

    /// The same of a client that shows a certificate of this authority for a name.
    pub(crate) async fn connect_showing(
        &self,
        server: SocketAddr,
        authority: &Authority,
        name: &str,
    ) -> TlsStream<TcpStream> {
        let (certificate, key) = authority.vouch_for(name);
        let client = ClientConfig::builder()
            .with_root_certificates(self.trusted.clone())
            .with_client_auth_cert(vec![certificate], key)
            .expect("they belong together");
        connect_by(Arc::new(client), server).await
    }
}

impl Authority {
    /// Each is called the same, and has a key of its own.
    pub(crate) fn new() -> Self {
        let mut parameters =
            CertificateParams::new(Vec::<String>::new()).expect("nothing is wrong with no name");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate").der().clone();
        Self { certificate, issuer: Issuer::new(parameters, key) }
    }

    fn vouch_for(&self, name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.der().clone(), private_key(&key))
    }
}

async fn connect_by(client: Arc<ClientConfig>, server: SocketAddr) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(server).await.expect("it listens");
    stream.set_nodelay(true).expect("an option of TCP");
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(client).connect(name, stream).await.expect("it is trusted")
}

fn private_key(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()))
}

fn trusting(certificate: &CertificateDer<'static>) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a certificate");
    Arc::new(roots)
}
