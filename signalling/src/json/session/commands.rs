//! What the gateway wants of a session.

use std::time::{Duration, Instant};

use webtrunk_engine::sdp::{FragmentError, SessionDescription};
use webtrunk_engine::{EndCause, LegId};

use super::call::{Call, Stage, Waiting};
use super::headers;
use super::ledger::Ledger;
use super::state::{Role, Session, State, ringing};
use crate::adapter::{self, Command, Delivery, Dial, Party, SendText};
use crate::json::protocol::{
    CallEvent, Diversion, Done, Dtmf, Ended, ErrorCode, Event, Fault, Incoming, Media, Message, Outcome, Sdp,
};
use crate::json::session::requests::new_name;
use crate::sip::passing::HeaderRange;

impl Session {
    /// Obeys a command for one of its legs, or for itself. What is for a leg that is over goes nowhere. `allowed` are
    /// the headers that its page is told of others' calls.
    pub(in crate::json) fn handle_command(
        &mut self,
        command: Command,
        allowed: &[HeaderRange],
        ledger: &mut Ledger,
        now: Instant,
    ) {
        self.now = now;
        match command {
            Command::Dial(dial) => self.ring(*dial, allowed, ledger),
            Command::Ring { leg, description } => self.on_ring(leg, description.as_deref()),
            Command::Answer { leg, description } => self.on_answer(leg, &description),
            Command::Reoffer { leg, .. } => self.on_reoffer(leg),
            Command::AnswerReoffer { leg, description } => {
                if let Some(waiting) = self.own(leg).and_then(|(_, call)| call.offer.take()) {
                    self.respond(waiting.0, &Outcome::Sdp(Sdp { sdp: description.to_string() }));
                }
            }
            Command::RefuseReoffer { leg, .. } => {
                if let Some(waiting) = self.own(leg).and_then(|(_, call)| call.offer.take()) {
                    let fault = Fault::new(ErrorCode::NotAcceptable, "the offer cannot be met").at("sdp");
                    self.refuse(waiting.0, &fault);
                }
            }
            Command::SendDigit { leg, digit, duration } => self.on_digit(leg, digit, duration),
            Command::AnswerCandidates { leg, refused } => self.on_candidates(leg, refused),
            Command::AnswerRecord { leg, is_done } => self.on_record(leg, is_done),
            Command::TransferProgress { leg, progress } => {
                if let Some((call_id, _)) = self.own(leg) {
                    self.tell_transfer(call_id, progress);
                }
            }
            Command::Tell { leg, news } => self.on_news(leg, news),
            Command::PassContent { leg, id, .. } => {
                // Pages have nothing to take it by.
                let delivery = Delivery::TypeNotTaken;
                self.report(adapter::Event::ContentAnswered { leg, id, delivery });
            }
            Command::SendText(text) => self.on_text(*text),
            Command::AnswerText { leg, delivery } => self.on_text_answered(leg, delivery),
            Command::Hangup { leg, cause } => self.on_hangup(leg, cause, ledger),
            // The caller is to call elsewhere, and a page does not call by itself.
            Command::Redirect { leg, .. } => self.on_hangup(leg, EndCause::Unavailable, ledger),
            // Pages tell no contents; the rest is not for one session.
            Command::AnswerContent { .. } | Command::RefuseCalls | Command::Drain => {}
        }
    }

