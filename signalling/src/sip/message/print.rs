//! Messages as bytes. Content-Length is always written, always last, always right.

use std::io::Write;

use bytes::Bytes;

use super::chars::is_clean;
use super::{Headers, Message, Request, Response};

impl Message {
    /// The message as it goes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}

impl Request {
    /// The request as it goes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        to_bytes(&self.headers, &self.body, |out| self.write_to(out))
    }

    /// Appends the request as it goes on the wire.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        push_word(out, self.method.as_str());
        out.push(b' ');
        push_word(out, &self.uri.to_string());
        out.extend_from_slice(b" SIP/2.0\r\n");
        write_rest(out, &self.headers, &self.body);
    }
}

impl Response {
    /// The response as it goes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        to_bytes(&self.headers, &self.body, |out| self.write_to(out))
    }

    /// Appends the response as it goes on the wire.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        write!(out, "SIP/2.0 {} ", self.status).expect("writing to a Vec never fails");
        if is_clean(&self.reason) {
            out.extend_from_slice(self.reason.as_bytes());
        } else {
            out.extend_from_slice(self.status.reason().as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        write_rest(out, &self.headers, &self.body);
    }
}

/// What is written, of a message with these.
fn to_bytes(headers: &Headers, body: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let lines: usize = headers.iter().map(|h| h.name.as_str().len() + h.value.len() + 4).sum();
    let mut out = Vec::with_capacity(lines + body.len() + 256);
    write(&mut out);
    // It is kept as long as it may have to be sent again.
    out.shrink_to_fit();
    out.into()
}

/// Nothing in a word of the request line can end it.
fn push_word(out: &mut Vec<u8>, word: &str) {
    out.extend(word.bytes().filter(|b| *b > b' ' && *b != 0x7f));
}

fn write_rest(out: &mut Vec<u8>, headers: &Headers, body: &[u8]) {
    for header in headers.iter() {
        out.extend_from_slice(header.name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(header.value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    write!(out, "Content-Length: {}\r\n\r\n", body.len()).expect("writing to a Vec never fails");
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::{ByteString, HeaderName, Method, StatusCode, Uri};

    #[test]
    fn the_length_is_the_body_s() {
        let mut request = Request::new(Method::Info, Uri::Other("tel:1".into()));
        request.headers.push(HeaderName::ContentLength, "7");
        request.headers.push(HeaderName::Other(Box::new("Content-Length".into())), "8");
        request.body = Bytes::from_static(b"Signal=1");
        assert_eq!(&request.to_bytes()[..], b"INFO tel:1 SIP/2.0\r\nContent-Length: 8\r\n\r\nSignal=1");
    }

    #[test]
    fn nothing_can_end_the_start_line() {
        let request =
            Request::new(Method::Other("A\r\nB".into()), Uri::Other("x:y SIP/2.0\r\nVia: z".into()));
        assert_eq!(&request.to_bytes()[..], b"AB x:ySIP/2.0Via:z SIP/2.0\r\nContent-Length: 0\r\n\r\n");
        let mut response = Response::new(StatusCode::OK);
        response.reason = ByteString::from_static("fine\r\nVia: z");
        assert_eq!(&response.to_bytes()[..], b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
}
