//! Messages out of calls (RFC 3428): who writes is let in as a caller is, the gateway says where it goes, and the
//! response tells what became of it.
//!
//! ```text
//!  MESSAGE --- rate, size, type ---> Texted --- AnswerText ---> 200, 202, 4xx ..
//!                                    SendText --- MESSAGE to a contact by one of its flows after another, or to one
//!                                       |          hop of a trunk after another
//!                                       TextSent <--- final response, silence
//! ```
//!
//! Nothing is stored for later: whom a message does not reach, its writer is told so.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use webtrunk_engine::{EndCause, LegId};

use super::config::TextConfig;
use super::core::Agent;
use super::errands::{Errand, ErrandEnd, ErrandId, ErrandOutcome};
use super::route::{Alternative, Reach, Route};
use super::surroundings::Doorkeeper;
use crate::adapter::{Content, ContentKind, Delivery, Event, HOPS_MAX, Origin, SendText, Text, leg_span};
use crate::sip::call::cause::{cause_of, status_of};
use crate::sip::call::headers_of;
use crate::sip::dialog;
use crate::sip::flow::{Flow, TransportKind};
use crate::sip::hop::{Conduct, HopReport};
use crate::sip::identity::{self, Reading};
use crate::sip::long_request::is_too_long;
use crate::sip::media_types;
use crate::sip::message::{CSeq, HeaderName, Method, NameAddr, Reject, Request, Response, StatusCode};
use crate::sip::transaction::TransactionKey;
use crate::sip::upstream::conduct_of;
use crate::text_rates::TextRates;

/// How long a hop may say nothing while there is another one. Chosen by us: as long as a call waits.
const SILENCE_MAX: Duration = Duration::from_secs(4);

/// How long the last one may: its writer's transaction lasts 32 s (RFC 3261 17.1.2.2, timer F). Chosen by us, so
/// that a second bridge of the plan can be tried in that time.
const PATIENCE: Duration = Duration::from_secs(12);

/// How long the gateway may take to answer: the writer hears nothing later.
const ANSWER_MAX: Duration = Duration::from_secs(32);

/// Messages that may wait for an answer at one time. Chosen by us: with 16 KiB each, 16 MiB.
const WAITING_MAX: usize = 1024;

/// The messages under way.
#[derive(Debug)]
pub(super) struct Texts {
    rates: TextRates,
    asked: HashMap<LegId, Asked>,
    sent: HashMap<LegId, Sent>,
}

/// A message that waits for the gateway's answer.
#[derive(Debug)]
struct Asked {
    key: TransactionKey,
    request: Request,
    until: Instant,
}

/// A message that was sent.
#[derive(Debug)]
struct Sent {
    request: Request,
    account: Option<String>,
    is_trunk: bool,
    reach: Reach,
    left: VecDeque<Alternative>,
}

impl Texts {
    pub(super) fn new(rates: TextRates) -> Self {
        Self { rates, asked: HashMap::new(), sent: HashMap::new() }
    }

    /// Asks for this from now on.
    pub(super) fn ask(&mut self, rates: TextRates) {
        self.rates = rates;
    }

    /// Lets nobody send more than this from now on.
    pub(super) fn limit(&self, config: &TextConfig) {
        self.rates.limit(config);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.asked.values().map(|asked| asked.until).min()
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.sent.is_empty()
    }
}

impl<D: Doorkeeper> Agent<D> {
    /// Takes a message that was let in.
    pub(super) fn handle_text(&mut self, request: Request, flow: Flow, origin: Origin, now: Instant) {
        let content = match check_text(&request, &self.config.texts) {
            Ok(content) => content,
            Err(reject) => return self.refuse_statelessly(&request, &reject, flow),
        };
        if self.texts.asked.len() >= WAITING_MAX || !self.texts.rates.take(&origin, now) {
            tracing::info!(%flow, %origin, "too many messages");
            return self.refuse_overload(&request, flow);
        }
        let reading = self.doorkeeper.read(&request, &origin);
        let (reading, hops) = match (reading, request.headers.max_forwards().map_err(Reject::from)) {
            (Ok(reading), Ok(hops)) => (reading, hops.unwrap_or(HOPS_MAX).min(HOPS_MAX)),
            (Err(reject), _) | (_, Err(reject)) => return self.refuse_statelessly(&request, &reject, flow),
        };
        let Reading { caller: sender, destination, device, .. } = reading;
        let Some(key) = self.layer.accept(&request, flow, None) else { return };
        let leg = LegId::next();
        let span = leg_span(leg);
        span.in_scope(
            || tracing::info!(%flow, %origin, destination, octets = content.body.len(), "message came in"),
        );
        self.tell(Event::Texted(Box::new(Text {
            leg,
            origin,
            sender,
            destination,
            device,
            content,
            signalled_from: flow.remote.ip().to_canonical(),
            listener: self.names.listener(&flow),
            headers: headers_of(&request),
            hops,
            span,
        })));
        self.texts.asked.insert(leg, Asked { key, request, until: now + ANSWER_MAX });
    }

