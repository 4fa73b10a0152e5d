//! What becomes of a new request (RFC 3261 8.2): a dialog's goes to its call, any other past the
//! doorkeeper, before anything is kept of it.

use std::time::Instant;

use webtrunk_engine::{EndCause, LegId};

use super::core::{Agent, Mode, UnknownDialog};
use super::surroundings::{Doorkeeper, Registered, Verdict};
use crate::adapter::{Event, Origin, RefusedCall, leg_span};
use crate::room::Crowded;
use crate::sip::call::{Context, Incoming};
use crate::sip::flow::{Flow, TransportKind};
use crate::sip::identity::Reading;
use crate::sip::message::{Capabilities, HeaderName, Method, Reject, Request, Response, StatusCode};
use crate::sip::overload;
use crate::sip::reflection;

/// What we take inside a dialog; also our Allow.
const IN_DIALOG: Capabilities = Capabilities {
    methods: &[
        Method::Invite,
        Method::Ack,
        Method::Cancel,
        Method::Bye,
        Method::Options,
        Method::Info,
        Method::Update,
        Method::Prack,
        Method::Refer,
        Method::Message,
    ],
    option_tags: &["timer", "100rel", "trickle-ice", "norefersub", "replaces"],
};

/// What we take outside of one. BYE, INFO, UPDATE, PRACK and REFER are known too: without a dialog they get 481.
const OUT_OF_DIALOG: Capabilities = Capabilities {
    methods: &[
        Method::Invite,
        Method::Ack,
        Method::Cancel,
        Method::Bye,
        Method::Options,
        Method::Info,
        Method::Update,
        Method::Prack,
        Method::Refer,
        Method::Message,
        Method::Subscribe,
        Method::Notify,
        Method::Register,
    ],
    option_tags: &["timer", "100rel", "trickle-ice", "norefersub", "replaces", "path", "outbound", "gruu"],
};

/// Our Allow (RFC 3261 20.5).
pub(super) fn allow() -> String {
    let names: Vec<_> = IN_DIALOG.methods.iter().map(Method::as_str).collect();
    names.join(", ")
}

impl<D: Doorkeeper> Agent<D> {
    /// Tells a trunk that offers to listen how much it is to keep back (RFC 7339): in the Via of its request, which all responses
    /// take over. Nobody else is told.
    pub(super) fn tell_overload(&mut self, request: &mut Request, flow: &Flow, now: Instant) {
        let Ok(mut via) = request.headers.via() else { return };
        if request.method != Method::Ack
            && overload::is_offered(&via)
            && self.doorkeeper.trunk_at(request, flow).is_some()
            && self.overload.tell(&mut via, flow.remote.ip(), now)
        {
            request.headers.set_top_via(&via);
        }
    }

    /// Takes a request that has no transaction yet.
    pub(super) fn handle_request(&mut self, request: Request, flow: Flow, now: Instant) {
        match self.leg_of(&request) {
            Ok(Some(leg)) => self.handle_in_dialog(leg, request, flow, now),
            Ok(None) => self.handle_out_of_dialog(request, flow, now),
            Err(UnknownDialog) => {
                if let (Some(id), Method::Subscribe) = (self.subscription_of(&request), &request.method)
                    && request.validate(&OUT_OF_DIALOG).is_ok()
                {
                    return self.handle_resubscribe(id, &request, flow, now);
                }
                let reject = request.validate(&OUT_OF_DIALOG).err();
                let reject = reject.unwrap_or_else(|| Reject::new(StatusCode::CALL_DOES_NOT_EXIST));
                self.refuse_statelessly(&request, &reject, flow);
            }
        }
    }

    fn handle_in_dialog(&mut self, leg: LegId, request: Request, flow: Flow, now: Instant) {
        if let Some(user) = self.other_flow_of_user(leg, &flow).map(str::to_owned) {
            let verdict = self.doorkeeper.admit_in_dialog(&request, &flow, &user, now);
            if self.let_in(verdict, &request, flow).is_none() {
                return;
            }
        }
        let Some(key) = self.layer.accept(&request, flow, Some(leg)) else { return };
        if let Err(reject) = request.validate(&IN_DIALOG) {
            if let Some(response) = reject.response(&request, None) {
                self.layer.respond(key, &response, now);
            }
            return;
        }
        self.with_call(leg, now, |call, context| call.handle_request(key, request, flow, context));
    }

    /// The user whose dialog it is, where this is another flow than the dialog's.
    fn other_flow_of_user(&self, leg: LegId, flow: &Flow) -> Option<&str> {
        match self.calls.get(&leg)?.call.as_ref()?.peer() {
            (Origin::User(user), known) if known != *flow => Some(user),
            (Origin::User(_) | Origin::Trunk(_), _) => None,
        }
    }

    /// Whether what cannot be challenged comes in a dialog by the flow of another user than the dialog's.
    pub(super) fn is_anothers(&mut self, leg: LegId, flow: &Flow, now: Instant) -> bool {
        let user = self.other_flow_of_user(leg, flow).map(str::to_owned);
        user.is_some_and(|user| self.doorkeeper.is_anothers(flow, &user, now))
    }

