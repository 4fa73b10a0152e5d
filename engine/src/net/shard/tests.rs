//! A shard stepped by hand, on sockets of loopback: what one call does to the others.

use std::net::Ipv4Addr;
use std::time::SystemTime;

use webtrunk_codecs::CodecId;

use super::super::gauges::Ledger;
use super::*;
use crate::call::{LegSpec, TransportSpec, new_leg};
use crate::config::EngineConfig;
use crate::dtls::DtlsCertificate;
use crate::ice::tests::Check;
use crate::media::WallClock;
use crate::net::AddressFilter;
use crate::sdp::{Direction, SessionDescription, SrtpPolicy};

struct Bench {
    shard: Shard,
    local: SocketAddr,
    now: Instant,
}

/// A call with one leg, and what it tells.
struct Member {
    call: CallId,
    leg: LegId,
    events: mpsc::Receiver<CallEvent>,
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
        let spec = LegSpec { leg, transport, codecs: CodecId::USUAL.to_vec(), opposite: None };
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
        let leg = self.shard.calls[&member.call].call.leg(member.leg).expect("it joined");
        let transport = &leg.webrtc().expect("a browser").transport;
        let mut check = Check::of(transport.local_ufrag(), transport.local_pwd()).bytes();
        self.shard.handle_datagram(Owner::Webrtc, &mut check, from, self.local, self.now);
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

#[tokio::test]
async fn a_panic_ends_its_call_and_gives_back_what_it_held_while_the_others_go_on() {
    let mut bench = Bench::new();
    let mut broken = bench.join_phone();
    let mut whole = bench.join_phone();
    assert_eq!((bench.ledger().legs, bench.ledger().ports_in_use), (2, 2));

    let outcome: Option<()> =
        bench.shard.with_call(broken.call, bench.now, |_, _, _| panic!("a promise of ours is broken"));
    assert_eq!(outcome, None);
    let told = broken.events.try_recv();
    assert!(matches!(told, Ok(CallEvent::Ended { cause: EndCause::InternalError })), "{told:?}");
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
    let took =
        bench.shard.with_call(member.call, bench.now, |call, _, _| call.receive_offer(member.leg, &offer));
    assert_eq!(took, Some(()));
    let codecs = CodecId::USUAL.to_vec();
    let spec = LegSpec { leg: LegId::next(), transport, codecs, opposite: Some(member.leg) };
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
