//! Dialogs, RFC 3261 12: what two user agents know of each other while they talk.
//!
//! ```text
//!          101-199 with a tag           2xx
//! (none) --------------------> Early ---------> Confirmed --- BYE, 481, 408 ---> (dropped)
//!    |                           |                  ^
//!    +------------ 2xx ----------|------------------+
//!                                +--- 300-699, CANCEL ---> (dropped)
//! ```
//!
//! One INVITE may make several dialogs, one for each tag that answers (forking). Terminated is no
//! state here: a dialog that ended is a value that was dropped.

mod record;

use std::fmt::Write as _;

use super::message::{
    CSeq, HeaderName, Headers, Method, NameAddr, ParseError, Request, Response, SyntaxError, Uri,
};
use super::transaction::derived::MAX_FORWARDS;
pub use record::DialogRecord;

/// What names a dialog (RFC 3261 12): with the tags in our order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DialogId {
    /// Call-ID, compared octet by octet.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag; empty where it is of RFC 2543 and has none.
    pub remote_tag: String,
}

/// How far a dialog has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialogState {
    /// Made by a provisional response.
    Early,
    /// Made or confirmed by a 2xx.
    Confirmed,
}

/// The state of RFC 3261 12.1.
#[derive(Debug, Clone)]
pub struct Dialog {
    id: DialogId,
    state: DialogState,
    local: NameAddr,
    remote: NameAddr,
    remote_target: Uri,
    route_set: Vec<NameAddr>,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    /// How often the peer has named another target.
    moves: u32,
}

/// A request with a lower CSeq than one before: to be answered with 500 (RFC 3261 12.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("CSeq Out Of Order")]
pub struct OutOfOrder;

impl DialogId {
    /// The dialog that a request from the peer belongs to; `None` where its To has no tag.
    ///
    /// # Errors
    /// From, To or Call-ID cannot be read.
    pub fn of_request(request: &Request) -> Result<Option<Self>, ParseError> {
        let to = request.headers.to()?;
        let Some(local_tag) = to.tag() else { return Ok(None) };
        let from = request.headers.from()?;
        Ok(Some(Self {
            call_id: request.headers.call_id()?.to_string(),
            local_tag: local_tag.to_owned(),
            remote_tag: from.tag().unwrap_or_default().to_owned(),
        }))
    }
}

impl Dialog {
    /// The dialog that our response with `local_tag` to the peer's INVITE makes (RFC 3261 12.1.1).
    ///
    /// # Errors
    /// A field that a dialog needs is missing or broken, Contact among them: answer 400.
    pub fn uas(invite: &Request, local_tag: &str) -> Result<Self, ParseError> {
        let headers = &invite.headers;
        let remote = headers.from()?.detached();
        Ok(Self {
            id: DialogId {
                call_id: headers.call_id()?.to_string(),
                local_tag: local_tag.to_owned(),
                remote_tag: remote.tag().unwrap_or_default().to_owned(),
            },
            state: DialogState::Early,
            local: headers.to()?.detached().with_tag(local_tag),
            remote,
            remote_target: target(headers.contact()?.uri)?,
            route_set: detached(&headers.record_routes()?),
            local_cseq: 0,
            remote_cseq: Some(headers.cseq()?.number),
            moves: 0,
        })
    }

    /// The dialog that the peer's response to our INVITE makes (RFC 3261 12.1.2). A peer that gives no
    /// Contact is taken to be where the INVITE was sent.
    ///
    /// # Errors
    /// A field of the response is broken.
    pub fn uac(invite: &Request, response: &Response) -> Result<Self, ParseError> {
        let remote = response.headers.to()?.detached();
        let local = invite.headers.from()?;
        let cseq = invite.headers.cseq()?;
        let mut dialog = Self {
            id: DialogId {
                call_id: invite.headers.call_id()?.to_string(),
                local_tag: local.tag().unwrap_or_default().to_owned(),
                remote_tag: remote.tag().unwrap_or_default().to_owned(),
            },
            state: DialogState::Early,
            local,
            remote,
            remote_target: invite.uri.clone(),
            route_set: Vec::new(),
            local_cseq: cseq.number,
            remote_cseq: None,
            moves: 0,
        };
        dialog.take_over(response)?;
        Ok(dialog)
    }

