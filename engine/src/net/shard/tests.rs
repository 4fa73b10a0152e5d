//! A shard stepped by hand, on sockets of loopback: what one call does to the others.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::time::SystemTime;

use webtrunk_codecs::CodecId;

use super::super::gauges::Ledger;
use super::sources::HOLDER_SILENCE;
use super::*;
use crate::call::{Conference, ConferenceRole, KeyMode, LegSpec, PartySpec, TICK, TransportSpec, new_leg};
use crate::config::EngineConfig;
use crate::dtls::DtlsCertificate;
use crate::ice::tests::Check;
use crate::media::WallClock;
use crate::net::{AddressFilter, GREETING_MAX, Newcomer};
use crate::sdp::{Direction, SessionDescription, SrtpPolicy};

/// Chromium's offer as JsSIP sends it.
const CHROMIUM: &str = include_str!("../../sdp/tests/fixtures/chromium_jssip_offer.sdp");

struct Bench {
    shard: Shard,
    local: SocketAddr,
    now: Instant,
}

/// A call with one leg, and what it tells.
struct Member {
    call: CallId,
    leg: LegId,
    events: mpsc::Receiver<Box<CallEvent>>,
}

impl Member {
    /// What it tells next.
    fn told(&mut self) -> Result<CallEvent, mpsc::error::TryRecvError> {
        self.events.try_recv().map(|event| *event)
    }
}

impl Bench {
    fn new() -> Self {
        Self::with(EngineConfig::default())
    }

    fn with(config: EngineConfig) -> Self {
        let now = Instant::now();
        let supplies = Arc::new(Supplies {
            config: EngineConfig { rtp_address: Ipv4Addr::LOCALHOST.into(), ..config },
            clock: WallClock::new(now, SystemTime::UNIX_EPOCH),
            certificate: Arc::new(DtlsCertificate::generate().expect("a certificate")),
        });
        let mut shard = Shard::new(supplies, PortPool::new(42_000, 42_099), Arc::default());
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let local = socket.local_addr().expect("it is bound");
        shard.add_webrtc_socket(socket).expect("a reactor");
        Self { shard, local, now }
    }

    fn join(&mut self, transport: TransportSpec) -> Member {
        let (call, leg) = (CallId::next(), LegId::next());
        let (told, events) = mpsc::channel(16);
        self.shard.add_call(Call::new(call, Arc::clone(&self.shard.supplies)), told);
        let spec = LegSpec {
            leg,
            transport,
            codecs: CodecId::USUAL.to_vec(),
            keys: KeyMode::Events,
            opposite: None,
        };
        let (made, _) = new_leg(&mut self.shard, call, &spec, self.now).expect("a free port pair");
        self.shard.add_leg(call, made, self.now);
        Member { call, leg, events }
    }

    fn join_phone(&mut self) -> Member {
        let advertised = Ipv4Addr::LOCALHOST.into();
        self.join(TransportSpec::Rtp { advertised, signalled_from: None, srtp: SrtpPolicy::Forbid })
    }

    /// An authenticated check of a browser's leg comes from `from`.
    fn check(&mut self, member: &Member, from: SocketAddr) {
        let mut check = self.check_of(member);
        self.shard.handle_datagram(Owner::Webrtc, &mut check, from, self.local, self.now);
    }

    /// An authentic check for a browser's leg.
    fn check_of(&self, member: &Member) -> Vec<u8> {
        let leg = self.shard.calls[&member.call].call.leg(member.leg).expect("it joined");
        let transport = &leg.webrtc().expect("a browser").transport;
        Check::of(transport.local_ufrag(), transport.local_pwd()).bytes()
    }

    /// Makes a call one for a room, and lets its leg in.
    fn enter(&mut self, member: &Member, room: &str) {
        let slot = self.shard.calls.get_mut(&member.call).expect("it joined");
        slot.call.set_room(Arc::from(room));
        self.shard.join_conference(member.call, party(member.leg), self.now);
    }

    /// The call that gets media from `from`.
    fn owner(&self, from: SocketAddr) -> Option<CallId> {
        self.shard.demux.route(&[128, 0], from).ok().map(|((call, _), _)| call)
    }

    fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        self.shard.gauges.add_to(&mut ledger);
        ledger
    }
}

fn party(leg: LegId) -> PartySpec {
    PartySpec { leg, name: Arc::from("one"), role: ConferenceRole::Party, gain_db: 0.0, is_muted: false }
}

