//! Our names on each flow: what Via and Contact say (RFC 3261 18.1.1, 8.1.1.8).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::sip::agent::LocalNames;
use crate::sip::flow::{Flow, TransportKind};
use crate::sip::hop::Hop;
use crate::sip::message::{Host, SipUri};
use crate::sip::transport::{Addresses, TransportLayer};

/// Our names, by the addresses of the listeners.
#[derive(Debug)]
pub(super) struct Names {
    layer: TransportLayer,
    addresses: Addresses,
}

impl Names {
    /// The names of a layer that listens.
    pub(super) fn new(layer: TransportLayer) -> Self {
        Self { addresses: layer.addresses(), layer }
    }

    /// Asks for a sign of life on a flow.
    pub(super) fn ping(&self, flow: &Flow) {
        self.layer.ping(flow);
    }

    /// Ends the stream of a flow.
    pub(super) fn cut(&self, flow: &Flow) {
        self.layer.cut(flow);
    }

    /// The address and port at which the flow's peer finds us.
    fn reached_at(&self, flow: &Flow) -> (Host, Option<u16>) {
        let address = self.addresses.advertised(flow.listener, flow.local.ip(), flow.remote.ip());
        let host = match address.to_canonical() {
            IpAddr::V4(v4) => Host::V4(v4),
            IpAddr::V6(v6) => Host::V6(v6),
        };
        let listener = self.addresses.listener(flow.listener);
        (host, Some(listener.map_or(flow.local.port(), |listener| listener.bound.port())))
    }
}

impl LocalNames for Names {
    fn sent_by(&self, flow: &Flow) -> (Host, Option<u16>) {
        self.reached_at(flow)
    }

    fn contact(&self, flow: &Flow) -> SipUri {
        let (host, port) = self.reached_at(flow);
        let mut contact = SipUri::new("", host, port);
        match flow.kind {
            TransportKind::Udp => {}
            TransportKind::Tcp => contact.params.set("transport", Some("tcp")),
            TransportKind::Tls => contact.params.set("transport", Some("tls")),
            TransportKind::Ws | TransportKind::Wss => contact.params.set("transport", Some("ws")),
        }
        contact
    }

    fn listener(&self, flow: &Flow) -> Arc<str> {
        self.addresses.listener(flow.listener).map_or_else(|| "".into(), |own| Arc::clone(&own.name))
    }

    fn flow_to(&self, kind: TransportKind, remote: SocketAddr) -> Option<Flow> {
        self.layer.flow_to(kind, remote, None).ok()
    }

    fn flow_again(&self, lost: &Flow) -> Option<Flow> {
        self.layer.flow_again(lost)
    }

    fn is_dialled(&self, lost: &Flow) -> bool {
        self.layer.has_dialled(lost)
    }

    fn flow_beside(
        &self,
        flow: &Flow,
        trunk: Option<&str>,
        kind: TransportKind,
        remote: SocketAddr,
    ) -> Option<Flow> {
        self.layer.flow_beside(flow, trunk, kind, remote).ok()
    }

    fn flow_to_hop(&self, hop: &Hop) -> Option<Flow> {
        self.layer.flow_to_hop(hop).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::flow::{ConnectionId, ListenerId};
    use crate::sip::transport::{Binding, ListenerConfig, TransportConfig};

    fn names() -> Names {
        let mounted = |kind, address: &str| {
            let address = address.parse().expect("an address");
            let mut listener = ListenerConfig::new(kind, address);
            // Nothing has to be opened to be named.
            listener.binding = Binding::Mounted(address);
            listener.external_address = Some([203, 0, 113, 5].into());
            listener.local_networks = vec!["10.0.0.0/8".parse().expect("a range")];
            listener
        };
        let listeners = vec![
            mounted(TransportKind::Udp, "10.0.0.5:5060"),
            mounted(TransportKind::Tcp, "10.0.0.5:5070"),
            mounted(TransportKind::Wss, "10.0.0.5:443"),
        ];
        let config = TransportConfig { listeners, ..TransportConfig::default() };
        let (layer, _) = TransportLayer::new(config);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async { layer.listen() }).expect("nothing is opened");
        Names::new(layer)
    }

    fn flow(kind: TransportKind, listener: u16, remote: &str) -> Flow {
        Flow {
            kind,
            listener: ListenerId(listener),
            local: "10.0.0.5:40000".parse().expect("an address"),
            remote: remote.parse().expect("an address"),
            connection: (kind != TransportKind::Udp).then_some(ConnectionId(1)),
        }
    }

    #[test]
    fn peers_behind_nat_and_beside_us_get_the_address_that_they_reach() {
        let names = names();
        let told = |kind, listener, remote| names.contact(&flow(kind, listener, remote)).to_string();
        assert_eq!(told(TransportKind::Udp, 0, "198.51.100.7:5060"), "sip:203.0.113.5:5060");
        assert_eq!(told(TransportKind::Udp, 0, "10.1.2.3:5060"), "sip:10.0.0.5:5060");
        assert_eq!(told(TransportKind::Tcp, 1, "10.1.2.3:5060"), "sip:10.0.0.5:5070;transport=tcp");
        assert_eq!(told(TransportKind::Wss, 2, "198.51.100.7:999"), "sip:203.0.113.5:443;transport=ws");
        let sent_by = names.sent_by(&flow(TransportKind::Tcp, 1, "198.51.100.7:5060"));
        assert_eq!((sent_by.0.ip(), sent_by.1), (Some([203, 0, 113, 5].into()), Some(5070)));
    }
}
