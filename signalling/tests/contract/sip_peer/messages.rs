//! Requests and responses as text, of a dialog (RFC 3261 12).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(1);

/// What requests in a call say.
pub(super) struct Dialog {
    pub(super) call_id: String,
    /// Our From, with its tag; theirs, with its tag where that is known.
    local: String,
    remote: String,
    /// Where requests go.
    target: String,
    contact: String,
    cseq: u32,
}

impl Dialog {
    /// Of a call to this number.
    pub(super) fn to(number: &str, own: SocketAddr) -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            call_id: format!("contract-{id}"),
            local: format!("<sip:4930123456@{own}>;tag=far{id}"),
            remote: format!("<sip:{number}@127.0.0.1>"),
            target: format!("sip:{number}@127.0.0.1;transport=tcp"),
            contact: format!("<sip:{own};transport=tcp>"),
            cseq: 0,
        }
    }

    /// Of a call that came.
    pub(super) fn from(invite: &str) -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let own = invite.split(' ').nth(1).expect("a URI");
        let target = invite.lines().any(|line| line.starts_with("Contact:")).then(|| contact(invite));
        Self {
            call_id: header(invite, "Call-ID").to_owned(),
            local: format!("{};tag=far{id}", header(invite, "To")),
            remote: header(invite, "From").to_owned(),
            target: target.unwrap_or_default(),
            contact: format!("<{own}>"),
            cseq: 0,
        }
    }

    /// An answer tells their tag and where to go on.
    pub(super) fn learn(&mut self, answer: &str) {
        self.remote = header(answer, "To").to_owned();
        self.target = contact(answer);
    }

    pub(super) fn request(&mut self, method: &str, body: &str) -> String {
        self.cseq += 1;
        self.numbered(method, self.cseq, body)
    }

    /// The ACK of an answer, which has the number of its INVITE.
    pub(super) fn ack(&self, answer: &str) -> String {
        let cseq = header(answer, "CSeq").split(' ').next().and_then(|number| number.parse().ok());
        self.numbered("ACK", cseq.expect("a number"), "")
    }

    fn numbered(&self, method: &str, cseq: u32, body: &str) -> String {
        let Self { call_id, local, remote, target, contact, .. } = self;
        let branch = NEXT.fetch_add(1, Ordering::Relaxed);
        let content = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKfar{branch}\r\n\
             From: {local}\r\nTo: {remote}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Max-Forwards: 70\r\nContact: {contact}\r\n{content}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// Gives an INVITE up: in its own transaction (RFC 3261 9.1).
pub(super) fn cancel(invite: &str) -> String {
    in_its_transaction(invite, "CANCEL", header(invite, "To"))
}

/// The ACK of a refusal, in the transaction of its INVITE (RFC 3261 17.1.1.3).
pub(super) fn ack_of_refusal(refusal: &str) -> String {
    in_its_transaction(refusal, "ACK", header(refusal, "To"))
}

fn in_its_transaction(of: &str, method: &str, to: &str) -> String {
    let [via, from, call_id] = ["Via", "From", "Call-ID"].map(|name| header(of, name));
    let number = header(of, "CSeq").split(' ').next().expect("a number");
    let uri = to.split(['<', '>']).nth(1).expect("an address");
    let uri = if of.starts_with("INVITE ") { of.split(' ').nth(1).expect("a URI") } else { uri };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
         CSeq: {number} {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

/// A response to a request, in this dialog.
pub(super) fn response(request: &str, status: &str, dialog: &Dialog, body: &str) -> String {
    let [from, call_id, cseq] = ["From", "Call-ID", "CSeq"].map(|name| header(request, name));
    let vias = request.lines().filter(|line| line.starts_with("Via:"));
    let vias: String = vias.map(|line| format!("{line}\r\n")).collect();
    let content = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let Dialog { local, contact, .. } = dialog;
    format!(
        "SIP/2.0 {status}\r\n{vias}From: {from}\r\nTo: {local}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n\
         Contact: {contact}\r\n{content}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The value of a header line.
pub(super) fn header<'m>(message: &'m str, name: &str) -> &'m str {
    let mut fields = message.lines().filter_map(|line| line.split_once(':'));
    let value = fields.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
    value.unwrap_or_else(|| panic!("no {name} in {message}"))
}

/// How long the message is that a buffer begins with, once it is whole.
pub(super) fn length(buffer: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(buffer);
    let leading = text.len() - text.trim_start_matches("\r\n").len();
    if leading > 0 {
        return Some(leading);
    }
    let head = text.find("\r\n\r\n")?;
    let body: usize = header(&text[..head + 2], "Content-Length").parse().expect("a number");
    (buffer.len() >= head + 4 + body).then_some(head + 4 + body)
}

fn contact(message: &str) -> String {
    header(message, "Contact").trim_matches(['<', '>']).to_owned()
}