    /// The gateway says what became of it.
    pub(super) fn answer_text(&mut self, leg: LegId, delivery: Delivery, now: Instant) {
        let Some(Asked { key, request, .. }) = self.texts.asked.remove(&leg) else { return };
        let tag = self.layer.identifiers().tag();
        let response = respond_to_text(&request, Some(&tag), delivery, &self.config.texts);
        self.layer.respond(key, &response, now);
    }

    /// Sends a message along a route. Answered by `TextSent`.
    pub fn send_text(&mut self, text: SendText, route: Route, now: Instant) {
        let (leg, span) = (text.leg, text.span.clone());
        let request = message(&text, &route, self);
        let mut left: VecDeque<_> = route.alternatives.into();
        let mut flow = route.flow;
        // Whatever the stream does, never in a datagram (RFC 3428 8).
        if is_too_long(&request) {
            if flow.kind == TransportKind::Udp {
                let stream = (route.reach == Reach::Target)
                    .then(|| self.names.flow_to(TransportKind::Tcp, flow.remote))
                    .flatten();
                let Some(stream) = stream else {
                    span.in_scope(|| tracing::info!(%flow, "message is too long for a datagram"));
                    return self.tell(Event::TextSent { leg, delivery: Delivery::TooLarge });
                };
                flow = stream;
            }
            left.retain(|next| next.kind() != TransportKind::Udp);
        }
        let (is_trunk, account) = (matches!(route.peer, Origin::Trunk(_)), route.account);
        span.in_scope(|| tracing::info!(%flow, target = %request.uri, "message sent"));
        let sent = Sent { request, is_trunk, account, reach: route.reach, left };
        self.send_text_over(leg, sent, flow, now);
    }

    /// A message could not be sent at all.
    pub fn fail_text(&mut self, leg: LegId, cause: EndCause) {
        self.tell(Event::TextSent { leg, delivery: Delivery::Failed(cause) });
    }

    /// The errand of a message ended.
    pub(super) fn text_ended(&mut self, leg: LegId, end: &ErrandEnd, now: Instant) {
        let Some(mut sent) = self.texts.sent.remove(&leg) else { return };
        let (conduct, delivery) = match &end.outcome {
            ErrandOutcome::Answered(response) => {
                let conduct =
                    if sent.is_trunk { conduct_of(response) } else { Conduct::of_flow(response, false) };
                (conduct, delivery_of(response))
            }
            ErrandOutcome::Silent => (Conduct::Silent, Delivery::Failed(EndCause::Unavailable)),
            ErrandOutcome::Unreachable => (Conduct::Unreachable, Delivery::Failed(EndCause::Unavailable)),
        };
        if sent.is_trunk {
            self.report_hop(HopReport::of(&end.flow, conduct));
        }
        if conduct != Conduct::Answered {
            let names = &*self.names;
            let next =
                std::iter::from_fn(|| sent.left.pop_front()).find_map(|next| Some((next.flow(names)?, next)));
            if let Some((flow, next)) = next {
                next.lead(&mut sent.request);
                return self.send_text_over(leg, sent, flow, now);
            }
        }
        self.tell(Event::TextSent { leg, delivery });
    }

