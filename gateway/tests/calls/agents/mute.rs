//! Parties of calls that write each message themselves, and say no more than they are told to.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::stage::Stage;
use crate::support::gateway_config::SIP_PORT;

/// A description of one that speaks PCMU.
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n\
    a=sendrecv\r\n";

/// How long a party waits for a message.
const PATIENCE: Duration = Duration::from_secs(30);

/// A party.
pub(super) struct Mute {
    socket: UdpSocket,
    own: SocketAddr,
    gateway: SocketAddr,
}

impl Mute {
    /// The phone at the office, which calls.
    pub(super) fn caller(stage: &Stage) -> Self {
        Self::at(stage.office.at(SIP_PORT), stage)
    }

    /// The one at the carrier, which is called.
    pub(super) fn callee(stage: &Stage) -> Self {
        Self::at(stage.carrier.at(SIP_PORT), stage)
    }

    /// One at this address.
    pub(super) fn at(address: SocketAddr, stage: &Stage) -> Self {
        let socket = UdpSocket::bind(address).expect("the host is ours");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let own = socket.local_addr().expect("it is bound");
        Self { socket, own, gateway: stage.gateway.sip() }
    }

    /// Calls 9100; the number tells its calls apart.
    pub(super) fn invite(&self, number: usize) {
        let Self { own, gateway, .. } = self;
        let request = format!(
            "INVITE sip:9100@{gateway} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKmute{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:2001@{own}>;tag=m{number}\r\nTo: <sip:9100@{gateway}>\r\n\
             Call-ID: mute-{number}@{own}\r\nCSeq: 1 INVITE\r\nContact: <sip:2001@{own}>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
            SDP.len()
        );
        self.send(&request);
    }

    /// Confirms an answer (RFC 3261 13.2.2.4).
    pub(super) fn acknowledge(&self, answer: &str) {
        let own = self.own;
        let line = |name: &str| answer.lines().find(|line| line.starts_with(name)).expect("it has one");
        let contact = line("Contact:").split(['<', '>']).nth(1).expect("an address");
        let [from, to, call_id] = ["From:", "To:", "Call-ID:"].map(line);
        self.send(&format!(
            "ACK {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKmute-ack;rport\r\nMax-Forwards: 70\r\n\
             {from}\r\n{to}\r\n{call_id}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
        ));
    }

    /// The next message that begins so; `None` where none comes in time.
    pub(super) fn receive(&self, start: &str) -> Option<String> {
        let mut octets = [0; 65_535];
        loop {
            let length = self.socket.recv(&mut octets).ok()?;
            if octets[..length].starts_with(start.as_bytes()) {
                return Some(String::from_utf8_lossy(&octets[..length]).into_owned());
            }
        }
    }

    /// Takes the call.
    pub(super) fn answer(&self, invite: &str) {
        self.respond(invite, "200 OK", SDP);
    }

    /// Answers with this status, and a description or nothing.
    pub(super) fn respond(&self, request: &str, status: &str, body: &str) {
        let own = self.own;
        let is_repeated =
            |line: &&str| ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|it| line.starts_with(it));
        let mut response = format!("SIP/2.0 {status}\r\n");
        for line in request.lines().filter(is_repeated) {
            response += line;
            response += if line.starts_with("To:") { ";tag=mute\r\n" } else { "\r\n" };
        }
        response +=
            &format!("Contact: <sip:9100@{own}>\r\nContent-Type: application/sdp\r\nContent-Length: ");
        self.send(&format!("{response}{}\r\n\r\n{body}", body.len()));
    }

    fn send(&self, message: &str) {
        self.socket.send_to(message.as_bytes(), self.gateway).expect("loopback takes it");
    }
}
