//! Flows that registrars keep for us (RFC 5626 4.4): each is kept alive once, however many accounts share it.

use std::time::Instant;

use tracing::{debug, warn};

use super::{Account, Upstream};
use crate::sip::flow::{ConnectionId, Flow};
use crate::sip::message::Response;
use crate::sip::upstream::{KeepAlive, Sign, flow_timer};

impl Upstream {
    /// A ping of ours was answered.
    pub(in crate::sip::adapter) fn ponged(&mut self, flow: &Flow, now: Instant) {
        let mut kept = self.flows.iter_mut();
        if let Some((_, keep_alive)) = kept.find(|(own, _)| is_same(own, flow)) {
            keep_alive.ponged(now);
        }
    }

    /// Keeps the flow alive on which a registrar has taken us, where it wants that.
    pub(super) fn keep_flow(&mut self, registered: &Response, flow: Flow, now: Instant) {
        if let Some(silence_max) = flow_timer(registered, flow.kind) {
            let new = || KeepAlive::new(silence_max, flow.kind, rand::random(), now);
            self.flows.entry(flow).and_modify(|own| own.allow(silence_max)).or_insert_with(new);
        }
    }

    /// Sends the pings that are due. Where none is answered, the flow has failed: the accounts on it are registered anew at once, and
    /// its stream is closed.
    pub(super) fn keep_flows(&mut self, now: Instant) {
        let due = self.flows.iter_mut().filter_map(|(flow, own)| Some((*flow, own.handle_timeout(now)?)));
        for (flow, sign) in due.collect::<Vec<_>>() {
            let is_on_it =
                |account: &Account| account.flow == Some(flow) && !account.registration.is_leaving();
            if !self.accounts.values().any(is_on_it) {
                self.flows.remove(&flow);
                continue;
            }
            match sign {
                Sign::Ping => {
                    debug!(%flow, "ping sent");
                    self.names.ping(&flow);
                }
                Sign::Failed => {
                    warn!(%flow, "no ping is answered on the flow of our registration: it is made anew");
                    self.flows.remove(&flow);
                    for account in self.accounts.values_mut().filter(|account| is_on_it(account)) {
                        account.registration.handle_lost(now);
                    }
                    self.names.cut(&flow);
                }
            }
        }
    }

    pub(super) fn forget_flow(&mut self, connection: ConnectionId) {
        self.flows.retain(|flow, _| flow.connection != Some(connection));
    }
}

/// A socket may tell an IPv4 address as one of IPv6.
fn is_same(one: &Flow, other: &Flow) -> bool {
    let place =
        |flow: &Flow| (flow.kind, flow.connection, flow.remote.ip().to_canonical(), flow.remote.port());
    place(one) == place(other)
}
