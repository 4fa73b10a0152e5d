//! Whether the hosts of trunks live: each is asked by OPTIONS, in rounds.

use std::time::Instant;

use tracing::{info, warn};

use super::{PATIENCE, Purpose, Upstream};
use crate::sip::adapter::door::Door;
use crate::sip::agent::{Agent, Errand, LocalNames, Reach};
use crate::sip::hop::{Conduct, Hop};
use crate::sip::message::{CSeq, HeaderName, Host, Method, NameAddr, Request, SipUri};
use crate::sip::upstream::{Health, Probe, Turn};

impl Upstream {
    /// Asks every hop of a trunk whether it lives; those that its name leads to no more are forgotten.
    pub(super) fn ask_all(
        &mut self,
        index: usize,
        hops: Vec<Hop>,
        health: &mut Health,
        agent: &mut Agent<Door>,
        now: Instant,
    ) {
        let trunk = &mut self.trunks[index];
        let Some(interval) = trunk.config.probe_interval.filter(|_| trunk.round.is_some()) else { return };
        if hops.is_empty() {
            // Nobody told; what was known stays.
            return;
        }
        trunk.probes.retain(|hop, _| {
            let is_kept = hops.contains(hop);
            if !is_kept {
                health.set_down(hop, false);
            }
            is_kept
        });
        for hop in &hops {
            trunk.probes.entry(hop.clone()).or_insert_with(|| Probe::new(interval, now));
        }
        trunk.hops.clone_from(&hops);
        let (host, port) = (trunk.config.uri_host(), trunk.config.uri_port());
        for hop in hops {
            let Some(flow) = self.names.flow_to_hop(&hop) else { continue };
            let (own, _) = self.names.sent_by(&flow);
            let identifiers = [(); 2].map(|()| format!("{:016x}", rand::random::<u64>()));
            let request = options(&host, port, own, identifiers);
            let patience = PATIENCE.min(interval);
            let id = self.errand(Purpose::Ask { trunk: index, hop });
            let reach = Reach::Target;
            agent.send_errand(Errand { id, account: None, request, flow, reach, patience }, now);
        }
        self.publish(index, health, now);
    }

    /// A hop answered a probe, or did not. Whatever it says but that it has no time is an answer.
    pub(super) fn asked(&mut self, trunk: usize, hop: &Hop, conduct: Conduct, health: &mut Health) {
        let trunk = &mut self.trunks[trunk];
        let Some(probe) = trunk.probes.get_mut(hop) else { return };
        let turn = if conduct == Conduct::Answered { probe.answered() } else { probe.missed() };
        let name = &trunk.config.name;
        match turn {
            Some(Turn::WentDown) => {
                warn!(trunk = name, %hop, "a host of the trunk is down: two probes had no answer");
                health.set_down(hop, true);
            }
            Some(Turn::CameUp) => {
                info!(trunk = name, %hop, "a host of the trunk is up again");
                health.set_down(hop, false);
            }
            None => {}
        }
    }
}

/// An OPTIONS to the trunk itself (RFC 3261 11.1).
fn options(host: &Host, port: Option<u16>, own: Host, [tag, call_id]: [String; 2]) -> Request {
    let target = SipUri::new("", host.clone(), port);
    let mut request = Request::new(Method::Options, target.clone());
    let headers = &mut request.headers;
    headers.set(HeaderName::MaxForwards, "70");
    headers.push(HeaderName::From, NameAddr::new(SipUri::new("", own, None)).with_tag(&tag).to_string());
    headers.push(HeaderName::To, NameAddr::new(target).to_string());
    headers.push(HeaderName::CallId, call_id);
    headers.push(HeaderName::CSeq, CSeq { number: 1, method: Method::Options }.to_string());
    headers.push(HeaderName::Accept, "application/sdp");
    request
}
