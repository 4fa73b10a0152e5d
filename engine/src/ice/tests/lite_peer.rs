//! We and a peer that only answers: another agent of ours, which is lite.

use super::*;
use crate::net::Transmit;
use crate::sdp::Candidate;

/// How long a message is under way.
const LATENCY: Duration = Duration::from_millis(10);

/// We, and who is checked.
struct Meeting {
    ours: Ice,
    peer: Ice,
    peer_at: Vec<SocketAddr>,
    now: Instant,
    /// Whom our checks went to.
    checked: Vec<SocketAddr>,
    /// Addresses of the peer that nothing reaches.
    dead: Vec<SocketAddr>,
    /// The sockets that we get when we ask for our own.
    given: Vec<SocketAddr>,
}

/// A socket of our own.
fn own() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 20_000))
}

fn checked_path_to(port: u16) -> Option<Path> {
    Some(Path { local: own(), remote: peer(port) })
}

impl Meeting {
    /// Both know each other; the peer is at these ports.
    fn new(ports: &[u16]) -> Self {
        let mut meeting = Self::strangers(ports);
        meeting.describe_peer(meeting.peer_at.clone());
        meeting
    }

    /// The peer knows us, and we have not heard of it.
    fn strangers(ports: &[u16]) -> Self {
        let now = Instant::now();
        let peer_at: Vec<_> = ports.iter().map(|port| peer(*port)).collect();
        let (mut ours, mut other) = (Ice::new(&[local()]), Ice::new(&peer_at));
        ours.handle_timeout(now);
        other.handle_timeout(now);
        other.set_remote(&RemoteIce::new(ours.ufrag(), ours.password()), now);
        Self { ours, peer: other, peer_at, now, checked: Vec::new(), dead: Vec::new(), given: vec![own()] }
    }

    /// We are told of the peer, at these addresses.
    fn describe_peer(&mut self, at: Vec<SocketAddr>) {
        let preferences = (0..=u16::MAX).rev();
        let candidates =
            at.into_iter().zip(preferences).map(|(at, preference)| Candidate::host(at, preference));
        let remote = RemoteIce {
            is_lite: true,
            candidates: candidates.collect(),
            ..RemoteIce::new(self.peer.ufrag(), self.peer.password())
        };
        self.ours.set_remote(&remote, self.now);
        self.give_sockets();
    }

    /// We get the sockets that we ask for.
    fn give_sockets(&mut self) {
        let asked = std::iter::from_fn(|| self.ours.poll_route()).any(|route| route == StunRoute::OwnSockets);
        if asked {
            let given = self.given.clone();
            self.ours.check_from(&given, self.now);
        }
    }

    /// The peer gets a check of ours, and what it answers.
    fn answer(&mut self, check: &Transmit) -> Transmit {
        self.peer.handle_stun(&check.payload, check.local, check.to, self.now).expect("a good check");
        self.peer.poll_transmit().expect("an answer")
    }

    /// Our first check, and its answer, which is under way to us.
    fn first_answer(&mut self) -> (Transmit, Transmit) {
        self.ours.handle_timeout(self.now);
        let check = self.ours.poll_transmit().expect("a check");
        let answer = self.answer(&check);
        (check, answer)
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += LATENCY;
            if self.ours.poll_timeout().is_some_and(|at| at <= self.now) {
                self.ours.handle_timeout(self.now);
            }
            while let Some(check) = self.ours.poll_transmit() {
                self.checked.push(check.to);
                if self.dead.contains(&check.to) || !self.peer_at.contains(&check.to) {
                    continue;
                }
                let answer = self.answer(&check);
                self.now += LATENCY;
                self.ours
                    .handle_stun(&answer.payload, answer.local, answer.to, self.now)
                    .expect("the answer to our check");
            }
        }
    }
}

#[test]
fn a_lite_peer_is_checked_and_nominated() {
    let mut meeting = Meeting::new(&[1]);
    meeting.run_for(Duration::from_secs(1));
    assert_eq!(meeting.ours.path(), checked_path_to(1));
    let back = Path { local: peer(1), remote: own() };
    assert_eq!(meeting.peer.selection, Selection::Nominated(back), "the peer was told which path it is");
    let told = (meeting.ours.poll_source_change(), meeting.ours.poll_route());
    assert_eq!(told, (None, None), "what comes to a socket of its own is the leg's");
}