    /// Takes over what a response to our INVITE says: the route set, made anew by each until the 2xx
    /// (RFC 3261 13.2.2.4), and the target.
    ///
    /// # Errors
    /// A field of the response is broken.
    pub fn take_over(&mut self, response: &Response) -> Result<(), ParseError> {
        let mut routes = response.headers.record_routes()?;
        routes.reverse();
        self.route_set = detached(&routes);
        self.refresh_target(&response.headers);
        if response.status.is_success() {
            self.state = DialogState::Confirmed;
        }
        Ok(())
    }

    /// Our 2xx went out: the dialog is confirmed on our side.
    pub const fn confirm_as_uas(&mut self) {
        self.state = DialogState::Confirmed;
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> &DialogId {
        &self.id
    }

    /// How far it has come.
    #[must_use]
    pub const fn state(&self) -> DialogState {
        self.state
    }

    /// What the peer calls us by, with our tag.
    #[must_use]
    pub const fn local(&self) -> &NameAddr {
        &self.local
    }

    /// What the peer calls itself, or is called by us, with its tag.
    #[must_use]
    pub const fn remote(&self) -> &NameAddr {
        &self.remote
    }

    /// Where the peer can be reached now.
    #[must_use]
    pub const fn remote_target(&self) -> &Uri {
        &self.remote_target
    }

    /// A request of this dialog with the next CSeq; for the ACK of a 2xx see [`ack`](Self::ack).
    #[must_use]
    pub fn request(&mut self, method: Method) -> Request {
        let number = self.next_cseq();
        self.request_numbered(method, number)
    }

    /// The ACK of a 2xx to the INVITE with this CSeq (RFC 3261 13.2.2.4).
    #[must_use]
    pub fn ack(&self, invite_cseq: u32) -> Request {
        self.request_numbered(Method::Ack, invite_cseq)
    }

    /// Numbers our next request.
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.local_cseq
    }

    /// Checks and notes the CSeq of a request of the peer.
    ///
    /// # Errors
    /// It is lower than one before, or unreadable.
    pub fn check_cseq(&mut self, request: &Request) -> Result<(), OutOfOrder> {
        let number = request.headers.cseq().map_err(|_| OutOfOrder)?.number;
        if self.remote_cseq.is_some_and(|last| number < last) {
            return Err(OutOfOrder);
        }
        self.remote_cseq = Some(number);
        Ok(())
    }

    /// Takes over the Contact of a target refresh: re-INVITE, UPDATE, and the 2xx to them
    /// (RFC 3261 12.2.1.2, 12.2.2). One that cannot be used leaves the old target.
    pub fn refresh_target(&mut self, headers: &Headers) {
        if let Ok(contact) = headers.contact()
            && let Ok(uri) = target(contact.uri)
        {
            self.moves += u32::from(uri != self.remote_target);
            self.remote_target = uri;
        }
    }

    /// How often the peer has named another target since the begin.
    #[must_use]
    pub const fn moves(&self) -> u32 {
        self.moves
    }

    /// Whom the next request is handed to: the first route, or the peer itself (RFC 3261 8.1.2).
    #[must_use]
    pub fn next_hop(&self) -> &Uri {
        self.route_set.first().map_or(&self.remote_target, |route| &route.uri)
    }

    /// RFC 3261 12.2.1.1.
    fn request_numbered(&self, method: Method, number: u32) -> Request {
        let mut request = routed(method.clone(), self.remote_target.clone(), self.route_set.clone());
        let headers = &mut request.headers;
        headers.push(HeaderName::From, self.local.to_string());
        headers.push(HeaderName::To, self.remote.to_string());
        headers.push(HeaderName::CallId, self.id.call_id.as_str());
        headers.push(HeaderName::CSeq, CSeq { number, method }.to_string());
        request
    }
}

/// A request to `target` by way of `routes`, with Max-Forwards and Route.
pub(in crate::sip) fn routed(method: Method, target: Uri, routes: Vec<NameAddr>) -> Request {
    let (uri, route) = way(target, routes);
    let mut request = Request::new(method, uri);
    request.headers.push(HeaderName::MaxForwards, MAX_FORWARDS);
    if let Some(route) = route {
        request.headers.push(HeaderName::Route, route);
    }
    request
}