    /// Somebody calls the page.
    fn ring(&mut self, dial: Dial, allowed: &[HeaderRange], ledger: &mut Ledger) {
        let Dial { leg, caller, offer, headers, transferred_by, passed, span, .. } = dial;
        let refusal = match (&offer, &self.identity.grant) {
            (None, _) => Some(EndCause::NotAcceptable),
            (Some(_), Some(granted)) if ledger.begin(granted, false).is_err() => Some(EndCause::Busy),
            (Some(_), _) => None,
        };
        let (Some(offer), None) = (offer, refusal) else {
            let cause = refusal.unwrap_or(EndCause::NotAcceptable);
            return self.report(adapter::Event::Ended { leg, cause });
        };
        let (call_id, sdp) = (new_name(), offer.to_string());
        let is_rung = matches!(self.state, State::Connected { .. });
        let Party { user, display_name } = caller;
        let stage = Stage::Incoming { sdp: sdp.clone(), is_rung };
        self.add_call(&call_id, Call::new(leg, stage, &user, span));
        let headers = headers::told(passed.headers, headers, allowed);
        let transferred_by = transferred_by.map(|party| party.user);
        let diversions = passed.diversions.into_iter().map(Diversion::from).collect();
        let incoming =
            Incoming { call_id, from: user, display_name, sdp, headers, diversions, transferred_by };
        self.tell(&Event::Incoming(incoming));
        if is_rung {
            let remote = self.remote;
            self.report(ringing(leg, remote));
        }
    }

    fn on_ring(&mut self, leg: LegId, description: Option<&SessionDescription>) {
        let Some((call_id, call)) = self.own(leg) else { return };
        let Stage::Calling { early } = &mut call.stage else { return };
        match description.map(SessionDescription::to_string) {
            Some(sdp) => {
                *early = Some(sdp.clone());
                self.tell(&Event::EarlyMedia(Media { call_id, sdp: Some(sdp) }));
            }
            None => self.tell(&Event::Ringing(CallEvent { call_id })),
        }
    }

    fn on_answer(&mut self, leg: LegId, description: &SessionDescription) {
        let sdp = description.to_string();
        if let Some((call_id, call)) = self.own(leg) {
            let Stage::Calling { early } = &mut call.stage else { return };
            let sdp = Some(sdp).filter(|sdp| early.as_ref() != Some(sdp));
            call.stage = Stage::Connected;
            let candidates = call.early_candidates.take();
            self.tell(&Event::Connected(Media { call_id: call_id.clone(), sdp }));
            if let Some(fragment) = candidates {
                self.told_early(&call_id, fragment);
            }
            return;
        }
        // After a reload: the new leg has the old one's place, which is hung up next.
        let Some((call_id, Role::Successor)) = self.legs.get(&leg).cloned() else { return };
        let Some(call) = self.calls.get_mut(&call_id) else { return };
        let Some((_, waiting)) = call.successor.take() else { return };
        let old = std::mem::replace(&mut call.leg, leg);
        let unanswered = call.take_waiting();
        if let Some((_, role)) = self.legs.get_mut(&old) {
            *role = Role::Replaced;
        }
        self.legs.insert(leg, (call_id, Role::Own));
        for Waiting(id) in unanswered {
            let fault =
                Fault::new(ErrorCode::WrongState, "the page joined the call anew meanwhile; ask again");
            self.refuse(id, &fault);
        }
        self.respond(waiting.0, &Outcome::Sdp(Sdp { sdp }));
    }

    /// The gateway restarts ICE since nothing is heard of the page. The page makes all offers, so that none cross: it is
    /// asked for one.
    fn on_reoffer(&mut self, leg: LegId) {
        let is_there = matches!(self.state, State::Connected { .. });
        let Some((call_id, _)) = self.own(leg) else { return };
        // One that is away is asked again while that is of use.
        let cause = if is_there { EndCause::NotAcceptable } else { EndCause::SignallingLost };
        self.report(adapter::Event::ReofferRefused { leg, cause });
        if is_there {
            self.tell(&Event::RestartNeeded(CallEvent { call_id }));
        }
    }

    fn on_digit(&mut self, leg: LegId, digit: char, duration: Duration) {
        let Some((call_id, _)) = self.own(leg) else { return };
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.tell(&Event::Dtmf(Dtmf { call_id, digit, duration_ms }));
    }

