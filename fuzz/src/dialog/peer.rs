//! What the peer asks, by what it knows.

use webtrunk_signalling::sip::flow::Flow;
use webtrunk_signalling::sip::message::{HeaderName, RAck, Request};

use super::fields::put_abilities;
use super::{Bench, TAGS};
use crate::transaction::pick;
use crate::world;

impl Bench {
    pub(super) fn request(&mut self, method: u8, place: u8, which: u8, branch: u8, flow: &Flow) -> Request {
        self.cseq = self.cseq.saturating_add(1);
        let method = world::METHODS[usize::from(method) % world::METHODS.len()];
        let mut request = world::request(method, branch, which % 4, self.cseq, flow);
        put_abilities(&mut request.headers, place / 4);
        match place % 4 {
            // In a dialog that the peer opened: with the same number for ACK and CANCEL.
            0 | 1 => {
                let Some(known) = pick(&self.responses, which) else { return request };
                let get = |name| known.headers.get(&name).unwrap_or_default().to_owned();
                for name in [HeaderName::From, HeaderName::To, HeaderName::CallId] {
                    let value = get(name.clone());
                    request.headers.set(name, value);
                }
                if let (Ok(cseq), true) = (known.headers.cseq(), ["ACK", "CANCEL"].contains(&method)) {
                    request.headers.set(HeaderName::CSeq, format!("{} {method}", cseq.number));
                }
                if let (Ok(Some(rseq)), Ok(cseq), "PRACK") =
                    (known.headers.rseq(), known.headers.cseq(), method)
                {
                    request.headers.set(HeaderName::RAck, RAck { rseq, cseq }.to_string());
                }
                if method == "CANCEL" {
                    request.headers.set(HeaderName::Via, get(HeaderName::Via));
                    request.headers.set(HeaderName::To, "<sip:bob@192.0.2.1>");
                }
            }
            // In one that we opened.
            2 => {
                let Some(known) = pick(&self.requests, which) else { return request };
                let get = |name| known.headers.get(&name).unwrap_or_default().to_owned();
                let to = get(HeaderName::To);
                let tag = TAGS[usize::from(place / 4 % 3)];
                let from = if to.contains("tag=") { to } else { format!("{to};tag={tag}") };
                request.headers.set(HeaderName::From, from);
                request.headers.set(HeaderName::To, get(HeaderName::From));
                request.headers.set(HeaderName::CallId, get(HeaderName::CallId));
            }
            _ => {}
        }
        request
    }
}
