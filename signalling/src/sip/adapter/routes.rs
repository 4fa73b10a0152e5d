//! From whom to call to the way there: a contact's flow, or a trunk's hops, which may have to be looked up
//! first.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use tokio::sync::mpsc;
use tracing::{info, warn};
use webtrunk_engine::{EndCause, LegId};

use super::door::Door;
use super::names::Names;
use crate::adapter::{Dial, Origin, Passage, Target};
use crate::sip::agent::{Alternative, LocalNames, OtherFlow, Reach, Route};
use crate::sip::flow::TransportKind;
use crate::sip::hop::{Hop, Sought};
use crate::sip::identity::{CallerId, written_for};
use crate::sip::message::{Host, SipUri, Uri};
use crate::sip::registrar::Binding;
use crate::sip::transport::{ResolveError, Resolver, TransportLayer, Wanted};
use crate::sip::trunk::{TrunkConfig, Trunks};
use crate::sip::upstream::Health;

/// Finds ways; holds the calls whose way is being looked up.
#[derive(Debug)]
pub(super) struct Routes {
    layer: TransportLayer,
    names: Names,
    trunks: Trunks,
    resolver: Resolver,
    /// What is held against hops.
    pub(super) health: Health,
    waiting: HashMap<LegId, Dial>,
    answers: mpsc::Sender<Resolved>,
}

/// Lookups that have ended and may wait for the adapter. Past it they wait where they are: none is lost, and there is one for
/// each call that waits.
const ANSWERS: usize = 256;

/// A trunk's name was looked up.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) asker: Asker,
    pub(super) hops: Result<Vec<Hop>, ResolveError>,
}

/// For whom a name is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asker {
    /// A call that waits.
    Call(LegId),
    /// A registration, by its place in the list of all.
    Registration(usize),
    /// The probes of a trunk, by its place.
    Probes(usize),
    /// Calls whose peer's stream has closed, and is found by one name.
    Peers(Vec<LegId>),
}

/// What is known of the way to a target.
#[derive(Debug)]
pub(super) enum Way {
    /// The call can be placed.
    Known(Box<(Dial, Route)>),
    /// It is being looked up; [`Routes::resolved`] goes on.
    Sought,
    /// There is none.
    None(Box<Dial>, EndCause),
}

impl Routes {
    /// No call waits. The lookups of waiting calls come out of the receiver.
    pub(super) fn new(
        layer: TransportLayer,
        trunks: Trunks,
        resolver: Resolver,
    ) -> (Self, mpsc::Receiver<Resolved>) {
        let (answers, resolved) = mpsc::channel(ANSWERS);
        let names = Names::new(layer.clone());
        let health = Health::default();
        (Self { layer, names, trunks, resolver, health, waiting: HashMap::new(), answers }, resolved)
    }

    /// Finds the way to whom a call is for.
    pub(super) fn find(&mut self, dial: Dial, door: &Door, now: Instant) -> Way {
        match &dial.target {
            Target::Contact { user, binding } => match door.binding(user, *binding) {
                Some(binding) => {
                    let (from_host, _) = self.names.sent_by(&binding.flow);
                    let alternatives = self.other_flows(binding, &from_host, door);
                    let route = Route {
                        request_uri: binding.uri.as_request_uri().into(),
                        to: SipUri::new(user, from_host.clone(), None).into(),
                        from_host,
                        caller_id: CallerId::From,
                        route_set: binding.path.clone(),
                        flow: binding.flow,
                        alternatives,
                        reach: Reach::Flow,
                        may_return: binding.has_outbound_id(),
                        peer: Origin::User(user.clone()),
                        account: None,
                    };
                    Way::Known(Box::new((dial, route)))
                }
                None => Way::None(Box::new(dial), EndCause::Unavailable),
            },
            Target::Trunk { trunk, .. } => match self.trunks.named(trunk) {
                Some(trunk) => {
                    let wanted = self.wanted(trunk);
                    match wanted.literal() {
                        Some(hop) => self.by_trunk(dial, vec![hop], now),
                        None => {
                            self.look_up(wanted, Asker::Call(dial.leg));
                            self.waiting.insert(dial.leg, dial);
                            Way::Sought
                        }
                    }
                }
                None => Way::None(Box::new(dial), EndCause::NotFound),
            },
            // It is no peer of ours.
            Target::Party { .. } => Way::None(Box::new(dial), EndCause::Unavailable),
        }
    }

