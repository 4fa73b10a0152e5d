//! Events on their way to the gateway: none is lost, and nobody waits for a gateway that is behind.

use std::collections::{BTreeSet, VecDeque};

use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use webtrunk_engine::{EndCause, LegId};

use super::{Command, Delivery, Event};

/// How many events may wait before new calls are refused. Chosen by us: seconds of a busy gateway.
const BACKLOG_MAX: usize = 1024;

/// The events that the gateway has not taken yet.
#[derive(Debug)]
pub struct Outlet {
    events: Sender<Event>,
    waiting: VecDeque<Event>,
    /// Calls of which the gateway was not told, while they end.
    untold: BTreeSet<LegId>,
}

impl Outlet {
    /// Into the channel that [`Adapter::start`](super::Adapter::start) gets.
    #[must_use]
    pub const fn new(events: Sender<Event>) -> Self {
        Self { events, waiting: VecDeque::new(), untold: BTreeSet::new() }
    }

    /// Reports an event, in its order. A new call or message is not reported where so many wait that the gateway cannot take
    /// another: the command comes back by which the adapter refuses it, as if the gateway had said so.
    #[must_use = "a refusal is to be obeyed"]
    pub fn report(&mut self, event: Event) -> Option<Command> {
        let leg = event.leg();
        match &event {
            Event::Incoming(_) | Event::Supervising(_) if self.is_full() => {
                self.untold.insert(leg);
                return Some(Command::Hangup { leg, cause: EndCause::Overloaded });
            }
            Event::Texted(_) if self.is_full() => {
                return Some(Command::AnswerText { leg, delivery: Delivery::Failed(EndCause::Overloaded) });
            }
            // It is counted; a record would have to wait with all else.
            Event::Refused(_) if self.is_full() => {}
            Event::Ended { .. } if self.untold.remove(&leg) => {}
            _ if self.untold.contains(&leg) => {}
            _ => self.waiting.push_back(event),
        }
        None
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= BACKLOG_MAX
    }

    /// Whether the gateway has all of them.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Hands over as much as the gateway takes at once.
    pub fn flush(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    return;
                }
                // The gateway is gone, and its commands with it: the task ends by that.
                Err(TrySendError::Closed(_)) => self.waiting.clear(),
            }
        }
    }

    /// Waits until the gateway takes one of the waiting events, and hands that over. Pending for ever
    /// where none waits; one turn of [`Work::next`](super::Work::next).
    pub async fn hand_over(&mut self) {
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
    use std::sync::Arc;

    use tokio::sync::mpsc;

    use super::*;
    use crate::adapter::RefusedCall;
    use crate::adapter::{Origin, Party};

    fn ended(leg: LegId) -> Event {
        Event::Ended { leg, cause: EndCause::Hangup }
    }

    #[tokio::test]
    async fn a_gateway_that_is_behind_gets_all_events_in_their_order() {
        let legs: Vec<LegId> = (0..BACKLOG_MAX + 4).map(|_| LegId::next()).collect();
        let (sender, mut receiver) = mpsc::channel(4);
        let mut outlet = Outlet::new(sender);
        for leg in &legs {
            assert!(outlet.report(ended(*leg)).is_none());
        }
        outlet.flush();
        assert!(outlet.is_full(), "four are with the gateway, the rest waits");
        let refused = RefusedCall {
            leg: LegId::next(),
            origin: Origin::User("alice".into()),
            caller: Party::default(),
            destination: "1".into(),
            listener: Arc::from("udp"),
            cause: EndCause::Overloaded,
        };
        assert!(outlet.report(Event::Refused(Box::new(refused))).is_none(), "it is not told");
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
        assert!(outlet.report(ended(LegId::next())).is_none());
        outlet.hand_over().await;
        assert!(outlet.is_empty());
    }
}
