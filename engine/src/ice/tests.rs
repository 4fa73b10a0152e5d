//! The agent against checks made by hand.

mod addresses;
mod lite_peer;

use is::DefaultSha1HmacProvider;
use is::Sha1HmacProvider;
use is::stun::{StunMessage, StunMessageBuilder, TransId};

use super::session::NEWCOMERS_MAX;
use super::*;

const PEER_UFRAG: &str = "peer";

/// A check, to be changed where it matters.
pub(crate) struct Check {
    username: String,
    password: String,
    nominates: bool,
    priority: u32,
    claims_to_be_controlled: bool,
}

impl Check {
    fn new(agent: &Ice) -> Self {
        Self::of(agent.ufrag(), agent.password())
    }

    /// For whom has these credentials.
    pub(crate) fn of(ufrag: &str, password: &str) -> Self {
        Self {
            username: format!("{ufrag}:{PEER_UFRAG}"),
            password: password.to_owned(),
            nominates: false,
            priority: 1_000_000,
            claims_to_be_controlled: false,
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut message =
            StunMessageBuilder::new().binding().request().username(&self.username).prio(self.priority);
        message =
            if self.claims_to_be_controlled { message.ice_controlled(1) } else { message.ice_controlling(1) };
        if self.nominates {
            message = message.use_candidate();
        }
        to_bytes(&message.build(TransId::new()), &self.password)
    }
}

fn to_bytes(message: &StunMessage<'_>, password: &str) -> Vec<u8> {
    let mut bytes = vec![0; 512];
    let length = message
        .to_bytes(Some(password.as_bytes()), &mut bytes, |key, parts| {
            DefaultSha1HmacProvider.sha1_hmac(key, parts)
        })
        .expect("room enough");
    bytes.truncate(length);
    bytes
}

fn local() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 5000))
}

fn peer(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], port))
}

/// An agent that knows its peer.
fn agent(now: Instant) -> Ice {
    let mut agent = Ice::new(&[local()]);
    agent.handle_timeout(now);
    agent.set_remote(&RemoteIce::new(PEER_UFRAG, "the peer's own password"), now);
    agent
}

fn receive(agent: &mut Ice, check: &Check, from: SocketAddr, now: Instant) -> Result<(), DropReason> {
    agent.handle_stun(&check.bytes(), from, local(), now)
}

fn path_to(port: u16) -> Option<Path> {
    Some(Path { local: local(), remote: peer(port) })
}

#[test]
fn a_valid_check_is_answered_signed_and_makes_its_source_valid() {
    let now = Instant::now();
    let mut agent = agent(now);
    let check = Check::new(&agent);
    assert_eq!(receive(&mut agent, &check, peer(1), now), Ok(()));
    let answer = agent.poll_transmit().expect("an answer");
    assert_eq!((answer.local, answer.to), (local(), peer(1)));
    let response = StunMessage::parse(&answer.payload).expect("valid STUN");
    assert!(response.is_successful_binding_response());
    assert_eq!(response.mapped_address(), Some(peer(1)));
    assert!(
        response.verify(agent.password().as_bytes(), |key, parts| {
            DefaultSha1HmacProvider.sha1_hmac(key, parts)
        })
    );
    assert_eq!(agent.poll_transmit(), None);
    assert_eq!(agent.poll_source_change(), Some(SourceChange::Added(peer(1))));
    assert_eq!((agent.path(), agent.last_heard_at()), (path_to(1), Some(now)));
}

