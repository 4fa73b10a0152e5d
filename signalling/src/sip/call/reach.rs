//! How the peer of a call is reached that has called us: where it says that it is, or along its flow alone.

use crate::adapter::Origin;
use crate::sip::agent::Reach;
use crate::sip::dialog::Dialog;
use crate::sip::flow::Flow;
use crate::sip::message::{Request, Via};

/// A phone whose Via names another address than its datagrams come from is behind NAT: its Contact
/// leads nowhere, and it is found on its flow only. So is one that asks for it (`ob`, RFC 5626 4.3).
pub(in crate::sip) fn reach_of(invite: &Request, flow: &Flow) -> Reach {
    let is_where_it_says =
        |via: Via| via.host.ip().is_some_and(|ip| ip.to_canonical() == flow.remote.ip().to_canonical());
    if !asks_for_flow(invite) && !flow.kind.is_websocket() && invite.headers.via().is_ok_and(is_where_it_says)
    {
        Reach::Target
    } else {
        Reach::Flow
    }
}

/// The same of who calls. A trunk that comes by a stream may be a name in Via as in its Contact or route: that is no sign of
/// NAT, and once it has closed the stream it is looked up.
pub(super) fn reach_of_caller(invite: &Request, flow: &Flow, origin: &Origin, dialog: &Dialog) -> Reach {
    let has_stream = flow.kind.is_reliable() && !flow.kind.is_websocket();
    let is_name_in_via = invite.headers.via().is_ok_and(|via| via.host.ip().is_none());
    let is_found_by_name = dialog.next_hop().as_sip().is_some_and(|uri| uri.host.ip().is_none());
    let is_trunk = matches!(origin, Origin::Trunk(_));
    if is_trunk && has_stream && is_name_in_via && is_found_by_name && !asks_for_flow(invite) {
        Reach::Target
    } else {
        reach_of(invite, flow)
    }
}

fn asks_for_flow(invite: &Request) -> bool {
    let contact = invite.headers.contact();
    contact.is_ok_and(|contact| contact.uri.as_sip().is_some_and(|uri| uri.params.has("ob")))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::sip::flow::{ConnectionId, ListenerId, TransportKind};
    use crate::sip::message::Message;

    /// How this origin is reached, whose INVITE says this in Via and has these lines besides.
    fn reach(origin: &Origin, kind: TransportKind, via: &str, lines: &str) -> Reach {
        let text = format!(
            "INVITE sip:bob@192.0.2.1 SIP/2.0\r\n\
             Via: SIP/2.0/{} {via};branch=z9hG4bK1\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:ann@far.test>;tag=ann\r\n\
             To: <sip:bob@192.0.2.1>\r\n\
             Call-ID: call\r\n\
             CSeq: 1 INVITE\r\n\
             {lines}\r\n",
            kind.via_name()
        );
        let Ok(Message::Request(invite)) = Message::parse(Bytes::from(text)) else { panic!("it is one") };
        let dialog = Dialog::uas(&invite, "ours").expect("it makes one");
        let connection = kind.is_reliable().then_some(ConnectionId(1));
        let (local, remote) = (([192, 0, 2, 1], 5060).into(), ([192, 0, 2, 2], 40_000).into());
        let flow = Flow { kind, listener: ListenerId(0), local, remote, connection };
        reach_of_caller(&invite, &flow, origin, &dialog)
    }

    #[test]
    fn a_trunk_on_a_stream_that_is_nothing_but_names_is_found_by_them() {
        let (trunk, user) = (Origin::Trunk("lab".to_owned()), Origin::User("ann".to_owned()));
        let (name, address) = ("Contact: <sip:ann@far.test>\r\n", "Contact: <sip:ann@10.0.0.1>\r\n");
        let routed = format!("Record-Route: <sip:edge.far.test;lr>\r\n{address}");
        let asking = "Contact: <sip:ann@far.test;ob>\r\n";
        let (stream, datagrams) = (TransportKind::Tls, TransportKind::Udp);
        for (origin, kind, via, lines, expected) in [
            (&trunk, stream, "edge.far.test", name, Reach::Target),
            (&trunk, stream, "edge.far.test", routed.as_str(), Reach::Target),
            (&trunk, stream, "edge.far.test", address, Reach::Flow),
            (&trunk, stream, "edge.far.test", asking, Reach::Flow),
            (&trunk, stream, "10.0.0.1", name, Reach::Flow),
            (&trunk, stream, "192.0.2.2", address, Reach::Target),
            (&trunk, datagrams, "edge.far.test", name, Reach::Flow),
            (&trunk, TransportKind::Wss, "far.invalid", name, Reach::Flow),
            (&user, stream, "edge.far.test", name, Reach::Flow),
        ] {
            assert_eq!(reach(origin, kind, via, lines), expected, "{origin} {kind:?} {via} {lines}");
        }
    }
}
