//! More calls than may begin: as many as may do, the others hear so at once, and who talks does not notice.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use webtrunk_codecs::CodecId;
use webtrunk_signalling::auth::digest::Algorithm;

use super::ear::{assert_hears_no_gap, assert_mostly_hears};
use super::json::page::assert_phone_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::sip::raw_phone::{RawPhone, header};
use crate::support::gateway::{GatewayConfig, PATIENCE, password};
use crate::support::host::Host;

/// Calls that may begin in a second, and for how long more are offered.
const MAX_CPS: u32 = 20;
const OFFERED_FOR: Duration = Duration::from_secs(3);

/// No longer a refusal takes.
const AT_ONCE: Duration = Duration::from_millis(20);

/// What became of calls that were offered.
#[derive(Debug, Default)]
struct Offered {
    answered: usize,
    refused: usize,
    retry_afters: Vec<u32>,
    /// How long each refusal took.
    refusals: Vec<Duration>,
    /// What a trunk that offers to listen is told with them.
    told: Vec<Told>,
}

/// What the Via of a response says of overload (RFC 7339).
#[derive(Debug)]
struct Told {
    keeps_back: u32,
    validity_ms: u32,
    number: f64,
}

impl Told {
    fn of(response: &str) -> Self {
        let of = |name: &str| {
            let mut params = header(response, "Via").split(';');
            params.find_map(|param| param.strip_prefix(name)?.strip_prefix('=')).expect(name)
        };
        Self {
            keeps_back: of("oc").parse().expect("percent"),
            validity_ms: of("oc-validity").parse().expect("milliseconds"),
            number: of("oc-seq").parse().expect("a number"),
        }
    }
}

/// Calls of a trunk that are hung up as soon as they are answered.
struct Offerer {
    socket: UdpSocket,
    gateway: SocketAddr,
    number: &'static str,
    /// What its Via says besides.
    via: &'static str,
    /// Those without a final answer, by their Call-IDs, and when they were placed.
    waiting: HashMap<String, Instant>,
    offered: Offered,
}

impl Offerer {
    fn new(stage: &Stage) -> Self {
        Self::to(stage, "700")
    }

    fn to(stage: &Stage, number: &'static str) -> Self {
        let socket = UdpSocket::bind((stage.office.ip(), 0)).expect("the host is ours");
        socket.set_read_timeout(Some(Duration::from_millis(1))).expect("a time-out");
        let gateway = stage.gateway.sip();
        Self { socket, gateway, number, via: "", waiting: HashMap::new(), offered: Offered::default() }
    }

    /// Offers so many a second, evenly, and waits until each has its final answer.
    fn offer(mut self, per_second: u32) -> Offered {
        let begun = Instant::now();
        let calls = per_second * OFFERED_FOR.as_secs() as u32;
        let mut sent = 0;
        while sent < calls || !self.waiting.is_empty() {
            while sent < calls && begun + OFFERED_FOR * sent / calls <= Instant::now() {
                let call_id =
                    format!("{per_second}-{sent}-{}", self.socket.local_addr().expect("bound").port());
                self.send(
                    "INVITE",
                    1,
                    &call_id,
                    &format!("<sip:{}@webtrunk.test>", self.number),
                    &description(self.socket.local_addr().expect("bound")),
                );
                self.waiting.insert(call_id, Instant::now());
                sent += 1;
            }
            self.hear();
            assert!(begun.elapsed() < PATIENCE, "{} have no answer", self.waiting.len());
        }
        self.offered
    }

    fn hear(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let response = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let (call_id, to) = (header(&response, "Call-ID").to_owned(), header(&response, "To").to_owned());
            if !header(&response, "CSeq").ends_with("INVITE") || response.starts_with("SIP/2.0 1") {
                continue;
            }
            self.send("ACK", 1, &call_id, &to, "");
            let placed_at = self.waiting.remove(&call_id);
            let is_first = placed_at.is_some();
            if response.starts_with("SIP/2.0 200 ") {
                self.offered.answered += usize::from(is_first);
                self.send("BYE", 2, &call_id, &to, "");
            } else {
                assert!(response.starts_with("SIP/2.0 503 "), "{response}");
                self.offered.refused += usize::from(is_first);
                self.offered.refusals.extend(placed_at.map(|at| at.elapsed()));
                let retry_after = header(&response, "Retry-After");
                if self.via.is_empty() {
                    self.offered.retry_afters.push(retry_after.parse().expect("seconds"));
                } else {
                    assert!(retry_after.is_empty(), "it is not to stay away altogether: {response}");
                    self.offered.told.push(Told::of(&response));
                }
            }
        }
    }

    fn send(&self, method: &str, cseq: u32, call_id: &str, to: &str, body: &str) {
        let own = self.socket.local_addr().expect("bound");
        let message = format!(
            "{method} sip:{}@{} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{call_id}{}{}\r\nMax-Forwards: 70\r\n\
             From: <sip:2001@{own}>;tag={call_id}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:2001@{own}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            self.number,
            self.gateway,
            if method == "INVITE" { "" } else { method },
            self.via,
            body.len(),
        );
        self.socket.send_to(message.as_bytes(), self.gateway).expect("loopback takes it");
    }
}

