//! From where a call checks a party that does not check us.

use std::time::Instant;

use super::state::Call;
use crate::LegId;
use crate::leg::{LegTransport, OwnSockets};
use crate::net::Outbox;

impl Call {
    /// Gives a leg the sockets that it asked for, or none where none can be had.
    pub(crate) fn check_from(
        &mut self,
        id: LegId,
        own: Option<OwnSockets>,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let Some(index) = self.index_of(id) else { return };
        let leg = &mut self.legs[index];
        let span = leg.span().clone();
        if let LegTransport::Webrtc(link) = &mut leg.transport {
            span.in_scope(|| link.check_from(own, now));
        }
        self.after_control(index, now, outbox);
    }
}
