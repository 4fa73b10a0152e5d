//! Places for streams, and who gets one.

use std::time::Duration;

use super::*;

fn connections(per_address: usize, total: usize) -> Connections {
    Connections::new(&TransportLimits {
        connections_per_address: per_address,
        connections: total,
        outgoing_queue: 2,
        ..TransportLimits::default()
    })
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn strangers_of_one_address_are_counted_until_they_authenticate() {
    let connections = connections(2, 10);
    let now = Instant::now();
    let first = connections.admit(ip("192.0.2.1"), now).expect("first place");
    connections.admit(ip("192.0.2.1"), now).expect("second place");
    assert!(!connections.has_warned.load(Ordering::Relaxed), "nobody was refused yet");
    assert_eq!(connections.admit(ip("192.0.2.1"), now).err(), Some(Refusal::TooManyFromAddress));
    assert!(connections.has_warned.load(Ordering::Relaxed), "whoever runs the gateway should know");
    connections.admit(ip("192.0.2.2"), now).expect("another address");
    connections.mark_known(first.id);
    assert!(first.control.is_known());
    connections.admit(ip("192.0.2.1"), now).expect("the place of the one that authenticated");
    connections.leave(first.id);
    assert_eq!(connections.admit(ip("192.0.2.1"), now).err(), Some(Refusal::TooManyFromAddress));
}

#[test]
fn a_slash_64_counts_as_one_address() {
    let connections = connections(1, 10);
    let now = Instant::now();
    connections.admit(ip("2001:db8::1"), now).expect("first place");
    assert_eq!(connections.admit(ip("2001:db8::2"), now).err(), Some(Refusal::TooManyFromAddress));
    connections.admit(ip("2001:db8:0:1::1"), now).expect("the next /64");
}

#[test]
fn the_idlest_stranger_makes_room_and_users_stay() {
    let connections = connections(10, 3);
    let start = Instant::now();
    let user = connections.admit(ip("192.0.2.1"), start).expect("first place");
    connections.mark_known(user.id);
    let idle = connections.admit(ip("192.0.2.2"), start).expect("second place");
    let busy = connections.admit(ip("192.0.2.3"), start).expect("third place");
    connections.heard(busy.id, start + Duration::from_secs(5));
    let late = connections.admit(ip("192.0.2.4"), start + Duration::from_secs(6)).expect("room is made");
    assert!(late.has_evicted);
    assert!(!connections.is_open(idle.id) && connections.is_open(busy.id) && connections.is_open(user.id));
    connections.mark_known(busy.id);
    connections.mark_known(late.id);
    assert_eq!(connections.admit(ip("192.0.2.5"), start).err(), Some(Refusal::Full));
}

#[test]
fn a_peer_that_does_not_read_is_cut() {
    let connections = connections(1, 1);
    let peer = connections.admit(ip("192.0.2.1"), Instant::now()).expect("a place");
    let queue = || connections.queue(peer.id, Bytes::from_static(b"x"));
    assert_eq!(
        (queue(), queue(), queue(), queue()),
        (Ok(()), Ok(()), Err(QueueError::Full), Err(QueueError::Gone))
    );
    assert_eq!(connections.len(), 0);
}

fn key(name: &str, trunk: Option<&str>) -> DialKey {
    DialKey {
        kind: TransportKind::Tls,
        listener: ListenerId(0),
        remote: "192.0.2.1:5061".parse().expect("an address"),
        server_name: Some(name.into()),
        identity: trunk.map(str::to_owned),
    }
}

#[test]
fn by_what_name_a_stream_was_dialled_is_known_for_a_while_after_it_closed() {
    let connections = connections(1, 1);
    let now = Instant::now();
    let stranger = connections.admit(ip("192.0.2.9"), now).expect("a place").id;
    let ours = connections.dial(&key("one.example", Some("a")), now).expect_err("nothing dialled yet").id;
    assert_eq!(connections.dialled_as(ours), Some(key("one.example", Some("a"))));
    connections.leave(stranger);
    connections.leave(ours);
    let known = |id| connections.dialled_as(id).map(|key| key.identity);
    assert_eq!((known(ours), known(stranger)), (Some(Some("a".to_owned())), None));
    for _ in 0..CLOSED_MAX {
        let other = connections.dial(&key("two.example", None), now).expect_err("it has closed").id;
        connections.leave(other);
    }
    assert_eq!(known(ours), None, "it takes bounded room");
}

#[test]
fn how_a_trunk_is_called_that_opened_a_stream_is_known_for_a_while_after_it_closed() {
    let connections = connections(2, 2);
    let now = Instant::now();
    let opened = || connections.admit(ip("192.0.2.9"), now).expect("a place").id;
    let called = |name: &str| Called { server_name: Some(name.to_owned()), identity: Some("a".to_owned()) };
    let [trunk, stranger] = [opened(), opened()];
    connections.mark_known(trunk);
    connections.note_called(trunk, "a", called("one.example"));
    let both = || [trunk, stranger].map(|id| connections.called(id, Some("a")));
    assert_eq!(both(), [called("one.example"), Called::default()]);
    connections.leave(trunk);
    connections.leave(stranger);
    assert_eq!(both(), [called("one.example"), Called::default()]);
    assert_eq!(connections.dialled_as(trunk), None, "nobody listens at its port");
    for _ in 0..CLOSED_MAX {
        let other = opened();
        connections.mark_known(other);
        connections.note_called(other, "a", called("two.example"));
        connections.leave(other);
    }
    assert_eq!(connections.called(trunk, Some("a")), Called::default(), "it takes bounded room");
    let ours = connections.dial(&key("three.example", Some("a")), now).expect_err("nothing dialled yet").id;
    assert_eq!(connections.called(ours, None), called("three.example"));
}

#[test]
fn of_two_trunks_that_share_a_stream_of_theirs_each_is_called_in_its_own_way() {
    let connections = connections(1, 1);
    let now = Instant::now();
    let id = connections.admit(ip("192.0.2.9"), now).expect("a place").id;
    let called = |trunk: &str| Called {
        server_name: Some("one.example".to_owned()),
        identity: Some(trunk.to_owned()),
    };
    connections.mark_known(id);
    for trunk in ["a", "b", "a", "b"] {
        connections.note_called(id, trunk, called(trunk));
    }
    let known = || [Some("a"), Some("b"), None].map(|trunk| connections.called(id, trunk));
    let expected = [called("a"), called("b"), Called::default()];
    assert_eq!(known(), expected);
    for trunk in ["a", "b"] {
        let own = connections.dial(&key("one.example", Some(trunk)), now);
        assert!(own.is_err_and(|own| own.id != id), "a call to it goes by a stream of its own");
    }
    connections.leave(id);
    assert_eq!(known(), expected);
}

#[test]
fn how_a_trunk_is_called_is_known_of_a_stream_of_a_process_before() {
    let connections = connections(1, 1);
    let called = Called { server_name: Some("one.example".to_owned()), identity: Some("a".to_owned()) };
    let before = connections.parted_before("a", called.clone());
    assert_eq!((connections.called(before, Some("a")), connections.dialled_as(before)), (called, None));
    assert!(!connections.is_open(before));
    let other = connections.admit(ip("192.0.2.9"), Instant::now()).expect("it took no place").id;
    assert_ne!(other, before);
}

#[test]
fn a_dialled_stream_is_used_again_only_by_the_same_key() {
    let connections = connections(1, 1);
    let now = Instant::now();
    let first = connections.dial(&key("one.example", None), now).expect_err("nothing dialled yet");
    assert_eq!(connections.dial(&key("one.example", None), now).ok(), Some(first.id));
    assert!(connections.dial(&key("two.example", None), now).is_err());
    assert!(connections.dial(&key("one.example", Some("a")), now).is_err(), "another certificate of ours");
    assert!(connections.dial(&key("one.example", Some("b")), now).is_err());
    connections.leave(first.id);
    assert!(connections.dial(&key("one.example", None), now).is_err());
}

#[test]
fn a_stream_that_we_dialled_is_of_the_host_by_whose_name_alone() {
    let connections = connections(1, 10);
    let now = Instant::now();
    let dialled = |trunk| connections.dial(&key("one.example", trunk), now).expect_err("none is open").id;
    let (anybodys, own) = (dialled(None), dialled(Some("a")));
    let stranger = connections.admit(ip("192.0.2.1"), now).expect("a place").id;
    for (id, host, identity, expected) in [
        (anybodys, "One.Example", None, true),
        (anybodys, "two.example", None, false),
        (anybodys, "one.example", Some("a"), false),
        (own, "one.example", Some("a"), true),
        (own, "one.example", Some("b"), false),
        (own, "one.example", None, false),
        (stranger, "one.example", None, false),
    ] {
        assert_eq!(connections.is_to(id, host, identity), expected, "{id:?} {host} {identity:?}");
    }
    connections.leave(anybodys);
    assert!(!connections.is_to(anybodys, "one.example", None));
}
