//! Addresses of ours that come and go.

use super::*;

fn second() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 2], 5000))
}

fn by(local: SocketAddr, port: u16) -> Option<Path> {
    Some(Path { local, remote: peer(port) })
}

/// Takes a check at one of our addresses, and gives where its answer leaves from.
fn check_at(
    agent: &mut Ice,
    check: &Check,
    port: u16,
    local: SocketAddr,
    now: Instant,
) -> Option<SocketAddr> {
    agent.handle_stun(&check.bytes(), peer(port), local, now).ok()?;
    agent.poll_transmit().map(|transmit| transmit.local)
}

#[test]
fn an_address_that_comes_is_checked_and_one_that_went_is_not() {
    let now = Instant::now();
    let mut agent = agent(now);
    let check = Check::new(&agent);
    assert_eq!(check_at(&mut agent, &check, 1, second(), now), None);
    assert!(agent.add_local(second(), now));
    assert!(!agent.add_local(second(), now) && !agent.add_local(([169, 254, 0, 1], 5000).into(), now));
    let told: Vec<_> = agent.candidates().iter().map(|own| own.address).collect();
    assert_eq!(told, [local(), second()]);
    assert!(agent.candidates()[0].priority > agent.candidates()[1].priority);
    assert_eq!(check_at(&mut agent, &check, 1, second(), now), Some(second()));
    assert_eq!(agent.path(), by(second(), 1));
    agent.remove_local(second(), now);
    assert_eq!(check_at(&mut agent, &check, 1, second(), now), None);
    assert!(agent.add_local(second(), now), "it is back");
    assert_eq!(check_at(&mut agent, &check, 1, second(), now), Some(second()));
}

#[test]
fn media_of_an_address_that_went_goes_by_another_on_which_the_peer_is_heard() {
    let mut now = Instant::now();
    let mut agent = agent(now);
    agent.add_local(second(), now);
    let nomination = Check { nominates: true, priority: 2_000_000, ..Check::new(&agent) };
    let check = Check::new(&agent);
    check_at(&mut agent, &nomination, 1, local(), now).expect("an answer");
    check_at(&mut agent, &check, 1, second(), now).expect("an answer");
    check_at(&mut agent, &check, 2, local(), now).expect("an answer");
    assert_eq!(agent.path(), by(local(), 1));
    while agent.poll_source_change().is_some() {}
    now += MOVED_SILENCE;
    agent.remove_local(local(), now);
    assert_eq!(agent.path(), by(second(), 1));
    assert_eq!(agent.poll_source_change(), Some(SourceChange::Removed(peer(2))), "heard nowhere else");
    assert_eq!(agent.poll_source_change(), None);
    agent.remove_local(second(), now);
    assert_eq!(
        (agent.path(), agent.last_heard_at()),
        (None, Some(now - MOVED_SILENCE)),
        "its silence goes on"
    );
    agent.add_local(local(), now);
    check_at(&mut agent, &check, 3, local(), now).expect("an answer");
    assert_eq!(agent.path(), by(local(), 3));
}

#[test]
fn a_peer_that_uses_one_address_of_ours_after_another_is_followed() {
    let mut now = Instant::now();
    let mut agent = agent(now);
    agent.add_local(second(), now);
    let nomination = Check { nominates: true, ..Check::new(&agent) };
    let check = Check::new(&agent);
    check_at(&mut agent, &nomination, 1, local(), now).expect("an answer");
    for _ in 0..4 {
        now += MOVED_SILENCE / 4;
        agent.hear_media(peer(1), local(), now);
        check_at(&mut agent, &check, 1, second(), now).expect("an answer");
        assert_eq!(agent.path(), by(local(), 1), "it is heard there");
    }
    now += MOVED_SILENCE;
    check_at(&mut agent, &nomination, 1, second(), now).expect("an answer");
    assert_eq!(agent.path(), by(second(), 1), "nothing is heard at the first");
}
