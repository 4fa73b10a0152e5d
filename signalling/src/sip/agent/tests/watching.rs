//! Watchers that come from elsewhere than before.

use std::collections::{BTreeSet, HashMap};

use super::peer::Peer;
use crate::sip::message::{HeaderName, Request};
use crate::sip::subscription::{SubscriptionConfig, WatchRights};

/// Whoever has read the tags on the way would be told from then on.
#[test]
fn a_refresh_from_elsewhere_is_judged_and_takes_the_notifications_along_when_it_is_let_in_alone() {
    let mut peer = Peer::new();
    let groups = HashMap::from([("ann".to_owned(), BTreeSet::new())]);
    let rights = WatchRights { groups, ..WatchRights::default() };
    peer.agent.notifier.take_up(SubscriptionConfig { rights, ..SubscriptionConfig::default() });
    let first = subscribe(&mut peer);
    peer.receive(first);
    let accepted = peer.sent_responses().pop().expect("an answer");
    let to = accepted.headers.get(&HeaderName::To).expect("is whole").to_owned();
    for (port, user, status) in
        [(5060, None, 200), (5070, None, 401), (5070, Some("eve"), 403), (5070, Some("ann"), 200)]
    {
        peer.flow.remote.set_port(port);
        let mut refresh = subscribe(&mut peer);
        refresh.headers.set(HeaderName::To, to.as_str());
        refresh.headers.remove(&HeaderName::Authorization);
        if let Some(user) = user {
            refresh.headers.push(HeaderName::Authorization, user);
        }
        peer.receive(refresh);
        let answer = peer.sent_responses().pop().expect("an answer");
        assert_eq!(answer.status.code(), status, "{user:?} from port {port}");
    }
}

/// Ann asks for her own presence.
fn subscribe(peer: &mut Peer) -> Request {
    let mut subscribe = peer.request("SUBSCRIBE");
    subscribe.uri = "sip:ann@192.0.2.1".parse().expect("a URI");
    subscribe.headers.push(HeaderName::Event, "presence");
    subscribe
}
