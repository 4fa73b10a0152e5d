//! The actor of one call: a mailbox in front of a plain struct. Packets never come this way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::dev::SendError;
use actix::{Actor, ActorContext, Addr, Context, Handler, Message};
use tracing::error;

use super::messages::CallCommand;
use super::new_leg::new_leg;
use crate::CallId;
use crate::EndCause;
use crate::call::{CallEvent, LEGS_MAX, LegSpec};
use crate::net::{SharedShard, read};

/// Commands of one call that may wait. A call gets a handful a second, and a burst of some forty when
/// it rings everywhere; what comes faster than this is carried out is a fault of whoever tells it.
const MAILBOX: usize = 256;

/// How long a media thread may take to tell figures. It takes a turn; one that says nothing for so long stands still.
const STATS_PATIENCE: Duration = Duration::from_secs(1);

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
    is_overrun: Arc<AtomicBool>,
}

/// More commands came than can wait: the call ends, since it does not know what it has missed.
struct Overrun;

impl CallHandle {
    fn new(id: CallId, actor: Addr<CallActor>) -> Self {
        Self { id, actor, is_overrun: Arc::default() }
    }

    /// The call's name.
    #[must_use]
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Tells the call to do something, and never waits. When too many commands wait already, the call
    /// ends as [`EndCause::Overloaded`].
    pub fn tell(&self, command: CallCommand) {
        if let Err(SendError::Full(_)) = self.actor.try_send(command)
            && !self.is_overrun.swap(true, Ordering::Relaxed)
        {
            error!(call = %self.id, "too many commands wait: the call ends");
            // Once a call, past the limit.
            self.actor.do_send(Overrun);
        }
    }

    /// Reads the figures of every leg; empty when the call is over, or its thread says nothing for a second. Needs a tokio
    /// runtime.
    pub async fn stats(&self) -> Vec<crate::leg::LegStats> {
        let (reply, stats) = tokio::sync::oneshot::channel();
        self.tell(CallCommand::ReadStats { reply });
        tokio::time::timeout(STATS_PATIENCE, stats).await.ok().and_then(Result::ok).unwrap_or_default()
    }
}

impl CallActor {
    /// Starts the actor of a call that the shard has; must be called on the shard's thread.
    pub(crate) fn start(id: CallId, shard: SharedShard) -> CallHandle {
        let actor = Self::create(|context| {
            context.set_mailbox_capacity(MAILBOX);
            Self { id, shard }
        });
        CallHandle::new(id, actor)
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
                    read(&self.shard, reading, None);
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
            CallCommand::StartRecording { leg, format } => {
                self.shard.borrow_mut().record(self.id, leg, format, now);
            }
            CallCommand::JoinConference(spec) => self.shard.borrow_mut().join_conference(self.id, *spec, now),
            CallCommand::ChangeParty(spec) => self.shard.borrow_mut().change_party(self.id, *spec, now),
            CallCommand::StartCapture { spec, done } => {
                self.shard.borrow_mut().start_capture(self.id, spec, done, now);
            }
            CallCommand::EndCapture => self.shard.borrow_mut().end_capture(self.id),
            CallCommand::RemoveLeg { leg } => self.shard.borrow_mut().remove_leg(self.id, leg, now),
            CallCommand::End => self.shard.borrow_mut().remove_call(self.id, EndCause::Hangup, now),
            command => {
                let mut shard = self.shard.borrow_mut();
                shard.with_call(self.id, now, |call, outbox, now| call.obey(command, now, outbox));
                shard.flush();
            }
        }
        let given = self.shard.borrow_mut().take_unread();
        for reading in given {
            read(&self.shard, reading, None);
        }
        if !self.shard.borrow().has_call(self.id) {
            ctx.stop();
        }
    }
}

impl Message for Overrun {
    type Result = ();
}

impl Handler<Overrun> for CallActor {
    type Result = ();

    fn handle(&mut self, _: Overrun, ctx: &mut Self::Context) {
        self.shard.borrow_mut().remove_overrun(self.id, Instant::now());
        ctx.stop();
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::time::SystemTime;

    use tokio::sync::mpsc;

    use super::*;
    use crate::LegId;
    use crate::call::{Call, Supplies};
    use crate::config::EngineConfig;
    use crate::dtls::DtlsCertificate;
    use crate::media::WallClock;
    use crate::net::{Gauges, Ledger, PortPool, Shard};

    #[test]
    fn a_call_that_is_told_more_than_can_wait_ends_and_says_why() {
        actix::System::new().block_on(async {
            let supplies = Arc::new(Supplies {
                config: EngineConfig::default(),
                clock: WallClock::new(Instant::now(), SystemTime::UNIX_EPOCH),
                certificate: Arc::new(DtlsCertificate::generate().expect("a certificate")),
            });
            let (ports, gauges) = (PortPool::new(42_100, 42_101), Arc::new(Gauges::default()));
            let shard = Shard::new(Arc::clone(&supplies), ports, Arc::clone(&gauges));
            let shard = Rc::new(RefCell::new(shard));
            let id = CallId::next();
            let (told, mut events) = mpsc::channel(16);
            shard.borrow_mut().add_call(Call::new(id, supplies), told);
            let handle = CallActor::start(id, Rc::clone(&shard));
            let command = || CallCommand::RollBack { leg: LegId::next() };
            // The actor has its turn when this task waits.
            (0..MAILBOX).for_each(|_| handle.tell(command()));
            assert!(!handle.is_overrun.load(Ordering::Relaxed));
            (0..10).for_each(|_| handle.tell(command()));
            let told = events.recv().await.map(|event| *event);
            assert!(matches!(told, Some(CallEvent::Ended { cause: EndCause::Overloaded })), "{told:?}");
            assert!(events.recv().await.is_none(), "the call is told to be over once");
            assert!(!shard.borrow().has_call(id));
            let mut ledger = Ledger::default();
            gauges.add_to(&mut ledger);
            assert_eq!((ledger.commands_overrun, ledger.events_overrun), (1, 0));
        });
    }

    #[test]
    fn figures_of_a_thread_that_stands_still_are_waited_for_no_longer_than_a_second() {
        actix::System::new().block_on(async {
            let (tell, told) = tokio::sync::oneshot::channel();
            let thread = actix::Arbiter::new();
            thread.spawn_fn(move || {
                let supplies = Arc::new(Supplies {
                    config: EngineConfig::default(),
                    clock: WallClock::new(Instant::now(), SystemTime::UNIX_EPOCH),
                    certificate: Arc::new(DtlsCertificate::generate().expect("a certificate")),
                });
                let shard = Shard::new(supplies, PortPool::new(42_102, 42_103), Arc::default());
                let handle = CallActor::start(CallId::next(), Rc::new(RefCell::new(shard)));
                assert!(tell.send(handle).is_ok());
                std::thread::sleep(Duration::from_secs(3));
            });
            let handle = told.await.expect("a call");
            let asked_at = Instant::now();
            assert!(handle.stats().await.is_empty());
            assert!(asked_at.elapsed() < Duration::from_secs(2), "{:?}", asked_at.elapsed());
            thread.stop();
        });
    }
}
