//! What a page asks for, of a session that it has.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tracing::info;
use webtrunk_engine::sdp::{CandidateFragment, SessionDescription};
use webtrunk_engine::{EndCause, LegId};

use super::call::{Call, Stage, Waiting};
use super::headers;
use super::ledger::Ledger;
use super::output::Closing;
use super::state::{Role, Session, listener};
use crate::adapter::{
    self, Content, ContentKind, Delivery, HOPS_MAX, Incoming, MediaProfile, Origin, Passage, RecordWish,
    RecordingPolicy, Text, leg_span,
};
use crate::commons::Commons;
use crate::json::protocol::{
    self, Answer, CallEvent, Candidate, Done, ErrorCode, Event, Fault, Id, Media, Mute, Outcome, Ping,
    Placed, Record, Reject, Rejection, Request, SendDtmf, SendMessage, Transfer, Wish, WithSdp,
};
use crate::room::Room;
use crate::sip::passing::HeaderRange;
use crate::text_rates::TextRates;

/// Calls of one session. Chosen by us: nobody follows more.
pub(super) const CALLS_MAX: usize = 32;

/// Longest destination, in characters: what a rule's expression can be asked to look at.
const DESTINATION_MAX: usize = 128;

/// The type of a page's messages.
const TEXT_TYPE: &str = "text/plain;charset=utf-8";

/// Most keys of one request.
const DIGITS_MAX: usize = 32;

/// How long a key may be held, in ms (RFC 4733 2.5.1.3 at 8 kHz ends at 8 s).
const DURATION_MS: std::ops::RangeInclusive<u32> = 40..=6000;

/// What there is to say at once: an outcome, or that it comes later.
pub(super) type Said = Result<Option<Outcome>, Fault>;

const DONE: Said = Ok(Some(Outcome::Done(Done {})));

impl Session {
    /// Takes a request of the page's; `commons` are there while the gateway takes new calls, and `allowed` are the
    /// headers that the page may say.
    pub(in crate::json) fn handle_request(
        &mut self,
        id: Id,
        request: Request,
        commons: Option<&Commons>,
        allowed: &[HeaderRange],
        ledger: &mut Ledger,
        now: Instant,
    ) {
        self.now = now;
        let (what, call_id) = request.said();
        self.trail.push(now, true, what, call_id);
        if self.asks_too_much(now) {
            let fault = Fault::new(ErrorCode::TooMany, "too many requests; wait a second");
            return self.refuse(Some(id), &fault);
        }
        let waiting = || Waiting(Some(id.clone()));
        let said = match request {
            Request::Connect(_) | Request::Resume(_) => {
                Err(Fault::new(ErrorCode::WrongState, "this connection has a session already"))
            }
            Request::Disconnect(_) => {
                self.respond(Some(id.clone()), &Outcome::Done(Done {}));
                self.end(EndCause::Hangup, Some(Closing::Done), ledger);
                Ok(None)
            }
            Request::Call(call) => match commons {
                Some(Commons { room, .. }) => self.call(&id, &call, (allowed, room), ledger, now),
                None => Err(Fault::new(ErrorCode::Overloaded, "the gateway takes no new calls now")),
            },
            Request::Answer(answer) => self.answer(&id, &answer),
            Request::Reject(Reject { call_id, cause }) => self.reject(&call_id, cause, ledger),
            Request::Hangup(named) => self.hang_up(&named.call_id, ledger),
            Request::Hold(offer) | Request::ResumeMedia(offer) | Request::Update(offer) => {
                self.offer(&offer, waiting())
            }
            Request::Rejoin(offer) => self.rejoin(&offer, waiting()),
            Request::Candidate(candidate) => self.candidate(&candidate, waiting()),
            Request::Mute(Mute { call_id, muted }) => self.mute(&call_id, muted),
            Request::SendDtmf(keys) => self.press(&keys),
            Request::Transfer(transfer) => self.transfer(transfer),
            Request::Merge(merge) => self.merge(&merge, waiting()),
            Request::Supervise(supervise) => match commons {
                Some(Commons { room, .. }) => self.supervise(&id, &supervise, room, ledger, now),
                None => Err(Fault::new(ErrorCode::Overloaded, "the gateway takes no new calls now")),
            },
            Request::SetMode(set) => self.set_mode(&set),
            Request::Watch(watch) => match commons {
                Some(commons) => self.watch(watch, commons),
                None => Err(Fault::new(ErrorCode::Overloaded, "the gateway goes down")),
            },
            Request::Report(_) => Ok(Some(self.tell_report(now))),
            Request::Record(record) => self.record(&record, waiting()),
            Request::Statistics(named) => self.statistics(&named.call_id, waiting()),
            Request::Message(message) => match commons {
                Some(Commons { texts, .. }) => self.write(&message, &id, texts, now),
                None => Err(Fault::new(ErrorCode::Overloaded, "the gateway goes down")),
            },
            Request::Ping(Ping { last_seen }) => {
                last_seen.into_iter().for_each(|seen| self.log.seen(seen));
                DONE
            }
        };
        match said {
            Ok(Some(outcome)) => self.respond(Some(id), &outcome),
            Ok(None) => {}
            Err(fault) => self.refuse(Some(id), &fault),
        }
    }