    fn handle_out_of_dialog(&mut self, request: Request, flow: Flow, now: Instant) {
        let flaw = request.validate(&OUT_OF_DIALOG).err();
        // What we do not do is told to those only who may ask.
        let is_told_to_all = flaw.as_ref().is_some_and(|reject| !is_about_method(reject));
        match flaw {
            Some(reject) if is_told_to_all => return self.refuse_statelessly(&request, &reject, flow),
            None if request.method == Method::Options => return self.answer_options(&request, flow),
            Some(_) | None => {}
        }
        if self.refuses(&request) {
            if request.method == Method::Invite {
                self.room.count(Crowded::Drain);
            }
            tracing::debug!(%flow, method = %request.method, "the gateway goes down, and takes nothing new");
            return self.refuse_overload(&request, flow);
        }
        if request.method == Method::Invite {
            self.overload.offered(flow.remote.ip());
        }
        // Who takes another's place needs no room of its own.
        if request.method == Method::Invite
            && !request.headers.has(&HeaderName::Replaces)
            && let Err(crowded) = self.room.judge(|| self.is_emergency(&request, &flow), now)
        {
            tracing::debug!(%flow, ?crowded, "no room for a call");
            return self.refuse_crowded(&request, flow);
        }
        let verdict = self.doorkeeper.admit(&request, &flow, now);
        let Some(origin) = self.let_in(verdict, &request, flow) else { return };
        if let Some(reject) = flaw {
            return self.refuse_statelessly(&request, &reject, flow);
        }
        match request.method {
            Method::Invite => self.handle_invite(request, flow, origin, now),
            Method::Register => self.handle_register(&request, flow, &origin, now),
            Method::Message => self.handle_text(request, flow, origin, now),
            Method::Subscribe => self.handle_subscribe(&request, flow, &origin, now),
            Method::Notify => self.handle_unsolicited(&request, flow, &origin, now),
            // Without a tag in To, a request for a dialog is for none.
            _ => self.refuse_statelessly(&request, &Reject::new(StatusCode::CALL_DOES_NOT_EXIST), flow),
        }
    }

    /// Whether it is too late for a request out of dialogs. As long as calls go on, phones register, for that keeps the way
    /// to them, and take places in calls that are there.
    fn refuses(&self, request: &Request) -> bool {
        match (self.mode, &request.method) {
            (Mode::Serving, _) => false,
            (Mode::Draining, _) => true,
            (Mode::Closing, Method::Invite) => !request.headers.has(&HeaderName::Replaces),
            (Mode::Closing, method) => matches!(method, Method::Message | Method::Subscribe),
        }
    }