#[test]
fn without_sockets_of_its_own_a_leg_checks_from_the_shared_ones() {
    let mut meeting = Meeting::strangers(&[1]);
    meeting.given.clear();
    meeting.describe_peer(vec![peer(1)]);
    meeting.run_for(Duration::from_secs(1));
    assert_eq!(meeting.ours.path(), path_to(1));
    let added = Some(SourceChange::Added(peer(1)));
    assert_eq!(meeting.ours.poll_source_change(), added, "what comes from there is the leg's");
    let awaited = std::iter::from_fn(|| meeting.ours.poll_route());
    assert!(awaited.filter(|route| matches!(route, StunRoute::Awaited(_))).count() >= 2);
}

#[test]
fn nobody_is_checked_before_it_is_known_from_where() {
    let mut meeting = Meeting::strangers(&[1]);
    let remote = RemoteIce {
        is_lite: true,
        candidates: vec![Candidate::host(peer(1), 1)],
        ..RemoteIce::new(meeting.peer.ufrag(), meeting.peer.password())
    };
    meeting.ours.set_remote(&remote, meeting.now);
    meeting.run_for(Duration::from_secs(1));
    assert!(meeting.checked.is_empty());
    meeting.give_sockets();
    meeting.run_for(Duration::from_secs(1));
    assert_eq!(meeting.ours.path(), checked_path_to(1));
}

#[test]
fn the_peer_is_kept_alive_by_our_checks_and_lost_when_it_answers_none() {
    let mut meeting = Meeting::new(&[1]);
    meeting.run_for(Duration::from_secs(120));
    let idle = |meeting: &Meeting| meeting.now - meeting.ours.last_heard_at().expect("heard");
    assert!(idle(&meeting) < Duration::from_secs(5), "{:?}", idle(&meeting));
    let checks = meeting.checked.len();
    assert!((30..100).contains(&checks), "{checks} checks in two minutes");
    meeting.dead.push(peer(1));
    meeting.run_for(Duration::from_secs(30));
    assert!(idle(&meeting) >= Duration::from_secs(29));
    let futile = meeting.checked.len() - checks;
    assert!(futile < 30, "{futile} checks of somebody who may have gone");
}

#[test]
fn the_best_path_that_works_is_taken_and_the_next_when_it_dies() {
    let mut meeting = Meeting::new(&[1, 2]);
    meeting.run_for(Duration::from_secs(1));
    assert_eq!(meeting.ours.path(), checked_path_to(1));
    meeting.dead.push(peer(1));
    meeting.run_for(Duration::from_secs(30));
    assert_eq!(meeting.ours.path(), checked_path_to(2));
}

#[test]
fn candidates_that_come_later_are_checked_too() {
    let mut meeting = Meeting::strangers(&[1]);
    meeting.describe_peer(Vec::new());
    meeting.run_for(Duration::from_secs(5));
    assert_eq!((meeting.ours.path(), meeting.checked.len()), (None, 0), "there is nobody to check");
    let candidates = [Candidate::host(peer(1), 1)];
    meeting.ours.add_candidates("somebody", &candidates, meeting.now);
    meeting.run_for(Duration::from_secs(1));
    assert_eq!(meeting.ours.path(), None, "they are of somebody else");
    let ufrag = meeting.peer.ufrag().to_owned();
    meeting.ours.add_candidates(&ufrag, &candidates, meeting.now);
    meeting.run_for(Duration::from_secs(1));
    assert_eq!(meeting.ours.path(), checked_path_to(1));
}

