//! A phone over a stream, TLS too, that writes its messages itself: for what no ready-made one does with its connection.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use webtrunk_codecs::g711::Law;

use super::doors::Doors;
use super::stage::CALLEE_HZ;
use super::wire::peer::StreamPeer;
use crate::sip::raw_phone::{REGISTRAR, header};
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

/// What it knows of flows.
#[derive(Debug, Clone, Copy)]
enum Client {
    /// It names its instance, and its flow by this number (RFC 5626).
    Outbound(u8),
    /// The same through an edge proxy, which is asked to keep its calls on the flow (`ob`).
    BehindEdge(u8),
    Plain,
}

/// A user's phone, and what it says in calls.
pub(crate) struct StreamPhone {
    user: &'static str,
    hz: u16,
    way: Way,
    client: Client,
    connection: Connection,
    script: Script,
    media: SocketAddr,
    rtp: RtpPeer,
    /// Of its description (RFC 4566 5.2).
    version: u32,
}

const AUDIO_PORT: u16 = 7000;

/// How often who comes by a stream is to say something (docs/SIP.md).
const FLOW_TIMER_S: &str = "120";

/// What it believes to have for an address: nobody is there.
const NOBODY: &str = "10.255.255.254:5060";

/// A client that knows RFC 5626.
const INSTANCE: &str = "+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\"";

impl Way {
    /// In Via.
    const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

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

impl Client {
    /// The words of a user by this client.
    fn script(self, user: &str, way: Way) -> Script {
        let name = way.name();
        let uri = format!("sip:{user}@{NOBODY};transport={}", name.to_lowercase());
        let contact = match self {
            Self::Outbound(flow) => format!("<{uri}>;{INSTANCE};reg-id={flow}"),
            Self::BehindEdge(flow) => format!("<{uri};ob>;{INSTANCE};reg-id={flow}"),
            Self::Plain => format!("<{uri}>"),
        };
        Script::new(user, name, NOBODY, &contact)
    }

    /// `Require` and `Flow-Timer` of the answer to its registration (RFC 5626 6): it has to know that its flow is kept, and, where
    /// that is by the gateway, how often to say something.
    const fn told(self) -> [&'static str; 2] {
        match self {
            Self::Outbound(_) => ["outbound", FLOW_TIMER_S],
            Self::BehindEdge(_) => ["outbound", ""],
            Self::Plain => ["", ""],
        }
    }
}

impl StreamPhone {
    /// alice's phone at `home`, of which nobody knows yet.
    pub(super) async fn connect(doors: &Doors, way: Way, home: &Host) -> Self {
        Self::of("alice", CALLEE_HZ, doors, way, home).await
    }

    /// The same of another user, who says another tone.
    pub(super) async fn of(user: &'static str, hz: u16, doors: &Doors, way: Way, home: &Host) -> Self {
        let connection = way.connect(doors, home).await;
        Self::over(connection, (user, hz), way, Client::Outbound(1), home)
    }

    /// alice's phone at `home`, whose stream leads to an edge proxy.
    pub(crate) fn behind_edge(stream: TcpStream, hz: u16, home: &Host) -> Self {
        let connection: Connection = StreamPeer::over(Box::new(stream));
        Self::over(connection, ("alice", hz), Way::Tcp, Client::BehindEdge(1), home)
    }