#[tokio::test]
async fn a_panic_ends_its_call_and_gives_back_what_it_held_while_the_others_go_on() {
    let mut bench = Bench::new();
    let mut broken = bench.join_phone();
    let mut whole = bench.join_phone();
    assert_eq!((bench.ledger().legs, bench.ledger().ports_in_use), (2, 2));

    let outcome: Option<()> =
        bench.shard.with_call(broken.call, bench.now, |_, _, _| panic!("a promise of ours is broken"));
    assert_eq!(outcome, None);
    let told: Vec<_> = std::iter::from_fn(|| broken.told().ok()).collect();
    let [CallEvent::LegEnded { .. }, CallEvent::Ended { cause: EndCause::InternalError }] = &told[..] else {
        panic!("its leg's last figures, and its end: {told:?}")
    };
    let ledger = bench.ledger();
    assert_eq!((ledger.calls, ledger.legs, ledger.ports_in_use), (1, 1, 1));
    assert_eq!(bench.shard.sockets.iter().flatten().count(), 3, "the WebRTC socket and one pair");

    let legs = bench.shard.with_call(whole.call, bench.now, |call, _, _| call.legs().len());
    assert_eq!(legs, Some(1));
    assert!(whole.events.try_recv().is_err(), "it has nothing to tell");
    bench.join_phone();
    assert_eq!(bench.ledger().ports_in_use, 2);
}

#[tokio::test]
async fn nobody_to_tell_ends_the_call() {
    let mut bench = Bench::new();
    let deaf = bench.join_phone();
    drop(deaf.events);
    let told = CallEvent::LegConnected { leg: deaf.leg };
    bench.shard.with_call(deaf.call, bench.now, |call, _, _| call.tell(told));
    assert_eq!((bench.ledger().calls, bench.ledger().ports_in_use), (0, 0));
    assert_eq!(bench.ledger().events_overrun, 0, "there was nobody");
}

#[tokio::test]
async fn a_call_whose_events_are_not_taken_ends_and_is_counted() {
    let mut bench = Bench::new();
    let slow = bench.join_phone();
    for _ in 0..=slow.events.max_capacity() {
        let told = CallEvent::LegConnected { leg: slow.leg };
        bench.shard.with_call(slow.call, bench.now, |call, _, _| call.tell(told));
    }
    assert_eq!((bench.ledger().calls, bench.ledger().ports_in_use), (0, 0));
    assert!(bench.ledger().events_overrun > 0);
}

#[tokio::test]
async fn a_leg_whose_end_nobody_hears_of_ends_alone() {
    let mut bench = Bench::new();
    let deaf = bench.join_phone();
    drop(deaf.events);
    bench.shard.remove_leg(deaf.call, deaf.leg, bench.now);
    assert_eq!((bench.ledger().calls, bench.ledger().legs, bench.ledger().ports_in_use), (1, 0, 0));
}

#[tokio::test]
async fn checks_from_addresses_that_may_not_are_not_answered() {
    let deny = vec!["198.51.100.0/24".parse().expect("a range")];
    let webrtc_sources = AddressFilter { deny, ..AddressFilter::default() };
    let mut bench = Bench::with(EngineConfig { webrtc_sources, ..EngineConfig::default() });
    let browser = bench.join(TransportSpec::Webrtc);
    let [denied, allowed] = [[198, 51, 100, 7], [192, 0, 2, 7]].map(|ip| SocketAddr::from((ip, 9)));
    bench.check(&browser, denied);
    assert_eq!((bench.owner(denied), bench.ledger().datagrams_of_nobody), (None, 1));
    assert!(bench.shard.outbox.is_empty(), "not a byte goes there");
    bench.check(&browser, allowed);
    assert_eq!(bench.owner(allowed), Some(browser.call));
}

/// A stream as the door hands it over, and its other end.
fn newcomer(first: &[u8], permit: &Arc<()>) -> (Box<Newcomer>, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let peer = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    peer.set_read_timeout(Some(Duration::from_secs(5))).expect("a time");
    let (stream, from) = listener.accept().expect("it connects");
    stream.set_nonblocking(true).expect("ours");
    let (first, permit) = (first.to_vec(), Box::new(Arc::clone(permit)));
    (Box::new(Newcomer { stream, from, first, rest: Vec::new(), permit }), peer)
}