    /// The lookup for a waiting call ended; `None` where the call was given up meanwhile.
    pub(super) fn resolved(
        &mut self,
        leg: LegId,
        hops: Result<Vec<Hop>, ResolveError>,
        now: Instant,
    ) -> Option<Way> {
        let dial = self.waiting.remove(&leg)?;
        Some(match hops {
            Ok(hops) => self.by_trunk(dial, hops, now),
            Err(error) => {
                dial.span.in_scope(|| warn!(%error, "trunk not found"));
                Way::None(Box::new(dial), EndCause::GatewayFailure)
            }
        })
    }

    /// These are the trunks from now on.
    pub(super) fn take_up(&mut self, trunks: Trunks) {
        self.trunks = trunks;
    }

    /// The trunks, whose accounts may change.
    pub(super) const fn trunks_mut(&mut self) -> &mut Trunks {
        &mut self.trunks
    }

    /// Gives up a call whose way is still being looked up, if it is.
    pub(super) fn give_up(&mut self, leg: LegId) -> Option<Dial> {
        self.waiting.remove(&leg)
    }

    /// Gives up all of them.
    pub(super) fn give_up_all(&mut self) -> Vec<Dial> {
        self.waiting.drain().map(|(_, dial)| dial).collect()
    }

    /// Looks up the hops of a trunk for somebody else than a call.
    pub(super) fn locate(&self, trunk: &TrunkConfig, asker: Asker) {
        self.look_up(self.wanted(trunk), asker);
    }

    /// Looks up the names by which alone the peers of calls are found: each once, whose calls have mostly lost one stream.
    pub(super) fn seek(&self, calls: impl IntoIterator<Item = (LegId, Sought)>) {
        for (Sought { host, port, kind }, legs) in by_name(calls) {
            let wanted = Wanted { host, port, kind, choice: vec![kind], identity: None };
            self.look_up(wanted, Asker::Peers(legs));
        }
    }

    /// Where such a name leads, of all places the one to be tried first.
    pub(super) fn found(
        &self,
        hops: Result<Vec<Hop>, ResolveError>,
        now: Instant,
    ) -> Option<(TransportKind, SocketAddr)> {
        let hops = hops.inspect_err(|error| info!(%error, "the peer of a call is not found"));
        let first = self.health.first(hops.unwrap_or_default(), now);
        first.map(|hop| (hop.kind, hop.address))
    }

    fn look_up(&self, wanted: Wanted, asker: Asker) {
        let (resolver, answers) = (self.resolver.clone(), self.answers.clone());
        tokio::spawn(async move {
            let hops = match asker {
                Asker::Peers(_) => resolver.locate_once(&wanted).await,
                Asker::Call(_) | Asker::Registration(_) | Asker::Probes(_) => resolver.locate(&wanted).await,
            };
            // Without the adapter nobody waits for it.
            let _ = answers.send(Resolved { asker, hops }).await;
        });
    }

    /// The other flows of the phone that a contact is of, to which we go by the same address, for a description names that.
    fn other_flows(&self, binding: &Binding, host: &Host, door: &Door) -> Vec<Alternative> {
        let others = door.other_flows(binding).into_iter();
        let is_seen_alike = |other: &&Binding| self.names.sent_by(&other.flow).0 == *host;
        let alternative = |other: &Binding| {
            Alternative::Flow(Box::new(OtherFlow {
                request_uri: other.uri.as_request_uri().into(),
                route_set: other.path.clone(),
                flow: other.flow,
            }))
        };
        others.filter(is_seen_alike).map(alternative).collect()
    }

