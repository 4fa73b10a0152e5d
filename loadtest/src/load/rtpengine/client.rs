//! One client of rtpengine's NG protocol: a datagram with a cookie and a dictionary, answered by one with
//! the same cookie.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use webtrunk_codecs::CodecId;

use super::bencode::{Dictionary, Value};
use crate::agent::AgentError;

/// One client, with a socket of its own.
#[derive(Debug)]
pub(in crate::load) struct NgClient {
    socket: UdpSocket,
    server: SocketAddr,
}

/// How often a command is sent, and how long its answer may take. rtpengine answers a cookie that it knows
/// as it did before.
const TRIES: usize = 5;
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// Octets of the largest datagram.
const DATAGRAM_MAX: usize = 65_535;

impl NgClient {
    /// # Errors
    /// There is no port.
    pub(in crate::load) async fn new(server: SocketAddr) -> Result<Self, AgentError> {
        let fail = |source| AgentError::Local { what: format!("a UDP port towards {server}"), source };
        let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).await.map_err(fail)?;
        socket.connect(server).await.map_err(fail)?;
        Ok(Self { socket, server })
    }

    /// Takes a caller's offer over WebRTC; gives the one for a phone with plain RTP, which takes the first of
    /// its codecs. Where that is not the caller's first too, the caller's first is transcoded.
    pub(super) async fn offer(
        &self,
        call_id: &str,
        sdp: &str,
        caller: &[CodecId],
        phone: &[CodecId],
    ) -> Result<String, AgentError> {
        let names = |codecs: &[CodecId]| Value::texts(codecs.iter().map(|codec| codec.encoding_name()));
        let codec = if caller.first() == phone.first() {
            Value::dictionary([])
        } else {
            // To consume is to mask a codec and to insist on it in the answer.
            let (consumed, masked) = caller.split_at(caller.len().min(1));
            Value::dictionary([
                ("consume", names(consumed)),
                ("mask", names(masked)),
                ("transcode", names(phone)),
            ])
        };
        self.describe([
            ("command", Value::text("offer")),
            ("call-id", Value::text(call_id)),
            ("from-tag", Value::text(CALLER)),
            ("sdp", Value::text(sdp)),
            ("transport-protocol", Value::text("RTP/AVP")),
            ("ICE", Value::text("remove")),
            ("DTLS", Value::text("off")),
            ("rtcp-mux", Value::texts(["demux"])),
            ("replace", Value::texts(["origin", "session-connection"])),
            ("codec", codec),
        ])
        .await
    }

    /// Takes the phone's answer; gives the one for the caller.
    pub(super) async fn answer(&self, call_id: &str, sdp: &str) -> Result<String, AgentError> {
        self.describe([
            ("command", Value::text("answer")),
            ("call-id", Value::text(call_id)),
            ("from-tag", Value::text(CALLER)),
            ("to-tag", Value::text(PHONE)),
            ("sdp", Value::text(sdp)),
            ("replace", Value::texts(["origin", "session-connection"])),
        ])
        .await
    }

    /// Ends a call at once.
    pub(super) async fn delete(&self, call_id: &str) -> Result<(), AgentError> {
        let command = Value::dictionary([
            ("command", Value::text("delete")),
            ("call-id", Value::text(call_id)),
            ("from-tag", Value::text(CALLER)),
            ("delete-delay", Value::Integer(0)),
        ]);
        self.ask(command).await.map(drop)
    }

    async fn describe<const N: usize>(&self, entries: [(&str, Value); N]) -> Result<String, AgentError> {
        match self.ask(Value::dictionary(entries)).await?.remove("sdp") {
            Some(Value::Text(sdp)) => Ok(sdp),
            _ => Err(AgentError::Relay("an answer without a description".to_owned())),
        }
    }

    async fn ask(&self, command: Value) -> Result<Dictionary, AgentError> {
        let cookie = format!("{:016x} ", rand::random::<u64>());
        let mut request = cookie.clone().into_bytes();
        command.write_to(&mut request);
        let mut buffer = vec![0; DATAGRAM_MAX];
        for _ in 0..TRIES {
            // Where nobody listens, a send or a receive tells so.
            self.socket.send(&request).await.map_err(|source| self.unreachable(source))?;
            let answer = tokio::time::timeout(ANSWER_MAX, self.read(cookie.as_bytes(), &mut buffer)).await;
            if let Ok(answer) = answer {
                return answer;
            }
        }
        Err(self.unreachable(io::ErrorKind::TimedOut.into()))
    }

    async fn read(&self, cookie: &[u8], buffer: &mut [u8]) -> Result<Dictionary, AgentError> {
        loop {
            let length = self.socket.recv(buffer).await.map_err(|source| self.unreachable(source))?;
            // Others are late answers to what was asked twice.
            let Some(answer) = buffer[..length].strip_prefix(cookie) else { continue };
            let Some(Value::Dictionary(answer)) = Value::parse(answer) else {
                return Err(AgentError::Relay("an answer that cannot be read".to_owned()));
            };
            return match answer.get("result") {
                Some(Value::Text(result)) if result == "ok" => Ok(answer),
                _ => Err(AgentError::Relay(format!("{:?}", answer.get("error-reason")))),
            };
        }
    }

    fn unreachable(&self, source: io::Error) -> AgentError {
        AgentError::Unreachable { server: self.server.to_string(), source }
    }
}

/// The tags of both ends.
const CALLER: &str = "caller";
const PHONE: &str = "phone";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Takes one command twice, and answers the second time: with another's cookie, then with its own.
    async fn answer_once(answer: &'static [u8]) -> (SocketAddr, tokio::task::JoinHandle<Value>) {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut buffer = vec![0; DATAGRAM_MAX];
            let (first, _) = server.recv_from(&mut buffer).await.unwrap();
            let first = buffer[..first].to_vec();
            let (second, client) = server.recv_from(&mut buffer).await.unwrap();
            assert_eq!(buffer[..second], first);
            let space = first.iter().position(|byte| *byte == b' ').unwrap();
            server.send_to(b"another d6:result5:errore", client).await.unwrap();
            server.send_to(&[&first[..=space], answer].concat(), client).await.unwrap();
            Value::parse(&first[space + 1..]).unwrap()
        });
        (address, task)
    }

    #[tokio::test]
    async fn a_lost_command_is_sent_again_and_its_own_answer_counts() {
        let (address, task) = answer_once(b"d6:result2:ok3:sdp3:v=0e").await;
        let client = NgClient::new(address).await.unwrap();
        let codecs = [CodecId::Opus, CodecId::Pcma];
        assert_eq!(client.offer("1", "v=1", &codecs, &[CodecId::Pcmu]).await.unwrap(), "v=0");
        let Value::Dictionary(command) = task.await.unwrap() else { panic!("no dictionary") };
        assert_eq!(command["sdp"], Value::text("v=1"));
        let codec = Value::dictionary([
            ("consume", Value::texts(["opus"])),
            ("mask", Value::texts(["PCMA"])),
            ("transcode", Value::texts(["PCMU"])),
        ]);
        assert_eq!(command["codec"], codec);
    }

    #[tokio::test]
    async fn a_refusal_tells_its_reason() {
        let (address, _task) = answer_once(b"d12:error-reason7:too bad6:result5:errore").await;
        let error = NgClient::new(address).await.unwrap().delete("1").await.unwrap_err();
        assert!(error.to_string().contains("too bad"), "{error}");
    }
}