/// Has a request go to another `target` by way of other `routes`.
pub(in crate::sip) fn reroute(request: &mut Request, target: Uri, routes: Vec<NameAddr>) {
    let (uri, route) = way(target, routes);
    request.uri = uri;
    match route {
        Some(route) => request.headers.set(HeaderName::Route, route),
        None => request.headers.remove(&HeaderName::Route),
    }
}

/// A URI fit to be a Request-URI: SIP, and without what only a header field may hold (RFC 3261 19.1.5).
pub(in crate::sip) fn target(uri: Uri) -> Result<Uri, ParseError> {
    match uri.detached() {
        Uri::Sip(mut uri) => {
            uri.headers = None;
            uri.params.remove("method");
            Ok(Uri::Sip(uri))
        }
        Uri::Other(_) => Err(ParseError::Header(HeaderName::Contact, SyntaxError("no SIP URI"))),
    }
}

/// Request-URI and Route. Where the first route has no `lr`, it becomes the Request-URI and the target the last route
/// (RFC 3261 12.2.1.1).
fn way(mut target: Uri, mut routes: Vec<NameAddr>) -> (Uri, Option<String>) {
    if routes.first().is_some_and(|first| !is_loose(&first.uri)) {
        let strict = routes.remove(0);
        routes.push(NameAddr::new(std::mem::replace(&mut target, strict.uri)));
    }
    let route = (!routes.is_empty()).then(|| joined(&routes));
    (target, route)
}

/// A list of addresses as one header field.
fn joined(routes: &[NameAddr]) -> String {
    let mut text = String::new();
    for route in routes {
        let comma = if text.is_empty() { "" } else { ", " };
        write!(text, "{comma}{route}").expect("writes to a String");
    }
    text
}

fn is_loose(uri: &Uri) -> bool {
    uri.as_sip().is_some_and(|uri| uri.params.has("lr"))
}