    fn on_candidates(&mut self, leg: LegId, refused: Option<FragmentError>) {
        let waiting = self.own(leg).and_then(|(_, call)| call.candidates.pop_front());
        let Some(Waiting(id)) = waiting else { return };
        match refused {
            None => self.respond(id, &Outcome::Done(Done {})),
            Some(error) => self.refuse(id, &Fault::of_field("fragment", format!("params.fragment: {error}"))),
        }
    }

    fn on_record(&mut self, leg: LegId, is_done: bool) {
        let waiting = self.own(leg).and_then(|(_, call)| call.records.pop_front());
        let Some(Waiting(id)) = waiting else { return };
        if is_done {
            return self.respond(id, &Outcome::Done(Done {}));
        }
        let fault = Fault::new(ErrorCode::Forbidden, "the page may not change this recording so");
        self.refuse(id, &fault.at("wish"));
    }

    fn on_text(&mut self, SendText { leg, sender, content, .. }: SendText) {
        let is_plain = content
            .media_type
            .split(';')
            .next()
            .is_some_and(|it| it.trim().eq_ignore_ascii_case("text/plain"));
        let text = std::str::from_utf8(&content.body).ok().filter(|_| is_plain).map(str::to_owned);
        let Party { user: from, display_name } = sender;
        let message = text.map(|text| Event::Message(Message { from, display_name, text }));
        let delivery = match (&message, self.state) {
            (None, _) => Delivery::TypeNotTaken,
            (Some(message), _) if !self.log.has_room_for(message) => Delivery::Failed(EndCause::Overloaded),
            (Some(_), State::Connected { .. }) => Delivery::Done,
            (Some(_), _) => Delivery::Deferred,
        };
        self.report(adapter::Event::TextSent { leg, delivery });
        if let (Some(message), Delivery::Done | Delivery::Deferred) = (message, delivery) {
            self.tell(&message);
        }
    }

    fn on_text_answered(&mut self, leg: LegId, delivery: Delivery) {
        let Some(id) = self.texts.remove(&leg) else { return };
        let problem = match delivery {
            Delivery::Done | Delivery::Deferred => return self.respond(id, &Outcome::Done(Done {})),
            Delivery::TooLarge => {
                let problem = "it is longer than the other end takes";
                return self.refuse(id, &Fault::new(ErrorCode::NotDelivered, problem).at("text"));
            }
            Delivery::TypeNotTaken => "the other end takes no text",
            Delivery::Failed(EndCause::Overloaded) => {
                let fault = Fault::new(ErrorCode::Overloaded, "the other end is behind; write again later");
                return self.refuse(id, &fault);
            }
            Delivery::Failed(cause) => Ended::new("", cause).text,
        };
        self.refuse(id, &Fault::new(ErrorCode::NotDelivered, problem));
    }

    fn on_hangup(&mut self, leg: LegId, cause: EndCause, ledger: &mut Ledger) {
        let Some((call_id, role)) = self.legs.get(&leg).cloned() else { return };
        match role {
            Role::Replaced => {
                self.legs.remove(&leg);
                self.report(adapter::Event::Ended { leg, cause });
            }
            Role::Successor => {
                self.legs.remove(&leg);
                self.report(adapter::Event::Ended { leg, cause });
                let waiting = self.calls.get_mut(&call_id).and_then(|call| call.successor.take());
                if let Some((_, Waiting(id))) = waiting {
                    let fault = Fault::new(ErrorCode::NotAcceptable, Ended::new("", cause).text).at("sdp");
                    self.refuse(id, &fault);
                }
            }
            Role::Own => self.end_call(&call_id, cause, ledger),
        }
    }

    /// The call whose own leg this is.
    pub(super) fn own(&mut self, leg: LegId) -> Option<(String, &mut Call)> {
        let (call_id, _) = self.legs.get(&leg).filter(|(_, role)| *role == Role::Own)?;
        let call = self.calls.get_mut(call_id)?;
        Some((call_id.clone(), call))
    }
}
