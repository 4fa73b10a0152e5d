//! What a phone says that writes its messages itself, whatever carries them.

use webtrunk_signalling::auth::digest::{Algorithm, Attempts, DigestClient};

use super::raw_phone::{REGISTRAR, header};
use crate::support::gateway::password;

/// Who says it, and how often it has said something.
pub(crate) struct Script {
    user: String,
    /// Of its Via: `TCP`, `TLS`, `WS`.
    transport: &'static str,
    /// Host and port of its Via.
    sent_by: String,
    /// What stands in its Contact: a URI, and parameters behind it.
    contact: String,
    call_id: String,
    cseq: u32,
}

impl Script {
    /// The words of this user; `contact` is whole, as `<sip:alice@host;transport=tcp>;reg-id=1`.
    pub(crate) fn new(user: &str, transport: &'static str, sent_by: &str, contact: &str) -> Self {
        let (user, sent_by, contact) = (user.to_owned(), sent_by.to_owned(), contact.to_owned());
        let call_id = format!("script-{:016x}", rand::random::<u64>());
        Self { user, transport, sent_by, contact, call_id, cseq: 0 }
    }

    /// A request outside of dialogs. `headers` are whole lines, besides those that every request has.
    pub(crate) fn request(&mut self, method: &str, uri: &str, headers: &str, body: &str) -> String {
        self.cseq += 1;
        let Self { user, transport, sent_by, contact, call_id, cseq } = self;
        let to = if method == "REGISTER" { format!("sip:{user}@webtrunk.test") } else { uri.to_owned() };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {sent_by};branch=z9hG4bK{call_id}-{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@webtrunk.test>;tag={call_id}\r\nTo: <{to}>\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContact: {contact}\r\n{headers}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// REGISTER with these header lines besides.
    pub(crate) fn register(&mut self, headers: &str) -> String {
        self.request("REGISTER", REGISTRAR, headers, "")
    }

    /// The header that answers a 401 by [`password`]'s.
    pub(crate) fn proof(&self, challenged: &str, method: &str, uri: &str) -> String {
        assert!(challenged.starts_with("SIP/2.0 401 "), "{challenged}");
        let challenges = challenged.lines().filter_map(|line| line.strip_prefix("WWW-Authenticate: "));
        let wanted = format!("algorithm={}", Algorithm::Sha256.name());
        let mut client = DigestClient::new(&self.user, &password(&self.user), None, rand::random());
        client
            .handle_challenge(challenges.filter(|line| line.contains(&wanted)), &mut Attempts::default())
            .unwrap_or_else(|error| panic!("{error}: {challenged}"));
        let value = client.authorize(method, uri).expect("it was challenged");
        format!("Authorization: {value}\r\n")
    }

    /// A request in the dialog that was begun by this INVITE, which came and was answered.
    pub(crate) fn request_in(&mut self, invite: &str, method: &str) -> String {
        self.request_in_with(invite, method, "")
    }

    /// The same with these header lines.
    pub(crate) fn request_in_with(&mut self, invite: &str, method: &str, headers: &str) -> String {
        self.cseq += 1;
        let Self { transport, sent_by, call_id: tag, cseq, .. } = self;
        let [from, to, call_id, contact] =
            ["To", "From", "Call-ID", "Contact"].map(|name| header(invite, name));
        let target = contact.trim_start_matches('<').split('>').next().expect("split gives one at least");
        let way = routes(record_routes(invite));
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/{transport} {sent_by};branch=z9hG4bK{tag}-{cseq};rport\r\n\
             {way}Max-Forwards: 70\r\nFrom: {from};tag={tag}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\n{headers}Content-Length: 0\r\n\r\n"
        )
    }

    /// The acknowledgement of a final response to the INVITE that was said last.
    pub(crate) fn ack(&self, response: &str) -> String {
        let Self { transport, sent_by, call_id, cseq, .. } = self;
        let [via, from, to, contact] = ["Via", "From", "To", "Contact"].map(|name| header(response, name));
        // That of a refusal is part of its transaction (RFC 3261 17.1.1.3).
        let (target, via, way) = if response.starts_with("SIP/2.0 2") {
            let own = format!("SIP/2.0/{transport} {sent_by};branch=z9hG4bK{call_id}-ack-{cseq};rport");
            let way = routes(record_routes(response).into_iter().rev());
            (contact.trim_start_matches('<').split('>').next().unwrap_or_default(), own, way)
        } else {
            (REGISTRAR, via.to_owned(), String::new())
        };
        format!(
            "ACK {target} SIP/2.0\r\nVia: {via}\r\n{way}Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} ACK\r\nContent-Length: 0\r\n\r\n"
        )
    }

    /// A response to a request that came, with these header lines and this body.
    pub(crate) fn response(&self, request: &str, status: &str, headers: &str, body: &str) -> String {
        let mut response = format!("SIP/2.0 {status}\r\n");
        for line in request.lines().skip(1).take_while(|line| !line.is_empty()) {
            match line.split(':').next() {
                Some("Via" | "From" | "Call-ID" | "CSeq" | "Record-Route") => {
                    response += &format!("{line}\r\n");
                }
                Some("To") if line.contains(";tag=") => response += &format!("{line}\r\n"),
                Some("To") => response += &format!("{line};tag={}\r\n", self.call_id),
                _ => {}
            }
        }
        response
            + &format!("Contact: {}\r\n{headers}Content-Length: {}\r\n\r\n{body}", self.contact, body.len())
    }
}

/// The proxies that want to see all of a dialog, as a message names them.
fn record_routes(message: &str) -> Vec<&str> {
    let lines = message.lines().take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.strip_prefix("Record-Route: ")).collect()
}

/// The header lines that lead a request by these.
fn routes<'a>(proxies: impl IntoIterator<Item = &'a str>) -> String {
    proxies.into_iter().map(|proxy| format!("Route: {proxy}\r\n")).collect()
}