#[test]
fn what_is_not_a_signed_check_for_us_is_not_answered() {
    let now = Instant::now();
    let mut agent = agent(now);
    let good = Check::new(&agent);
    let wrong_password = Check { password: "wrong".into(), ..Check::new(&agent) };
    let wrong_ufrag = Check { username: format!("other:{PEER_UFRAG}"), ..Check::new(&agent) };
    let wrong_peer = Check { username: format!("{}:somebody", agent.ufrag()), ..Check::new(&agent) };
    for check in [wrong_password, wrong_ufrag, wrong_peer] {
        assert_eq!(receive(&mut agent, &check, peer(1), now), Err(DropReason::AuthenticationFailed));
    }
    let mut damaged = good.bytes();
    damaged[30] ^= 1;
    assert!(agent.handle_stun(&damaged, peer(1), local(), now).is_err());
    let mut unsigned = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
    unsigned.extend([7; 12]);
    let response = to_bytes(&StunMessage::binding_reply(TransId::new(), local()), agent.password());
    let indication = {
        let message = StunMessageBuilder::new().binding().indication().build(TransId::new());
        to_bytes(&message, agent.password())
    };
    let answer = agent.handle_stun(&response, peer(1), local(), now);
    assert_eq!(answer, Err(DropReason::WrongSource), "nothing was asked");
    for message in [unsigned, indication, vec![0; 3], Vec::new()] {
        let result = agent.handle_stun(&message, peer(1), local(), now);
        assert_eq!(result, Err(DropReason::MalformedStun));
    }
    let elsewhere = SocketAddr::from(([192, 0, 2, 99], 5000));
    assert!(agent.handle_stun(&good.bytes(), peer(1), elsewhere, now).is_err());
    assert_eq!(agent.poll_transmit(), None);
    assert_eq!((agent.poll_source_change(), agent.path()), (None, None));
}

#[test]
fn checks_that_come_before_the_peer_is_known_are_answered_when_it_is() {
    let now = Instant::now();
    let mut agent = Ice::new(&[local()]);
    agent.handle_timeout(now);
    let check = Check::new(&agent);
    for port in 1..=3 {
        assert_eq!(receive(&mut agent, &check, peer(port), now), Ok(()));
    }
    assert_eq!(agent.poll_transmit(), None);
    assert_eq!(agent.path(), path_to(1), "the password was right");
    agent.set_remote(&RemoteIce::new(PEER_UFRAG, "the peer's own password"), now);
    let answered: Vec<_> = std::iter::from_fn(|| agent.poll_transmit()).map(|answer| answer.to).collect();
    assert_eq!(answered, [peer(1), peer(2), peer(3)]);
}

#[test]
fn a_lite_agent_never_sends_of_its_own_accord() {
    let start = Instant::now();
    let mut agent = agent(start);
    let check = Check::new(&agent);
    receive(&mut agent, &check, peer(1), start).expect("a good check");
    agent.poll_transmit().expect("its answer");
    let mut timers = 0;
    while let Some(at) = agent.poll_timeout().filter(|at| *at < start + Duration::from_secs(120)) {
        agent.handle_timeout(at);
        assert_eq!(agent.poll_transmit(), None);
        timers += 1;
        assert!(timers < 1000, "timers move on");
    }
}

#[test]
fn in_a_role_conflict_the_peer_must_yield() {
    let now = Instant::now();
    let mut agent = agent(now);
    let conflict = Check { claims_to_be_controlled: true, ..Check::new(&agent) };
    receive(&mut agent, &conflict, peer(1), now).expect("authentic");
    let answer = agent.poll_transmit().expect("an answer");
    let response = StunMessage::parse(&answer.payload).expect("valid STUN");
    assert_eq!(response.error_code().map(|(code, _)| code), Some(487));
    let yielding = Check { nominates: true, ..Check::new(&agent) };
    receive(&mut agent, &yielding, peer(1), now).expect("a good check");
    let answer = agent.poll_transmit().expect("an answer");
    assert!(StunMessage::parse(&answer.payload).expect("valid STUN").is_successful_binding_response());
}