    fn handle_invite(&mut self, invite: Request, flow: Flow, origin: Origin, now: Instant) {
        if self.calls().saturating_sub(self.orphans.len()) >= self.config.calls_max {
            self.room.count(Crowded::Legs);
            return self.refuse_known(&invite, flow, &origin, Crowded::Legs, now);
        }
        let replaces = match self.replaced_by(&invite) {
            Ok(replaces) => replaces,
            Err(reject) => return self.refuse_statelessly(&invite, &reject, flow),
        };
        let leg = LegId::next();
        if let Origin::Trunk(trunk) = &origin
            && !self.loads.begin(trunk, leg, now)
        {
            self.room.count(Crowded::Trunk);
            return self.refuse_known(&invite, flow, &origin, Crowded::Trunk, now);
        }
        if replaces.is_none()
            && let Err(crowded) = self.room.take(&origin, || self.dials_emergency(&invite, &origin), now)
        {
            self.loads.end(leg);
            return self.refuse_known(&invite, flow, &origin, crowded, now);
        }
        let Some(key) = self.layer.accept(&invite, flow, Some(leg)) else { return self.loads.end(leg) };
        let reading = self.doorkeeper.read(&invite, &origin);
        let accept = |context: &mut Context<'_>| {
            Incoming::accept(key, invite, flow, (origin, reading), replaces, context)
        };
        if let Err(response) = self.open_call(leg, leg_span(leg), now, accept) {
            self.loads.end(leg);
            self.layer.respond(key, &response, now);
        }
    }

    /// Whether an INVITE of which nobody knows yet whose it is dials an emergency number, as who is there would.
    fn is_emergency(&self, invite: &Request, flow: &Flow) -> bool {
        let origin = match self.doorkeeper.trunk_at(invite, flow) {
            Some(trunk) => Origin::Trunk(trunk.to_owned()),
            None => Origin::User(String::new()),
        };
        self.dials_emergency(invite, &origin)
    }

    fn dials_emergency(&self, invite: &Request, origin: &Origin) -> bool {
        let read = self.doorkeeper.read(invite, origin);
        read.is_ok_and(|reading| self.room.is_emergency(&reading.destination))
    }

    fn handle_register(&mut self, register: &Request, flow: Flow, origin: &Origin, now: Instant) {
        let Some(key) = self.layer.accept(register, flow, None) else { return };
        let Registered { mut response, left } = self.doorkeeper.register(register, origin, &flow, now);
        if response.headers.to().is_ok_and(|to| to.tag().is_none()) {
            let tag = self.layer.identifiers().tag();
            if let Ok(to) = response.headers.to() {
                response.headers.set(HeaderName::To, to.with_tag(&tag).to_string());
            }
        }
        if response.status.is_success() {
            self.move_calls(origin, &left, flow, now);
            if let Origin::User(user) = origin {
                self.notifier.moved(user, &left, flow);
            }
            self.reunite(origin, register, flow, now);
        }
        self.layer.respond(key, &response, now);
        self.follow_registrations(now);
    }

    /// RFC 3261 11.2. Stateless: the same question gets the same answer.
    fn answer_options(&mut self, options: &Request, flow: Flow) {
        if self.mode != Mode::Serving {
            tracing::debug!(%flow, "OPTIONS, and the gateway goes down");
            return self.refuse_overload(options, flow);
        }
        let mut response = options.response(StatusCode::OK, None);
        let names: Vec<_> = OUT_OF_DIALOG.methods.iter().map(Method::as_str).collect();
        response.headers.push(HeaderName::Allow, names.join(", "));
        response.headers.push(HeaderName::Accept, "application/sdp");
        response.headers.push(HeaderName::AllowEvents, self.notifier.config().allow_events());
        response.headers.push(HeaderName::Supported, OUT_OF_DIALOG.option_tags.join(", "));
        self.answer_statelessly(options, response, flow);
    }

    /// Refuses a call of somebody who may make it, for which there is no room: it is told, so that it has its record.
    fn refuse_known(&mut self, invite: &Request, flow: Flow, origin: &Origin, why: Crowded, now: Instant) {
        if self.refusals.is_news(invite) && self.refusals.may_be_recorded(now) {
            tracing::info!(%flow, %origin, ?why, "no room for a call");
            if let Ok(Reading { caller, destination, .. }) = self.doorkeeper.read(invite, origin) {
                let (origin, listener) = (origin.clone(), self.names.listener(&flow));
                let leg = LegId::next();
                let call =
                    RefusedCall { leg, origin, caller, destination, listener, cause: EndCause::Overloaded };
                self.tell(Event::Refused(Box::new(call)));
            }
        }
        self.refuse_crowded(invite, flow);
    }

    /// Refuses a call for which there is no room. Who hears how much to keep back is not to stay away for seconds altogether, as
    /// Retry-After would have it (RFC 3261 21.5.4).
    fn refuse_crowded(&mut self, invite: &Request, flow: Flow) {
        if self.overload.refused(flow.remote.ip())
            && invite.headers.via().is_ok_and(|via| overload::is_told(&via))
        {
            return self.send_refusal(invite, &Reject::new(StatusCode::SERVICE_UNAVAILABLE), flow);
        }
        self.refuse_overload(invite, flow);
    }

    /// Says 503 to what the log tells of already.
    pub(super) fn refuse_overload(&mut self, request: &Request, flow: Flow) {
        let mut reject = Reject::new(StatusCode::SERVICE_UNAVAILABLE);
        let seconds = self.layer.identifiers().retry_after();
        reject.headers.push(HeaderName::RetryAfter, seconds.to_string());
        self.send_refusal(request, &reject, flow);
    }

    pub(super) fn refuse_statelessly(&mut self, request: &Request, reject: &Reject, flow: Flow) {
        tracing::debug!(%flow, method = %request.method, %reject, "request refused");
        self.send_refusal(request, reject, flow);
    }

    /// Whom a verdict lets in; whoever is not is told so, unless it is to hear nothing.
    pub(super) fn let_in(&mut self, verdict: Verdict, request: &Request, flow: Flow) -> Option<Origin> {
        match verdict {
            Verdict::Accept { origin } => return Some(origin),
            Verdict::Challenge(headers) => {
                let reject = Reject { headers, ..Reject::new(StatusCode::UNAUTHORIZED) };
                self.refuse_statelessly(request, &reject, flow);
            }
            // Whoever judged has told.
            Verdict::Reject(reject) => self.send_refusal(request, &reject, flow),
            Verdict::Drop => {}
        }
        None
    }

    fn send_refusal(&mut self, request: &Request, reject: &Reject, flow: Flow) {
        if let Some(response) = reject.response(request, None) {
            self.answer_statelessly(request, response, flow);
        }
    }

    /// Answers somebody who has proven nothing: over UDP not even to be where it says.
    fn answer_statelessly(&mut self, request: &Request, response: Response, flow: Flow) {
        let is_forgeable = flow.kind == TransportKind::Udp;
        match if is_forgeable { reflection::fit(request, response) } else { Some(response) } {
            Some(response) => self.layer.respond_statelessly(request, response, flow),
            None => tracing::debug!(%flow, "the request is too short for an answer"),
        }
    }
}

fn is_about_method(reject: &Reject) -> bool {
    reject.status == StatusCode::METHOD_NOT_ALLOWED || reject.status == StatusCode::NOT_IMPLEMENTED
}
