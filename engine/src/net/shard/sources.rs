//! Source addresses of WebRTC legs, and which of two legs has one that both want.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tracing::info;

use super::Shard;
use crate::net::demux::SourceInserted;
use crate::{CallId, LegId};

/// How long a leg keeps a source address from which it hears nothing when another leg's peer proves
/// itself from there: a page that was killed leaves its port to the next. Two checks of a browser.
pub(super) const HOLDER_SILENCE: Duration = Duration::from_secs(10);

impl Shard {
    /// Routes a call's new source addresses to it. One that another leg holds is asked for again
    /// with everything that comes for this call, until that leg is gone or has long been silent there.
    pub(super) fn claim_sources(&mut self, id: CallId, now: Instant) {
        let Some(slot) = self.calls.get_mut(&id) else { return };
        let mut wanted = std::mem::take(&mut slot.contested);
        wanted.retain(|(leg, source)| {
            let SourceInserted::Contested(holder) = self.demux.insert_source((id, *leg), *source) else {
                return false;
            };
            let is_held = self.last_heard_at(holder, *source).is_some_and(|at| now < at + HOLDER_SILENCE);
            if is_held {
                return true;
            }
            info!(%source, call = %id, was_held_by = %holder.0, "source address changes hands");
            self.demux.remove_source(holder, *source);
            self.demux.insert_source((id, *leg), *source);
            false
        });
        if let Some(slot) = self.calls.get_mut(&id) {
            slot.contested = wanted;
        }
    }

    /// When a leg last heard its authenticated peer from `source`.
    fn last_heard_at(&self, (call, leg): (CallId, LegId), source: SocketAddr) -> Option<Instant> {
        let transport = &self.calls.get(&call)?.call.leg(leg)?.webrtc()?.transport;
        self.webrtc.iter().filter_map(|(local, _)| transport.heard_at(source, *local)).max()
    }

    /// When a leg last heard its authenticated peer from `source` at our address `local`.
    pub(in crate::net) fn heard_at(
        &self,
        (call, leg): (CallId, LegId),
        source: SocketAddr,
        local: SocketAddr,
    ) -> Option<Instant> {
        self.calls.get(&call)?.call.leg(leg)?.webrtc()?.transport.heard_at(source, local)
    }
}