/// A bench that takes streams, and a leg whose peer is known by the ufrag of [`Check`].
fn stream_bench() -> (Bench, Member) {
    let tcp = SocketAddr::from((Ipv4Addr::LOCALHOST, 8443));
    let mut bench = Bench::with(EngineConfig { webrtc_tcp: vec![tcp], ..EngineConfig::default() });
    let browser = bench.join(TransportSpec::Webrtc);
    let is_ufrag = |line: &&str| line.starts_with("a=ice-ufrag:");
    let lines = CHROMIUM.lines().map(|line| if is_ufrag(&line) { "a=ice-ufrag:peer" } else { line });
    let offer = SessionDescription::parse(lines.collect::<Vec<_>>().join("\r\n")).expect("a good offer");
    bench.shard.with_call(browser.call, bench.now, |call, outbox, now| {
        call.receive_offer(browser.leg, &offer, None);
        call.create_answer(browser.leg, None, now, outbox);
    });
    (bench, browser)
}

#[tokio::test]
async fn a_stream_is_its_legs_from_its_first_check_and_ends_with_it() {
    let (mut bench, browser) = stream_bench();
    let permit = Arc::new(());
    let check = bench.check_of(&browser);
    let (newcomer, mut peer) = newcomer(&check, &permit);
    let from = newcomer.from;
    let Ok(Some(adopted)) = bench.shard.adopt(newcomer, bench.now) else { panic!("a good check") };
    assert_eq!(Arc::strong_count(&permit), 1, "its place at the door is free");
    adopted.line.socket.writable().await.expect("it is open");
    bench.shard.flush();
    let mut answer = [0; 4];
    peer.read_exact(&mut answer).expect("an answer");
    assert_eq!((answer[0], &answer[2..]), (0, &[1, 1][..]), "a success response in its frame");
    assert_eq!(bench.owner(from), None, "datagrams from there are nobody's");
    let (again, _) = self::newcomer(&bench.check_of(&browser)[..20], &permit);
    assert!(bench.shard.adopt(again, bench.now).is_err(), "no check");

    drop(adopted);
    bench.shard.remove_leg(browser.call, browser.leg, bench.now);
    assert!(bench.shard.streams.is_empty());
    let mut rest = Vec::new();
    peer.read_to_end(&mut rest).expect("it is closed");
}

#[tokio::test]
async fn a_stream_that_is_not_authentic_in_time_ends_and_a_leg_has_few() {
    let (mut bench, browser) = stream_bench();
    let permit = Arc::new(());
    let mut forged = bench.check_of(&browser);
    // Within MESSAGE-INTEGRITY; FINGERPRINT comes last.
    let end = forged.len();
    forged[end - 20] ^= 1;
    let mut streams = Vec::new();
    for index in 0..10 {
        let (newcomer, peer) = newcomer(&forged, &permit);
        let from = newcomer.from;
        let adopted = bench.shard.adopt(newcomer, bench.now);
        assert_eq!(adopted.is_ok_and(|adopted| adopted.is_some()), index < 8);
        streams.push((from, peer));
    }
    assert_eq!(Arc::strong_count(&permit), 9, "each holds its place");
    let (from, peer) = &mut streams[0];
    assert!(!bench.shard.expire_stream(*from, bench.now + GREETING_MAX - Duration::from_millis(1)));
    assert!(bench.shard.expire_stream(*from, bench.now + GREETING_MAX));
    assert_eq!(Arc::strong_count(&permit), 8);
    assert_eq!(peer.read(&mut [0; 10]).expect("it is closed"), 0, "and not a byte was said");
}

/// A call with a peer that is lite, at `peer`.
fn join_lite(bench: &mut Bench, peer: SocketAddr) -> Member {
    let member = bench.join(TransportSpec::Webrtc);
    let candidate = format!("a=candidate:1 1 udp 2130706431 {} {} typ host", peer.ip(), peer.port());
    let lines = CHROMIUM.lines().filter(|line| !line.starts_with("a=candidate:"));
    let offer: Vec<_> = lines.chain([&*candidate, ""]).collect();
    let offer = offer.join("\r\n").replace("m=audio", "a=ice-lite\r\nm=audio");
    let offer = SessionDescription::parse(offer).expect("a good offer");
    bench.shard.with_call(member.call, bench.now, |call, outbox, now| {
        call.receive_offer(member.leg, &offer, None);
        call.create_answer(member.leg, None, now, outbox);
    });
    member
}

