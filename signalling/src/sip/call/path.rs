//! Where the requests of a dialog go.

use std::net::SocketAddr;
use std::time::Duration;

use crate::adapter::Origin;
use crate::sip::agent::{LocalNames, Reach};
use crate::sip::flow::{ConnectionId, Flow, TransportKind};
use crate::sip::hop::Sought;
use crate::sip::message::Uri;

/// How long a peer whose stream is gone is waited for, where it has to have another before it can be told or asked anything: a
/// page comes back within ten seconds, and one that has not for longer has no call any more.
pub(super) const RETURN_MAX: Duration = Duration::from_secs(60);

/// The flow that a dialog uses now, and how it may change.
#[derive(Debug, Clone, Copy)]
pub(in crate::sip) struct Path {
    flow: Flow,
    reach: Reach,
    is_lost: bool,
    name: Name,
}

/// What is known of the name by which alone the peer is found, where the flow is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Unasked,
    /// It is being looked up.
    Asked,
    LeadsTo(TransportKind, SocketAddr),
}

impl Path {
    pub(in crate::sip) const fn new(flow: Flow, reach: Reach) -> Self {
        Self { flow, reach, is_lost: false, name: Name::Unasked }
    }

    pub(in crate::sip) const fn flow(&self) -> Flow {
        self.flow
    }

    pub(in crate::sip) const fn reach(&self) -> Reach {
        self.reach
    }

    /// A path whose stream ended with the process that had it.
    pub(in crate::sip) const fn lost(flow: Flow, reach: Reach) -> Self {
        Self { flow, reach, is_lost: true, name: Name::Unasked }
    }

    /// Takes over the flow of a request of the peer: it is there now. Whether that is another than before.
    pub(in crate::sip) fn heard_from(&mut self, flow: Flow) -> bool {
        let is_other = (self.reach == Reach::Flow && self.flow != flow) || self.is_lost;
        if is_other {
            self.replace(flow);
        }
        is_other
    }

    /// Takes over a new flow of the same peer, in place of one that is lost.
    pub(in crate::sip) const fn replace(&mut self, flow: Flow) {
        self.flow = flow;
        self.is_lost = false;
        self.name = Name::Unasked;
    }

    /// Takes over a flow to which the peer has moved from these; whether ours is one of them.
    pub(in crate::sip) fn follow(&mut self, left: &[Flow], flow: Flow) -> bool {
        let is_ours = left.contains(&self.flow);
        if is_ours {
            self.replace(flow);
        }
        is_ours
    }

    /// Takes over the stream of a response or an ACK of a peer that is found on its flow only, where that is newer than ours:
    /// it has left that one. Gives what it has left.
    pub(in crate::sip) fn answered_by(&mut self, flow: Flow) -> Option<Flow> {
        let is_newer = flow.connection > self.flow.connection;
        let is_its_way = self.reach == Reach::Flow && flow.kind.is_reliable() && flow.kind == self.flow.kind;
        let is_left = is_its_way && flow.connection != self.flow.connection && (is_newer || self.is_lost);
        let left = is_left.then_some(self.flow);
        if is_left {
            self.replace(flow);
        }
        left
    }

    /// Notes that a stream closed; whether it was ours, which is news.
    pub(in crate::sip) fn connection_closed(&mut self, connection: ConnectionId) -> bool {
        let is_news = self.flow.connection == Some(connection) && !self.is_lost;
        self.is_lost |= is_news;
        is_news
    }

    /// Whether the flow is gone and the peer has not come back.
    pub(in crate::sip) const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// The name to be looked up, where the peer has closed a stream of its own and its next hop is no address. It is asked for
    /// once; [`found`](Self::found) takes the answer.
    pub(in crate::sip) fn seek(&mut self, hop: &Uri, names: &dyn LocalNames) -> Option<Sought> {
        let is_needed = self.is_lost && self.reach == Reach::Target && self.name == Name::Unasked;
        if !is_needed || names.is_dialled(&self.flow) {
            return None;
        }
        let sought = name_of(hop, &self.flow)?;
        self.name = Name::Asked;
        Some(sought)
    }

    /// Whether it is being looked up.
    pub(in crate::sip) fn is_sought(&self) -> bool {
        self.name == Name::Asked
    }

