//! REFER: the other end goes on with somebody else (RFC 3515), and NOTIFY tells how that goes.

use webtrunk_signalling::sip::message::{HeaderName, Method, Request};

use super::CallTask;

impl CallTask {
    /// The request that asks for it; `target` is a URI.
    pub(super) fn refer(&mut self, target: &str) -> Request {
        let mut request = self.dialog.request(Method::Refer);
        request.headers.push(HeaderName::ReferTo, format!("<{target}>"));
        request
    }

    /// Notes the status in the body (`message/sipfrag`).
    pub(super) fn handle_notify(&self, request: &Request) {
        let body = String::from_utf8_lossy(&request.body);
        let status = body.strip_prefix("SIP/2.0 ").and_then(|rest| rest.split(' ').next()?.parse().ok());
        self.facts.send_modify(|facts| facts.transfer_statuses.extend::<Option<u16>>(status));
    }
}
