//! A carrier to which each request in a call is too long for a datagram (RFC 3261 18.1.1), since the way to it is.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::gateway::PATIENCE;
use super::gateway_config::SIP_PORT;
use super::host::Host;
use super::process::wait_until;

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Datagram,
    Stream,
}

/// The carrier. It answers every call at once, with a description that it has been given, and every other request by 200.
pub(crate) struct LongWay {
    shared: Arc<Shared>,
}

struct Shared {
    address: SocketAddr,
    socket: UdpSocket,
    /// What its answers to INVITE have besides, and whether it says what it takes.
    headers: String,
    audio_port: u16,
    came: Mutex<Vec<(Wire, String)>>,
    is_over: AtomicBool,
}

/// How soon a thread sees that it is over.
const TICK: Duration = Duration::from_millis(50);

impl LongWay {
    /// A carrier at `host` that takes datagrams, and streams where it is said so; its media are at `audio_port`.
    pub(crate) fn new(host: &Host, audio_port: u16, takes_streams: bool) -> Self {
        Self::with(host, audio_port, takes_streams, "Allow: INVITE, ACK, BYE, CANCEL, INFO, MESSAGE\r\n")
    }

    /// The same, whose answers to INVITE have these header lines besides.
    pub(crate) fn with(host: &Host, audio_port: u16, takes_streams: bool, headers: &str) -> Self {
        let address = host.at(SIP_PORT);
        let (came, is_over) = Default::default();
        let socket = UdpSocket::bind(address).expect("the host is ours");
        socket.set_read_timeout(Some(TICK)).expect("a time-out");
        let headers = headers.to_owned();
        let shared = Arc::new(Shared { address, socket, headers, audio_port, came, is_over });
        let carrier = Arc::clone(&shared);
        thread::spawn(move || carrier.serve_datagrams());
        if takes_streams {
            let listener = TcpListener::bind(address).expect("the host is ours");
            listener.set_nonblocking(true).expect("a socket");
            let carrier = Arc::clone(&shared);
            thread::spawn(move || carrier.serve_streams(&listener));
        }
        Self { shared }
    }

    /// How requests of a method came so far, each as often as it did.
    pub(crate) fn wires_of(&self, method: &str) -> Vec<Wire> {
        let came = self.shared.came.lock().unwrap_or_else(PoisonError::into_inner);
        let is_its = |(_, request): &&(Wire, String)| request.split(' ').next() == Some(method);
        came.iter().filter(is_its).map(|(wire, _)| *wire).collect()
    }

    /// Waits for a request of a method, and gives how it came.
    ///
    /// # Panics
    /// When none comes.
    pub(crate) fn wire_of(&self, method: &str) -> Wire {
        let came = wait_until(PATIENCE, || !self.wires_of(method).is_empty());
        assert!(came, "no {method} came");
        self.wires_of(method)[0]
    }

    /// Asks the gateway, in the call that it took first, to go on with somebody else.
    pub(crate) fn refer(&self, gateway: SocketAddr, target: &str) {
        let (invite, address) = (self.first("INVITE"), self.shared.address);
        let of = |name: &str| {
            let line = invite.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.expect("each INVITE has it").to_owned()
        };
        let [from, to, call_id, contact] = ["From", "To", "Call-ID", "Contact"].map(of);
        let uri = contact.trim_start_matches('<').split('>').next().expect("split gives one at least");
        let refer = format!(
            "REFER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bKrefer\r\nMax-Forwards: 70\r\n\
             From: {to};tag=carrier\r\nTo: {from}\r\nCall-ID: {call_id}\r\nCSeq: 1 REFER\r\n\
             Contact: <sip:carrier@{address}>\r\nRefer-To: <{target}>\r\nContent-Length: 0\r\n\r\n"
        );
        self.shared.socket.send_to(refer.as_bytes(), gateway).expect("loopback takes it");
    }

    /// The first request of a method that came.
    pub(crate) fn first(&self, method: &str) -> String {
        let came = self.shared.came.lock().unwrap_or_else(PoisonError::into_inner);
        let mut requests = came.iter().map(|(_, request)| request);
        requests.find(|request| request.split(' ').next() == Some(method)).expect("it came").clone()
    }
}