    fn wanted(&self, trunk: &TrunkConfig) -> Wanted {
        let has_listener =
            |kind: &TransportKind| self.layer.addresses().iter().any(|listener| listener.kind == *kind);
        let choice = if trunk.is_transport_open {
            let all = [TransportKind::Udp, TransportKind::Tcp, TransportKind::Tls];
            all.into_iter().filter(has_listener).collect()
        } else {
            vec![trunk.transport]
        };
        Wanted {
            host: trunk.host.clone(),
            port: trunk.port,
            kind: trunk.transport,
            choice,
            identity: trunk.identity().map(str::to_owned),
        }
    }

    fn by_trunk(&self, mut dial: Dial, hops: Vec<Hop>, now: Instant) -> Way {
        let Target::Trunk { trunk, number } = &dial.target else {
            return Way::None(Box::new(dial), EndCause::InternalError);
        };
        let Some(trunk) = self.trunks.named(trunk) else {
            return Way::None(Box::new(dial), EndCause::NotFound);
        };
        let mut hops = self.health.sort(hops, now).into_iter();
        let Some(hop) = hops.next() else {
            dial.span
                .in_scope(|| warn!(trunk = %trunk.name, "every host of the trunk is down or wants a rest"));
            return Way::None(Box::new(dial), EndCause::GatewayFailure);
        };
        let flow = match self.layer.flow_to_hop(&hop) {
            Ok(flow) => flow,
            Err(error) => {
                dial.span.in_scope(|| warn!(trunk = %trunk.name, %error, "trunk out of reach"));
                return Way::None(Box::new(dial), EndCause::GatewayFailure);
            }
        };
        dial.span.in_scope(|| info!(trunk = %trunk.name, %hop, others = hops.len(), "trunk found"));
        let own = dial.on_behalf_of.as_deref().and_then(|user| trunk.account_of(user));
        let account = own.map_or_else(|| trunk.name.clone(), |own| trunk.account(own));
        let (uri, caller) = written_for(trunk, number, &dial.caller, dial.on_behalf_of.as_deref());
        dial.caller = caller;
        let uri = Uri::from(uri);
        // Who has an account at a domain is asked to call by it.
        let here = self.names.sent_by(&flow).0;
        let from_host = if trunk.registrations.is_empty() { here } else { trunk.uri_host() };
        let target = uri.user_unescaped().unwrap_or_default();
        let headers = trunk.passing.outgoing(&dial.passed, &target, &from_host);
        dial.passed = Passage { headers, diversions: Vec::new() };
        let route = Route {
            request_uri: uri.clone(),
            to: uri,
            from_host,
            caller_id: trunk.caller_id,
            route_set: Vec::new(),
            flow,
            alternatives: hops.map(Alternative::from).collect(),
            reach: Reach::Target,
            may_return: false,
            peer: Origin::Trunk(trunk.name.clone()),
            account: Some(account),
        };
        Way::Known(Box::new((dial, route)))
    }
}

/// The calls of each name.
fn by_name(calls: impl IntoIterator<Item = (LegId, Sought)>) -> HashMap<Sought, Vec<LegId>> {
    let mut legs = HashMap::<_, Vec<_>>::new();
    for (leg, sought) in calls {
        legs.entry(sought).or_default().push(leg);
    }
    legs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_once_for_all_calls_that_have_lost_their_stream() {
        let sought = |host: &str| Sought { host: host.to_owned(), port: None, kind: TransportKind::Tcp };
        let [first, second, third] = std::array::from_fn(|_| LegId::next());
        let calls =
            [(first, sought("far.test")), (second, sought("other.test")), (third, sought("far.test"))];
        let expected = [(sought("far.test"), vec![first, third]), (sought("other.test"), vec![second])];
        assert_eq!(by_name(calls), HashMap::from(expected));
    }
}
