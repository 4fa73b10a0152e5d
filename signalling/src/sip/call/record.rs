//! What a peer wants of its call's recording: INFO with a `Record` header, as some phones have a key for. No RFC
//! defines it.

use super::Context;
use super::session::Session;
use crate::adapter::{Event, RecordWish};
use crate::sip::message::{HeaderName, Request, StatusCode};
use crate::sip::transaction::TransactionKey;

/// An INFO that waits for what the gateway says.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) key: TransactionKey,
    pub(super) info: Box<Request>,
}

/// The value of the header; `None` where there is none.
pub(super) fn header(info: &Request) -> Option<&str> {
    info.headers.get(&HeaderName::from("Record"))
}

impl Session {
    /// Asks the gateway, whose answer becomes the response.
    pub(super) fn ask_to_record(&mut self, key: TransactionKey, info: Request, context: &mut Context<'_>) {
        let Some(wish) = header(&info).and_then(parse) else {
            return context.answer(key, &info, StatusCode::BAD_REQUEST);
        };
        if self.asked.is_some() {
            return context.answer_later(key, &info);
        }
        self.asked = Some(Asked { key, info: Box::new(info) });
        context.tell(Event::RecordAsked { leg: context.leg, wish });
    }

    /// The gateway's answer.
    pub(super) fn answer_record(&mut self, is_done: bool, context: &mut Context<'_>) {
        if let Some(Asked { key, info }) = self.asked.take() {
            context.answer(key, &info, if is_done { StatusCode::OK } else { StatusCode::FORBIDDEN });
        }
    }

    /// The call ends before the gateway's answer.
    pub(super) fn forget_asked(&mut self, context: &mut Context<'_>) {
        if let Some(Asked { key, info }) = self.asked.take() {
            context.answer(key, &info, StatusCode::REQUEST_TERMINATED);
        }
    }
}

fn parse(value: &str) -> Option<RecordWish> {
    let wishes = [
        ("on", RecordWish::On),
        ("off", RecordWish::Off),
        ("pause", RecordWish::Pause),
        ("resume", RecordWish::Resume),
    ];
    wishes.into_iter().find(|(word, _)| value.trim().eq_ignore_ascii_case(word)).map(|(_, wish)| wish)
}
