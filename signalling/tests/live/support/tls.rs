//! A server's certificate, and clients that trust it.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use webtrunk_signalling::sip::transport::TlsConfig;

/// A certificate that says `localhost`, as a server shows it and as a client trusts it.
pub(crate) struct Pair {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a name and a key");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .expect("they belong together");
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).expect("a certificate");
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Self { server: Arc::new(server), client: Arc::new(client) }
    }

    /// For a transport layer that shows it, and trusts it where it dials.
    pub(crate) fn config(&self) -> TlsConfig {
        TlsConfig {
            server: Some(self.server.clone()),
            client: Some(self.client.clone()),
            ..TlsConfig::default()
        }
    }

    /// A client's stream inside TLS.
    pub(crate) async fn connect(&self, server: SocketAddr) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(server).await.expect("it listens");
        stream.set_nodelay(true).expect("an option of TCP");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(self.client.clone()).connect(name, stream).await.expect("it is trusted")
    }
}
