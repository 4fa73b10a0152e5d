//! The calls that there are, to be asked and told something from outside: by an operator, who has nothing but a name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;
use webtrunk_engine::CallId;
use webtrunk_engine::call::CallHandle;

use crate::lock::lock;

/// All calls by their names; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Roll(Arc<Mutex<HashMap<CallId, Entry>>>);

struct Entry {
    handle: CallHandle,
    wish: Arc<Notify>,
}

/// A call's place on the roll, which goes with it.
pub(super) struct Listed {
    roll: Roll,
    call: CallId,
    /// That it ends.
    wish: Arc<Notify>,
}

impl Roll {
    /// Puts a call on it.
    pub(super) fn enter(&self, handle: &CallHandle) -> Listed {
        let (call, wish) = (handle.id(), Arc::new(Notify::new()));
        self.lock().insert(call, Entry { handle: handle.clone(), wish: Arc::clone(&wish) });
        Listed { roll: self.clone(), call, wish }
    }

    /// The way to a call's media.
    pub(super) fn handle(&self, call: CallId) -> Option<CallHandle> {
        self.lock().get(&call).map(|entry| entry.handle.clone())
    }

    /// Wants a call to end; whether there is such a call.
    pub(super) fn hang_up(&self, call: CallId) -> bool {
        let wish = self.lock().get(&call).map(|entry| Arc::clone(&entry.wish));
        wish.inspect(|wish| wish.notify_one()).is_some()
    }

    /// No statement of ours leaves it half changed.
    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, Entry>> {
        lock(&self.0)
    }
}

impl Listed {
    /// Returns when somebody outside wants the call to end.
    pub(super) async fn unwanted(&self) {
        self.wish.notified().await;
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.roll.lock().remove(&self.call);
    }
}
