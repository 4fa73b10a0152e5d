//! The handles of calls: one being dialled, one coming in, one that is up.

use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use webtrunk_codecs::CodecId;
use webtrunk_codecs::tone::Digit;

use super::call_task::Order;
use super::media::{Media, MediaState};
use super::sdp::Direction;
use super::{AgentError, Heard, RemoteDescription, Sent, SrtpProfile, Voice};

/// How far a call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallProgress {
    /// Nothing but 100 was heard, or nothing was answered yet.
    Calling,
    /// The other end said this provisional status.
    Ringing {
        /// 180, 183 and the like.
        status: u16,
        /// It described early media.
        has_media: bool,
    },
    /// Answered.
    Up,
    /// Over.
    Ended(CallEnd),
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallEnd {
    /// We hung up or gave up.
    ByUs,
    /// The other end hung up; what its Reason field said.
    ByPeer {
        /// The Reason field, if there was one.
        reason: Option<String>,
    },
    /// The caller gave up before an answer.
    Cancelled,
    /// It was refused with this status, by either end.
    Refused {
        /// The status code.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
    /// It broke; why.
    Broken(String),
}

/// A call that is being dialled. Dropped before an answer, it is cancelled.
#[derive(Debug)]
pub struct Dialing {
    call: Call,
}

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

/// A call. Dropped, it is hung up.
#[derive(Debug)]
pub struct Call {
    pub(super) orders: mpsc::UnboundedSender<Order>,
    pub(super) progress: watch::Receiver<CallProgress>,
    pub(super) facts: watch::Receiver<Facts>,
    pub(super) media: Media,
}

/// What is known of a call beside its progress.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) call_id: String,
    pub(super) invited_at: Option<SystemTime>,
    pub(super) answered_at: Option<SystemTime>,
    pub(super) remote: Option<RemoteDescription>,
    /// Provisional statuses in their order.
    pub(super) provisional: Vec<u16>,
    pub(super) info_digits: String,
}

/// How long signalling may take where nobody has to lift a receiver.
const SIGNALLING_MAX: Duration = Duration::from_secs(35);

impl Dialing {
    pub(super) const fn new(call: Call) -> Self {
        Self { call }
    }