/// Dialogs outlive messages by far: their parts must not hold on to whole datagrams.
fn detached(routes: &[NameAddr]) -> Vec<NameAddr> {
    routes.iter().map(NameAddr::detached).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::sip::message::{Message, StatusCode};

    #[test]
    fn the_callee_mirrors_tags_and_keeps_the_order_of_record_route() {
        let mut dialog = Dialog::uas(&invite(), "ours").expect("the INVITE is whole");
        let id = DialogId {
            call_id: "abc".to_owned(),
            local_tag: "ours".to_owned(),
            remote_tag: "ann".to_owned(),
        };
        assert_eq!(dialog.id(), &id);
        insta::assert_snapshot!(text(&dialog.request(Method::Bye)), @r#"
        BYE sip:ann@192.0.2.3 SIP/2.0
        Max-Forwards: 70
        Route: <sip:p1.example.net;lr>, <sip:p2.example.net;lr>
        From: <sip:bob@example.net>;tag=ours
        To: "Ann" <sip:ann@example.net>;tag=ann
        Call-ID: abc
        CSeq: 1 BYE
        Content-Length: 0
        "#);
    }

    #[test]
    fn the_caller_reverses_record_route_and_goes_on_counting() {
        let response = answer(200, "theirs", "<sip:bob@192.0.2.9>");
        let mut dialog = Dialog::uac(&invite(), &response).expect("the response is whole");
        assert_eq!(dialog.state(), DialogState::Confirmed);
        assert_eq!(dialog.next_hop().to_string(), "sip:p2.example.net;lr");
        insta::assert_snapshot!(text(&dialog.ack(7)), @r#"
        ACK sip:bob@192.0.2.9 SIP/2.0
        Max-Forwards: 70
        Route: <sip:p2.example.net;lr>, <sip:p1.example.net;lr>
        From: "Ann" <sip:ann@example.net>;tag=ann
        To: <sip:bob@example.net>;tag=theirs
        Call-ID: abc
        CSeq: 7 ACK
        Content-Length: 0
        "#);
        insta::assert_snapshot!(text(&dialog.request(Method::Bye)), @r#"
        BYE sip:bob@192.0.2.9 SIP/2.0
        Max-Forwards: 70
        Route: <sip:p2.example.net;lr>, <sip:p1.example.net;lr>
        From: "Ann" <sip:ann@example.net>;tag=ann
        To: <sip:bob@example.net>;tag=theirs
        Call-ID: abc
        CSeq: 8 BYE
        Content-Length: 0
        "#);
    }

    #[test]
    fn a_strict_router_gets_the_request_itself_and_the_target_goes_last() {
        let mut response = answer(200, "theirs", "<sip:bob@192.0.2.9>");
        response.headers.set(HeaderName::RecordRoute, "<sip:p1.example.net;lr>, <sip:old.example.net>");
        let mut dialog = Dialog::uac(&invite(), &response).expect("the response is whole");
        let bye = dialog.request(Method::Bye);
        assert_eq!(bye.uri.to_string(), "sip:old.example.net");
        assert_eq!(bye.headers.get(&HeaderName::Route), Some("<sip:p1.example.net;lr>, <sip:bob@192.0.2.9>"));
    }

    #[test]
    fn each_fork_is_a_dialog_of_its_own() {
        let one = Dialog::uac(&invite(), &answer(180, "one", "<sip:1@192.0.2.9>")).expect("is whole");
        let two = Dialog::uac(&invite(), &answer(183, "two", "<sip:2@192.0.2.9>")).expect("is whole");
        assert_ne!(one.id(), two.id());
        assert_eq!((one.state(), two.state()), (DialogState::Early, DialogState::Early));
    }

    #[test]
    fn a_2xx_makes_the_route_set_and_target_anew() {
        let mut dialog = Dialog::uac(&invite(), &answer(180, "one", "<sip:1@192.0.2.9>")).expect("is whole");
        let mut ok = answer(200, "one", "<sip:2@192.0.2.10?Route=evil>");
        ok.headers.remove(&HeaderName::RecordRoute);
        dialog.take_over(&ok).expect("is whole");
        assert_eq!(dialog.state(), DialogState::Confirmed);
        assert_eq!(dialog.next_hop().to_string(), "sip:2@192.0.2.10");
    }

    #[test]
    fn a_lower_cseq_is_out_of_order() {
        let mut dialog = Dialog::uas(&invite(), "ours").expect("is whole");
        let numbered = |number| {
            let mut request = invite();
            request.headers.set(HeaderName::CSeq, format!("{number} INVITE"));
            request
        };
        assert_eq!(dialog.check_cseq(&numbered(6)), Err(OutOfOrder));
        assert_eq!(dialog.check_cseq(&numbered(9)), Ok(()));
        assert_eq!(dialog.check_cseq(&numbered(8)), Err(OutOfOrder));
    }

    #[test]
    fn a_target_that_is_no_sip_uri_is_refused_or_passed_over() {
        let mut odd = invite();
        odd.headers.set(HeaderName::Contact, "<tel:+4930>");
        assert!(Dialog::uas(&odd, "ours").is_err());
        let mut dialog = Dialog::uas(&invite(), "ours").expect("is whole");
        dialog.refresh_target(&odd.headers);
        assert_eq!(dialog.remote_target().to_string(), "sip:ann@192.0.2.3");
    }

    fn invite() -> Request {
        let text = "INVITE sip:bob@example.net SIP/2.0\r\n\
            Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKa\r\n\
            Record-Route: <sip:p1.example.net;lr>\r\n\
            Record-Route: <sip:p2.example.net;lr>\r\n\
            From: \"Ann\" <sip:ann@example.net>;tag=ann\r\n\
            To: <sip:bob@example.net>\r\n\
            Call-ID: abc\r\n\
            CSeq: 7 INVITE\r\n\
            Contact: <sip:ann@192.0.2.3>\r\n\r\n";
        match Message::parse(Bytes::from_static(text.as_bytes())) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn answer(status: u16, tag: &str, contact: &'static str) -> Response {
        let mut response = invite().response(StatusCode::new(status).expect("a status"), Some(tag));
        response.headers.push(HeaderName::Contact, contact);
        response
    }

    fn text(request: &Request) -> String {
        String::from_utf8_lossy(&request.to_bytes()).replace("\r\n", "\n")
    }
}