    /// Takes where the name leads; `None` where nobody knows, so that it may be asked for again.
    pub(in crate::sip) fn found(&mut self, at: Option<(TransportKind, SocketAddr)>) {
        if self.is_sought() {
            self.name = at.map_or(Name::Unasked, |(kind, remote)| Name::LeadsTo(kind, remote));
        }
    }

    /// The flow for a request whose next hop is `hop` (RFC 3261 8.1.2). A name is not looked up here,
    /// and an open stream to the same host is used whatever port its Contact names (RFC 5923); one of ours that has closed is
    /// opened anew, and one of the peer's is followed by one to where its name was [`found`](Self::found) to lead.
    pub(in crate::sip) fn toward(&mut self, hop: &Uri, names: &dyn LocalNames) -> Flow {
        self.toward_trunk(None, hop, names)
    }

    /// The same in a dialog with a peer that may have called by a stream of its own. As a trunk it is shown the certificate that is
    /// for that one, whoever shares the stream.
    pub(in crate::sip) fn toward_peer(&mut self, peer: &Origin, hop: &Uri, names: &dyn LocalNames) -> Flow {
        let trunk = match peer {
            Origin::Trunk(name) => Some(name.as_str()),
            Origin::User(_) => None,
        };
        self.toward_trunk(trunk, hop, names)
    }

    fn toward_trunk(&mut self, trunk: Option<&str>, hop: &Uri, names: &dyn LocalNames) -> Flow {
        if self.reach == Reach::Target
            && let Some(flow) = self.other_way(trunk, hop, names)
        {
            self.replace(flow);
        }
        self.flow
    }

    /// Another flow to the next hop, where this one does not lead there, or not any more.
    fn other_way(&self, trunk: Option<&str>, hop: &Uri, names: &dyn LocalNames) -> Option<Flow> {
        let named = address_of(hop, &self.flow);
        let is_right = named.is_none_or(|(kind, remote)| {
            let is_same_host = kind == self.flow.kind && remote.ip() == self.flow.remote.ip().to_canonical();
            is_same_host && (kind.is_reliable() || remote.port() == self.flow.remote.port())
        });
        if is_right && !self.is_lost {
            return None;
        }
        let again = if is_right { names.flow_again(&self.flow) } else { None };
        let led_to = match self.name {
            Name::LeadsTo(kind, remote) => Some((kind, remote)),
            Name::Unasked | Name::Asked => None,
        };
        let beside = |(kind, remote)| names.flow_beside(&self.flow, trunk, kind, remote);
        again.or_else(|| named.or(led_to).and_then(beside))
    }
}

/// RFC 3263 4.1 and 4.2 for a URI with an address in it.
fn address_of(hop: &Uri, flow: &Flow) -> Option<(TransportKind, SocketAddr)> {
    let uri = hop.as_sip()?;
    let ip = uri.host.ip()?.to_canonical();
    // Many peers leave the parameter out of the Contact that they give on a stream.
    let usual = if ip == flow.remote.ip().to_canonical() { flow.kind } else { TransportKind::Udp };
    let kind = kind_of(hop, usual)?;
    let port = uri.port.unwrap_or(if kind.is_secure() { 5061 } else { 5060 });
    Some((kind, SocketAddr::new(ip, port)))
}

/// The same for one with a name, which says no other transport than that of the flow where it says none.
fn name_of(hop: &Uri, flow: &Flow) -> Option<Sought> {
    let uri = hop.as_sip()?;
    if uri.host.ip().is_some() {
        return None;
    }
    Some(Sought { host: uri.host.to_string(), port: uri.port, kind: kind_of(hop, flow.kind)? })
}