#[test]
fn media_goes_to_the_first_source_until_another_is_nominated() {
    let now = Instant::now();
    let mut agent = agent(now);
    let check = Check::new(&agent);
    let nomination = Check { nominates: true, ..Check::new(&agent) };
    receive(&mut agent, &check, peer(1), now).expect("a good check");
    receive(&mut agent, &check, peer(2), now).expect("a good check");
    assert_eq!(agent.path(), path_to(1));
    receive(&mut agent, &nomination, peer(2), now).expect("a good check");
    assert_eq!(agent.path(), path_to(2));
    let better = Check { nominates: true, priority: 2_000_000, ..Check::new(&agent) };
    receive(&mut agent, &better, peer(3), now).expect("a good check");
    assert_eq!(agent.path(), path_to(3), "a later nomination of higher priority");
    receive(&mut agent, &nomination, peer(2), now).expect("a good check");
    assert_eq!(agent.path(), path_to(3), "of lower priority it is not followed");
}

#[test]
fn a_silent_path_gives_way_to_one_that_is_nominated() {
    let start = Instant::now();
    let mut agent = agent(start);
    let good = Check { nominates: true, priority: 2_000_000, ..Check::new(&agent) };
    let poor = Check { nominates: true, priority: 1_000_000, ..Check::new(&agent) };
    let plain = Check::new(&agent);
    receive(&mut agent, &good, peer(1), start).expect("a good check");
    let later = start + PATH_SILENCE;
    agent.hear_media(peer(1), local(), later - MOVED_SILENCE / 2);
    receive(&mut agent, &poor, peer(2), later).expect("a good check");
    assert_eq!(agent.path(), path_to(1), "its media came a moment ago");
    let later = later + PATH_SILENCE;
    receive(&mut agent, &plain, peer(2), later).expect("a good check");
    assert_eq!(agent.path(), path_to(1), "no nomination");
    receive(&mut agent, &poor, peer(2), later).expect("a good check");
    assert_eq!(agent.path(), path_to(2));
}

#[test]
fn a_silent_path_that_was_never_nominated_gives_way_to_any() {
    let start = Instant::now();
    let mut agent = agent(start);
    let check = Check::new(&agent);
    receive(&mut agent, &check, peer(1), start).expect("a good check");
    receive(&mut agent, &check, peer(2), start + PATH_SILENCE / 2).expect("a good check");
    assert_eq!(agent.path(), path_to(1));
    receive(&mut agent, &check, peer(2), start + PATH_SILENCE).expect("a good check");
    assert_eq!(agent.path(), path_to(2));
}

#[test]
fn a_peer_that_moves_is_followed_at_once_and_one_that_comes_back_too() {
    let mut now = Instant::now();
    let mut agent = agent(now);
    let home = Check { nominates: true, priority: 2_000_000, ..Check::new(&agent) };
    let abroad = Check { nominates: true, ..Check::new(&agent) };
    receive(&mut agent, &home, peer(1), now).expect("a good check");
    now += MOVED_SILENCE;
    receive(&mut agent, &abroad, peer(2), now).expect("a good check");
    assert_eq!(agent.path(), path_to(2), "nothing is heard from home");
    // Both are heard now, and the peer nominates one only.
    for port in [1, 2, 1] {
        let check = if port == 1 { &home } else { &abroad };
        for _ in 0..2 {
            now += MOVED_SILENCE / 4;
            agent.hear_media(peer(1), local(), now);
            agent.hear_media(peer(2), local(), now);
            receive(&mut agent, check, peer(port), now).expect("a good check");
        }
        assert_eq!(agent.path(), path_to(port));
    }
}

#[test]
fn a_peer_that_nominates_all_that_it_has_is_sent_to_at_the_best() {
    let mut now = Instant::now();
    let mut agent = agent(now);
    let good = Check { nominates: true, priority: 2_000_000, ..Check::new(&agent) };
    let poor = Check { nominates: true, ..Check::new(&agent) };
    receive(&mut agent, &poor, peer(2), now).expect("a good check");
    for _ in 0..20 {
        now += MOVED_SILENCE / 4;
        receive(&mut agent, &good, peer(1), now).expect("a good check");
        receive(&mut agent, &poor, peer(2), now).expect("a good check");
        assert_eq!(agent.path(), path_to(1));
    }
}

