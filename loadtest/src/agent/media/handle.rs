//! What others hold of one call's media.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use webtrunk_codecs::tone::Digit;

use super::task::{self, Order};
use super::{Heard, MediaConfig, MediaSocket, Sent, Talk, Uplink, Voice};
use crate::agent::sdp::{Agreement, Direction};
use crate::agent::{AgentError, SrtpProfile};

/// The face of the task. When the last clone is gone the task ends.
#[derive(Debug, Clone)]
pub(crate) struct Media {
    orders: mpsc::UnboundedSender<Order>,
    state: watch::Receiver<MediaState>,
}

/// What is worth waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct MediaState {
    /// Media can be sent.
    pub(crate) is_ready: bool,
    /// Audio packets that came.
    pub(crate) heard: usize,
    pub(crate) digits: usize,
    pub(crate) is_pressing: bool,
    pub(crate) is_closed_by_peer: bool,
    pub(crate) failure: Option<&'static str>,
    pub(crate) profile: Option<SrtpProfile>,
}

impl Media {
    pub(crate) fn start(config: MediaConfig) -> Self {
        let (orders, state) = task::start(config);
        Self { orders, state }
    }

    pub(crate) async fn offer(&self, direction: Direction) -> Result<String, AgentError> {
        self.ask(|reply| Order::Offer { direction, reply }).await
    }

    pub(crate) async fn answer(&self, offer: &[u8], direction: Direction) -> Result<String, AgentError> {
        let offer = String::from_utf8_lossy(offer).into_owned();
        self.ask(|reply| Order::Answer { offer, direction, reply }).await?
    }

    pub(crate) async fn accept(&self, answer: &[u8]) -> Result<(), AgentError> {
        let answer = String::from_utf8_lossy(answer).into_owned();
        self.ask(|reply| Order::Accept { answer, reply }).await?
    }

    pub(crate) async fn restart_ice(&self) -> Result<(), AgentError> {
        self.ask(Order::Restart).await?
    }

    /// Media are at other ports of this address from now on.
    ///
    /// # Errors
    /// There are none.
    pub(crate) fn move_to(&self, now_at: IpAddr) -> Result<(), AgentError> {
        let (socket, rtcp_socket) = MediaSocket::bind_pair(now_at).map_err(|source| AgentError::Local {
            what: format!("UDP ports for media at {now_at}"),
            source,
        })?;
        let _ = self.orders.send(Order::Move(socket, rtcp_socket));
        Ok(())
    }

    pub(crate) async fn fragment(&self) -> Result<Option<String>, AgentError> {
        self.ask(Order::Fragment).await
    }

    pub(crate) fn take_candidates(&self, fragment: &str) {
        let _ = self.orders.send(Order::TakeCandidates(fragment.to_owned()));
    }

    pub(crate) fn say(&self, voice: Option<Voice>) {
        let _ = self.orders.send(Order::Say(voice));
    }

    /// Speaks at these times, and stays as it is first until it begins.
    pub(crate) fn talk(&self, talk: Talk) {
        let _ = self.orders.send(Order::Talk(talk));
    }

    pub(crate) fn begin_talk(&self) {
        let _ = self.orders.send(Order::BeginTalk);
    }

    /// Sends each digit back that comes from now on.
    pub(crate) fn return_digits(&self) {
        let _ = self.orders.send(Order::ReturnDigits);
    }

    pub(crate) fn claim_loss(&self, percent: Option<u8>) {
        let _ = self.orders.send(Order::ClaimLoss(percent));
    }

    /// What is sent from now on goes over this network.
    pub(crate) fn send_over(&self, uplink: Uplink) {
        let _ = self.orders.send(Order::SendOver(uplink));
    }

    /// Comes back when all were sent.
    pub(crate) async fn press(&self, digits: Vec<Digit>) -> Result<(), AgentError> {
        self.ask(|reply| Order::Press { digits, reply }).await
    }

    pub(crate) async fn heard(&self) -> Result<Heard, AgentError> {
        self.ask(Order::Heard).await
    }

    pub(crate) async fn sent(&self) -> Result<Sent, AgentError> {
        self.ask(Order::Sent).await
    }

    pub(crate) async fn agreement(&self) -> Result<Option<Agreement>, AgentError> {
        self.ask(Order::Agreement).await
    }

    pub(crate) fn stop(&self, says_goodbye: bool) {
        let _ = self.orders.send(Order::Stop { says_goodbye });
    }

    pub(crate) fn state(&self) -> MediaState {
        *self.state.borrow()
    }

    /// Waits until the state is such.
    pub(crate) async fn wait_for(
        &self,
        limit: Duration,
        what: &'static str,
        is_so: impl FnMut(&MediaState) -> bool,
    ) -> Result<(), AgentError> {
        let mut state = self.state.clone();
        match tokio::time::timeout(limit, state.wait_for(is_so)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(AgentError::Gone),
            Err(_) => Err(AgentError::Waited { what, limit }),
        }
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, AgentError> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).map_err(|_| AgentError::Gone)?;
        answer.await.map_err(|_| AgentError::Gone)
    }
}
