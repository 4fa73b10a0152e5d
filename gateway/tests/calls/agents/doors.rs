//! A gateway with a certificate, the ways in that peers have, and a call that goes on beside them.

use std::net::{IpAddr, SocketAddr};

use rustls::{DEFAULT_VERSIONS, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, Phone};

use super::ear::{assert_has_few_gaps, assert_mostly_hears};
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk};
use super::wire::peer::StreamPeer;
use super::wire::ws::WsPeer;
use crate::support::certificate::{client_config, pair};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::gateway_config::HTTP_PORT;
use crate::support::host::Host;

/// The ways in, and who talks meanwhile.
pub(super) struct Doors {
    pub(super) stage: Stage,
    connector: TlsConnector,
    folder: TempDir,
}

/// Both ends of a call, and who has them.
pub(super) struct Talk {
    call: Call,
    lifted: Call,
    _phones: [Phone; 2],
}

impl Doors {
    /// A gateway with what a configuration has already, that is reached by TCP, TLS and secure WebSocket.
    pub(super) fn new(config: GatewayConfig) -> Self {
        Self::at(Host::new(), config)
    }

    /// The same on this host.
    pub(super) fn at(own: Host, config: GatewayConfig) -> Self {
        let folder = TempDir::new().expect("a folder for the test");
        let (certificate, key) = pair(&folder, "own", own.ip());
        let config = config
            .tls(&certificate, &key)
            .sip(&format!("[[sip.listeners]]\ntransport = 'tls'\nbind = '{}'", own.at(TLS_PORT)));
        let connector = TlsConnector::from(client_config(&certificate, DEFAULT_VERSIONS));
        Self { stage: Stage::at(own, &["PCMU"], config, ""), connector, folder }
    }

    /// The same for clients that speak this version of TLS alone.
    pub(super) fn spoken_to_by(mut self, version: &'static SupportedProtocolVersion) -> Self {
        let certificate = self.folder.path().join("own.crt");
        self.connector = TlsConnector::from(client_config(&certificate, &[version]));
        self
    }

    /// A stream from this address.
    pub(super) async fn tcp(&self, from: IpAddr) -> StreamPeer<TcpStream> {
        StreamPeer::over(self.tcp_stream(from).await)
    }

    pub(super) async fn tcp_stream(&self, from: IpAddr) -> TcpStream {
        connect(from, self.stage.gateway.sip()).await
    }

    /// The octets below TLS.
    pub(super) async fn below_tls(&self, from: IpAddr) -> StreamPeer<TcpStream> {
        StreamPeer::over(connect(from, self.door(TLS_PORT)).await)
    }

    /// A stream inside TLS; nothing where the gateway does not take it.
    pub(super) async fn tls(&self, from: IpAddr) -> Option<StreamPeer<TlsStream<TcpStream>>> {
        self.tls_stream(from).await.map(StreamPeer::over)
    }

    pub(super) async fn tls_stream(&self, from: IpAddr) -> Option<TlsStream<TcpStream>> {
        self.secured(from, TLS_PORT).await
    }

    /// A stream inside TLS to the HTTP server.
    pub(super) async fn https(&self, from: IpAddr) -> Option<StreamPeer<TlsStream<TcpStream>>> {
        self.https_stream(from).await.map(StreamPeer::over)
    }

    pub(super) async fn https_stream(&self, from: IpAddr) -> Option<TlsStream<TcpStream>> {
        self.secured(from, HTTP_PORT).await
    }

    /// A secure WebSocket; the status with which it is refused.
    pub(super) async fn wss(&self, from: IpAddr) -> Result<WsPeer<TlsStream<TcpStream>>, u16> {
        let stream = self.https_stream(from).await.expect("the HTTP server takes it");
        WsPeer::try_over(stream, &self.stage.gateway.secure_websocket()).await
    }

    /// How many streams were refused or cut for this reason.
    pub(super) fn refused(&self, reason: &str) -> usize {
        let figures = self.stage.gateway.metrics();
        let name = format!("webtrunk_sip_streams_refused_total{{reason=\"{reason}\"}} ");
        let value = figures.lines().find_map(|line| line.strip_prefix(&name)).expect("it is counted");
        value.parse().expect("a count")
    }

    async fn secured(&self, from: IpAddr, port: u16) -> Option<TlsStream<TcpStream>> {
        let at = self.door(port);
        self.connector.connect(ServerName::from(at.ip()), connect(from, at).await).await.ok()
    }

    fn door(&self, port: u16) -> SocketAddr {
        (self.stage.gateway.sip().ip(), port).into()
    }
}

impl Talk {
    /// Begins a call between the trunks.
    pub(super) async fn begin(stage: &Stage) -> Self {
        let (caller, callee) =
            (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
        let (call, lifted) = talk(&caller, &callee).await;
        Self { call, lifted, _phones: [caller, callee] }
    }

    /// Fails unless both have heard each other all the time.
    pub(super) async fn assert_undisturbed(&self) {
        for (end, hz) in [(&self.call, CALLEE_HZ), (&self.lifted, CALLER_HZ)] {
            let so_far = end.heard().await.expect("a log").packets.len();
            end.heard_packets(so_far + 75, PATIENCE).await.expect("audio goes on");
            assert_mostly_hears(end, hz).await;
            assert_has_few_gaps(&end.heard().await.expect("a log"));
        }
    }

    /// The end.
    pub(super) async fn hang_up(self) {
        self.call.hang_up().await.expect("confirmed");
    }
}

/// SIP over TLS.
pub(super) const TLS_PORT: u16 = 5061;

pub(crate) async fn connect(from: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.expect("a socket");
    socket.bind((from, 0).into()).expect("the host is ours");
    let stream = socket.connect(to).await.expect("it listens");
    stream.set_nodelay(true).expect("an option of TCP");
    stream
}
