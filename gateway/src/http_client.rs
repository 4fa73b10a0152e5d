//! A request over plain HTTP/1.1, a connection each: to our own admin API, or to a collector of traces nearby.
//!
//! Answers are read to their end as they come. We ask for no encoding, and whoever is asked here chunks nothing that is
//! read for more than its status.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// `GET`, `POST`, `DELETE`.
    pub method: &'r str,
    /// Host and port, as they are named.
    pub authority: &'r str,
    /// From the slash on.
    pub path: &'r str,
    /// Besides Host and those about the body.
    pub headers: &'r [(&'r str, &'r str)],
    /// What is sent.
    pub body: &'r [u8],
    /// How long a step may take: the connection, and each piece that is sent or comes.
    pub patience: Duration,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What came.
    pub body: Vec<u8>,
}

/// The longest answer that is read. Chosen by us: the packets of a long call fit.
const ANSWER_MAX: u64 = 256 << 20;

/// Asks, and waits for the answer.
///
/// # Errors
/// Those of the system, [`io::ErrorKind::UnexpectedEof`] where it is left unanswered, and [`io::ErrorKind::InvalidData`]
/// for what is no answer of HTTP.
pub fn ask(request: &Request<'_>) -> io::Result<Answer> {
    let mut stream = connect(request.authority.to_socket_addrs()?, request.patience)?;
    stream.set_read_timeout(Some(request.patience))?;
    stream.set_write_timeout(Some(request.patience))?;
    stream.write_all(&written(request))?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it was left without an answer"));
    }
    parse(answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "what came is no answer of HTTP"))
}

fn connect(addresses: impl Iterator<Item = SocketAddr>, patience: Duration) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn written(request: &Request<'_>) -> Vec<u8> {
    let Request { method, authority, path, headers, body, .. } = request;
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
    for (name, value) in *headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() || *method == "POST" {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text += "\r\n";
    let mut octets = text.into_bytes();
    octets.extend_from_slice(body);
    octets
}

fn parse(mut answer: Vec<u8>) -> Option<Answer> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ").or_else(|| head.strip_prefix("HTTP/1.0 "))?;
    let status = status.get(..3)?.parse().ok()?;
    let body = answer.split_off(end + 4);
    Some(Answer { status, body })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_is_asked_goes_out_and_what_is_answered_comes_back() {
        let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let authority = server.local_addr().expect("it is bound").to_string();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = server.accept().expect("somebody comes");
            let mut octets = Vec::new();
            let mut piece = [0; 100];
            while !octets.ends_with(b"{}") {
                let read = stream.read(&mut piece).expect("more");
                octets.extend_from_slice(&piece[..read]);
            }
            stream
                .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone")
                .expect("it is taken");
            String::from_utf8(octets).expect("text")
        });
        let headers = [("Content-Type", "application/json")];
        let patience = Duration::from_secs(5);
        let request = Request {
            method: "POST",
            authority: &authority,
            path: "/v1",
            headers: &headers,
            body: b"{}",
            patience,
        };
        let answer = ask(&request).expect("it answers");
        assert_eq!(answer, Answer { status: 404, body: b"none".to_vec() });
        let expected = format!(
            "POST /v1 HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: 2\r\n\r\n{{}}"
        );
        assert_eq!(serving.join().expect("no panic"), expected);
        assert_eq!(ask(&request).expect_err("nobody listens").kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn what_is_no_answer_is_told() {
        for nonsense in ["", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 2", "HTTP/1.1 abc\r\n\r\n"] {
            assert_eq!(parse(nonsense.as_bytes().to_vec()), None, "{nonsense}");
        }
    }
}