/// The ufrags that came and went.
fn routes(agent: &mut Ice) -> Vec<StunRoute> {
    std::iter::from_fn(|| agent.poll_route()).collect()
}

#[test]
fn a_restart_is_answered_beside_the_old_session_and_takes_over_with_its_first_check() {
    let now = Instant::now();
    let mut agent = agent(now);
    let old = Check { nominates: true, ..Check::new(&agent) };
    receive(&mut agent, &old, peer(1), now).expect("a good check");
    let former = agent.ufrag().to_owned();
    agent.restart(now);
    assert!(agent.is_restarting());
    assert_eq!(routes(&mut agent), [StunRoute::Added(agent.ufrag().to_owned())]);
    assert_ne!(agent.ufrag(), former);
    agent.set_remote(&RemoteIce::new("newpeer", "another password of the peer"), now);
    assert!(!agent.is_restarting());
    while agent.poll_transmit().is_some() {}
    receive(&mut agent, &old, peer(1), now).expect("the old session is checked still");
    assert!(agent.poll_transmit().is_some(), "and answered");
    assert_eq!(agent.path(), path_to(1));

    let with_old_peer = Check::new(&agent);
    assert!(receive(&mut agent, &with_old_peer, peer(2), now).is_err(), "the peer's half is new too");
    let new = Check { username: format!("{}:newpeer", agent.ufrag()), ..Check::new(&agent) };
    receive(&mut agent, &new, peer(2), now).expect("a good check");
    let answer = agent.poll_transmit().expect("an answer");
    assert_eq!((answer.to, agent.path()), (peer(2), path_to(2)));
    assert_eq!(routes(&mut agent), [StunRoute::Removed(former)]);
    assert!(receive(&mut agent, &old, peer(1), now).is_err(), "the old session is over");
    assert!(agent.is_validated(peer(1), local()), "its media may be under way");

    let nomination = Check { nominates: true, username: new.username, ..Check::new(&agent) };
    receive(&mut agent, &nomination, peer(3), now).expect("a good check");
    assert_eq!(agent.path(), path_to(3));
}

#[test]
fn checks_of_a_restart_before_its_answer_are_answered_after_it() {
    let now = Instant::now();
    let mut agent = agent(now);
    let old = Check { nominates: true, ..Check::new(&agent) };
    receive(&mut agent, &old, peer(1), now).expect("a good check");
    agent.poll_transmit().expect("its answer");
    agent.restart(now);
    let early = Check { username: format!("{}:newpeer", agent.ufrag()), ..Check::new(&agent) };
    receive(&mut agent, &early, peer(2), now).expect("authentic");
    assert_eq!((agent.poll_transmit(), agent.path()), (None, path_to(1)), "not agreed on yet");
    agent.set_remote(&RemoteIce::new("newpeer", "another password of the peer"), now);
    assert_eq!(agent.poll_transmit().map(|answer| answer.to), Some(peer(2)));
    assert_eq!(agent.path(), path_to(2));
}

#[test]
fn a_restart_that_is_given_up_or_replaced_leaves_no_trace() {
    let now = Instant::now();
    let mut agent = agent(now);
    let former = agent.ufrag().to_owned();
    let old = Check::new(&agent);
    agent.restart(now);
    let proposed = agent.ufrag().to_owned();
    agent.give_up_restart();
    assert_eq!(agent.ufrag(), former);
    let changes = [StunRoute::Added(proposed.clone()), StunRoute::Removed(proposed)];
    assert_eq!(routes(&mut agent), changes);
    agent.give_up_restart();
    receive(&mut agent, &old, peer(1), now).expect("nothing has changed");

    // Agreed on and never checked, again and again: two sessions are there, and one while it is proposed.
    let mut known = vec![former];
    for round in 0..10 {
        agent.restart(now);
        assert!(agent.sessions.len() <= 3);
        agent.set_remote(&RemoteIce::new(&format!("peer{round}"), "another password of the peer"), now);
        assert_eq!(agent.sessions.len(), 2);
        for change in routes(&mut agent) {
            match change {
                StunRoute::Added(ufrag) => known.push(ufrag),
                StunRoute::Removed(ufrag) => known.retain(|known| *known != ufrag),
                StunRoute::Awaited(_) | StunRoute::OwnSockets => panic!("a lite agent checks: {change:?}"),
            }
        }
        assert_eq!(known.len(), 2);
    }
    receive(&mut agent, &old, peer(1), now).expect("the one in use");
    assert_eq!(agent.path(), path_to(1));
}