    fn call(
        &mut self,
        id: &Id,
        protocol::Call { to, sdp, headers }: &protocol::Call,
        (allowed, room): (&[HeaderRange], &Room),
        ledger: &mut Ledger,
        now: Instant,
    ) -> Said {
        self.check_destination("to", to)?;
        let headers = headers::said(headers.iter().flatten(), allowed)?;
        let offer = describe("sdp", sdp)?;
        self.begin_call(to, room, ledger, now)?;
        let (leg, call_id) = (LegId::next(), new_name());
        let span = leg_span(leg);
        span.in_scope(|| info!(session = self.name, call_id, "page calls"));
        let passed = Passage { headers: headers.clone(), diversions: Vec::new() };
        let incoming = Incoming { headers, passed, ..self.incoming(leg, to, offer, None, span.clone()) };
        self.add_call(&call_id, Call::new(leg, Stage::Calling { early: None }, to, span));
        self.respond(Some(id.clone()), &Outcome::Placed(Placed { call_id: call_id.clone() }));
        self.tell(&Event::Trying(CallEvent { call_id }));
        self.report(adapter::Event::Incoming(Box::new(incoming)));
        Ok(None)
    }

    fn answer(&mut self, id: &Id, Answer { call_id, sdp }: &Answer) -> Said {
        let remote = self.remote;
        let call = self.calls.get_mut(call_id).ok_or_else(no_call)?;
        if !matches!(call.stage, Stage::Incoming { .. }) {
            let problem = "the call is none that waits for an answer";
            return Err(Fault::new(ErrorCode::WrongState, problem).at("callId"));
        }
        let description = Some(describe("sdp", sdp)?);
        call.stage = Stage::Connected;
        let leg = call.leg;
        let candidates = call.early_candidates.take();
        let policy = self.identity.recording();
        if policy != RecordingPolicy::ByRule {
            self.report(adapter::Event::RecordingBound { leg, policy });
        }
        self.report(adapter::Event::Answered { leg, description, signalled_from: remote });
        if let Some(fragment) = candidates {
            self.told_early(call_id, fragment);
        }
        self.respond(Some(id.clone()), &Outcome::Done(Done {}));
        self.tell(&Event::Connected(Media { call_id: call_id.clone(), sdp: None }));
        Ok(None)
    }

    /// Candidates that came before the answer are of use now, and their request was answered.
    pub(super) fn told_early(&mut self, call_id: &str, fragment: Box<CandidateFragment>) {
        let Some(call) = self.calls.get_mut(call_id) else { return };
        call.candidates.push_back(Waiting(None));
        let leg = call.leg;
        self.report(adapter::Event::CandidatesTold { leg, fragment });
    }

    fn reject(&mut self, call_id: &str, cause: Rejection, ledger: &mut Ledger) -> Said {
        let call = self.calls.get(call_id).ok_or_else(no_call)?;
        if !matches!(call.stage, Stage::Incoming { .. }) {
            let problem = "the call is none that could be rejected; hang it up";
            return Err(Fault::new(ErrorCode::WrongState, problem).at("callId"));
        }
        let cause = match cause {
            Rejection::Declined => EndCause::Declined,
            Rejection::Busy => EndCause::Busy,
        };
        self.end_call(call_id, cause, ledger);
        DONE
    }

    fn hang_up(&mut self, call_id: &str, ledger: &mut Ledger) -> Said {
        let cause = match self.calls.get(call_id).ok_or_else(no_call)?.stage {
            Stage::Calling { .. } => EndCause::Cancelled,
            Stage::Incoming { .. } => EndCause::Declined,
            Stage::Connected => EndCause::Hangup,
        };
        self.end_call(call_id, cause, ledger);
        DONE
    }

