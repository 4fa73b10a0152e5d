//! A call that came in.

use std::time::Duration;

use webtrunk_signalling::sip::message::{NameAddr, Request};

use super::{Call, CallEnd};
use crate::agent::call_task::Order;
use crate::agent::{AgentError, RemoteDescription, Talk, Uplink, Voice};

/// A call that came in and waits to be answered. Dropped, it is refused with 480.
#[derive(Debug)]
pub struct Incoming {
    call: Call,
    /// The user that was called, from To.
    pub to: String,
    /// The user that calls, from From.
    pub from: String,
    /// The name shown for who calls.
    pub from_name: String,
    /// The whole INVITE, as text.
    pub invite: String,
    /// What it offered, if anything.
    pub offer: Option<RemoteDescription>,
}

impl Incoming {
    pub(in crate::agent) fn new(call: Call, invite: &Request) -> Self {
        let (to, from) = (invite.headers.to().ok(), invite.headers.from().ok());
        let user = |address: Option<&NameAddr>| {
            address.and_then(|it| it.uri.user_unescaped()).unwrap_or_default().into_owned()
        };
        let body = String::from_utf8_lossy(&invite.body);
        Self {
            call,
            to: invite.uri.user_unescaped().map_or_else(|| user(to.as_ref()), |it| it.into_owned()),
            from: user(from.as_ref()),
            from_name: from.and_then(|it| it.display_name).unwrap_or_default().to_string(),
            invite: String::from_utf8_lossy(&invite.to_bytes()).into_owned(),
            offer: RemoteDescription::parse(&body).ok(),
        }
    }

    /// A call that came to a page; the offer stands in place of the INVITE.
    pub(in crate::agent) fn of_page(
        call: Call,
        to: String,
        from: String,
        from_name: String,
        offer: &str,
    ) -> Self {
        let description = RemoteDescription::parse(offer).ok();
        Self { call, to, from, from_name, invite: offer.to_owned(), offer: description }
    }

    /// Says 180 without a description.
    pub fn ring(&self) {
        let _ = self.call.orders.send(Order::Ring);
    }

    /// Says 183 with a description and sends media before the answer.
    ///
    /// # Errors
    /// The offer is of no use.
    pub async fn early_media(&self) -> Result<(), AgentError> {
        self.call.ask(Order::EarlyMedia).await
    }

    /// Says this as soon as there is media.
    pub fn say(&self, voice: Option<Voice>) {
        self.call.say(voice);
    }

    /// Speaks at these times; the first lasts until [`Call::begin_talk`].
    pub fn talk(&self, talk: Talk) {
        self.call.media.talk(talk);
    }

    /// What is sent goes over this network.
    pub fn send_over(&self, uplink: Uplink) {
        self.call.media.send_over(uplink);
    }

    /// Sends each digit back that comes.
    pub fn return_digits(&self) {
        self.call.media.return_digits();
    }

    /// Lifts the receiver.
    ///
    /// # Errors
    /// The offer is of no use, or the call has ended already.
    pub async fn answer(self) -> Result<Call, AgentError> {
        self.call.ask(Order::Answer).await?;
        Ok(self.call)
    }

    /// Refuses with this status, 300 to 699.
    ///
    /// # Errors
    /// The call has ended already.
    pub async fn reject(self, status: u16) -> Result<(), AgentError> {
        self.call.ask(|reply| Order::Reject(status, reply)).await
    }

    /// Waits until the caller gives up.
    ///
    /// # Errors
    /// It did not.
    pub async fn ended(&mut self, limit: Duration) -> Result<CallEnd, AgentError> {
        self.call.ended(limit).await
    }
}
