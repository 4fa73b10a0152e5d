//! The actor of one shard: takes calls in, and starts the actor of each.

use std::cell::RefCell;
use std::net::UdpSocket;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Context, Handler, Message, MessageResult};
use tokio::sync::mpsc;
use tracing::error;

use super::gauges::Gauges;
use super::ports::PortPool;
use super::shard::{Shard, SharedShard};
use super::tasks;
use crate::CallId;
use crate::call::{Call, CallActor, CallEvent, CallHandle, Supplies};

/// The shell around a shard.
pub(crate) struct ShardActor {
    shard: SharedShard,
    sockets: Vec<UdpSocket>,
}

/// Makes a call whose events go to `events`.
pub(crate) struct CreateCall {
    pub(crate) events: mpsc::Sender<CallEvent>,
}

impl Message for CreateCall {
    type Result = CallHandle;
}

impl ShardActor {
    /// A shard with its WebRTC sockets; must be called on its thread.
    pub(crate) fn new(
        supplies: Arc<Supplies>,
        ports: PortPool,
        gauges: Arc<Gauges>,
        sockets: Vec<UdpSocket>,
    ) -> Self {
        Self { shard: Rc::new(RefCell::new(Shard::new(supplies, ports, gauges))), sockets }
    }
}

impl Actor for ShardActor {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        tasks::start(&self.shard);
        for socket in std::mem::take(&mut self.sockets) {
            let reading = self.shard.borrow_mut().add_webrtc_socket(socket);
            match reading {
                Ok(reading) => tasks::read(&self.shard, reading),
                Err(error) => error!(%error, "WebRTC socket cannot be registered"),
            }
        }
    }
}

impl Handler<CreateCall> for ShardActor {
    type Result = MessageResult<CreateCall>;

    fn handle(&mut self, message: CreateCall, _: &mut Self::Context) -> Self::Result {
        let id = CallId::next();
        let mut shard = self.shard.borrow_mut();
        let call = Call::new(id, Arc::clone(&shard.supplies));
        shard.add_call(call, message.events);
        MessageResult(CallActor::start(id, Rc::clone(&self.shard)))
    }
}
