//! A call that is up, or was.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use webtrunk_codecs::CodecId;
use webtrunk_codecs::tone::Digit;

use super::{CallEnd, CallProgress, Facts};
use crate::agent::call_task::Order;
use crate::agent::media::{Media, MediaState};
use crate::agent::sdp::Direction;
use crate::agent::{AgentError, Heard, RemoteDescription, Sent, SrtpProfile, Voice};

/// A call. Dropped, it is hung up.
#[derive(Debug)]
pub struct Call {
    pub(in crate::agent) orders: mpsc::UnboundedSender<Order>,
    pub(in crate::agent) progress: watch::Receiver<CallProgress>,
    pub(in crate::agent) facts: watch::Receiver<Facts>,
    pub(in crate::agent) media: Media,
}

/// How long signalling may take where nobody has to lift a receiver.
const SIGNALLING_MAX: Duration = Duration::from_secs(35);

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

    /// The fragments of its description by which the other end told of candidates later (RFC 8840).
    #[must_use]
    pub fn told_fragments(&self) -> Vec<String> {
        self.facts.borrow().fragments.clone()
    }

    /// The digits that came by signalling: by INFO, or as events of the JSON API.
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

    /// Goes on from the first of the times at which it speaks.
    pub fn begin_talk(&self) {
        self.media.begin_talk();
    }

    /// Reports so much loss of what comes from now on, in percent, every second; `None` reports what there is.
    pub fn claim_loss(&self, percent: Option<u8>) {
        self.media.claim_loss(percent);
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

    /// Asks for the recording to be changed: INFO with a `Record` header of this value.
    ///
    /// # Errors
    /// The other end refused it.
    pub async fn ask_to_record(&self, wish: &'static str) -> Result<(), AgentError> {
        self.ask(|reply| Order::Record(wish, reply)).await
    }

    /// Has the other end go on with a user or number at the server, or at a SIP URI (RFC 3515).
    ///
    /// # Errors
    /// The other end refused it.
    pub async fn transfer(&self, to: &str) -> Result<(), AgentError> {
        self.ask(|reply| Order::Refer(to.to_owned(), reply)).await
    }

    /// Has the other end go on with that of another call of ours, in our place (RFC 3891).
    ///
    /// # Errors
    /// The other end refused it.
    pub async fn put_through(&self, other: &Self) -> Result<(), AgentError> {
        let target = other.facts.borrow().replacing.clone();
        self.transfer(&target).await
    }

    /// How a transfer that we asked for went: the statuses that we were told.
    #[must_use]
    pub fn transfer_statuses(&self) -> Vec<u16> {
        self.facts.borrow().transfer_statuses.clone()
    }

    /// How often we refreshed the session, and the other end agreed.
    #[must_use]
    pub fn refreshes(&self) -> u32 {
        self.facts.borrow().refreshes
    }

    /// Tells of our candidate, which our description has left out: INFO with a fragment of it (RFC 8840).
    ///
    /// # Errors
    /// The call has no ICE, or the other end refused it.
    pub async fn trickle(&self) -> Result<(), AgentError> {
        let fragment = self.fragment().await?;
        self.trickle_fragment(fragment).await
    }

    /// The fragment with which [`Self::trickle`] tells of our candidate.
    ///
    /// # Errors
    /// The call has no ICE.
    pub async fn fragment(&self) -> Result<String, AgentError> {
        let fragment = self.media.fragment().await?;
        fragment.ok_or_else(|| AgentError::Library("the call has no ICE".to_owned()))
    }

    /// As [`Self::trickle`], with another fragment.
    ///
    /// # Errors
    /// The other end refused it.
    pub async fn trickle_fragment(&self, fragment: String) -> Result<(), AgentError> {
        self.ask(|reply| Order::Fragment(fragment, reply)).await
    }

    /// Loses the network of its media: nothing comes and goes until ICE restarts, by either side, at another
    /// port of this address. Without ICE, the next description tells of that.
    ///
    /// # Errors
    /// There is no port.
    pub fn lose_network(&self, now_at: IpAddr) -> Result<(), AgentError> {
        self.media.move_to(now_at)
    }

    /// Restarts ICE by a re-INVITE.
    ///
    /// # Errors
    /// The call has no ICE, or the other end refused it.
    pub async fn restart_ice(&self) -> Result<(), AgentError> {
        self.media.restart_ice().await?;
        self.change(Direction::SendRecv).await
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
        self.go_silent();
    }

    /// The same, and what was heard can still be asked for.
    pub fn go_silent(&self) {
        self.media.stop(false);
        let _ = self.orders.send(Order::Vanish);
    }

    /// Waits for the end, without a hold on this call; `None` where its task has died.
    pub(crate) fn over(&self) -> impl Future<Output = Option<CallEnd>> + Send + 'static {
        let mut progress = self.progress.clone();
        async move {
            let over = progress.wait_for(|it| matches!(it, CallProgress::Ended(_))).await.ok()?;
            match &*over {
                CallProgress::Ended(end) => Some(end.clone()),
                _ => None,
            }
        }
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

    pub(super) async fn wait_for(
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

    pub(super) async fn ask<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, AgentError>>) -> Order,
    ) -> Result<T, AgentError> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).map_err(|_| AgentError::Gone)?;
        answer.await.map_err(|_| AgentError::Gone)?
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // The task hangs up or cancels; an ended one does not hear it.
        let _ = self.orders.send(Order::HangUp);
    }
}

fn parse_digits(text: &str) -> Result<Vec<Digit>, AgentError> {
    let digits: Option<Vec<_>> = text.chars().map(Digit::parse).collect();
    digits.ok_or_else(|| AgentError::Digits(text.to_owned()))
}
