//! The actor of one call: a mailbox in front of a plain struct. Packets never come this way.

use std::time::Instant;

use actix::{Actor, ActorContext, Addr, Context, Handler, Message};

use super::messages::CallCommand;
use super::new_leg::new_leg;
use crate::CallId;
use crate::EndCause;
use crate::call::{CallEvent, LEGS_MAX, LegSpec};
use crate::net::{SharedShard, read};

/// The shell around a call that lives in a shard.
pub(crate) struct CallActor {
    id: CallId,
    shard: SharedShard,
}

/// The cheap face of a call's actor. Commands are carried out in order; what comes of them is told
/// by [`CallEvent`]s. When the call is over, commands go nowhere.
#[derive(Clone)]
pub struct CallHandle {
    id: CallId,
    actor: Addr<CallActor>,
}

impl CallHandle {
    pub(crate) fn new(id: CallId, actor: Addr<CallActor>) -> Self {
        Self { id, actor }
    }

    /// The call's name.
    #[must_use]
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Tells the call to do something. Never waits: what a peer causes comes no faster than its
    /// signalling is parsed, which costs far more than to carry it out.
    pub fn tell(&self, command: CallCommand) {
        self.actor.do_send(command);
    }

    /// Reads the figures of every leg; empty when the call is over.
    pub async fn stats(&self) -> Vec<crate::leg::LegStats> {
        let (reply, stats) = tokio::sync::oneshot::channel();
        self.tell(CallCommand::ReadStats { reply });
        stats.await.unwrap_or_default()
    }
}

impl CallActor {
    pub(crate) fn new(id: CallId, shard: SharedShard) -> Self {
        Self { id, shard }
    }

    fn add_leg(&self, spec: &LegSpec, now: Instant) {
        let mut shard = self.shard.borrow_mut();
        let leg = spec.leg;
        let has_room = shard.with_call(self.id, now, |call, _, _| call.legs().len() < LEGS_MAX) == Some(true);
        let made = if has_room { new_leg(&mut shard, self.id, spec, now) } else { None };
        match made {
            Some((leg, readings)) => {
                shard.add_leg(self.id, leg, now);
                drop(shard);
                for reading in readings {
                    read(&self.shard, reading);
                }
            }
            None => {
                let reason = "no port pair is free, or the call has too many legs".to_owned();
                let event = CallEvent::LegFailed { leg, reason, cause: EndCause::Overloaded };
                shard.with_call(self.id, now, |call, _, _| call.tell(event));
            }
        }
    }
}

impl Actor for CallActor {
    type Context = Context<Self>;
}

impl Message for CallCommand {
    type Result = ();
}

impl Handler<CallCommand> for CallActor {
    type Result = ();

    fn handle(&mut self, command: CallCommand, ctx: &mut Self::Context) {
        let now = Instant::now();
        match command {
            CallCommand::AddLeg(spec) => self.add_leg(&spec, now),
            CallCommand::RemoveLeg { leg } => self.shard.borrow_mut().remove_leg(self.id, leg, now),
            CallCommand::End => self.shard.borrow_mut().remove_call(self.id, EndCause::Hangup, now),
            command => {
                let mut shard = self.shard.borrow_mut();
                shard.with_call(self.id, now, |call, outbox, now| call.obey(command, now, outbox));
                shard.flush();
            }
        }
        if !self.shard.borrow().has_call(self.id) {
            ctx.stop();
        }
    }
}

impl Drop for CallActor {
    /// However the actor ended, by a panic too: its call does not outlive it.
    fn drop(&mut self) {
        if let Ok(mut shard) = self.shard.try_borrow_mut() {
            shard.remove_call(self.id, EndCause::InternalError, Instant::now());
        }
    }
}
