//! The media of one call of a page: what a browser's peer connection is.

use std::net::IpAddr;
use std::time::Duration;

use crate::agent::media::{Media, MediaState};
use crate::agent::sdp::Direction;
use crate::agent::{AgentError, Heard, WebrtcConfig};

/// Media of one call, which something else signals. Dropped, it vanishes.
#[derive(Debug)]
pub struct PageMedia(Media);

impl PageMedia {
    /// Opens it; of the configuration what is about media counts.
    ///
    /// # Errors
    /// There is no port.
    pub fn open(config: &WebrtcConfig) -> Result<Self, AgentError> {
        config.open_media().map(Self)
    }

    /// Makes an offer.
    ///
    /// # Errors
    /// The media has ended.
    pub async fn offer(&self, direction: Direction) -> Result<String, AgentError> {
        self.0.offer(direction).await
    }

    /// Takes the answer to it.
    ///
    /// # Errors
    /// It is of no use.
    pub async fn accept(&self, answer: &str) -> Result<(), AgentError> {
        self.0.accept(answer.as_bytes()).await
    }

    /// Answers an offer.
    ///
    /// # Errors
    /// It is of no use.
    pub async fn answer(&self, offer: &str) -> Result<String, AgentError> {
        self.0.answer(offer.as_bytes(), Direction::SendRecv).await
    }

    /// Loses its network: from now on it sends and receives at another address.
    ///
    /// # Errors
    /// There is no port.
    pub fn lose_network(&self, now_at: IpAddr) -> Result<(), AgentError> {
        self.0.move_to(now_at)
    }

    /// Has the next offer restart ICE.
    ///
    /// # Errors
    /// The media has ended.
    pub async fn restart_ice(&self) -> Result<(), AgentError> {
        self.0.restart_ice().await
    }

    /// The candidate as a fragment of a description (RFC 8840 9).
    ///
    /// # Errors
    /// The media has ended.
    pub async fn fragment(&self) -> Result<Option<String>, AgentError> {
        self.0.fragment().await
    }

    /// Takes candidates that the gateway told after its description, in a fragment of it (RFC 8840 9).
    pub fn take_candidates(&self, fragment: &str) {
        self.0.take_candidates(fragment);
    }

    /// Waits until media can be sent.
    ///
    /// # Errors
    /// It could not in that time.
    pub async fn ready(&self, limit: Duration) -> Result<(), AgentError> {
        let is_settled = |it: &MediaState| it.is_ready || it.failure.is_some();
        self.0.wait_for(limit, "the media connection", is_settled).await?;
        self.0.state().failure.map_or(Ok(()), |why| Err(AgentError::Library(why.to_owned())))
    }

    /// Waits until so many audio packets came in all.
    ///
    /// # Errors
    /// They did not in that time.
    pub async fn heard_packets(&self, count: usize, limit: Duration) -> Result<(), AgentError> {
        self.0.wait_for(limit, "audio", |it| it.heard >= count).await
    }

    /// What was heard so far.
    ///
    /// # Errors
    /// The media has ended.
    pub async fn heard(&self) -> Result<Heard, AgentError> {
        self.0.heard().await
    }

    /// Closes it, as a peer connection is closed.
    pub fn close(self) {
        self.0.stop(true);
    }

    /// Vanishes without a word, as with a tab that is reloaded.
    pub fn vanish(self) {
        self.0.stop(false);
    }
}
