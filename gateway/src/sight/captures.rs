//! Captures of media that run, or wait to be fetched.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use webtrunk_engine::CallId;
use webtrunk_engine::net::capture::Capture;

use webtrunk_signalling::lock::lock;

/// How many are kept. Chosen by us: each has some megabytes.
const CAPTURES_MAX: usize = 4;

/// How long a media thread may take to hand over what it has.
const PATIENCE: Duration = Duration::from_secs(2);

/// The captures; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Captures(Arc<Mutex<VecDeque<(CallId, State)>>>);

#[derive(Debug)]
enum State {
    Running(oneshot::Receiver<Box<Capture>>),
    Over(Arc<Capture>),
}

impl Captures {
    /// Keeps what comes of a capture that began. Where there are too many the oldest goes: its call, whose capture
    /// nobody gets any more.
    pub fn begin(&self, call: CallId, capture: oneshot::Receiver<Box<Capture>>) -> Option<CallId> {
        let mut all = self.lock();
        let oldest = if all.len() >= CAPTURES_MAX { all.pop_front() } else { None };
        all.push_back((call, State::Running(capture)));
        oldest.map(|(call, _)| call)
    }

    /// All of a call. One that runs ends by this, which `end` tells the call.
    pub async fn fetch(&self, call: CallId, end: impl FnOnce()) -> Vec<Arc<Capture>> {
        let (mut of_call, others): (VecDeque<_>, VecDeque<_>) =
            self.lock().drain(..).partition(|(of, _)| *of == call);
        self.lock().extend(others);
        if of_call.iter().any(|(_, state)| matches!(state, State::Running(_))) {
            end();
        }
        let mut found = Vec::new();
        for (_, state) in of_call.drain(..) {
            match state {
                State::Over(capture) => found.push(capture),
                State::Running(capture) => {
                    let captured = timeout(PATIENCE, capture).await;
                    found.extend(captured.into_iter().flatten().map(Arc::from));
                }
            }
        }
        let kept = found.iter().map(|capture| (call, State::Over(Arc::clone(capture))));
        self.lock().extend(kept);
        found
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(CallId, State)>> {
        lock(&self.0)
    }
}
