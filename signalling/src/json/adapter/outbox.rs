//! What waits to be sent to one page, within bounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::json::session::{self, Closing};

/// Messages that may wait, and their octets. Chosen by us: what a page gets in a busy minute, and what a slow line carries
/// in some seconds.
const MESSAGES_MAX: usize = 512;
const OCTETS_MAX: usize = 1024 * 1024;

/// A page that comes back is sent all that it missed at once, after the answer with its calls.
const _: () = assert!(MESSAGES_MAX >= session::EVENTS_MAX + 64 && OCTETS_MAX >= 2 * session::OCTETS_MAX);

/// One thing for a page.
#[derive(Debug)]
pub(in crate::json) enum ToPage {
    /// This is sent.
    Text(String),
    /// Who opened the connection has proven who it is.
    Known,
    /// The connection is closed.
    Close(Closing),
}

/// The page does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::json) struct Full;

/// The end that the task fills.
#[derive(Debug)]
pub(in crate::json) struct Outbox {
    sender: Sender<ToPage>,
    octets: Arc<AtomicUsize>,
    /// How often any outbox was full.
    overflows: Arc<AtomicU64>,
}

/// The end that the WebSocket empties.
#[derive(Debug)]
pub(in crate::json) struct Outgoing {
    receiver: Receiver<ToPage>,
    octets: Arc<AtomicUsize>,
}

impl Outbox {
    /// Both ends; that there was no room is counted at `overflows`.
    pub(in crate::json) fn channel(overflows: &Arc<AtomicU64>) -> (Self, Outgoing) {
        let (sender, receiver) = mpsc::channel(MESSAGES_MAX);
        let octets = Arc::new(AtomicUsize::new(0));
        let (own, overflows) = (Arc::clone(&octets), Arc::clone(overflows));
        (Self { sender, octets: own, overflows }, Outgoing { receiver, octets })
    }

    /// Puts something in.
    ///
    /// # Errors
    /// [`Full`], or the connection is gone.
    pub(in crate::json) fn push(&self, message: ToPage) -> Result<(), Full> {
        if let ToPage::Text(text) = &message
            && self.octets.fetch_add(text.len(), Ordering::Relaxed) + text.len() > OCTETS_MAX
        {
            return Err(self.full());
        }
        self.sender.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => self.full(),
            TrySendError::Closed(_) => Full,
        })
    }

    fn full(&self) -> Full {
        self.overflows.fetch_add(1, Ordering::Relaxed);
        Full
    }
}

impl Outgoing {
    /// The next of it; `None` where the task has let the connection go.
    pub(super) async fn next(&mut self) -> Option<ToPage> {
        let message = self.receiver.recv().await;
        if let Some(ToPage::Text(text)) = &message {
            self.octets.fetch_sub(text.len(), Ordering::Relaxed);
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_that_does_not_read_fills_its_outbox_by_messages_or_by_octets() {
        let overflows = Arc::default();
        let (outbox, mut outgoing) = Outbox::channel(&overflows);
        for _ in 0..MESSAGES_MAX {
            outbox.push(ToPage::Known).expect("there is room");
        }
        assert_eq!(outbox.push(ToPage::Known), Err(Full));
        outgoing.next().await.expect("one of them");
        outbox.push(ToPage::Known).expect("there is room again");

        let (outbox, mut outgoing) = Outbox::channel(&overflows);
        let half = || ToPage::Text("x".repeat(OCTETS_MAX / 2));
        outbox.push(half()).expect("there is room");
        outbox.push(half()).expect("there is room");
        assert_eq!(outbox.push(ToPage::Text("x".to_owned())), Err(Full));
        outgoing.next().await.expect("one of them");
        outgoing.next().await.expect("the other");
        assert_eq!(overflows.load(Ordering::Relaxed), 2);

        drop(outgoing);
        assert_eq!(outbox.push(ToPage::Known), Err(Full), "nobody is there");
        assert_eq!(overflows.load(Ordering::Relaxed), 2, "who is gone reads nothing, and fills nothing");
    }
}