    fn over(
        connection: Connection,
        (user, hz): (&'static str, u16),
        way: Way,
        client: Client,
        home: &Host,
    ) -> Self {
        let script = client.script(user, way);
        let (media, rtp) = (home.at(AUDIO_PORT), RtpPeer::new(home, AUDIO_PORT));
        Self { user, hz, way, client, connection, script, media, rtp, version: 0 }
    }

    /// The same of one that knows nothing of RFC 5626.
    pub(super) fn without_instance(self) -> Self {
        self.of_client(Client::Plain)
    }

    /// The same by the second flow of its client.
    pub(crate) fn by_second_flow(self) -> Self {
        let client = match self.client {
            Client::Outbound(_) => Client::Outbound(2),
            Client::BehindEdge(_) => Client::BehindEdge(2),
            Client::Plain => Client::Plain,
        };
        self.of_client(client)
    }

    fn of_client(mut self, client: Client) -> Self {
        self.script = client.script(self.user, self.way);
        self.client = client;
        self
    }

    /// Connects anew; gives the connection that it had.
    pub(super) async fn connect_again(&mut self, doors: &Doors, home: &Host) -> Connection {
        std::mem::replace(&mut self.connection, self.way.connect(doors, home).await)
    }

    /// Loses its connection.
    pub(super) fn disconnect(&mut self) {
        let (nowhere, _) = tokio::io::duplex(1);
        self.connection = StreamPeer::over(Box::new(nowhere));
    }

    /// Registers by its connection; requests of the gateway that come before the answer are given.
    pub(super) async fn register(&mut self) -> Vec<String> {
        let mut came = Vec::new();
        self.register_beside(&mut came).await;
        came
    }

    /// The same; gives the answer.
    pub(crate) async fn register_beside(&mut self, came: &mut Vec<String>) -> String {
        let headers = "Supported: path, outbound\r\n";
        let request = self.script.register(headers);
        let challenged = self.ask(&request, came).await;
        let proof = self.script.proof(&challenged, "REGISTER", REGISTRAR);
        let request = self.script.register(&format!("{headers}{proof}"));
        let registered = self.ask(&request, came).await;
        assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
        let told = ["Require", "Flow-Timer"].map(|name| header(&registered, name));
        assert_eq!(told, self.client.told(), "{registered}");
        registered
    }

    /// Waits until the other side has closed the connection.
    pub(crate) async fn is_left(&mut self) {
        assert_eq!(self.connection.receive().await, None, "nothing else comes");
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

    /// Rings, for a call that it may take later; gives the INVITE.
    pub(super) async fn ring(&mut self) -> String {
        let invite = self.receive_request("INVITE").await;
        let ringing = self.script.response(&invite, "180 Ringing", "", "");
        self.connection.send(ringing.as_bytes()).await;
        invite
    }

    /// Takes the call of this INVITE, and talks.
    pub(super) async fn take(&mut self, invite: &str) {
        self.describe(invite).await;
        self.say_to(invite);
    }

    /// Takes a call, and talks; gives the INVITE.
    pub(crate) async fn lift(&mut self) -> String {
        let invite = self.receive_request("INVITE").await;
        self.take(&invite).await;
        invite
    }

    /// Calls, and talks; gives its offer, and the answer to it.
    pub(crate) async fn call(&mut self, to: &str) -> [String; 2] {
        let (uri, body) = (format!("sip:{to}@webtrunk.test"), self.description("sendrecv"));
        let invite = self.script.request("INVITE", &uri, SDP, &body);
        let challenged = self.ask(&invite, &mut Vec::new()).await;
        self.connection.send(self.script.ack(&challenged).as_bytes()).await;
        let proof = self.script.proof(&challenged, "INVITE", &uri);
        let invite = self.script.request("INVITE", &uri, &format!("{SDP}{proof}"), &body);
        let answer = self.ask(&invite, &mut Vec::new()).await;
        assert!(answer.starts_with("SIP/2.0 200 "), "{}: {answer}", self.user);
        self.connection.send(self.script.ack(&answer).as_bytes()).await;
        self.say_to(&answer);
        let (_, answer) = answer.split_once("\r\n\r\n").expect("a body");
        [body, answer.to_owned()]
    }

    /// Says its tone to where a description wants it.
    fn say_to(&mut self, description: &str) {
        let of = |name| description.lines().find_map(|line| line.strip_prefix(name));
        let ip =
            of("c=IN IP4 ").or_else(|| of("c=IN IP6 ")).expect("an address").parse().expect("an address");
        let port = of("m=audio ").and_then(|media| media.split(' ').next()).expect("audio");
        let at = SocketAddr::new(ip, port.parse().expect("a port"));
        self.rtp.say(at, Law::Mu, self.hz.into());
    }

    fn description(&mut self, direction: &str) -> String {
        self.version += 1;
        let (ip, port, version) = (self.media.ip(), self.media.port(), self.version);
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        format!(
            "v=0\r\no=- 1 {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0\r\na={direction}\r\n"
        )
    }

    /// Answers an offer, and waits until that is acknowledged; hears where it is held.
    pub(super) async fn describe(&mut self, offer: &str) {
        let body = self.description(if offer.contains("a=sendonly") { "recvonly" } else { "sendrecv" });
        self.respond(offer, SDP, &body).await;
        self.receive_request("ACK").await;
    }

    /// Is offered this direction within its call, and agrees.
    pub(crate) async fn is_offered(&mut self, direction: &str) {
        let offer = self.receive_request("INVITE").await;
        assert!(offer.contains(&format!("\r\na={direction}\r\n")), "{offer}");
        self.describe(&offer).await;
    }

    /// Takes a request.
    pub(super) async fn respond(&mut self, request: &str, headers: &str, body: &str) {
        let response = self.script.response(request, "200 OK", headers, body);
        self.connection.send(response.as_bytes()).await;
    }

    /// A request in the dialog that this INVITE began, as this phone would say it.
    pub(super) fn words_in(&mut self, invite: &str, method: &str) -> String {
        self.script.request_in(invite, method)
    }

    /// The same with the proof of a user who was challenged for such a request.
    pub(super) fn words_proven_in(&mut self, invite: &str, method: &str, proof: &str) -> String {
        self.script.request_in_with(invite, method, proof)
    }

    /// The proof that this is its user, in answer to a challenge.
    pub(super) fn proof(&self, challenged: &str, method: &str) -> String {
        self.script.proof(challenged, method, REGISTRAR)
    }

    /// The answer to a request that came to this phone, as it would say it.
    pub(super) fn answer_to(&self, request: &str) -> String {
        self.script.response(request, "200 OK", "", "")
    }

    /// Says what another has written, to which nobody says anything.
    pub(super) async fn tell(&mut self, message: &str) {
        self.connection.send(message.as_bytes()).await;
    }

    /// Says what another has written, and gives the answer.
    pub(super) async fn say(&mut self, request: &str) -> String {
        self.ask(request, &mut Vec::new()).await
    }

    /// Refuses a request.
    pub(super) async fn reject(&mut self, request: &str, status: &str) {
        let response = self.script.response(request, status, "", "");
        self.connection.send(response.as_bytes()).await;
    }

    /// Refuses a call, and waits until that is acknowledged.
    pub(super) async fn refuse(&mut self, invite: &str, status: &str) {
        self.reject(invite, status).await;
        self.receive_request("ACK").await;
    }

    /// Writes to somebody; gives what became of it.
    pub(super) async fn write(&mut self, to: &str, text: &str) -> String {
        const TEXT: &str = "Content-Type: text/plain\r\n";
        let uri = format!("sip:{to}@webtrunk.test");
        let message = self.script.request("MESSAGE", &uri, TEXT, text);
        let challenged = self.ask(&message, &mut Vec::new()).await;
        let proof = self.script.proof(&challenged, "MESSAGE", &uri);
        let message = self.script.request("MESSAGE", &uri, &format!("{TEXT}{proof}"), text);
        self.ask(&message, &mut Vec::new()).await
    }

    /// Waits to be hung up.
    pub(crate) async fn is_hung_up(&mut self) -> String {
        let bye = self.receive_request("BYE").await;
        self.respond(&bye, "", "").await;
        bye
    }

    /// Fails unless it hears this tone as loud as it was said.
    pub(crate) async fn hears(self, hz: u16) -> Self {
        let heard = tokio::task::spawn_blocking(move || {
            self.rtp.assert_hears(Law::Mu, hz.into());
            self
        });
        heard.await.expect("it is heard")
    }

    /// Hangs up the call that this INVITE began.
    pub(crate) async fn hang_up(&mut self, invite: &str) {
        let bye = self.script.request_in(invite, "BYE");
        let answer = self.ask(&bye, &mut Vec::new()).await;
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    }
}

const SDP: &str = "Content-Type: application/sdp\r\n";

/// Whether nothing more has come by a connection; it may be closed.
pub(super) async fn is_silent(mut connection: Connection) -> bool {
    !matches!(connection.receive_within(Duration::from_millis(200)).await, Some(Some(_)))
}