#[tokio::test]
async fn legs_of_one_address_of_a_lite_peer_have_sockets_of_their_own() {
    let mut bench = Bench::new();
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    peer.set_read_timeout(Some(Duration::from_secs(5))).expect("a time");
    let at = peer.local_addr().expect("it is bound");
    let members = [join_lite(&mut bench, at), join_lite(&mut bench, at)];
    assert_eq!((bench.ledger().ports_in_use, bench.shard.take_unread().len()), (2, 2));
    bench.shard.flush();
    let checked_from = || peer.recv_from(&mut [0; 512]).expect("a check").1.port();
    let ports = [checked_from(), checked_from()];
    assert!(ports[0] != ports[1] && ports.iter().all(|port| (42_000..42_100).contains(port)), "{ports:?}");
    for member in members {
        bench.shard.remove_leg(member.call, member.leg, bench.now);
    }
    assert_eq!((bench.ledger().ports_in_use, bench.shard.sockets.iter().flatten().count()), (0, 1));
}

#[tokio::test]
async fn where_no_port_is_left_a_lite_peer_is_checked_from_the_shared_one() {
    let mut bench = Bench::new();
    while bench.shard.ports.take(bench.now).is_some() {}
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    peer.set_read_timeout(Some(Duration::from_secs(5))).expect("a time");
    join_lite(&mut bench, peer.local_addr().expect("it is bound"));
    bench.shard.flush();
    assert_eq!(peer.recv_from(&mut [0; 512]).expect("a check").1, bench.local);
}

#[tokio::test]
async fn a_source_address_changes_hands_when_its_leg_has_long_been_silent_there() {
    let mut bench = Bench::new();
    let page = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let killed = bench.join(TransportSpec::Webrtc);
    let next = bench.join(TransportSpec::Webrtc);
    bench.check(&killed, page);
    assert_eq!(bench.owner(page), Some(killed.call));

    bench.now += HOLDER_SILENCE / 2;
    bench.check(&next, page);
    assert_eq!(bench.owner(page), Some(killed.call), "whoever borrows an address does not get it");
    bench.check(&killed, page);
    bench.now += HOLDER_SILENCE / 2;
    bench.check(&next, page);
    assert_eq!(bench.owner(page), Some(killed.call), "it was heard a moment ago");

    bench.now += HOLDER_SILENCE / 2;
    bench.check(&next, page);
    assert_eq!(bench.owner(page), Some(next.call));
    bench.shard.remove_leg(killed.call, killed.leg, bench.now);
    assert_eq!(bench.owner(page), Some(next.call), "what left with the old leg was not this");
}

#[tokio::test]
async fn a_contested_source_address_is_free_when_its_leg_is_gone() {
    let mut bench = Bench::new();
    let page = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let first = bench.join(TransportSpec::Webrtc);
    let second = bench.join(TransportSpec::Webrtc);
    bench.check(&first, page);
    bench.check(&second, page);
    bench.shard.remove_call(first.call, EndCause::Hangup, bench.now);
    assert_eq!(bench.owner(page), None);
    bench.check(&second, page);
    assert_eq!(bench.owner(page), Some(second.call));
}

/// The first payload type that a further leg of `member`'s call offers, whose peer said `offer` before.
fn first_offered(bench: &mut Bench, member: &Member, offer: &str, transport: TransportSpec) -> String {
    let offer = SessionDescription::parse(offer).expect("a good offer");
    let took = bench
        .shard
        .with_call(member.call, bench.now, |call, _, _| call.receive_offer(member.leg, &offer, None));
    assert_eq!(took, Some(()));
    let codecs = CodecId::USUAL.to_vec();
    let spec =
        LegSpec { leg: LegId::next(), transport, codecs, keys: KeyMode::Events, opposite: Some(member.leg) };
    let (mut leg, _) = new_leg(&mut bench.shard, member.call, &spec, bench.now).expect("a free port pair");
    let offer = leg.create_offer(Direction::SendRecv).expect("it has codecs").to_string();
    let media = offer.lines().find(|line| line.starts_with("m=audio")).expect("a media line");
    media.split(' ').nth(3).expect("a payload type").to_owned()
}

#[tokio::test]
async fn what_the_other_end_speaks_is_offered_first_but_no_browser_is_lowered_for_a_phone() {
    const PHONE: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                         m=audio 4000 RTP/AVP 8\r\n";
    let phone = TransportSpec::Rtp {
        advertised: Ipv4Addr::LOCALHOST.into(),
        signalled_from: None,
        srtp: SrtpPolicy::Forbid,
    };
    let mut bench = Bench::new();
    let member = bench.join_phone();
    assert_eq!(first_offered(&mut bench, &member, PHONE, TransportSpec::Webrtc), "111");
    let member = bench.join_phone();
    assert_eq!(first_offered(&mut bench, &member, PHONE, phone), "8");
}

