//! Recordings of a shard's calls: begun by the recorder, told to the call.

use std::sync::Arc;
use std::time::Instant;

use tracing::info;

use super::{Shard, tell};
use crate::call::CallEvent;
use crate::media::{Begin, RecordingEnd, RecordingFormat, Told};
use crate::{CallId, LegId};

impl Shard {
    /// Records a party of a call, and whom it hears.
    pub(crate) fn record(&mut self, id: CallId, leg: LegId, format: RecordingFormat, now: Instant) {
        let Some(slot) = self.calls.get_mut(&id) else { return };
        if !slot.call.can_record() {
            return slot.call.span().in_scope(|| info!("a recording runs already, and goes on"));
        }
        // A recording does not keep the events of a call open that is over.
        let (events, gauges) = (slot.events.downgrade(), Arc::clone(&self.gauges));
        let tell_call = move |told| {
            let event = match told {
                Told::Started { file } => CallEvent::RecordingStarted { file },
                Told::Ended { file, end } => CallEvent::RecordingStopped { file, end },
            };
            // A call that does not listen any more is ended by its shard.
            let _ = events.upgrade().is_some_and(|events| tell(&events, event, &gauges));
        };
        match &self.recorder {
            Some(recorder) => {
                let tap = recorder.begin(Begin { call: id, format, tell: Box::new(tell_call) }, now);
                slot.call.record(leg, tap);
            }
            None => {
                let end = RecordingEnd::Failed("no folder for recordings is configured".to_owned());
                tell_call(Told::Ended { file: None, end });
            }
        }
    }
}