    /// Gives up what the gateway has not answered in time.
    pub(super) fn give_up_texts(&mut self, now: Instant) {
        let late = |(leg, asked): (&LegId, &Asked)| (asked.until <= now).then_some(*leg);
        for leg in self.texts.asked.iter().filter_map(late).collect::<Vec<_>>() {
            self.answer_text(leg, Delivery::Failed(EndCause::InternalError), now);
        }
    }

    fn send_text_over(&mut self, leg: LegId, mut sent: Sent, flow: Flow, now: Instant) {
        let number = sent.request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        let cseq = CSeq { number: number.saturating_add(1), method: Method::Message };
        sent.request.headers.set(HeaderName::CSeq, cseq.to_string());
        let patience = if sent.left.is_empty() { PATIENCE } else { SILENCE_MAX };
        let (request, account, reach) = (sent.request.clone(), sent.account.clone(), sent.reach);
        self.texts.sent.insert(leg, sent);
        self.send_errand(Errand { id: ErrandId::Text(leg), account, request, flow, reach, patience }, now);
    }
}

/// What a message says, where its type and size are taken (RFC 3428 7, 8).
pub(in crate::sip) fn check_text(request: &Request, config: &TextConfig) -> Result<Content, Reject> {
    let media_type = request.headers.get(&HeaderName::ContentType).unwrap_or("text/plain");
    if request.body.len() > config.octets_max {
        return Err(Reject::new(StatusCode::MESSAGE_TOO_LARGE));
    }
    if !media_types::takes(&config.types, media_type) {
        let mut reject = Reject::new(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        reject.headers.push(HeaderName::Accept, media_types::accept(&config.types));
        return Err(reject);
    }
    if request.headers.tokens(&HeaderName::ContentEncoding).any(|name| !name.eq_ignore_ascii_case("identity"))
    {
        let mut reject = Reject::new(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        reject.headers.push(HeaderName::AcceptEncoding, "identity");
        return Err(reject);
    }
    let (media_type, body) = (media_type.to_owned(), request.body.clone());
    Ok(Content { kind: ContentKind::Message, media_type, body })
}

/// The response that tells what became of something written.
pub(in crate::sip) fn respond_to_text(
    request: &Request,
    tag: Option<&str>,
    delivery: Delivery,
    config: &TextConfig,
) -> Response {
    let status = match delivery {
        Delivery::Done => StatusCode::OK,
        Delivery::Deferred => StatusCode::ACCEPTED,
        Delivery::TooLarge => StatusCode::MESSAGE_TOO_LARGE,
        Delivery::TypeNotTaken => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Delivery::Failed(cause) => status_of(cause),
    };
    let mut response = request.response(status, tag);
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        response.headers.push(HeaderName::Accept, media_types::accept(&config.types));
    }
    response
}

/// What a final response says of something written.
pub(in crate::sip) const fn delivery_of(response: &Response) -> Delivery {
    match response.status.code() {
        202 => Delivery::Deferred,
        200..=299 => Delivery::Done,
        413 | 513 => Delivery::TooLarge,
        415 => Delivery::TypeNotTaken,
        408 => Delivery::Failed(EndCause::Unavailable),
        _ => Delivery::Failed(cause_of(response.status)),
    }
}

/// RFC 3428 4; no Contact (RFC 3428 4), and CSeq 0, which is counted up at each sending.
fn message<D>(text: &SendText, route: &Route, agent: &mut Agent<D>) -> Request {
    let identifiers = agent.layer.identifiers();
    let (tag, call_id) = (identifiers.tag(), identifiers.call_id());
    let target = dialog::target(route.request_uri.clone()).unwrap_or_else(|_| route.request_uri.clone());
    let mut request = dialog::routed(Method::Message, target, route.route_set.clone());
    let headers = &mut request.headers;
    headers.set(HeaderName::MaxForwards, text.hops.to_string());
    let from = identity::present(&text.sender, &route.from_host, route.caller_id, headers);
    headers.push(HeaderName::From, from.with_tag(&tag).to_string());
    headers.push(HeaderName::To, NameAddr::new(route.to.clone()).to_string());
    headers.push(HeaderName::CallId, call_id);
    headers.push(HeaderName::CSeq, CSeq { number: 0, method: Method::Message }.to_string());
    headers.push(HeaderName::ContentType, text.content.media_type.as_str());
    request.body = text.content.body.clone();
    request
}
