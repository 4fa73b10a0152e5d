//! A phone over a stream that writes its messages itself: for what no ready-made one does with its connection.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use webtrunk_codecs::g711::Law;

use super::doors::Doors;
use super::stage::CALLEE_HZ;
use super::wire::peer::StreamPeer;
use crate::sip::raw_phone::REGISTRAR;
use crate::sip::rtp_peer::RtpPeer;
use crate::sip::script::Script;
use crate::support::host::Host;

/// Any stream.
pub(super) trait Octets: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Octets for S {}

/// A connection to the gateway.
pub(super) type Connection = StreamPeer<Box<dyn Octets>>;

/// How it comes to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Tcp,
    Tls,
}

/// alice's phone, and what it says in calls.
pub(super) struct StreamPhone {
    way: Way,
    connection: Connection,
    script: Script,
    media: SocketAddr,
    pub(super) rtp: RtpPeer,
    /// Of its description (RFC 4566 5.2).
    version: u32,
}

const AUDIO_PORT: u16 = 7000;

/// A client that knows RFC 5626, and its only flow.
const INSTANCE: &str = "+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\";reg-id=1";

impl Way {
    async fn connect(self, doors: &Doors, home: &Host) -> Connection {
        match self {
            Self::Tcp => StreamPeer::over(Box::new(doors.tcp_stream(home.ip()).await)),
            Self::Tls => {
                let stream = doors.tls_stream(home.ip()).await;
                StreamPeer::over(Box::new(stream.expect("the gateway takes it")))
            }
        }
    }
}

impl StreamPhone {
    /// A phone at `home`, of which nobody knows yet.
    pub(super) async fn connect(doors: &Doors, way: Way, home: &Host) -> Self {
        let name = match way {
            Way::Tcp => "TCP",
            Way::Tls => "TLS",
        };
        let connection = way.connect(doors, home).await;
        let contact = format!("<sip:alice@10.255.255.254:5060;transport={}>;{INSTANCE}", name.to_lowercase());
        let script = Script::new("alice", name, "10.255.255.254:5060", &contact);
        let (media, rtp) = (home.at(AUDIO_PORT), RtpPeer::new(home, AUDIO_PORT));
        Self { way, connection, script, media, rtp, version: 0 }
    }

    /// Connects anew; gives the connection that it had.
    pub(super) async fn connect_again(&mut self, doors: &Doors, home: &Host) -> Connection {
        std::mem::replace(&mut self.connection, self.way.connect(doors, home).await)
    }

    /// Registers by its connection; requests of the gateway that come before the answer are given.
    pub(super) async fn register(&mut self) -> Vec<String> {
        let mut came = Vec::new();
        let headers = "Supported: path, outbound\r\n";
        let request = self.script.register(headers);
        let challenged = self.ask(&request, &mut came).await;
        let proof = self.script.proof(&challenged, "REGISTER", REGISTRAR);
        let request = self.script.register(&format!("{headers}{proof}"));
        let registered = self.ask(&request, &mut came).await;
        assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
        came
    }

    /// Sends a request, and gives its final response.
    async fn ask(&mut self, request: &str, came: &mut Vec<String>) -> String {
        self.connection.send(request.as_bytes()).await;
        loop {
            let message = self.receive().await;
            match message.strip_prefix("SIP/2.0 ") {
                Some(response) if response.starts_with('1') => {}
                Some(_) => return message,
                None => came.push(message),
            }
        }
    }

    /// The next message.
    pub(super) async fn receive(&mut self) -> String {
        self.connection.receive().await.expect("the gateway keeps the stream")
    }

    /// The next message, which has to be this request.
    pub(super) async fn receive_request(&mut self, method: &str) -> String {
        let request = self.receive().await;
        assert!(request.starts_with(&format!("{method} ")), "no {method}: {request}");
        request
    }

    /// Takes a call, and talks; gives the INVITE.
    pub(super) async fn lift(&mut self) -> String {
        let invite = self.receive_request("INVITE").await;
        self.describe(&invite).await;
        let port = invite.lines().find_map(|line| line.strip_prefix("m=audio ")?.split(' ').next());
        let at = invite.lines().find_map(|line| line.strip_prefix("c=IN IP4 ")).expect("an address");
        let at: SocketAddr = format!("{at}:{}", port.expect("an offer")).parse().expect("an address");
        self.rtp.say(at, Law::Mu, CALLEE_HZ.into());
        invite
    }

    /// Answers an offer, and waits until that is acknowledged; holds where it is held.
    pub(super) async fn describe(&mut self, offer: &str) {
        self.version += 1;
        let (ip, port, version) = (self.media.ip(), self.media.port(), self.version);
        let direction = if offer.contains("a=sendonly") { "recvonly" } else { "sendrecv" };
        let body = format!(
            "v=0\r\no=- 1 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n\
             a={direction}\r\n"
        );
        self.respond(offer, "Content-Type: application/sdp\r\n", &body).await;
        self.receive_request("ACK").await;
    }

    /// Takes a request.
    pub(super) async fn respond(&mut self, request: &str, headers: &str, body: &str) {
        let response = self.script.response(request, "200 OK", headers, body);
        self.connection.send(response.as_bytes()).await;
    }

    /// Hangs up the call that this INVITE began.
    pub(super) async fn hang_up(&mut self, invite: &str) {
        let bye = self.script.request_in(invite, "BYE");
        let answer = self.ask(&bye, &mut Vec::new()).await;
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    }
}

/// Whether nothing more has come by a connection; it may be closed.
pub(super) async fn is_silent(mut connection: Connection) -> bool {
    !matches!(connection.receive_within(Duration::from_millis(200)).await, Some(Some(_)))
}
