//! From whom to call to the way there: a contact's flow, or a trunk's address, which may have to be
//! looked up first.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use tokio::sync::mpsc;
use tracing::{info, warn};
use webtrunk_engine::{EndCause, LegId};

use super::door::Door;
use super::names::Names;
use crate::adapter::{Dial, Origin, Target};
use crate::sip::agent::{LocalNames, Reach, Route};
use crate::sip::message::{ByteString, Host, SipUri, Uri};
use crate::sip::transport::{ResolveError, Resolver, TransportLayer, literal};
use crate::sip::trunk::{TrunkConfig, Trunks};

/// Finds ways; holds the calls whose way is being looked up.
#[derive(Debug)]
pub(super) struct Routes {
    layer: TransportLayer,
    names: Names,
    trunks: Trunks,
    resolver: Resolver,
    waiting: HashMap<LegId, Dial>,
    answers: mpsc::UnboundedSender<Resolved>,
}

/// A trunk's name was looked up for a call.
#[derive(Debug)]
pub(super) struct Resolved {
    leg: LegId,
    address: Result<SocketAddr, ResolveError>,
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
    /// No call waits. The lookups of waiting calls come out of the receiver: one for each, so that the
    /// calls bound it.
    pub(super) fn new(layer: TransportLayer, trunks: Trunks) -> (Self, mpsc::UnboundedReceiver<Resolved>) {
        let (answers, resolved) = mpsc::unbounded_channel();
        let names = Names::new(layer.clone());
        let resolver = Resolver::system();
        (Self { layer, names, trunks, resolver, waiting: HashMap::new(), answers }, resolved)
    }

    /// Finds the way to whom a call is for.
    pub(super) fn find(&mut self, dial: Dial, door: &Door) -> Way {
        match &dial.target {
            Target::Contact { user, binding } => match door.binding(user, *binding) {
                Some(binding) => {
                    let (from_host, _) = self.names.sent_by(&binding.flow);
                    let route = Route {
                        request_uri: binding.uri.as_request_uri().into(),
                        to: SipUri::new(user, from_host.clone(), None).into(),
                        from_host,
                        route_set: Vec::new(),
                        flow: binding.flow,
                        reach: Reach::Flow,
                        peer: Origin::User(user.clone()),
                    };
                    Way::Known(Box::new((dial, route)))
                }
                None => Way::None(Box::new(dial), EndCause::Unavailable),
            },
            Target::Trunk { trunk, .. } => match self.trunks.named(trunk) {
                Some(trunk) => match literal(&trunk.host) {
                    Some(address) => self.by_trunk(dial, (address, trunk.port()).into()),
                    None => {
                        self.look_up(trunk.host.clone(), trunk.port(), dial.leg);
                        self.waiting.insert(dial.leg, dial);
                        Way::Sought
                    }
                },
                None => Way::None(Box::new(dial), EndCause::NotFound),
            },
        }
    }

    /// The lookup for a waiting call ended; `None` where the call was given up meanwhile.
    pub(super) fn resolved(&mut self, resolved: Resolved) -> Option<Way> {
        let dial = self.waiting.remove(&resolved.leg)?;
        Some(match resolved.address {
            Ok(address) => self.by_trunk(dial, address),
            Err(error) => {
                dial.span.in_scope(|| warn!(%error, "trunk not found"));
                Way::None(Box::new(dial), EndCause::GatewayFailure)
            }
        })
    }

    /// Gives up a call whose way is still being looked up, if it is.
    pub(super) fn give_up(&mut self, leg: LegId) -> Option<Dial> {
        self.waiting.remove(&leg)
    }

    /// Gives up all of them.
    pub(super) fn give_up_all(&mut self) -> Vec<Dial> {
        self.waiting.drain().map(|(_, dial)| dial).collect()
    }

    fn look_up(&self, host: String, port: u16, leg: LegId) {
        let (resolver, answers) = (self.resolver.clone(), self.answers.clone());
        tokio::spawn(async move {
            let address = resolver.resolve(&host, port).await;
            // Without the adapter nobody waits for it.
            let _ = answers.send(Resolved { leg, address });
        });
    }

    fn by_trunk(&self, dial: Dial, address: SocketAddr) -> Way {
        let Target::Trunk { trunk, number } = &dial.target else {
            return Way::None(Box::new(dial), EndCause::InternalError);
        };
        let Some(trunk) = self.trunks.named(trunk) else {
            return Way::None(Box::new(dial), EndCause::NotFound);
        };
        let flow = match self.layer.flow_to(trunk.transport, address, Some(&trunk.host)) {
            Ok(flow) => flow,
            Err(error) => {
                dial.span.in_scope(|| warn!(trunk = %trunk.name, %error, "trunk out of reach"));
                return Way::None(Box::new(dial), EndCause::GatewayFailure);
            }
        };
        dial.span.in_scope(|| info!(trunk = %trunk.name, %address, "trunk found"));
        let uri = number_at(trunk, number);
        let (from_host, _) = self.names.sent_by(&flow);
        let route = Route {
            request_uri: uri.clone(),
            to: uri,
            from_host,
            route_set: Vec::new(),
            flow,
            reach: Reach::Target,
            peer: Origin::Trunk(trunk.name.clone()),
        };
        Way::Known(Box::new((dial, route)))
    }
}

/// `sip:NUMBER@HOST:PORT`, the port where one is configured.
fn number_at(trunk: &TrunkConfig, number: &str) -> Uri {
    let host = match literal(&trunk.host) {
        Some(IpAddr::V4(v4)) => Host::V4(v4),
        Some(IpAddr::V6(v6)) => Host::V6(v6),
        None => Host::Domain(ByteString::from(&*trunk.host)),
    };
    SipUri::new(number, host, trunk.port).into()
}