impl Drop for LongWay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn serve_datagrams(&self) {
        let mut buffer = vec![0; 65_535];
        while !self.is_over() {
            let Ok((length, from)) = self.socket.recv_from(&mut buffer) else { continue };
            let text = String::from_utf8_lossy(&buffer[..length]);
            if let Some(response) = self.take(Wire::Datagram, &text) {
                self.socket.send_to(response.as_bytes(), from).expect("loopback takes it");
            }
        }
    }

    /// One stream is all that the gateway opens.
    fn serve_streams(&self, listener: &TcpListener) {
        let mut stream = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(_) if self.is_over() => return,
                Err(_) => thread::sleep(TICK),
            }
        };
        stream.set_nonblocking(false).expect("a socket");
        stream.set_read_timeout(Some(TICK)).expect("a time-out");
        let (mut waiting, mut buffer) = (Vec::new(), vec![0; 65_535]);
        while !self.is_over() {
            match stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => waiting.extend_from_slice(&buffer[..length]),
                Err(_) => continue,
            }
            while let Some(message) = cut(&mut waiting) {
                if let Some(response) = self.take(Wire::Stream, &message) {
                    stream.write_all(response.as_bytes()).expect("it is read");
                }
            }
        }
    }

    /// Notes a request, and answers it.
    fn take(&self, wire: Wire, message: &str) -> Option<String> {
        if message.starts_with("SIP/2.0 ") || message.trim().is_empty() {
            return None;
        }
        self.came.lock().unwrap_or_else(PoisonError::into_inner).push((wire, message.to_owned()));
        (!message.starts_with("ACK ")).then(|| self.answer(message))
    }

    fn answer(&self, request: &str) -> String {
        let is_stranger = request.starts_with("REGISTER ") && !request.contains("\r\nAuthorization: ");
        let status = if is_stranger { "401 Unauthorized" } else { "200 OK" };
        let mut response = format!("SIP/2.0 {status}\r\n");
        for line in request.lines().skip(1).take_while(|line| !line.is_empty()) {
            match line.split(':').next() {
                Some("Via" | "From" | "Call-ID" | "CSeq") => response += &format!("{line}\r\n"),
                Some("To") if line.contains(";tag=") => response += &format!("{line}\r\n"),
                Some("To") => response += &format!("{line};tag=carrier\r\n"),
                Some("Contact") if request.starts_with("REGISTER ") => response += &format!("{line}\r\n"),
                _ => {}
            }
        }
        if is_stranger {
            let nonce = "n".repeat(1200);
            response +=
                &format!("WWW-Authenticate: Digest realm=\"far\", nonce=\"{nonce}\", qop=\"auth\"\r\n");
        }
        let (ip, address) = (self.address.ip(), self.address);
        let mut body = String::new();
        if request.starts_with("REGISTER ") {
            response += "Expires: 600\r\n";
        } else {
            response += &format!("Contact: <sip:carrier@{address}>\r\n{}", self.headers);
        }
        if request.starts_with("INVITE ") {
            response += &format!("Record-Route: <sip:{}@{address};lr>\r\n", "proxy".repeat(240));
            response += "Content-Type: application/sdp\r\n";
            body = format!(
                "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP 0\r\na={}\r\n",
                self.audio_port,
                answered_direction(request),
            );
        }
        response + &format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }
}

/// RFC 3264 6.1.
fn answered_direction(offer: &str) -> &'static str {
    match offer.lines().find(|line| ["a=sendonly", "a=recvonly", "a=inactive"].contains(line)) {
        Some("a=sendonly") => "recvonly",
        Some("a=recvonly") => "sendonly",
        Some(_) => "inactive",
        None => "sendrecv",
    }
}

/// Cuts a whole message out of what came by a stream.
fn cut(waiting: &mut Vec<u8>) -> Option<String> {
    let text = String::from_utf8_lossy(waiting).into_owned();
    let (head, _) = text.split_once("\r\n\r\n")?;
    let length =
        head.lines().find_map(|line| line.strip_prefix("Content-Length: "))?.parse::<usize>().ok()?;
    let end = head.len() + 4 + length;
    (waiting.len() >= end)
        .then(|| String::from_utf8_lossy(&waiting.drain(..end).collect::<Vec<_>>()).into_owned())
}