#[test]
fn names_streams_multicast_and_this_machine_are_not_checked_and_no_more_than_ten_are() {
    let mut meeting = Meeting::new(&[]);
    let candidates = [
        "1 1 udp 2113937151 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 54596 typ host",
        "2 1 tcp 1518280447 198.51.100.7 9 typ host tcptype active",
        "3 2 udp 1862270975 198.51.100.7 5004 typ host",
        "4 1 udp 1862270975 224.0.0.1 5004 typ host",
        "5 1 udp 1862270975 127.0.0.1 5004 typ host",
        "6 1 udp 1862270975 169.254.0.1 5004 typ host",
        "7 1 udp 1862270975 198.51.100.7 0 typ host",
        "8 1 udp 1862270975 0.0.0.0 5004 typ host",
    ];
    let candidates = candidates.map(|text| Candidate::parse(text).expect(text));
    let ufrag = meeting.peer.ufrag().to_owned();
    meeting.ours.add_candidates(&ufrag, &candidates, meeting.now);
    meeting.run_for(Duration::from_secs(5));
    assert!(meeting.checked.is_empty());
    let many: Vec<_> = (1..=50).map(|port| Candidate::host(peer(port), port)).collect();
    meeting.ours.add_candidates(&ufrag, &many, meeting.now);
    meeting.run_for(Duration::from_secs(60));
    let mut checked = meeting.checked.clone();
    checked.sort();
    checked.dedup();
    assert_eq!(checked.len(), 10);
    assert!(meeting.checked.len() <= 100, "{} checks that nobody answers", meeting.checked.len());
}

#[test]
fn an_answer_counts_once_from_where_the_check_went_and_signed_with_the_peers_password() {
    let mut meeting = Meeting::new(&[1]);
    let answer = meeting.first_answer().1.payload;
    let now = meeting.now;
    let mut receive = |message: &[u8], from| meeting.ours.handle_stun(message, from, own(), now);
    let mut forged = answer.clone();
    forged[25] ^= 1;
    assert!(receive(&forged, peer(1)).is_err());
    assert_eq!(receive(&answer, peer(2)), Err(DropReason::WrongSource));
    let mut unknown = answer.clone();
    unknown[19] ^= 1;
    assert_eq!(receive(&unknown, peer(1)), Err(DropReason::WrongSource));
    assert_eq!(receive(&answer, peer(1)), Ok(()));
    assert_eq!(receive(&answer, peer(1)), Err(DropReason::WrongSource), "the same again");
    assert!(!meeting.ours.is_validated(peer(2), own()));
}

/// Errors whose number is cut off at each place, is out of range or lies about its length, and any octets in the answer's place:
/// whoever sees a check can send them (CVE-2021-37706 was an ERROR-CODE of fewer than four octets).
#[test]
fn answers_that_are_cut_off_or_nonsense_change_nothing() {
    let mut meeting = Meeting::new(&[1]);
    let (check, answer) = meeting.first_answer();
    let (answer, now) = (answer.payload, meeting.now);
    let error = |value: &[u8], length: u16| {
        let padded = value.len().next_multiple_of(4);
        let mut message = [&[0x01, 0x11], &(4 + padded as u16).to_be_bytes(), &check.payload[4..20]].concat();
        message.extend([[0, 9], length.to_be_bytes()].as_flattened());
        message.extend(value);
        message.resize(24 + padded, 0);
        message
    };
    let whole = [0, 0, 4, 87, b'R', b'o', b'l', b'e'];
    let cut = (0..=whole.len()).map(|length| error(&whole[..length], length as u16));
    let lies = [0, 1, 3, 5, 64, u16::MAX].map(|length| error(&whole[..4], length));
    let numbers = [[0, 0, 0, 0], [0, 0, 7, 99], [0, 0, 0xFF, 0xFF], [0xFF; 4]].map(|it| error(&it, 4));
    let shortened = (0..answer.len()).map(|length| answer[..length].to_vec());
    for message in cut.chain(lies).chain(numbers).chain(shortened) {
        let taken = meeting.ours.handle_stun(&message, peer(1), own(), now);
        assert!(taken.is_err(), "{message:02x?}");
        assert_eq!(meeting.ours.path(), None);
    }
    assert_eq!(meeting.ours.handle_stun(&answer, peer(1), own(), now), Ok(()), "the answer is taken still");
}

#[test]
fn a_restart_with_a_lite_peer_is_checked_by_us_again() {
    let mut meeting = Meeting::new(&[1, 2]);
    meeting.run_for(Duration::from_secs(1));
    meeting.ours.restart(meeting.now);
    meeting.peer.restart(meeting.now);
    let ours = RemoteIce::new(meeting.ours.ufrag(), meeting.ours.password());
    meeting.peer.set_remote(&ours, meeting.now);
    meeting.dead.push(peer(1));
    meeting.describe_peer(vec![peer(2)]);
    assert_eq!(meeting.ours.path(), checked_path_to(1), "until the new session is checked");
    meeting.run_for(Duration::from_secs(1));
    assert_eq!(meeting.ours.path(), checked_path_to(2));
}
