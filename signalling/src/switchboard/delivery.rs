//! The task of one message out of calls: a courier between the dial plan and the adapters.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{mpsc, watch};
use webtrunk_engine::{EndCause, LegId};

use super::till::may_write;
use super::{Legs, MAILBOX, Switchboard, Told};
use crate::adapter::{Command, Delivery, Event, Text};
use crate::b2bua::{Courier, Effect, Input};
use crate::routing::Query;

impl Switchboard {
    /// One message, until its writer is answered.
    pub(super) async fn deliver(
        self: Arc<Self>,
        adapter: &'static str,
        text: Box<Text>,
        mut stopping: watch::Receiver<bool>,
    ) {
        let span = text.span.clone();
        let (inbox, mut sent) = mpsc::channel(MAILBOX);
        let mut sendings = Sendings { legs: &self.legs, own: Vec::new() };
        let house = self.house();
        let decision = house.route(&Query::of_text(&text, SystemTime::now()));
        let directory = house.directory.as_ref();
        let mut courier = span.in_scope(|| Courier::new(*text, adapter, decision, directory));
        if *stopping.borrow() {
            courier.give_up(EndCause::ShuttingDown);
        }
        loop {
            while let Some(effect) = courier.poll_effect() {
                if let Effect::Signal { command: Command::SendText(text), .. } = &effect
                    && !may_write(text.on_behalf_of.as_deref(), &text.target, directory)
                {
                    let failed = Delivery::Failed(EndCause::Forbidden);
                    span.in_scope(|| courier.handle_sent(text.leg, failed, directory));
                    continue;
                }
                if let Some((leg, _)) = effect.dialled_leg() {
                    sendings.add(leg, inbox.clone());
                }
                if let Effect::Signal { adapter, command } = effect {
                    self.command(adapter, command).await;
                }
            }
            if courier.is_over() {
                break;
            }
            tokio::select! {
                // The sender half is kept here, so the channel never closes.
                Some(input) = sent.recv() => if let Input::Signal(Event::TextSent { leg, delivery }) = *input {
                    span.in_scope(|| courier.handle_sent(leg, delivery, directory));
                },
                _ = stopping.changed() => courier.give_up(EndCause::ShuttingDown),
            }
        }
    }
}

/// The sendings of one message.
struct Sendings<'a> {
    legs: &'a Legs,
    own: Vec<LegId>,
}

impl Sendings<'_> {
    fn add(&mut self, leg: LegId, inbox: mpsc::Sender<Told>) {
        self.legs.add(leg, inbox);
        self.own.push(leg);
    }
}

impl Drop for Sendings<'_> {
    fn drop(&mut self) {
        self.own.iter().for_each(|leg| self.legs.remove(*leg));
    }
}
