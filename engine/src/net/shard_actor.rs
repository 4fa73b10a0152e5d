//! The actor of one shard: takes calls in, and starts the actor of each.

use std::cell::RefCell;
use std::net::UdpSocket;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, ActorContext, Context, Handler, Message, MessageResult};
use tokio::sync::{mpsc, watch};
use tracing::error;

use super::gauges::Gauges;
use super::ports::PortPool;
use super::shard::{AddressChange, Shard, SharedShard};
use super::stream::Newcomer;
use super::tasks;
use crate::CallId;
use crate::call::{Call, CallActor, CallEvent, CallHandle, Supplies};
use crate::engine::ShardGone;
use crate::media::Recorder;

/// The shell around a shard.
pub(crate) struct ShardActor {
    shard: SharedShard,
    sockets: Vec<UdpSocket>,
    pulse: Pulse,
}

/// Tells, when it is dropped, that the shard is gone. What the shard cannot do without holds it: its actor
/// and its own tasks, so that none of them can end unnoticed.
#[derive(Clone)]
pub(crate) struct Pulse {
    shard: ShardGone,
    gone: watch::Sender<Option<ShardGone>>,
    is_held: bool,
}

impl Pulse {
    pub(crate) fn new(shard: ShardGone, gone: watch::Sender<Option<ShardGone>>) -> Self {
        Self { shard, gone, is_held: true }
    }

    /// Whoever held it ends in good order: the shard goes on without.
    pub(crate) fn let_go(mut self) {
        self.is_held = false;
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        if self.is_held {
            self.gone.send_replace(Some(self.shard));
        }
    }
}

/// Makes a call whose events go to `events`.
pub(crate) struct CreateCall {
    pub(crate) events: mpsc::Sender<Box<CallEvent>>,
    /// The room whose conference its parties may join; it is this shard's.
    pub(crate) room: Option<Arc<str>>,
}

impl Message for CreateCall {
    type Result = CallHandle;
}

/// Has the shard found elsewhere.
pub(crate) struct Readdress(pub(crate) AddressChange);

impl Message for Readdress {
    type Result = ();
}

/// Hands a stream to the shard that has its leg; another gives it back.
pub(crate) struct AdoptStream {
    pub(crate) newcomer: Box<Newcomer>,
}

impl Message for AdoptStream {
    type Result = Result<(), Box<Newcomer>>;
}

impl ShardActor {
    /// A shard with its WebRTC sockets; must be called on its thread.
    pub(crate) fn new(
        supplies: Arc<Supplies>,
        ports: PortPool,
        gauges: Arc<Gauges>,
        sockets: Vec<UdpSocket>,
        recorder: Option<Recorder>,
        pulse: Pulse,
    ) -> Self {
        let shard = Shard::new(supplies, ports, gauges).with_recorder(recorder);
        Self { shard: Rc::new(RefCell::new(shard)), sockets, pulse }
    }
}

impl Actor for ShardActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        tasks::start(&self.shard, &self.pulse);
        for socket in std::mem::take(&mut self.sockets) {
            let reading = self.shard.borrow_mut().add_webrtc_socket(socket);
            match reading {
                Ok(reading) => tasks::read(&self.shard, reading, Some(self.pulse.clone())),
                Err(error) => {
                    error!(%error, "WebRTC socket cannot be registered");
                    return context.stop();
                }
            }
        }
    }
}

impl Handler<CreateCall> for ShardActor {
    type Result = MessageResult<CreateCall>;

    fn handle(&mut self, message: CreateCall, _: &mut Self::Context) -> Self::Result {
        let id = CallId::next();
        let mut shard = self.shard.borrow_mut();
        let mut call = Call::new(id, Arc::clone(&shard.supplies));
        if let Some(room) = message.room {
            call.set_room(room);
        }
        shard.add_call(call, message.events);
        MessageResult(CallActor::start(id, Rc::clone(&self.shard)))
    }
}

impl Handler<Readdress> for ShardActor {
    type Result = ();

    fn handle(&mut self, Readdress(change): Readdress, _: &mut Self::Context) {
        let read = self.shard.borrow_mut().readdress(change, Instant::now());
        match read {
            Ok(Some(reading)) => tasks::read(&self.shard, reading, Some(self.pulse.clone())),
            Ok(None) => {}
            Err(error) => error!(%error, "WebRTC socket cannot be registered"),
        }
    }
}

impl Handler<AdoptStream> for ShardActor {
    type Result = MessageResult<AdoptStream>;

    fn handle(&mut self, message: AdoptStream, _: &mut Self::Context) -> Self::Result {
        let adopted = self.shard.borrow_mut().adopt(message.newcomer, Instant::now());
        MessageResult(adopted.map(|adopted| {
            if let Some(adopted) = adopted {
                tasks::serve_stream(&self.shard, adopted);
            }
        }))
    }
}

/// Breaks a promise of the shard's own.
#[cfg(test)]
pub(crate) struct BreakPromise;

#[cfg(test)]
impl Message for BreakPromise {
    type Result = ();
}

#[cfg(test)]
impl Handler<BreakPromise> for ShardActor {
    type Result = ();

    fn handle(&mut self, _: BreakPromise, _: &mut Self::Context) {
        panic!("a promise of ours is broken")
    }
}
