//! Events on their way to the gateway: none is lost, and nobody waits for a gateway that is behind.

use std::collections::VecDeque;

use tokio::sync::mpsc::Sender;

use crate::adapter::Event;

/// How many events may wait before new calls are refused. Chosen by us: seconds of a busy gateway.
const BACKLOG_MAX: usize = 1024;

/// The events that the gateway has not taken yet.
#[derive(Debug)]
pub(crate) struct Outlet {
    events: Sender<Event>,
    waiting: VecDeque<Event>,
}

impl Outlet {
    pub(crate) const fn new(events: Sender<Event>) -> Self {
        Self { events, waiting: VecDeque::new() }
    }

    /// Reports an event, in its order.
    pub(crate) fn push(&mut self, event: Event) {
        self.waiting.push_back(event);
    }

    /// Whether the gateway is so far behind that it cannot take another call.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= BACKLOG_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Hands over as much as the gateway takes at once.
    pub(crate) fn flush(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(tokio::sync::mpsc::error::TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    return;
                }
                // The gateway is gone, and its commands with it: the task ends by that.
                Err(tokio::sync::mpsc::error::TrySendError::Closed(_)) => self.waiting.clear(),
            }
        }
    }

    /// Waits until the gateway takes one of the waiting events, and hands that over. Pending for ever
    /// where none waits.
    pub(crate) async fn hand_over(&mut self) {
        if self.waiting.is_empty() {
            std::future::pending::<()>().await;
        }
        match self.events.reserve().await {
            Ok(permit) => {
                if let Some(event) = self.waiting.pop_front() {
                    permit.send(event);
                }
            }
            Err(_) => self.waiting.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use webtrunk_engine::{EndCause, LegId};

    use super::*;

    #[tokio::test]
    async fn a_gateway_that_is_behind_gets_all_events_in_their_order() {
        let legs: Vec<LegId> = (0..BACKLOG_MAX + 4).map(|_| LegId::next()).collect();
        let (sender, mut receiver) = mpsc::channel(4);
        let mut outlet = Outlet::new(sender);
        for leg in &legs {
            outlet.push(Event::Ended { leg: *leg, cause: EndCause::Hangup });
        }
        outlet.flush();
        assert!(outlet.is_full(), "four are with the gateway, the rest waits");
        for (taken, leg) in legs.iter().enumerate() {
            let Some(Event::Ended { leg: told, .. }) = receiver.recv().await else {
                panic!("the next event")
            };
            assert_eq!(told, *leg);
            if taken + 4 < legs.len() {
                outlet.hand_over().await;
            }
        }
        assert!(outlet.is_empty());
    }

    #[tokio::test]
    async fn without_a_gateway_nothing_waits() {
        let (sender, receiver) = mpsc::channel(1);
        let mut outlet = Outlet::new(sender);
        drop(receiver);
        outlet.push(Event::Ended { leg: LegId::next(), cause: EndCause::Hangup });
        outlet.hand_over().await;
        assert!(outlet.is_empty());
    }
}