    fn offer(&mut self, WithSdp { call_id, sdp }: &WithSdp, waiting: Waiting) -> Said {
        let signalled_from = self.remote;
        let call = self.connected_call(call_id)?;
        if call.offer.is_some() || call.successor.is_some() {
            return Err(Fault::new(ErrorCode::Busy, "another change of this call is under way"));
        }
        let offer = Some(describe("sdp", sdp)?);
        call.offer = Some(waiting);
        let leg = call.leg;
        self.report(adapter::Event::Reoffered { leg, offer, signalled_from });
        Ok(None)
    }

    fn rejoin(&mut self, WithSdp { call_id, sdp }: &WithSdp, waiting: Waiting) -> Said {
        let call = self.connected_call(call_id)?;
        if call.offer.is_some() || call.successor.is_some() {
            return Err(Fault::new(ErrorCode::Busy, "another change of this call is under way"));
        }
        let offer = describe("sdp", sdp)?;
        let leg = LegId::next();
        let span = leg_span(leg);
        call.successor = Some((leg, waiting));
        let (old, peer) = (call.leg, call.peer.clone());
        self.legs.insert(leg, (call_id.clone(), Role::Successor));
        let incoming = self.incoming(leg, &peer, offer, Some(old), span);
        self.report(adapter::Event::Incoming(Box::new(incoming)));
        Ok(None)
    }

    fn candidate(&mut self, Candidate { call_id, fragment }: &Candidate, waiting: Waiting) -> Said {
        let call = self.calls.get_mut(call_id).ok_or_else(no_call)?;
        let fragment = CandidateFragment::parse(fragment.as_bytes())
            .map_err(|error| Fault::of_field("fragment", format!("params.fragment: {error}")))?;
        let fragment = Box::new(fragment);
        if !call.is_connected() {
            call.early_candidates = Some(fragment);
            return DONE;
        }
        call.candidates.push_back(waiting);
        let leg = call.leg;
        self.report(adapter::Event::CandidatesTold { leg, fragment });
        Ok(None)
    }

    fn mute(&mut self, call_id: &str, is_muted: bool) -> Said {
        let leg = self.connected_call(call_id)?.leg;
        self.report(adapter::Event::MuteAsked { leg, is_muted });
        DONE
    }

    fn press(&mut self, SendDtmf { call_id, digits, duration_ms }: &SendDtmf) -> Said {
        let is_digit = |digit: char| digit.is_ascii_digit() || "*#ABCD".contains(digit);
        let duration = Duration::from_millis((*duration_ms).into());
        let leg = self.connected_call(call_id)?.leg;
        if !(1..=DIGITS_MAX).contains(&digits.len()) || !digits.chars().all(is_digit) {
            return Err(Fault::of_field("digits", "params.digits: must be 1 to 32 of 0-9 * # A-D"));
        }
        if !DURATION_MS.contains(duration_ms) {
            return Err(Fault::of_field("durationMs", "params.durationMs: must be 40 to 6000"));
        }
        for digit in digits.chars() {
            self.report(adapter::Event::DigitPressed { leg, digit, duration });
        }
        DONE
    }

    fn transfer(&mut self, Transfer { call_id, to, with_call }: Transfer) -> Said {
        let leg = self.connected_call(&call_id)?.leg;
        let (destination, replaces) = match (to, with_call) {
            (Some(to), None) => {
                self.check_destination("to", &to)?;
                (to, None)
            }
            (None, Some(other)) if other == call_id => {
                return Err(Fault::of_field("withCall", "params.withCall: must be another call than callId"));
            }
            (None, Some(other)) => {
                let other = self.named_call("withCall", &other)?;
                (other.peer.clone(), Some(other.leg))
            }
            _ => return Err(Fault::of_field("to", "params: needs either to or withCall")),
        };
        self.report(adapter::Event::TransferAsked { leg, destination, replaces });
        DONE
    }

    fn record(&mut self, Record { call_id, wish }: &Record, waiting: Waiting) -> Said {
        let wish = match wish {
            Wish::On => RecordWish::On,
            Wish::Off => RecordWish::Off,
            Wish::Pause => RecordWish::Pause,
            Wish::Resume => RecordWish::Resume,
        };
        let call = self.connected_call(call_id)?;
        call.records.push_back(waiting);
        let leg = call.leg;
        self.report(adapter::Event::RecordAsked { leg, wish });
        Ok(None)
    }

