//! The machine's addresses change while a call goes on.

use std::net::SocketAddr;
use std::time::Instant;

use super::events::CallEvent;
use super::state::Call;
use crate::net::{Outbox, SocketId};

impl Call {
    /// Its WebRTC legs live on these of the shard's sockets from now on. [`CallEvent::CandidatesFound`] tells what their
    /// peers are to be told.
    pub(crate) fn readdress(
        &mut self,
        sockets: &[(SocketAddr, SocketId)],
        now: Instant,
        outbox: &mut Outbox,
    ) {
        for index in 0..self.legs.len() {
            let external = &self.supplies.config.webrtc_external_addresses;
            let leg = &mut self.legs[index];
            let (id, told) = (leg.id(), leg.readdress(sockets, external, now));
            let told =
                told.map(|fragment| CallEvent::CandidatesFound { leg: id, fragment: Box::new(fragment) });
            self.events.extend(told);
            self.after_control(index, now, outbox);
        }
    }
}
