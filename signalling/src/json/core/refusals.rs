//! What is refused of what pages send: they are told each time, the log once a minute, and who errs without end is closed.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::{Core, CoreOutput};
use crate::json::protocol::{Fault, Id, refusal};
use crate::json::session::{Closing, Flow, Output};

/// Refusals of one connection in this time, past which it is closed. Chosen by us: a program under development makes one
/// or two.
const FAULTS_MAX: u32 = 10;
const FAULTS_WITHIN: Duration = Duration::from_secs(10);

impl Core {
    /// Refuses what a connection sent; one of which too much is refused is closed.
    pub(super) fn refuse(&mut self, flow: Flow, id: Option<&Id>, fault: &Fault, now: Instant) {
        self.send(flow, refusal(id, fault));
        let Some(connection) = self.flows.get_mut(&flow) else { return };
        let (since, count) = connection.faults.get_or_insert((now, 0));
        if now.duration_since(*since) >= FAULTS_WITHIN {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        if *count >= FAULTS_MAX {
            let remote = connection.entry.remote;
            if let Some(repeated) = self.wrongs.due(remote.ip(), "closed", now) {
                info!(%remote, repeated, "connection is closed: too much of what it sends is wrong");
            }
            let close = Output::Close { flow, why: Closing::Misbehaves };
            self.outputs.push_back(CoreOutput::Session(close));
        }
    }

    /// A page is not let in.
    pub(super) fn tell_refused(&mut self, remote: IpAddr, reason: &str, now: Instant) {
        if let Some(repeated) = self.wrongs.due(remote, reason, now) {
            warn!(%remote, reason, repeated, "page is not let in");
        }
    }
}