    /// Waits until it rings, is answered or ends; tells how far it is.
    ///
    /// # Errors
    /// Nothing happened in that time.
    pub async fn ringing(&self, limit: Duration) -> Result<CallProgress, AgentError> {
        self.call.wait_for("ringing", limit, |it| *it != CallProgress::Calling).await
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> CallProgress {
        self.call.progress()
    }

    /// What comes before the answer.
    ///
    /// # Errors
    /// The call broke.
    pub async fn heard(&self) -> Result<Heard, AgentError> {
        self.call.heard().await
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// The call was refused or broke, or nobody answered in that time: then it is cancelled.
    pub async fn answered(self, limit: Duration) -> Result<Call, AgentError> {
        let is_settled = |it: &CallProgress| matches!(it, CallProgress::Up | CallProgress::Ended(_));
        match self.call.wait_for("an answer", limit, is_settled).await? {
            CallProgress::Ended(end) => Err(end.into_error()),
            _ => Ok(self.call),
        }
    }

    /// Gives up, and tells how the call ended: a 200 may have crossed the CANCEL.
    ///
    /// # Errors
    /// The other end never said that it is over.
    pub async fn cancel(self) -> Result<CallEnd, AgentError> {
        self.call.hang_up().await
    }
}

impl Incoming {
    pub(super) fn new(call: Call, invite: &webtrunk_signalling::sip::message::Request) -> Self {
        let (to, from) = (invite.headers.to().ok(), invite.headers.from().ok());
        let user = |address: Option<&webtrunk_signalling::sip::message::NameAddr>| {
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

impl Call {
    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> CallProgress {
        self.progress.borrow().clone()
    }

    /// The Call-ID on this side.
    #[must_use]
    pub fn call_id(&self) -> String {
        self.facts.borrow().call_id.clone()
    }

    /// When the INVITE was sent or came; of one that was challenged, the one with credentials.
    #[must_use]
    pub fn invited_at(&self) -> Option<SystemTime> {
        self.facts.borrow().invited_at
    }

    /// When the answer came or was given.
    #[must_use]
    pub fn answered_at(&self) -> Option<SystemTime> {
        self.facts.borrow().answered_at
    }

    /// The other end's latest description.
    #[must_use]
    pub fn remote_description(&self) -> Option<RemoteDescription> {
        self.facts.borrow().remote.clone()
    }

    /// The provisional statuses before the answer.
    #[must_use]
    pub fn provisional_statuses(&self) -> Vec<u16> {
        self.facts.borrow().provisional.clone()
    }

    /// The digits that came by INFO.
    #[must_use]
    pub fn info_digits(&self) -> String {
        self.facts.borrow().info_digits.clone()
    }

    /// What was heard so far.
    ///
    /// # Errors
    /// The agent's task has died.
    pub async fn heard(&self) -> Result<Heard, AgentError> {
        self.media.heard().await
    }

    /// What was sent so far.
    ///
    /// # Errors
    /// The agent's task has died.
    pub async fn sent(&self) -> Result<Sent, AgentError> {
        self.media.sent().await
    }

    /// The codec that we send; `None` before there is one.
    pub async fn codec(&self) -> Option<CodecId> {
        self.media.agreement().await.ok().flatten().map(|it| it.codec)
    }

    /// Our direction as agreed; `None` before there is one.
    pub async fn direction(&self) -> Option<Direction> {
        self.media.agreement().await.ok().flatten().map(|it| it.direction)
    }

    /// How packets are encrypted; `None` for plain RTP and before DTLS is through.
    #[must_use]
    pub fn srtp_profile(&self) -> Option<SrtpProfile> {
        self.media.state().profile
    }

    /// Waits until media can be sent: at once for plain RTP, after ICE and DTLS for WebRTC.
    ///
    /// # Errors
    /// It could not in that time.
    pub async fn media_ready(&self, limit: Duration) -> Result<(), AgentError> {
        let is_settled = |it: &MediaState| it.is_ready || it.failure.is_some();
        self.media.wait_for(limit, "the media connection", is_settled).await?;
        self.media.state().failure.map_or(Ok(()), |why| Err(AgentError::Library(why.to_owned())))
    }

    /// Waits until so many audio packets came in all.
    ///
    /// # Errors
    /// They did not in that time.
    pub async fn heard_packets(&self, count: usize, limit: Duration) -> Result<(), AgentError> {
        self.media.wait_for(limit, "audio", |it| it.heard >= count).await
    }

    /// Waits until so many digits came in all.
    ///
    /// # Errors
    /// They did not in that time.
    pub async fn heard_digits(&self, count: usize, limit: Duration) -> Result<(), AgentError> {
        self.media.wait_for(limit, "digits", |it| it.digits >= count).await
    }

    /// Waits until the other end closed the media connection (DTLS close_notify).
    ///
    /// # Errors
    /// It did not in that time.
    pub async fn media_closed(&self, limit: Duration) -> Result<(), AgentError> {
        self.media.wait_for(limit, "the end of the media connection", |it| it.is_closed_by_peer).await
    }

    /// Says something else from now on; `None` is silence, in which no packet is sent.
    pub fn say(&self, voice: Option<Voice>) {
        self.media.say(voice);
    }

    /// Presses digits as RFC 4733 events, and waits until they are sent.
    ///
    /// # Errors
    /// A character is no key, or the call has ended.
    pub async fn send_digits(&self, digits: &str) -> Result<(), AgentError> {
        self.media.press(parse_digits(digits)?).await
    }

    /// Sends one digit as INFO (`application/dtmf-relay`).
    ///
    /// # Errors
    /// It is no key, or the other end refused it.
    pub async fn send_info_digit(&self, digit: char) -> Result<(), AgentError> {
        parse_digits(&digit.to_string())?;
        self.ask(|reply| Order::Info(digit, reply)).await
    }

    /// Puts the other end on hold: a re-INVITE that offers `sendonly`.
    ///
    /// # Errors
    /// The other end refused it.
    pub async fn hold(&self) -> Result<(), AgentError> {
        self.change(Direction::SendOnly).await
    }

    /// Takes the other end back.
    ///
    /// # Errors
    /// The other end refused it.
    pub async fn resume(&self) -> Result<(), AgentError> {
        self.change(Direction::SendRecv).await
    }

    /// Offers another direction in a re-INVITE.
    ///
    /// # Errors
    /// The other end refused it.
    pub async fn change(&self, direction: Direction) -> Result<(), AgentError> {
        self.ask(|reply| Order::Change(direction, reply)).await
    }

    /// Hangs up and waits until that is confirmed.
    ///
    /// # Errors
    /// The other end never confirmed.
    pub async fn hang_up(&self) -> Result<CallEnd, AgentError> {
        let _ = self.orders.send(Order::HangUp);
        self.ended(SIGNALLING_MAX).await
    }

    /// Vanishes without a word, like a browser that was killed: neither BYE nor close_notify.
    pub fn vanish(self) {
        self.media.stop(false);
        let _ = self.orders.send(Order::Vanish);
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// It did not end in that time.
    pub async fn ended(&self, limit: Duration) -> Result<CallEnd, AgentError> {
        let is_over = |it: &CallProgress| matches!(it, CallProgress::Ended(_));
        match self.wait_for("the end of the call", limit, is_over).await? {
            CallProgress::Ended(end) => Ok(end),
            _ => Err(AgentError::Gone),
        }
    }

    async fn wait_for(
        &self,
        what: &'static str,
        limit: Duration,
        is_so: impl Fn(&CallProgress) -> bool,
    ) -> Result<CallProgress, AgentError> {
        let mut progress = self.progress.clone();
        let waited = tokio::time::timeout(limit, progress.wait_for(is_so)).await;
        let progress = waited.map_err(|_| AgentError::Waited { what, limit })?;
        progress.map(|it| it.clone()).map_err(|_| AgentError::Gone)
    }

    async fn ask<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, AgentError>>) -> Order,
    ) -> Result<T, AgentError> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).map_err(|_| AgentError::Gone)?;
        answer.await.map_err(|_| AgentError::Gone)?
    }
}

impl CallEnd {
    fn into_error(self) -> AgentError {
        match self {
            Self::Refused { status, reason } => AgentError::Refused { status, reason },
            _ => AgentError::Gone,
        }
    }
}

fn parse_digits(text: &str) -> Result<Vec<Digit>, AgentError> {
    let digits: Option<Vec<_>> = text.chars().map(Digit::parse).collect();
    digits.ok_or_else(|| AgentError::Digits(text.to_owned()))
}
