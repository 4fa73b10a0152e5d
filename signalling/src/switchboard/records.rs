//! Where the record of one call is written: its clerk, with the clocks, and the way to who keeps it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::warn;
use webtrunk_engine::call::CallEvent;
use webtrunk_engine::{CallId, EndCause};

use crate::adapter::{Incoming, RefusedCall};
use crate::b2bua::{Effect, Input};
use crate::cdr::{CdrKeeper, Clerk, Filing, RecordId};
use crate::moment::Moment;
use crate::origination::Origination;

/// How long the engine may take to tell the last figures of a call. It takes a turn of its shard.
const FAREWELL: Duration = Duration::from_secs(2);

/// A desk; empty where no records are kept. Dropped without a word, as by a panic, it files that a fault of ours ended the call.
#[derive(Default)]
pub(super) struct Desk {
    work: Option<(Arc<dyn CdrKeeper>, Box<Clerk>)>,
    rule: Option<String>,
}

impl Desk {
    pub(super) fn open(keeper: Option<&Arc<dyn CdrKeeper>>, incoming: &Incoming) -> Self {
        let work = keeper.map(|keeper| {
            let at = now();
            let clerk = Clerk::begin(incoming, RecordId::new(at.wall, rand::random()), at);
            (Arc::clone(keeper), Box::new(clerk))
        });
        Self { work, rule: None }
    }

    /// The same of a call that is made because somebody asked.
    pub(super) fn originate(keeper: Option<&Arc<dyn CdrKeeper>>, origination: &Origination) -> Self {
        let work = keeper.map(|keeper| (Arc::clone(keeper), Box::new(Clerk::originate(origination, now()))));
        Self { work, rule: None }
    }

    /// Files the record of a call for which an adapter had no room.
    pub(super) fn file_refused(keeper: Option<&Arc<dyn CdrKeeper>>, call: &RefusedCall) {
        let Some(keeper) = keeper else { return };
        let at = now();
        keeper.file(Filing::Closed(Clerk::without_room(call, RecordId::new(at.wall, rand::random()), at)));
    }

    /// The dial plan has said what becomes of it.
    pub(super) fn note_rule(&mut self, rule: &str) {
        self.rule = Some(rule.to_owned());
    }

    pub(super) fn admit(&mut self, call: CallId) {
        if let Some((_, clerk)) = &mut self.work {
            clerk.admit(call, self.rule.as_deref().unwrap_or_default());
        }
    }

    pub(super) fn see_input(&mut self, input: &Input) {
        if let Some((_, clerk)) = &mut self.work {
            clerk.see_input(input, now());
        }
    }

    pub(super) fn see_effect(&mut self, effect: &Effect) {
        if let Some((_, clerk)) = &mut self.work {
            clerk.see_effect(effect, now());
        }
    }

    /// All that follows from the last input was seen: lets the call be known as far as it is.
    pub(super) fn settle(&mut self) {
        if let Some((keeper, clerk)) = &mut self.work
            && let Some(record) = clerk.settle()
        {
            keeper.file(Filing::Open(record));
        }
    }

    /// The call never became one.
    pub(super) fn refuse(mut self, cause: EndCause) {
        if let Some((keeper, clerk)) = self.work.take() {
            keeper.file(Filing::Closed(clerk.refuse(cause, self.rule.as_deref(), now())));
        }
    }

    /// It is part of another call, in whose record it stands.
    pub(super) fn leave(mut self) {
        self.work = None;
    }

    /// The call is over: waits for its last figures, and files its record.
    pub(super) async fn close(&mut self, from_engine: &mut mpsc::Receiver<Box<CallEvent>>) {
        let over = self.hear_last_figures(from_engine).await;
        if let Some((keeper, clerk)) = self.work.take() {
            keeper.file(Filing::Closed(clerk.close(over)));
        }
    }

    /// The call ended by a fault of ours, and nobody is there who waits: files its record when its last figures are known.
    pub(super) fn break_off(mut self, mut from_engine: mpsc::Receiver<Box<CallEvent>>) {
        // Without a runtime the drop files what is known.
        let Ok(runtime) = Handle::try_current() else { return };
        if self.work.is_some() {
            runtime.spawn(async move {
                let over = self.hear_last_figures(&mut from_engine).await;
                if let Some((keeper, clerk)) = self.work.take() {
                    keeper.file(Filing::Closed(clerk.break_off(over)));
                }
            });
        }
    }

    /// Waits for the call's last figures; returns when it was over.
    async fn hear_last_figures(&mut self, from_engine: &mut mpsc::Receiver<Box<CallEvent>>) -> Moment {
        let over = now();
        let Some((_, clerk)) = &mut self.work else { return over };
        let told = timeout(FAREWELL, async {
            while let Some(event) = from_engine.recv().await {
                clerk.see_input(&Input::Media(*event), over);
            }
        });
        if told.await.is_err() {
            warn!("the engine does not tell the call's last figures");
        }
        over
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some((keeper, clerk)) = self.work.take() {
            keeper.file(Filing::Closed(clerk.break_off(now())));
        }
    }
}

fn now() -> Moment {
    Moment { now: Instant::now(), wall: SystemTime::now() }
}