#[tokio::test]
async fn what_has_waited_leaves_while_there_is_still_work() {
    let mut bench = Bench::new();
    let (_, socket) = bench.shard.webrtc_sockets()[0];
    bench.shard.outbox.push(&[0], socket, bench.local);
    bench.shard.flush_if_due();
    assert!(!bench.shard.outbox.is_empty(), "others may come");
    bench.shard.waiting_since = bench.shard.waiting_since.map(|since| since - FLUSH_WAIT);
    bench.shard.flush_if_due();
    assert!(bench.shard.outbox.is_empty());
}

#[tokio::test]
async fn calls_for_one_room_meet_in_it_and_the_last_one_closes_it() {
    let mut bench = Bench::new();
    let mut first = bench.join_phone();
    let mut second = bench.join_phone();
    let mut lost = bench.join_phone();
    for member in [&first, &second] {
        bench.enter(member, "a");
    }
    let told = first.told();
    assert!(matches!(told, Ok(CallEvent::ConferenceJoined { parties: 1, .. })), "{told:?}");
    let told = first.told();
    assert!(
        matches!(told, Ok(CallEvent::PartyJoined { party, parties: 2, .. }) if party == second.leg),
        "{told:?}"
    );
    let told = second.told();
    assert!(matches!(told, Ok(CallEvent::ConferenceJoined { parties: 2, .. })), "{told:?}");

    // A call that was made for no room has one of its own.
    bench.shard.join_conference(lost.call, party(lost.leg), bench.now);
    let told = lost.told();
    assert!(matches!(told, Ok(CallEvent::ConferenceJoined { parties: 1, .. })), "{told:?}");
    bench.shard.remove_call(lost.call, EndCause::Hangup, bench.now);

    let due = bench.shard.rooms.poll_timeout().expect("it ticks");
    assert!(bench.shard.poll_timeout().is_some_and(|at| at <= due));
    bench.shard.remove_call(second.call, EndCause::Hangup, bench.now);
    bench.shard.handle_timeouts(due);
    let told = first.told();
    assert!(matches!(told, Ok(CallEvent::PartyLeft { parties: 1, .. })), "{told:?}");
    bench.shard.remove_leg(first.call, first.leg, bench.now);
    bench.shard.handle_timeouts(due + TICK);
    assert!(bench.shard.rooms.poll_timeout().is_none(), "nobody is there any more");
}

/// Codecs work less where a conference is late, though no call has a deadline.
#[tokio::test]
async fn a_conference_that_is_late_is_load() {
    let mut bench = Bench::new();
    let member = bench.join_phone();
    bench.enter(&member, "one");
    let complexity = bench.shard.load.complexity();
    let run = |bench: &mut Bench, late_ms: u64| {
        for _ in 0..60 {
            let due = bench.shard.rooms.poll_timeout().expect("it ticks");
            bench.shard.tick_conferences(due + Duration::from_millis(late_ms));
        }
    };
    run(&mut bench, 1);
    assert_eq!(bench.shard.load.complexity(), complexity);
    run(&mut bench, 10);
    assert!(bench.shard.load.complexity() < complexity, "every frame was late");
    // Three frames at once are three deadlines, and the one that is left of many is one.
    let due = bench.shard.rooms.poll_timeout().expect("it ticks");
    for (late, ticks) in [(45, 3), (400, 1)] {
        let conference = Conference::new("two".into(), 2, due);
        assert_eq!(conference.ticks_due(due + Duration::from_millis(late)).count(), ticks);
    }
}

#[tokio::test]
async fn the_ticks_of_conferences_are_spread() {
    let mut bench = Bench::new();
    let (mut places, began_at) = (Vec::new(), bench.now);
    for room in 0..20_u32 {
        let member = bench.join_phone();
        bench.enter(&member, &room.to_string());
        let made = bench.shard.rooms.last_tick().expect("it was made");
        assert!(made > bench.now && made <= bench.now + 2 * TICK);
        places.push(made.duration_since(began_at).as_millis() % TICK.as_millis());
        bench.now += Duration::from_millis(3);
    }
    places.sort_unstable();
    assert_eq!(places, (0..20).collect::<Vec<_>>());
}
