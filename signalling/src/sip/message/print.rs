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
        let mut out = Vec::with_capacity(capacity(&self.headers, &self.body));
        self.write_to(&mut out);
        out.into()
    }

    /// Appends the request as it goes on the wire.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.method.as_str().as_bytes());
        write!(out, " {} SIP/2.0\r\n", self.uri).expect("writing to a Vec never fails");
        write_rest(out, &self.headers, &self.body);
    }
}

impl Response {
    /// The response as it goes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(capacity(&self.headers, &self.body));
        self.write_to(&mut out);
        out.into()
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

fn capacity(headers: &Headers, body: &[u8]) -> usize {
    let lines: usize = headers.iter().map(|h| h.name.as_str().len() + h.value.len() + 4).sum();
    lines + body.len() + 256
}
