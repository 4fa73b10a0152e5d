//! Watchers that come from elsewhere than before, or may not be where they are.

use std::collections::BTreeSet;

use super::peer::{AWAY, Peer};
use crate::sip::agent::{AgentChange, AgentConfig};
use crate::sip::message::{HeaderName, Request};
use crate::sip::subscription::{SubscriptionConfig, WatchRights, Watchers};

/// Whoever has read the tags on the way would be told from then on.
#[test]
fn a_refresh_from_elsewhere_is_judged_and_takes_the_notifications_along_when_it_is_let_in_alone() {
    let mut peer = Peer::new();
    peer.agent.take_up(change());
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

#[test]
fn who_may_not_be_where_it_is_any_more_watches_no_more_and_others_do() {
    let mut peer = Peer::new();
    peer.agent.take_up(change());
    for source in [peer.flow.remote.ip(), AWAY] {
        peer.flow.remote.set_ip(source);
        let request = subscribe(&mut peer);
        peer.receive(request);
    }
    assert_eq!(peer.agent.subscriptions(), 2);
    peer.agent.take_up(change());
    assert_eq!(peer.agent.subscriptions(), 1);
}

/// Her telephone would refresh it from where it is, and everybody may watch bob.
#[test]
fn who_is_no_user_any_more_watches_no_more() {
    let mut peer = Peer::new();
    peer.agent.take_up(change_of(&["ann", "bob"]));
    let mut request = subscribe(&mut peer);
    request.uri = "sip:bob@192.0.2.1".parse().expect("a URI");
    peer.receive(request);
    peer.agent.take_up(change_of(&["ann", "bob", "carol"]));
    assert_eq!(peer.agent.subscriptions(), 1, "nothing is changed for her");
    peer.agent.take_up(change_of(&["bob", "carol"]));
    assert_eq!(peer.agent.subscriptions(), 0);
}

/// Ann is a user, and all else is as it was.
fn change() -> AgentChange {
    change_of(&["ann"])
}

/// These are users, who may watch each other.
fn change_of(users: &[&str]) -> AgentChange {
    let groups = users.iter().map(|user| ((*user).to_owned(), BTreeSet::new())).collect();
    let rights = WatchRights { watchers: Watchers::Everybody, groups, ..WatchRights::default() };
    let AgentConfig { texts, calls_max, max_cps, emergency_numbers, user_passing, .. } =
        AgentConfig::default();
    let subscriptions = SubscriptionConfig { rights, ..SubscriptionConfig::default() };
    AgentChange { texts, calls_max, max_cps, emergency_numbers, user_passing, subscriptions }
}

/// Ann asks for her own presence.
fn subscribe(peer: &mut Peer) -> Request {
    let mut subscribe = peer.request("SUBSCRIBE");
    subscribe.uri = "sip:ann@192.0.2.1".parse().expect("a URI");
    subscribe.headers.push(HeaderName::Event, "presence");
    subscribe
}