/// The transport that a URI says, or else the usual one; none where nobody can be called upon by it.
fn kind_of(hop: &Uri, usual: TransportKind) -> Option<TransportKind> {
    let is_sips = hop.scheme() == "sips";
    match hop.as_sip()?.transport() {
        Some(name) if name.eq_ignore_ascii_case("tls") => Some(TransportKind::Tls),
        Some(name) if name.eq_ignore_ascii_case("tcp") && is_sips => Some(TransportKind::Tls),
        Some(name) if name.eq_ignore_ascii_case("tcp") => Some(TransportKind::Tcp),
        Some(name) if name.eq_ignore_ascii_case("udp") => Some(TransportKind::Udp),
        // WebSocket peers cannot be called upon (RFC 7118 5.2.1).
        Some(_) => None,
        None if is_sips => Some(TransportKind::Tls),
        None => Some(usual),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::flow::ListenerId;
    use crate::sip::message::{Host, SipUri};

    #[test]
    fn a_target_is_followed_to_its_address() {
        let mut path = Path::new(flow(TransportKind::Udp, [192, 0, 2, 9], 5060), Reach::Target);
        for (hop, kind, remote) in [
            ("sip:bob@192.0.2.9", TransportKind::Udp, "192.0.2.9:5060"),
            ("sip:bob@192.0.2.9:5070", TransportKind::Udp, "192.0.2.9:5070"),
            ("sip:bob@192.0.2.10;transport=tcp", TransportKind::Tcp, "192.0.2.10:5060"),
            ("sips:bob@192.0.2.10", TransportKind::Tls, "192.0.2.10:5061"),
            ("sip:bob@[2001:db8::1]:5080", TransportKind::Udp, "[2001:db8::1]:5080"),
        ] {
            let flow = path.toward(&uri(hop), &Anywhere);
            assert_eq!((flow.kind, flow.remote.to_string()), (kind, remote.to_owned()), "{hop}");
        }
    }

    #[test]
    fn names_and_websockets_stay_on_the_flow() {
        let old = flow(TransportKind::Wss, [192, 0, 2, 9], 40_000);
        let mut path = Path::new(old, Reach::Target);
        for hop in ["sip:bob@example.net", "sip:bob@192.0.2.10;transport=ws", "tel:+4930"] {
            assert_eq!(path.toward(&uri(hop), &Anywhere), old);
        }
    }

    #[test]
    fn a_peer_behind_nat_is_found_on_its_flow_and_followed_when_it_moves() {
        let old = flow(TransportKind::Udp, [192, 0, 2, 9], 40_000);
        let mut path = Path::new(old, Reach::Flow);
        assert_eq!(path.toward(&uri("sip:bob@10.0.0.7"), &Anywhere), old);
        let moved = flow(TransportKind::Udp, [192, 0, 2, 9], 40_001);
        path.heard_from(moved);
        assert_eq!(path.toward(&uri("sip:bob@10.0.0.7"), &Anywhere), moved);
    }

    #[test]
    fn a_stream_is_used_whatever_port_the_contact_names_until_it_closes() {
        let mut old = flow(TransportKind::Tcp, [192, 0, 2, 9], 40_000);
        old.connection = Some(ConnectionId(7));
        let mut path = Path::new(old, Reach::Target);
        assert_eq!(path.toward(&uri("sip:bob@192.0.2.9:5060"), &Anywhere), old);
        assert!(path.connection_closed(ConnectionId(7)) && path.is_lost());
        let new = path.toward(&uri("sip:bob@192.0.2.9:5060"), &Anywhere);
        assert_eq!((new.remote.port(), path.is_lost()), (5060, false));
    }

    #[test]
    fn a_stream_of_ours_that_closed_is_opened_anew_unless_another_address_is_named() {
        for (hop, expected, connection) in [
            ("sip:bob@example.net;transport=tcp", "192.0.2.9:5070", AGAIN),
            ("sip:bob@192.0.2.9:5060;transport=tcp", "192.0.2.9:5070", AGAIN),
            ("sip:bob@192.0.2.10:5060;transport=tcp", "192.0.2.10:5060", BESIDE),
        ] {
            let mut old = flow(TransportKind::Tcp, [192, 0, 2, 9], 5070);
            old.connection = Some(OURS);
            let mut path = Path::new(old, Reach::Target);
            assert_eq!(
                path.toward(&uri("sip:bob@192.0.2.9:5060;transport=tcp"), &Anywhere),
                old,
                "it is open"
            );
            path.connection_closed(OURS);
            let new = path.toward(&uri(hop), &Anywhere);
            assert_eq!((new.remote.to_string().as_str(), path.is_lost()), (expected, false), "{hop}");
            assert_eq!(new.connection, Some(connection), "{hop}");
        }
    }

    #[test]
    fn a_name_is_looked_up_once_where_a_stream_of_the_peers_own_has_closed() {
        let hop = uri("sip:bob@far.test;transport=tcp");
        let found: SocketAddr = ([192, 0, 2, 30], 5070).into();
        for (connection, reach, is_looked_up) in
            [(THEIRS, Reach::Target, true), (OURS, Reach::Target, false), (THEIRS, Reach::Flow, false)]
        {
            let mut old = flow(TransportKind::Tcp, [192, 0, 2, 9], 40_000);
            old.connection = Some(connection);
            let mut path = Path::new(old, reach);
            assert_eq!(path.seek(&hop, &Anywhere), None, "it is open");
            path.connection_closed(connection);
            let sought = path.seek(&hop, &Anywhere);
            let expected = Sought { host: "far.test".to_owned(), port: None, kind: TransportKind::Tcp };
            assert_eq!(sought, is_looked_up.then_some(expected));
            assert_eq!((path.is_sought(), path.seek(&hop, &Anywhere)), (is_looked_up, None));
            path.found(Some((TransportKind::Tcp, found)));
            let new = path.toward(&hop, &Anywhere);
            assert_eq!(new.remote == found && !path.is_lost(), is_looked_up, "{new:?}");
        }
    }

    #[test]
    fn a_name_that_nobody_knew_may_be_asked_for_again_and_no_address_is() {
        let mut old = flow(TransportKind::Tls, [192, 0, 2, 9], 40_000);
        old.connection = Some(THEIRS);
        let mut path = Path::new(old, Reach::Target);
        path.connection_closed(THEIRS);
        assert_eq!(path.seek(&uri("sip:bob@192.0.2.30"), &Anywhere), None);
        assert_eq!(path.seek(&uri("sip:bob@far.test;transport=ws"), &Anywhere), None);
        for _ in 0..2 {
            let sought = path.seek(&uri("sip:bob@far.test:5081"), &Anywhere).expect("it is looked up");
            assert_eq!((sought.kind, sought.port), (TransportKind::Tls, Some(5081)));
            path.found(None);
            assert_eq!(path.toward(&uri("sip:bob@far.test:5081"), &Anywhere), old);
        }
    }

    /// A stream that the peer opened.
    const THEIRS: ConnectionId = ConnectionId(7);

    /// The stream that we opened, the same opened again, and another by its name and identity.
    const OURS: ConnectionId = ConnectionId(1);
    const AGAIN: ConnectionId = ConnectionId(2);
    const BESIDE: ConnectionId = ConnectionId(3);

    struct Anywhere;

    impl LocalNames for Anywhere {
        fn sent_by(&self, flow: &Flow) -> (Host, Option<u16>) {
            (flow.local.ip().into(), None)
        }

        fn contact(&self, flow: &Flow) -> SipUri {
            SipUri::new("", flow.local.ip().into(), None)
        }

        fn listener(&self, _: &Flow) -> std::sync::Arc<str> {
            "test".into()
        }

        fn flow_to(&self, kind: TransportKind, remote: SocketAddr) -> Option<Flow> {
            Some(Flow { remote, ..flow(kind, [0, 0, 0, 0], 0) })
        }

        fn flow_beside(
            &self,
            flow: &Flow,
            _: Option<&str>,
            kind: TransportKind,
            remote: SocketAddr,
        ) -> Option<Flow> {
            let connection = flow.connection.and(Some(BESIDE));
            self.flow_to(kind, remote).map(|beside| Flow { connection, ..beside })
        }

        fn is_dialled(&self, lost: &Flow) -> bool {
            lost.connection == Some(OURS)
        }

        fn flow_again(&self, lost: &Flow) -> Option<Flow> {
            (lost.connection == Some(OURS)).then_some(Flow { connection: Some(AGAIN), ..*lost })
        }
    }

    fn flow(kind: TransportKind, remote: [u8; 4], port: u16) -> Flow {
        let local = ([192, 0, 2, 1], 5060).into();
        Flow { kind, listener: ListenerId(0), local, remote: (remote, port).into(), connection: None }
    }

    fn uri(text: &str) -> Uri {
        text.parse().expect("a URI")
    }
}
