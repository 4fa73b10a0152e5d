//! A phone of few words: it writes SIP by hand, and answers challenges.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::TcpStream;
use webtrunk_signalling::sip::flow::TransportKind;

use super::digest::Challenge;
use super::gateway::PASSWORD;
use super::peer::{StreamPeer, UdpPeer};
use super::ws::WsPeer;

/// A phone of one user on one transport.
pub(crate) struct Phone {
    link: Link,
    pub(crate) user: &'static str,
    transport: &'static str,
    /// Host and port of its Contact.
    contact: String,
    call_id: String,
    cseq: u32,
}

enum Link {
    Udp(UdpPeer),
    Tcp(StreamPeer<TcpStream>),
    Ws(Box<WsPeer>),
}

/// What a request is made of besides the phone's own things.
#[derive(Default)]
pub(crate) struct Extra<'a> {
    /// Header lines, each with its end.
    pub(crate) headers: &'a str,
    pub(crate) body: &'a str,
}

impl Phone {
    pub(crate) async fn connect(user: &'static str, kind: TransportKind, server: SocketAddr) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (link, contact) = match kind {
            TransportKind::Udp => {
                let peer = UdpPeer::new(server).await;
                let contact = peer.address().to_string();
                (Link::Udp(peer), contact)
            }
            TransportKind::Tcp => {
                (Link::Tcp(StreamPeer::connect(server).await), "127.0.0.1:9;transport=tcp".to_owned())
            }
            TransportKind::Ws => {
                let contact = format!("{user}{number}.invalid;transport=ws");
                (Link::Ws(Box::new(WsPeer::connect(server).await)), contact)
            }
            TransportKind::Tls | TransportKind::Wss => panic!("no phone of ours speaks it"),
        };
        let call_id = format!("phone-{number}");
        Self { link, user, transport: kind.via_name(), contact, call_id, cseq: 0 }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        match &mut self.link {
            Link::Udp(peer) => peer.send(text.as_bytes()).await,
            Link::Tcp(peer) => peer.send(text.as_bytes()).await,
            Link::Ws(peer) => peer.send_text(text).await,
        }
    }

    pub(crate) async fn receive(&mut self) -> String {
        match &mut self.link {
            Link::Udp(peer) => peer.receive().await,
            Link::Tcp(peer) => peer.receive().await.expect("the stream is open"),
            Link::Ws(peer) => peer.receive().await,
        }
    }

    /// The next final response; provisional ones are passed over.
    pub(crate) async fn final_response(&mut self) -> String {
        loop {
            let response = self.receive().await;
            if !response.starts_with("SIP/2.0 1") {
                return response;
            }
        }
    }

    /// A request outside of dialogs, in a new transaction.
    pub(crate) fn request(&mut self, method: &str, uri: &str, extra: &Extra<'_>) -> String {
        self.cseq += 1;
        let Self { user, transport, contact, call_id, cseq, .. } = self;
        let Extra { headers, body } = extra;
        let to =
            if method == "REGISTER" { format!("<sip:{user}@webtrunk.test>") } else { format!("<{uri}>") };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {user}.invalid;branch=z9hG4bK{call_id}-{cseq};rport\r\n\
             From: <sip:{user}@webtrunk.test>;tag={call_id}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContact: <sip:{user}@{contact}>\r\n{headers}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Sends a request, answers its challenge, and returns the final response.
    pub(crate) async fn authenticated(
        &mut self,
        algorithm: &str,
        method: &str,
        uri: &str,
        extra: &Extra<'_>,
    ) -> String {
        let request = self.request(method, uri, extra);
        self.send(&request).await;
        let challenge = Challenge::of(&self.receive().await, algorithm);
        let answer = challenge.answer(method, uri, self.user, PASSWORD, 1);
        let headers = format!("{}{answer}", extra.headers);
        let request = self.request(method, uri, &Extra { headers: &headers, ..*extra });
        self.send(&request).await;
        self.final_response().await
    }

    /// Registers with these header lines besides.
    pub(crate) async fn register(&mut self, algorithm: &str, headers: &str) -> String {
        let extra = Extra { headers, body: "" };
        self.authenticated(algorithm, "REGISTER", "sip:webtrunk.test", &extra).await
    }

    /// A response to a request that came in, with this body; To gets the phone's tag.
    pub(crate) fn response(&self, request: &str, status: &str, body: &str) -> String {
        let mut response = format!("SIP/2.0 {status}\r\n");
        for line in request.lines().skip(1).take_while(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or_default();
            match name {
                "Via" | "From" | "Call-ID" | "CSeq" => response.push_str(&format!("{line}\r\n")),
                "To" if line.contains(";tag=") => response.push_str(&format!("{line}\r\n")),
                "To" => response.push_str(&format!("{line};tag={}\r\n", self.call_id)),
                _ => {}
            }
        }
        let content = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        response.push_str(&format!(
            "Contact: <sip:{}@{}>\r\n{content}Content-Length: {}\r\n\r\n{body}",
            self.user,
            self.contact,
            body.len()
        ));
        response
    }
}

/// The value of a header line.
pub(crate) fn header<'m>(message: &'m str, name: &str) -> &'m str {
    let is_wanted =
        |line: &&str| line.split(':').next().is_some_and(|given| given.eq_ignore_ascii_case(name));
    let line = message.lines().find(is_wanted).unwrap_or_else(|| panic!("no {name} in {message}"));
    line[name.len() + 1..].trim()
}

/// The status line's code.
pub(crate) fn status(response: &str) -> u16 {
    let code = response.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3));
    code.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no response: {response}"))
}
