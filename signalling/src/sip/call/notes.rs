//! What parties tell each other in a call beside its media: MESSAGE (RFC 3428), and INFO of configured types. The
//! gateway passes it on, and its answer back.

use std::time::{Duration, Instant};

use webtrunk_engine::EndCause;

use super::Context;
use super::authorize::Challenged;
use super::session::{Session, ends_dialog};
use super::stage::Call;
use crate::adapter::{Content, ContentId, ContentKind, Delivery, Event};
use crate::sip::agent::{check_text, delivery_of, respond_to_text};
use crate::sip::media_types;
use crate::sip::message::{HeaderName, Method, Reject, Request, Response, StatusCode};
use crate::sip::transaction::TransactionKey;

/// How many may be under way in one direction; who tells one more is asked to come again. Chosen by us.
const OPEN_MAX: usize = 8;

/// How long one is waited for: as long as the peer's transaction lasts (RFC 3261 17.1.2.2).
const ANSWER_MAX: Duration = Duration::from_secs(32);

/// What was told and has no answer.
#[derive(Debug, Default)]
pub(super) struct Notes {
    asked: Vec<Asked>,
    sent: Vec<Sent>,
    last: u32,
}

/// Told by the peer.
#[derive(Debug)]
struct Asked {
    number: u32,
    key: TransactionKey,
    request: Request,
    until: Instant,
}

/// Told to the peer.
#[derive(Debug)]
struct Sent {
    key: TransactionKey,
    id: ContentId,
    request: Challenged,
}

impl Notes {
    pub(super) fn is_sent(&self, key: TransactionKey) -> bool {
        self.sent.iter().any(|sent| sent.key == key)
    }
}

impl Session {
    /// Takes a MESSAGE.
    pub(super) fn handle_message(
        &mut self,
        key: TransactionKey,
        request: Request,
        context: &mut Context<'_>,
    ) {
        match check_text(&request, &context.config.texts) {
            Ok(content) => self.ask_to_pass(key, request, content, context),
            Err(reject) => refuse(key, &request, &reject, context),
        }
    }

    /// Takes an INFO whose body is not ours to read, where its type is one of those that are passed on.
    pub(super) fn handle_foreign_info(
        &mut self,
        key: TransactionKey,
        info: Request,
        own: &'static str,
        context: &mut Context<'_>,
    ) {
        let config = &context.config.texts;
        let media_type = info.headers.get(&HeaderName::ContentType).unwrap_or_default();
        let reject = if !media_types::takes(&config.info_types, media_type) {
            let mut reject = Reject::new(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            let more = media_types::accept(&config.info_types);
            let comma = if more.is_empty() { "" } else { ", " };
            reject.headers.push(HeaderName::Accept, format!("{own}{comma}{more}"));
            reject
        } else if info.body.len() > config.octets_max {
            Reject::new(StatusCode::MESSAGE_TOO_LARGE)
        } else {
            let (media_type, body) = (media_type.to_owned(), info.body.clone());
            let content = Content { kind: ContentKind::Info, media_type, body };
            return self.ask_to_pass(key, info, content, context);
        };
        refuse(key, &info, &reject, context);
    }

    /// The gateway's answer.
    pub(super) fn answer_content(&mut self, id: ContentId, delivery: Delivery, context: &mut Context<'_>) {
        let Some(at) = self.notes.asked.iter().position(|asked| asked.number == id.number) else { return };
        let Asked { key, request, .. } = self.notes.asked.swap_remove(at);
        let response = respond_to_text(&request, None, delivery, &context.config.texts);
        context.respond(key, response);
    }

    /// Tells the peer what the other end told.
    pub(super) fn pass_content(&mut self, id: ContentId, content: &Content, context: &mut Context<'_>) {
        if self.notes.sent.len() >= OPEN_MAX {
            let delivery = Delivery::Failed(EndCause::Overloaded);
            return context.tell(Event::ContentAnswered { leg: context.leg, id, delivery });
        }
        let method = match content.kind {
            ContentKind::Message => Method::Message,
            ContentKind::Info => Method::Info,
        };
        let mut request = self.dialog.request(method);
        request.headers.push(HeaderName::ContentType, content.media_type.as_str());
        request.body = content.body.clone();
        let key = self.send(request.clone(), context);
        self.notes.sent.push(Sent { key, id, request: Challenged::new(request) });
    }

    /// Takes the peer's response to what it was told.
    pub(super) fn handle_note_response(
        mut self: Box<Self>,
        of: TransactionKey,
        response: &Response,
        context: &mut Context<'_>,
    ) -> Call {
        if ends_dialog(response.status) {
            return self.end(EndCause::SignallingLost, "the peer does not know the dialog", context);
        }
        let Some(mut sent) = self.take_sent(of) else { return Call::Session(self) };
        let again = self.authorize(&mut sent.request, response, context);
        if let Some(request) = again {
            sent.key = self.send(request, context);
            self.notes.sent.push(sent);
        } else {
            let delivery = delivery_of(response);
            context.tell(Event::ContentAnswered { leg: context.leg, id: sent.id, delivery });
        }
        Call::Session(self)
    }

    /// What the peer was told cannot be sent.
    pub(super) fn note_failed(&mut self, of: TransactionKey, context: &mut Context<'_>) {
        if let Some(Sent { id, .. }) = self.take_sent(of) {
            let delivery = Delivery::Failed(EndCause::Unavailable);
            context.tell(Event::ContentAnswered { leg: context.leg, id, delivery });
        }
    }

    /// The call ends before the answers; to be told before the end is.
    pub(super) fn forget_notes(&mut self, context: &mut Context<'_>) {
        for Asked { key, request, .. } in std::mem::take(&mut self.notes.asked) {
            context.answer(key, &request, StatusCode::REQUEST_TERMINATED);
        }
        for Sent { id, .. } in std::mem::take(&mut self.notes.sent) {
            let delivery = Delivery::Failed(EndCause::Unavailable);
            context.tell(Event::ContentAnswered { leg: context.leg, id, delivery });
        }
    }

    fn ask_to_pass(
        &mut self,
        key: TransactionKey,
        request: Request,
        content: Content,
        context: &mut Context<'_>,
    ) {
        let Context { layer, now, .. } = &mut *context;
        self.notes.asked.retain(|asked| {
            let is_open = *now < asked.until;
            if !is_open {
                // Its teller waits no more, and a transaction without an answer has no end.
                layer.forget(asked.key);
            }
            is_open
        });
        if self.notes.asked.len() >= OPEN_MAX {
            return context.answer_later(key, &request);
        }
        self.notes.last = self.notes.last.wrapping_add(1);
        let number = self.notes.last;
        self.notes.asked.push(Asked { number, key, request, until: context.now + ANSWER_MAX });
        let id = ContentId { leg: context.leg, number };
        context.tell(Event::ContentTold { leg: context.leg, id, content: Box::new(content) });
    }

    fn take_sent(&mut self, of: TransactionKey) -> Option<Sent> {
        let at = self.notes.sent.iter().position(|sent| sent.key == of)?;
        Some(self.notes.sent.swap_remove(at))
    }
}

fn refuse(key: TransactionKey, request: &Request, reject: &Reject, context: &mut Context<'_>) {
    if let Some(response) = reject.response(request, None) {
        context.respond(key, response);
    }
}
