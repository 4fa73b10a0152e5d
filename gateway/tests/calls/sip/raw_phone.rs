//! A phone that writes its messages itself: for what no well-behaved phone sends.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Mutex, PoisonError};

use webtrunk_signalling::auth::digest::{Algorithm, Attempts, DigestClient};

use crate::support::gateway::{Gateway, PATIENCE};
use crate::support::host::Host;

/// A phone over UDP, of one user.
pub(crate) struct RawPhone {
    socket: UdpSocket,
    gateway: SocketAddr,
    user: String,
    /// The address in its Via and Contact.
    shown: String,
    /// The parameters of its Contact.
    contact_params: String,
    cseq: u32,
    /// The requests that came: one that is sent again is not looked at again.
    came: Mutex<HashSet<Vec<u8>>>,
}

/// The registrar's address; its domain is of no matter to the gateway.
pub(crate) const REGISTRAR: &str = "sip:webtrunk.test";

impl RawPhone {
    /// A phone at `host`.
    pub(crate) fn new(host: &Host, gateway: &Gateway, user: &str) -> Self {
        Self::at_port(host, 0, gateway, user)
    }

    /// A phone at this port of `host`.
    pub(crate) fn at_port(host: &Host, port: u16, gateway: &Gateway, user: &str) -> Self {
        Self::towards(gateway.sip(), host, port, user)
    }

    /// The same of a gateway that may not have been started yet.
    pub(crate) fn towards(gateway: SocketAddr, host: &Host, port: u16, user: &str) -> Self {
        let socket = UdpSocket::bind((host.ip(), port)).expect("the host is ours");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let shown = socket.local_addr().expect("it is bound").to_string();
        let (user, contact_params) = (user.to_owned(), String::new());
        Self { socket, gateway, user, shown, contact_params, cseq: 0, came: Mutex::default() }
    }

    /// Shows this address from now on, as a phone behind NAT does.
    pub(crate) fn show(&mut self, address: &str) {
        self.shown = address.to_owned();
    }

    /// Says this of its Contact from now on, as `;reg-id=1`.
    pub(crate) fn say_of_contact(&mut self, params: &str) {
        self.contact_params = params.to_owned();
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("it is bound")
    }

    pub(crate) fn send(&self, message: &str) {
        self.socket.send_to(message.as_bytes(), self.gateway).expect("loopback takes it");
    }

    /// The next message.
    ///
    /// # Panics
    /// When none comes.
    pub(crate) fn receive(&self) -> String {
        self.next_message().expect("a message comes")
    }

    /// The next message that begins so; others are passed over.
    ///
    /// # Panics
    /// When none comes.
    pub(crate) fn next(&self, beginning: &str) -> String {
        loop {
            let message = self.receive();
            if message.starts_with(beginning) {
                return message;
            }
        }
    }

    /// Whether nothing has come.
    pub(crate) fn is_left_alone(&self) -> bool {
        self.all_that_came().is_empty()
    }