/// A gateway that takes no more calls in a second, and answers those of the office to 700 itself.
fn rated() -> GatewayConfig {
    GatewayConfig::default()
        .defence(&format!("max_cps = {MAX_CPS}"))
        .rtp_ports(20_000, 21_999)
        .log_filter("info")
        .rule("destination = '700'\nfrom_trunk = 'office'\nactions = ['answer', 'echo']")
}

/// So many calls with deadlines tell whether a media thread is late, and for so many seconds it is made late at most.
const CLOCKED: usize = 4;
const SECONDS_MAX: usize = 30;

fn description(own: SocketAddr) -> String {
    let ip = own.ip();
    format!("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 7100 RTP/AVP 0\r\n")
}

/// Fails when `requests.rs` does not ask the room (then all are answered), and when what is refused keeps a place.
#[tokio::test(flavor = "multi_thread")]
async fn of_twice_to_ten_times_the_calls_as_many_begin_as_may_and_the_others_get_503_at_once() {
    let stage = Stage::with(&["PCMU"], rated());
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    let mut begun = 1;
    for factor in [2, 5, 10] {
        let offerer = Offerer::new(&stage);
        let offered =
            tokio::task::spawn_blocking(move || offerer.offer(factor * MAX_CPS)).await.expect("no panic");
        let rated = (MAX_CPS * OFFERED_FOR.as_secs() as u32) as usize;
        assert!(10 * offered.answered >= 9 * rated, "{factor} times: {offered:?}");
        assert!(offered.answered <= rated + MAX_CPS as usize + 1, "{factor} times: {offered:?}");
        assert_eq!(offered.answered + offered.refused, factor as usize * rated, "each has its answer");
        assert!(offered.retry_afters.iter().all(|seconds| (1..=10).contains(seconds)), "{offered:?}");
        let mut refusals = offered.refusals.clone();
        refusals.sort_unstable();
        // A machine that is busy with other tests has its moments: half of them tell how long it takes us.
        assert!(refusals[refusals.len() / 2] <= AT_ONCE, "{factor} times: {refusals:?}");
        begun += offered.answered;
    }
    for (end, hz) in [(&call, CALLEE_HZ), (&lifted, CALLER_HZ)] {
        assert_phone_hears(end, hz).await;
        assert_mostly_hears(end, hz).await;
        assert_hears_no_gap(end).await;
    }
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(begun);
}

/// Fails when how late media threads are is not asked where a call comes by SIP, or ends one that is up.
#[tokio::test(flavor = "multi_thread")]
async fn while_media_threads_are_late_a_trunks_call_gets_503_and_those_that_are_up_go_on() {
    let rule = |from: &str| {
        let tone = format!("{{ tone = {{ frequency_hz = {CALLEE_HZ}, level_dbm0 = -10 }} }}");
        format!("destination = '701'\n{from}\nactions = ['answer', {tone}]")
    };
    let config = GatewayConfig::default()
        .media("shards = 1")
        .defence("refuse_when_late = true")
        .rule("destination = '112'\nfrom_trunk = 'office'\nactions = ['answer', 'echo']")
        .rule(&rule(""))
        .rule(&rule("from_trunk = 'office'"));
    let stage = Stage::with(&["PCMU"], config);
    let (alice, caller) = (webrtc(stage.alice()).await, phone(stage.caller(CodecId::Pcmu)).await);
    let mut calls = Vec::new();
    for _ in 0..CLOCKED {
        calls.push(alice.call("701").await.expect("an answer"));
    }
    let mut office = RawPhone::new(&stage.office, &stage.gateway, "2001");
    let mut refused = String::new();
    for _ in 0..SECONDS_MAX {
        // A third of a second's packets come too late.
        for _ in 0..13 {
            stage.gateway.stand_still(Duration::from_millis(50)).await;
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        if stage.gateway.public("/readyz").0 == 503 {
            refused = office.ask("INVITE", "sip:701@webtrunk.test", "");
            office.acknowledge(&refused);
            break;
        }
    }
    assert!(refused.starts_with("SIP/2.0 503 "), "{refused:?}");
    let urgent = caller.call("112").await.expect("an answer, late as they are");
    let seconds: u32 = header(&refused, "Retry-After").parse().expect("when to come again");
    assert!((1..=10).contains(&seconds), "{refused}");
    let figures = stage.gateway.metrics();
    assert!(figures.contains("webtrunk_calls_without_room_total{why=\"late\"} 1\n"), "{figures}");
    for call in calls {
        assert_phone_hears(&call, CALLEE_HZ).await;
        call.hang_up().await.expect("confirmed");
    }
    urgent.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(CLOCKED + 1);
}

/// Fails when the Via of a trunk that offers to listen comes back as it came.
#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_offers_to_listen_is_told_how_much_to_keep_back_while_it_brings_too_many_calls() {
    let stage = Stage::with(&["PCMU"], rated());
    let offerer = Offerer { via: ";oc;oc-algo=\"loss\"", ..Offerer::new(&stage) };
    let offered = tokio::task::spawn_blocking(move || offerer.offer(5 * MAX_CPS)).await.expect("no panic");
    let told = &offered.told;
    let first = told.first().expect("some are refused");
    assert_eq!((first.keeps_back, first.validity_ms), (0, 0), "a second has to pass: {told:?}");
    assert!(told.iter().any(|it| it.keeps_back >= 50 && it.validity_ms == 3000), "{told:?}");
    assert!(told.iter().all(|it| it.keeps_back <= 95), "never all: {told:?}");
    assert!(told.is_sorted_by(|before, after| before.number < after.number), "{told:?}");

    // What it was told holds no more.
    tokio::time::sleep(Duration::from_millis(3500)).await;
    let offers = ";oc;oc-algo=\"loss,rate\"";
    let ask = |host: &Host| {
        let mut phone = RawPhone::new(host, &stage.gateway, "2001");
        let options = phone.request("OPTIONS", "sip:webtrunk.test", "");
        let answer = phone.ask_this(&options.replacen(";rport", &format!(";rport{offers}"), 1));
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
        header(&answer, "Via").to_owned()
    };
    let calm = ask(&stage.office);
    assert!(calm.contains(";oc=0;oc-algo=\"rate\";oc-validity=0;oc-seq="), "{calm}");
    let strangers = ask(&Host::new());
    assert!(strangers.contains(offers), "as it came: {strangers}");
    stage.gateway.assert_all_is_over(offered.answered);
}