#[test]
fn a_stream_and_a_datagram_from_one_address_are_two_sources() {
    let start = Instant::now();
    let tcp = SocketAddr::from(([192, 0, 2, 1], 8443));
    let mut agent = Ice::with_streams(&[local()], &[tcp]);
    agent.handle_timeout(start);
    agent.set_remote(&RemoteIce::new(PEER_UFRAG, "the peer's own password"), start);
    let check = Check { nominates: true, ..Check::new(&agent) };
    agent.handle_stun(&check.bytes(), peer(1), tcp, start).expect("a good check");
    let answer = agent.poll_transmit().expect("an answer");
    assert_eq!((answer.local, answer.to), (tcp, peer(1)));
    assert_eq!(agent.path(), Some(Path { local: tcp, remote: peer(1) }));
    assert_eq!(agent.poll_source_change(), None, "datagrams from there are nobody's");
    assert!(agent.is_validated(peer(1), tcp) && !agent.is_validated(peer(1), local()));
    assert!(agent.candidates().iter().all(|candidate| candidate.address != tcp), "it is told elsewhere");

    // UDP gets through after all; then no more.
    let good = Check { nominates: true, priority: 2_000_000_000, ..Check::new(&agent) };
    receive(&mut agent, &good, peer(1), start).expect("a good check");
    assert_eq!((agent.path(), agent.poll_source_change()), (path_to(1), Some(SourceChange::Added(peer(1)))));
    let later = start + MOVED_SILENCE;
    agent.handle_stun(&check.bytes(), peer(1), tcp, later).expect("a good check");
    assert_eq!(agent.path(), Some(Path { local: tcp, remote: peer(1) }));
}

#[test]
fn sources_are_bounded_at_a_time_and_for_life() {
    let now = Instant::now();
    let mut agent = agent(now);
    let check = Check::new(&agent);
    for port in 1..=NEWCOMERS_MAX {
        assert_eq!(receive(&mut agent, &check, peer(port), now), Ok(()));
        assert!(agent.sources.len() <= SOURCES_PER_LEG);
    }
    assert!(!agent.is_validated(peer(NEWCOMERS_MAX - 7), local()));
    assert!(agent.is_validated(peer(NEWCOMERS_MAX - 6), local()));
    assert!(agent.is_validated(peer(1), local()), "who is sent to stays");
    let next = peer(NEWCOMERS_MAX + 1);
    assert_eq!(receive(&mut agent, &check, next, now), Err(DropReason::WrongSource));
    assert_eq!(receive(&mut agent, &check, peer(NEWCOMERS_MAX), now), Ok(()), "known ones may stay");
    let changes: Vec<_> = std::iter::from_fn(|| agent.poll_source_change()).collect();
    let new = changes.iter().filter(|change| matches!(change, SourceChange::Added(_))).count();
    assert_eq!((new, changes.len()), (usize::from(NEWCOMERS_MAX), 2 * new - SOURCES_PER_LEG));
    agent.restart(now);
    agent.set_remote(&RemoteIce::new(PEER_UFRAG, "the peer's own password"), now);
    let check = Check::new(&agent);
    assert_eq!(receive(&mut agent, &check, next, now), Ok(()), "a restart begins to count anew");
    assert_eq!(agent.path().map(|path| path.remote), Some(next), "whoever moved is found");
}

