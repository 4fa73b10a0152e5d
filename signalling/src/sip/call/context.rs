//! What a call acts through while it handles one input.

use std::collections::VecDeque;
use std::time::Instant;

use tracing::Span;
use webtrunk_engine::{EndCause, LegId};

use super::DialogIndex;
use super::path::Path;
use super::reason;
use super::reliable::RELIABLE;
use super::session_timer::TIMER;
use crate::adapter::{Event, Origin};
use crate::sip::agent::{AgentConfig, Keyring, LocalNames};
use crate::sip::flow::Flow;
use crate::sip::hop::{HopReport, Sought};
use crate::sip::long_request;
use crate::sip::message::{HeaderName, Headers, Request, Response, StatusCode, Uri};
use crate::sip::transaction::{TransactionKey, TransactionLayer};

/// The option tag of RFC 3891: another call may take the place of one with us.
const REPLACES: &str = "replaces";

/// The core's parts, lent to one leg for one input.
pub(in crate::sip) struct Context<'a> {
    pub(in crate::sip) leg: LegId,
    /// The leg's span in the log, which is entered.
    pub(in crate::sip) span: &'a Span,
    pub(in crate::sip) now: Instant,
    pub(in crate::sip) layer: &'a mut TransactionLayer<LegId>,
    pub(in crate::sip) events: &'a mut VecDeque<Event>,
    pub(in crate::sip) hops: &'a mut VecDeque<HopReport>,
    pub(in crate::sip) sought: &'a mut VecDeque<(LegId, Sought)>,
    pub(in crate::sip) dialogs: &'a mut DialogIndex,
    pub(in crate::sip) names: &'a dyn LocalNames,
    pub(in crate::sip) keyring: &'a mut dyn Keyring,
    pub(in crate::sip) config: &'a AgentConfig,
    pub(in crate::sip) allow: &'a str,
}

impl Context<'_> {
    /// Sends a request in a transaction of this leg.
    pub(super) fn send(&mut self, mut request: Request, path: Path) -> TransactionKey {
        if let Some(software) = &self.config.software {
            request.headers.set(HeaderName::UserAgent, software.as_str());
        }
        let way = (path.flow(), path.reach());
        long_request::send(self.layer, self.names, request, way, Some(self.leg), self.now)
    }

    /// Has the name looked up by which alone a trunk is found that has closed its stream; whether that is under way.
    pub(super) fn seek(&mut self, peer: &Origin, hop: &Uri, path: &mut Path) -> bool {
        if matches!(peer, Origin::Trunk(_))
            && let Some(sought) = path.seek(hop, self.names)
        {
            tracing::debug!(host = sought.host, "the peer is looked up, whose connection has closed");
            self.sought.push_back((self.leg, sought));
        }
        path.is_sought()
    }

    /// Sends the ACK of a 2xx.
    pub(super) fn send_ack(&mut self, ack: Request, flow: Flow) {
        let sent_by = self.names.sent_by(&flow);
        self.layer.send_ack(ack, flow, sent_by);
    }

    /// Sends a response.
    pub(super) fn respond(&mut self, key: TransactionKey, mut response: Response) {
        if let Some(software) = &self.config.software {
            response.headers.set(HeaderName::Server, software.as_str());
        }
        self.layer.respond(key, &response, self.now);
    }

    /// Sends a response that says nothing but its status. To has its tag: the request is in a dialog.
    pub(super) fn answer(&mut self, key: TransactionKey, request: &Request, status: StatusCode) {
        let mut response = request.response(status, None);
        reason::warn_of_media(&mut response);
        self.respond(key, response);
    }

    /// Refuses a session interval that is too small (RFC 4028 6).
    pub(super) fn answer_too_small(&mut self, key: TransactionKey, request: &Request, min_seconds: u32) {
        let mut response = request.response(StatusCode::SESSION_INTERVAL_TOO_SMALL, None);
        response.headers.push(HeaderName::MinSe, min_seconds.to_string());
        self.respond(key, response);
    }

    /// Asks the peer to come again in a moment: what it wants to change is being changed
    /// (RFC 3261 14.2, RFC 3311 5.2).
    pub(super) fn answer_later(&mut self, key: TransactionKey, request: &Request) {
        let mut response = request.response(StatusCode::SERVER_INTERNAL_ERROR, None);
        let seconds = self.layer.identifiers().retry_after();
        response.headers.push(HeaderName::RetryAfter, seconds.to_string());
        self.respond(key, response);
    }

    /// Puts our Contact and what we take into a message that makes or refreshes a dialog.
    pub(super) fn introduce(&self, headers: &mut Headers, flow: &Flow) {
        headers.set(HeaderName::Contact, format!("<{}>", self.names.contact(flow)));
        headers.set(HeaderName::Allow, self.allow);
        headers.set(HeaderName::Supported, format!("{TIMER}, {RELIABLE}, {REPLACES}"));
    }

    /// Tells the gateway.
    pub(super) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// Tells the gateway that the leg is over, and the log why.
    pub(super) fn tell_ended(&mut self, cause: EndCause, why: &str) {
        tracing::info!(?cause, why, "leg ended");
        self.tell(Event::Ended { leg: self.leg, cause });
    }
}
