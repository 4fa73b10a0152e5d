//! What the live tests share: a transport layer on loopback ports, and peers that speak raw bytes to it.

pub(crate) mod digest;
pub(crate) mod gateway;
pub(crate) mod phone;
pub(crate) mod tls;

use std::net::SocketAddr;

pub(crate) use crate::wire::{PATIENCE, options, peer, ws};
use webtrunk_signalling::http::OriginPolicy;
use webtrunk_signalling::sip::flow::{Flow, ListenerId, TransportKind};
use webtrunk_signalling::sip::message::Message;
use webtrunk_signalling::sip::transport::{
    GuardConfig, Inbound, InboundReceiver, ListenerConfig, TlsConfig, TransportConfig, TransportLayer,
    TransportLimits,
};

/// A transport layer with one listener of each kind asked for.
pub(crate) struct Listening {
    pub(crate) layer: TransportLayer,
    pub(crate) inbound: InboundReceiver,
}

impl Listening {
    pub(crate) fn start(kinds: &[TransportKind], limits: TransportLimits) -> Self {
        Self::start_with_tls(kinds, limits, TlsConfig::default())
    }

    pub(crate) fn start_with_tls(kinds: &[TransportKind], limits: TransportLimits, tls: TlsConfig) -> Self {
        let listeners = kinds.iter().map(|kind| listener(*kind)).collect();
        let (guard, tap) = (GuardConfig::open(), None);
        let (layer, inbound) = TransportLayer::new(TransportConfig { listeners, limits, guard, tls, tap });
        layer.listen().expect("loopback ports are free");
        Self { layer, inbound }
    }

    /// Where the listener at this place of the list is.
    pub(crate) fn address(&self, place: u16) -> SocketAddr {
        self.layer.addresses().listener(ListenerId(place)).expect("it was asked for").bound
    }

    pub(crate) async fn event(&mut self) -> Inbound {
        tokio::time::timeout(PATIENCE, self.inbound.recv())
            .await
            .expect("something comes in")
            .expect("the layer is alive")
    }

    pub(crate) async fn message(&mut self) -> (Flow, Message) {
        match self.event().await {
            Inbound::Message { flow, message } => (flow, *message),
            Inbound::Closed(connection) => panic!("{connection:?} closed instead of a message"),
            Inbound::Ponged(flow) => panic!("a pong by {flow} instead of a message"),
            Inbound::Refused(flow) => panic!("{flow} refused instead of a message"),
        }
    }

    /// The next event has to be the end of a stream.
    pub(crate) async fn closed(&mut self) {
        match self.event().await {
            Inbound::Closed(_) => {}
            Inbound::Message { message, .. } => panic!("a message instead of the end: {message:?}"),
            Inbound::Ponged(flow) => panic!("a pong by {flow} instead of the end"),
            Inbound::Refused(flow) => panic!("{flow} refused instead of the end"),
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.layer.stop();
    }
}

/// A listener on a free loopback port that lets programs in, not pages.
pub(crate) fn listener(kind: TransportKind) -> ListenerConfig {
    let mut listener = ListenerConfig::new(kind, ([127, 0, 0, 1], 0).into());
    let page = "https://phone.example".parse().expect("an origin");
    listener.origins = OriginPolicy::new(vec![page], true);
    listener
}