    /// The messages that have come so far and were not read.
    pub(crate) fn all_that_came(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).expect("a socket");
        let came = std::iter::from_fn(|| self.next_message().ok()).collect();
        self.socket.set_nonblocking(false).expect("a socket");
        came
    }

    /// The next message that is no request that came before.
    fn next_message(&self) -> std::io::Result<String> {
        let mut buffer = vec![0; 65_535];
        loop {
            let length = self.socket.recv(&mut buffer)?;
            let message = &buffer[..length];
            let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
            if message.starts_with(b"SIP/2.0 ") || came.insert(message.to_vec()) {
                return Ok(String::from_utf8_lossy(message).into_owned());
            }
        }
    }

    /// A request outside of dialogs. `headers` are whole lines, besides those that every request has.
    pub(crate) fn request(&mut self, method: &str, uri: &str, headers: &str) -> String {
        self.cseq += 1;
        let (user, shown, cseq, address) = (&self.user, &self.shown, self.cseq, self.address());
        let params = &self.contact_params;
        let to = if method == "REGISTER" { format!("sip:{user}@webtrunk.test") } else { uri.to_owned() };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {shown};branch=z9hG4bK-raw-{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@webtrunk.test>;tag=raw\r\nTo: <{to}>\r\n\
             Call-ID: raw-{address}\r\nCSeq: {cseq} {method}\r\nContact: <sip:{user}@{shown}>{params}\r\n{headers}\
             Content-Length: 0\r\n\r\n"
        )
    }

    /// A request outside of dialogs that has a body.
    pub(crate) fn request_with(&mut self, method: &str, uri: &str, headers: &str, body: &str) -> String {
        let request = self.request(method, uri, headers);
        let (head, _) = request.split_once("Content-Length: ").expect("it has one");
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
    }

    /// A request in the dialog that this INVITE began, which came, by who answered it by this tag. `headers` are whole
    /// lines, besides those that every request has.
    pub(crate) fn request_in(
        &self,
        invite: &str,
        tag: &str,
        (number, method): (u32, &str),
        headers: &str,
        body: &str,
    ) -> String {
        let [from, to, call_id, contact] =
            ["To", "From", "Call-ID", "Contact"].map(|name| header(invite, name));
        let (target, address) = (contact.trim_matches(['<', '>']), self.address());
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK-{tag}-{number}-{method}\r\n\
             Max-Forwards: 70\r\nFrom: {from};tag={tag}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {number} {method}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Sends a request, and gives its final response.
    pub(crate) fn ask(&mut self, method: &str, uri: &str, headers: &str) -> String {
        let request = self.request(method, uri, headers);
        self.ask_this(&request)
    }

    /// Sends a request that was made, and gives its final response.
    pub(crate) fn ask_this(&self, request: &str) -> String {
        self.send(request);
        self.final_response()
    }

    /// The next response that is final.
    pub(crate) fn final_response(&self) -> String {
        loop {
            let response = self.receive();
            if !response.starts_with("SIP/2.0 1") {
                return response;
            }
        }
    }

    /// The header that answers a 401 to a request, by one algorithm.
    pub(crate) fn authorization(
        &self,
        challenged: &str,
        algorithm: Algorithm,
        password: &str,
        request: (&str, &str),
    ) -> String {
        let (method, uri) = request;
        let challenges = challenged.lines().filter_map(|line| line.strip_prefix("WWW-Authenticate: "));
        let wanted = format!("algorithm={}", algorithm.name());
        let mut client = DigestClient::new(&self.user, password, None, rand::random());
        client
            .handle_challenge(challenges.filter(|line| line.contains(&wanted)), &mut Attempts::default())
            .unwrap_or_else(|error| panic!("{error}: {challenged}"));
        let value = client.authorize(method, uri).expect("it was challenged");
        format!("Authorization: {value}\r\n")
    }

    /// Registers by one algorithm, with these header lines besides.
    pub(crate) fn register(&mut self, algorithm: Algorithm, password: &str, headers: &str) -> String {
        let challenged = self.ask("REGISTER", REGISTRAR, headers);
        assert!(challenged.starts_with("SIP/2.0 401 "), "{challenged}");
        let answer = self.authorization(&challenged, algorithm, password, ("REGISTER", REGISTRAR));
        self.ask("REGISTER", REGISTRAR, &format!("{headers}{answer}"))
    }

    /// Acknowledges the refusal of the INVITE that was asked last.
    pub(crate) fn acknowledge(&self, refusal: &str) {
        let mut ack = format!("ACK {REGISTRAR} SIP/2.0\r\n");
        for line in refusal.lines().skip(1).take_while(|line| !line.is_empty()) {
            match line.split(':').next() {
                Some("CSeq") => ack += &format!("CSeq: {} ACK\r\n", self.cseq),
                Some("Via" | "From" | "To" | "Call-ID") => ack += &format!("{line}\r\n"),
                _ => {}
            }
        }
        self.send(&format!("{ack}Content-Length: 0\r\n\r\n"));
    }

    /// A response to a request that came.
    pub(crate) fn respond(&self, request: &str, status: &str) {
        self.respond_with(request, status, "", "");
    }

    /// The same with these header lines, and a body.
    pub(crate) fn respond_with(&self, request: &str, status: &str, headers: &str, body: &str) {
        self.send(&response(request, status, headers, body));
    }
}

/// A response to a request, with these header lines and this body.
pub(crate) fn response(request: &str, status: &str, headers: &str, body: &str) -> String {
    let mut response = format!("SIP/2.0 {status}\r\n");
    for line in request.lines().skip(1).take_while(|line| !line.is_empty()) {
        match line.split(':').next() {
            Some("Via" | "From" | "Call-ID" | "CSeq") => response += &format!("{line}\r\n"),
            Some("To") if line.contains(";tag=") => response += &format!("{line}\r\n"),
            Some("To") => response += &format!("{line};tag=raw\r\n"),
            _ => {}
        }
    }
    format!("{response}{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// A description of audio by u-law at an address of IPv4, another one for each port.
pub(crate) fn description(ip: IpAddr, port: u16) -> String {
    format!(
        "v=0\r\no=- 1 {port} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
    )
}

/// The port of the audio that a message describes.
///
/// # Panics
/// When it describes none.
pub(crate) fn audio_port(message: &str) -> u16 {
    let media = message.lines().find_map(|line| line.strip_prefix("m=audio ")).expect("audio");
    media.split(' ').next().and_then(|port| port.parse().ok()).expect("a port")
}

/// The number of a request in its dialog.
pub(crate) fn cseq(request: &str) -> u32 {
    header(request, "CSeq").split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

/// The value of a header of a message.
pub(crate) fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let mut lines = message.lines().take_while(|line| !line.is_empty());
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}