/// Fails when it is not asked what is dialled where there is no room.
#[tokio::test(flavor = "multi_thread")]
async fn calls_to_emergency_numbers_begin_while_a_trunk_brings_ten_times_the_calls() {
    let rule = |from: &str| format!("destination = '112'\n{from}\nactions = ['answer', 'echo']");
    let stage = Stage::with(&["PCMU"], rated().rule(&rule("")).rule(&rule("from_trunk = 'office'")));
    let alice = webrtc(stage.alice()).await;
    let (flood, urgent) = (Offerer::new(&stage), Offerer::to(&stage, "112"));
    let flood = tokio::task::spawn_blocking(move || flood.offer(10 * MAX_CPS));
    let urgent = tokio::task::spawn_blocking(move || urgent.offer(MAX_CPS / 4));
    let mut called = 0;
    loop {
        let call = alice.call("112").await.expect("an answer");
        call.heard_packets(75, PATIENCE).await.expect("audio");
        assert_mostly_hears(&call, CALLER_HZ).await;
        call.hang_up().await.expect("confirmed");
        called += 1;
        if called == 1 {
            let mut office = RawPhone::new(&stage.office, &stage.gateway, "2001");
            let refused = office.ask("INVITE", "sip:110@webtrunk.test", "");
            office.acknowledge(&refused);
            assert!(refused.starts_with("SIP/2.0 404 "), "no rule allows it: {refused}");
        }
        if flood.is_finished() && urgent.is_finished() {
            break;
        }
    }
    let (flood, urgent) = (flood.await.expect("no panic"), urgent.await.expect("no panic"));
    assert_eq!((urgent.answered, urgent.refused), (15, 0), "{urgent:?}");
    assert!(flood.refused > 5 * flood.answered, "{flood:?}");
    stage.gateway.assert_all_is_over(called + flood.answered + urgent.answered);
}

/// Fails when nothing is kept back for users, and when who registers waits for a call's place.
#[tokio::test(flavor = "multi_thread")]
async fn users_call_and_register_while_a_trunk_brings_ten_times_the_calls() {
    let stage = Stage::with(&["PCMU"], rated().user("bob"));
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let offerer = Offerer::new(&stage);
    let flood = tokio::task::spawn_blocking(move || offerer.offer(10 * MAX_CPS));
    let home = Host::new();
    let mut bob = RawPhone::new(&home, &stage.gateway, "bob");
    let registered = bob.register(Algorithm::Sha256, &password("bob"), "");
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    let mut called = 0;
    loop {
        let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
        for (end, hz) in [(&call, CALLEE_HZ), (&lifted, CALLER_HZ)] {
            end.heard_packets(75, PATIENCE).await.expect("audio");
            assert_mostly_hears(end, hz).await;
        }
        call.hang_up().await.expect("confirmed");
        called += 1;
        if flood.is_finished() {
            break;
        }
    }
    let offered = flood.await.expect("no panic");
    assert!(offered.refused > 5 * offered.answered, "{offered:?}");
    stage.gateway.assert_all_is_over(called + offered.answered);
}