    fn statistics(&mut self, call_id: &str, waiting: Waiting) -> Said {
        let call = self.connected_call(call_id)?;
        call.figures.push_back(waiting);
        let leg = call.leg;
        self.report(adapter::Event::FiguresAsked { leg });
        Ok(None)
    }

    fn write(
        &mut self,
        SendMessage { to, text }: &SendMessage,
        id: &Id,
        texts: &TextRates,
        now: Instant,
    ) -> Said {
        self.check_destination("to", to)?;
        if text.is_empty() {
            return Err(Fault::of_field("text", "params.text: must not be empty"));
        }
        texts.judge(TEXT_TYPE, text.len()).map_err(|refused| match refused {
            Delivery::TooLarge => Fault::of_field("text", "params.text: is longer than messages may be"),
            _ => Fault::new(ErrorCode::Forbidden, "the gateway takes no messages of text"),
        })?;
        if !texts.take(&Origin::User(self.identity.user.clone()), now) {
            return Err(Fault::new(ErrorCode::TooMany, "too many messages; wait a second"));
        }
        let leg = LegId::next();
        self.texts.insert(leg, Some(id.clone()));
        let text = Text {
            leg,
            origin: Origin::User(self.identity.user.clone()),
            sender: self.identity.shown.clone(),
            destination: to.clone(),
            device: None,
            content: Content {
                kind: ContentKind::Message,
                media_type: TEXT_TYPE.to_owned(),
                body: Bytes::copy_from_slice(text.as_bytes()),
            },
            signalled_from: self.remote,
            listener: listener(),
            headers: Vec::new(),
            hops: HOPS_MAX,
            span: leg_span(leg),
        };
        self.report(adapter::Event::Texted(Box::new(text)));
        Ok(None)
    }

    pub(super) fn incoming(
        &self,
        leg: LegId,
        destination: &str,
        offer: Box<SessionDescription>,
        replaces: Option<LegId>,
        span: tracing::Span,
    ) -> Incoming {
        Incoming {
            leg,
            origin: Origin::User(self.identity.user.clone()),
            caller: self.identity.shown.clone(),
            destination: destination.to_owned(),
            device: None,
            profile: MediaProfile::Webrtc,
            offer: Some(offer),
            signalled_from: self.remote,
            listener: listener(),
            headers: Vec::new(),
            recording: self.identity.recording(),
            hops: HOPS_MAX,
            passed: Passage::default(),
            replaces,
            span,
        }
    }

    pub(super) fn connected_call(&mut self, call_id: &str) -> Result<&mut Call, Fault> {
        self.named_call("callId", call_id)
    }

    /// The call that this parameter names, which has to be up.
    pub(super) fn named_call(&mut self, field: &str, call_id: &str) -> Result<&mut Call, Fault> {
        let call = self.calls.get_mut(call_id).ok_or_else(|| no_call().at(field))?;
        if call.is_connected() {
            Ok(call)
        } else {
            Err(Fault::new(ErrorCode::WrongState, "the call is not up yet").at(field))
        }
    }

    /// A destination in one line, which the token lets the page call. What the dial plan says comes after.
    fn check_destination(&self, field: &str, to: &str) -> Result<(), Fault> {
        if to.is_empty() || to.chars().count() > DESTINATION_MAX || to.contains(char::is_control) {
            let problem = format!("params.{field}: must be 1 to {DESTINATION_MAX} characters in one line");
            return Err(Fault::of_field(field, problem));
        }
        let is_allowed = self.granted().is_none_or(|granted| granted.grant.may_call(to));
        if is_allowed {
            Ok(())
        } else {
            Err(Fault::new(ErrorCode::Forbidden, "the token does not allow this destination").at(field))
        }
    }
}

/// A description of a browser's.
pub(super) fn describe(field: &str, sdp: &str) -> Result<Box<SessionDescription>, Fault> {
    let description = SessionDescription::parse(sdp)
        .map_err(|error| Fault::of_field(field, format!("params.{field}: {error}")))?;
    if description.is_webrtc() {
        return Ok(Box::new(description));
    }
    let problem = format!("params.{field}: has no audio by ICE and DTLS-SRTP");
    Err(Fault::new(ErrorCode::NotAcceptable, problem).at(field))
}

/// Told of another session's calls too: whoever guesses learns nothing.
fn no_call() -> Fault {
    Fault::new(ErrorCode::NotFound, "there is no such call in this session").at("callId")
}

/// A name of 128 random bits.
pub(in crate::json) fn new_name() -> String {
    format!("{:032x}", rand::random::<u128>())
}