/// A page on a machine with many networks checks from all of them, all the time.
#[test]
fn however_many_sources_check_the_one_that_is_sent_to_makes_no_room() {
    let mut now = Instant::now();
    let mut agent = agent(now);
    let check = Check::new(&agent);
    let nominating = Check { nominates: true, ..Check::new(&agent) };
    receive(&mut agent, &nominating, peer(1), now).expect("authentic");
    for round in 0..60 {
        for port in 2..=12 {
            now += Duration::from_millis(200);
            agent.hear_media(peer(1), local(), now);
            // Past the end they are not answered.
            let _ = receive(&mut agent, &check, peer(port), now);
            assert!(agent.is_validated(peer(1), local()), "round {round}");
            assert_eq!(agent.path(), path_to(1));
        }
    }
    let changes: Vec<_> = std::iter::from_fn(|| agent.poll_source_change()).collect();
    let mut known = std::collections::HashSet::new();
    for change in changes {
        match change {
            SourceChange::Added(source) => assert!(known.insert(source), "{source} was known"),
            SourceChange::Removed(source) => assert!(known.remove(&source), "{source} was not"),
        }
    }
    assert_eq!(known.len(), SOURCES_PER_LEG);
    assert!(known.iter().all(|source| agent.is_validated(*source, local())), "the shard knows the same");
}

#[test]
fn credentials_are_long_and_never_the_same() {
    let (first, second) = (Ice::new(&[local()]), Ice::new(&[local()]));
    assert_ne!(first.ufrag(), second.ufrag());
    assert_ne!(first.password(), second.password());
    assert_eq!((first.ufrag().len(), first.password().len()), (16, 24));
    assert!(first.ufrag().bytes().chain(first.password().bytes()).all(|byte| byte.is_ascii_alphanumeric()));
}

#[test]
fn only_usable_addresses_become_candidates() {
    let v6: SocketAddr = "[2001:db8::1]:5000".parse().expect("an address");
    let unusable = [
        "0.0.0.0:5000",
        "224.0.0.1:5000",
        "169.254.1.1:5000",
        "[fe80::1]:5000",
        "[ff02::1]:5000",
        "[::]:5000",
    ]
    .map(|text| text.parse().expect("one"));
    let agent = Ice::new(&[&[local(), v6], unusable.as_slice()].concat());
    let addresses: Vec<_> = agent.candidates().iter().map(|candidate| candidate.address).collect();
    assert_eq!(addresses, [local(), v6]);
    let priorities: Vec<_> = agent.candidates().iter().map(|candidate| candidate.priority >> 24).collect();
    assert_eq!(priorities, [126, 126], "the type preference of host candidates");
}

/// Whoever sends checks under somebody else's address makes us send no more than he does himself.
#[test]
fn an_answer_is_no_longer_than_its_check() {
    let now = Instant::now();
    let mut agent = agent(now);
    for conflicts in [false, true] {
        let check = Check { claims_to_be_controlled: conflicts, ..Check::new(&agent) };
        receive(&mut agent, &check, peer(1), now).expect("authentic");
        let answer = agent.poll_transmit().expect("an answer");
        assert!(answer.payload.len() <= check.bytes().len(), "{} bytes", answer.payload.len());
    }
}

#[test]
fn checks_by_a_wrong_password_leave_no_state() {
    let now = Instant::now();
    let mut agent = agent(now);
    let wrong = Check { password: "wrong".into(), nominates: true, ..Check::new(&agent) };
    for port in 1..=1000 {
        assert_eq!(receive(&mut agent, &wrong, peer(port), now), Err(DropReason::AuthenticationFailed));
    }
    assert_eq!(
        (agent.sources.len(), agent.sessions[0].newcomers_left, agent.path()),
        (0, NEWCOMERS_MAX, None)
    );
    assert_eq!(agent.poll_transmit(), None);
}
