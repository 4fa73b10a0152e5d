//! A registrar of the test's own, at which the gateway registers: when it is asked again, whatever it did.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::ops::Range;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::raw_phone::{header, response};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::process::wait_until;

/// A busy machine may be so late, and is never early.
const LATE_MAX: Duration = Duration::from_millis(900);

/// How long an answer is waited for, and the waits after the first and the second failure (docs/SIP.md).
const SILENCE: Duration = Duration::from_secs(4);
const FIRST_WAIT: Range<u64> = 2..4;
const SECOND_WAIT: Range<u64> = 4..8;

/// The name and the password of the gateway's account.
pub(super) const ACCOUNT: [&str; 2] = ["gate", "open sesame"];

/// A registrar over UDP.
pub(super) struct Registrar {
    socket: UdpSocket,
    came: HashSet<String>,
}

/// A REGISTER that came.
pub(super) struct Asked {
    pub(super) at: Instant,
    from: SocketAddr,
    pub(super) request: String,
}

impl Registrar {
    pub(super) fn at(host: &Host) -> Self {
        let socket = UdpSocket::bind(host.at(SIP_PORT)).expect("the host is ours");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Self { socket, came: HashSet::new() }
    }

    /// The next REGISTER; one that is sent again is passed over.
    pub(super) fn next(&mut self) -> Asked {
        let mut buffer = [0; 4000];
        loop {
            let (length, from) = self.socket.recv_from(&mut buffer).expect("it is asked");
            let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
            assert!(request.starts_with("REGISTER "), "{request}");
            if self.came.insert(request.clone()) {
                return Asked { at: Instant::now(), from, request };
            }
        }
    }

    /// Whether nothing comes for three seconds.
    pub(super) fn is_left_alone(&self) -> bool {
        self.socket.set_read_timeout(Some(Duration::from_secs(3))).expect("a time-out");
        self.socket.recv_from(&mut [0; 4000]).is_err()
    }

    /// Answers, and tells when.
    pub(super) fn answer(&self, asked: &Asked, status: &str, headers: &str) -> Instant {
        let at = Instant::now();
        let response = response(&asked.request, status, headers, "");
        self.socket.send_to(response.as_bytes(), asked.from).expect("loopback takes it");
        at
    }

    pub(super) fn grant(&self, asked: &Asked, time: Duration) -> Instant {
        self.answer(asked, "200 OK", &granted(&asked.request, time))
    }
}

/// The headers by which a REGISTER is granted so much.
fn granted(request: &str, time: Duration) -> String {
    format!("Contact: {};expires={}\r\n", header(request, "Contact"), time.as_secs())
}

/// A gateway that registers these users there.
pub(super) fn customer(registrar: &Host, transport: &str, users: &[&str]) -> Gateway {
    customer_with(GatewayConfig::default(), registrar, transport, users)
}

/// The same with what a configuration has already.
pub(super) fn customer_with(
    config: GatewayConfig,
    registrar: &Host,
    transport: &str,
    users: &[&str],
) -> Gateway {
    let [name, password] = ACCOUNT;
    let each: String = users.iter().map(|user| format!("{{ user = '{user}' }}, ")).collect();
    Gateway::start(&config.trunk_lines(&format!(
        "name = 'provider'\nhost = '{}'\nport = {SIP_PORT}\ntransport = '{transport}'\n\
         credentials = {{ user = '{name}', password = '{password}' }}\nregister = [{each}]",
        registrar.ip()
    )))
}

fn state(gateway: &Gateway) -> String {
    gateway.status()["trunks"]["provider"]["registrations"][0]["state"].to_string()
}

pub(super) fn wait_for_state(gateway: &Gateway, expected: &str) {
    let is_so = wait_until(PATIENCE, || state(gateway).trim_matches('"') == expected);
    assert!(is_so, "{}", gateway.status());
}

/// Fails unless a wait began and ended in time.
fn assert_waited(waited: Duration, expected: Range<Duration>) {
    let is_in_time = waited >= expected.start && waited <= expected.end + LATE_MAX;
    assert!(is_in_time, "{waited:?}, not {expected:?}");
}

fn after(silence: Duration, seconds: Range<u64>) -> Range<Duration> {
    silence + Duration::from_secs(seconds.start)..silence + Duration::from_secs(seconds.end)
}

/// Fails when registrations of one start stay together, or one is refreshed so late that it could run out.
#[test]
fn registrations_are_refreshed_after_75_to_90_percent_of_what_was_granted_and_not_all_at_once() {
    const GRANTED: Duration = Duration::from_secs(10);
    // Eight dice that lie so near are an accident that happens once in 100,000 times.
    const SPREAD_MIN: Duration = Duration::from_millis(200);
    let users = ["one", "two", "three", "four", "five", "six", "seven", "eight"];
    let host = Host::new();
    let mut registrar = Registrar::at(&host);
    let gateway = customer(&host, "udp", &users);
    let mut granted_at = HashMap::new();
    for _ in users {
        let asked = registrar.next();
        granted_at.insert(header(&asked.request, "To").to_owned(), registrar.grant(&asked, GRANTED));
    }
    assert_eq!(granted_at.len(), users.len(), "one of each: {granted_at:?}");
    let waits = users.map(|_| {
        let asked = registrar.next();
        registrar.grant(&asked, Duration::from_secs(3600));
        asked.at - granted_at.remove(header(&asked.request, "To")).expect("each is refreshed once")
    });
    for waited in waits {
        assert_waited(waited, GRANTED.mul_f64(0.75)..GRANTED.mul_f64(0.9));
    }
    let spread = *waits.iter().max().expect("eight") - *waits.iter().min().expect("eight");
    assert!(spread >= SPREAD_MIN, "{waits:?}");
    assert_eq!(gateway.log().count(&["the registration ran out"]), 0);
}

/// Fails when Retry-After is not looked at: our own first wait is shorter.
#[test]
fn a_registrar_that_has_no_time_is_asked_again_when_it_says_and_not_before() {
    const REST: Duration = Duration::from_secs(7);
    let host = Host::new();
    let mut registrar = Registrar::at(&host);
    let gateway = customer(&host, "udp", &["gate"]);
    let asked = registrar.next();
    let refused_at = registrar.answer(&asked, "503 Service Unavailable", "Retry-After: 7 (at lunch)\r\n");
    wait_for_state(&gateway, "failing");
    let again = registrar.next();
    assert_waited(again.at - refused_at, REST..REST);
    registrar.grant(&again, Duration::from_secs(3600));
    wait_for_state(&gateway, "registered");
}

/// Fails when the waits do not grow, or none is left between two attempts.
#[test]
fn a_silent_registrar_is_asked_again_after_waits_that_grow() {
    let host = Host::new();
    let mut registrar = Registrar::at(&host);
    let gateway = customer(&host, "udp", &["gate"]);
    let (first, second) = (registrar.next(), registrar.next());
    assert_waited(second.at - first.at, after(SILENCE, FIRST_WAIT));
    assert_eq!(state(&gateway), "\"failing\"");
    let third = registrar.next();
    assert_waited(third.at - second.at, after(SILENCE, SECOND_WAIT));
    registrar.grant(&third, Duration::from_secs(3600));
    wait_for_state(&gateway, "registered");
}

/// The next stream, and the REGISTER that came by it.
fn next_stream(listener: &TcpListener) -> (TcpStream, String) {
    let mut taken = None;
    wait_until(PATIENCE, || {
        taken = listener.accept().ok();
        taken.is_some()
    });
    let (mut stream, _) = taken.expect("the gateway connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let (mut request, mut buffer) = (String::new(), [0; 4000]);
    while !request.ends_with("\r\n\r\n") {
        let length = stream.read(&mut buffer).expect("it asks");
        assert_ne!(length, 0, "closed after {request:?}");
        request += &String::from_utf8_lossy(&buffer[..length]);
    }
    (stream, request)
}

/// Fails when nobody is told that the stream is gone by which calls would come in: the next refresh is in an hour.
#[test]
fn a_registration_whose_stream_closed_is_made_anew_within_two_seconds() {
    const AN_HOUR: Duration = Duration::from_secs(3600);
    let host = Host::new();
    let listener = TcpListener::bind(host.at(SIP_PORT)).expect("the host is ours");
    listener.set_nonblocking(true).expect("a socket");
    let gateway = customer(&host, "tcp", &["gate"]);
    let take = || {
        let (mut stream, request) = next_stream(&listener);
        let answer = response(&request, "200 OK", &granted(&request, AN_HOUR), "");
        stream.write_all(answer.as_bytes()).expect("it reads");
        (stream, request)
    };
    let (stream, first) = take();
    wait_for_state(&gateway, "registered");
    let closed_at = Instant::now();
    drop(stream);
    let (_stream, again) = take();
    assert_waited(closed_at.elapsed(), Duration::ZERO..Duration::from_secs(2));
    assert_eq!(header(&again, "Call-ID"), header(&first, "Call-ID"));
    assert_eq!((header(&first, "CSeq"), header(&again, "CSeq")), ("1 REGISTER", "2 REGISTER"));
    wait_for_state(&gateway, "registered");
}

/// Fails when it is removed by the stream that is gone.
#[test]
fn a_registration_whose_stream_closed_is_removed_by_another_at_the_end() {
    let host = Host::new();
    let listener = TcpListener::bind(host.at(SIP_PORT)).expect("the host is ours");
    listener.set_nonblocking(true).expect("a socket");
    let gateway = customer(&host, "tcp", &["gate"]);
    let (mut stream, request) = next_stream(&listener);
    let answer = response(&request, "200 OK", &granted(&request, Duration::from_secs(3600)), "");
    stream.write_all(answer.as_bytes()).expect("it reads");
    wait_for_state(&gateway, "registered");
    drop(stream);
    // It has to know; it may have begun to come back by then.
    std::thread::sleep(Duration::from_millis(300));
    gateway.process.signal(Signal::SIGTERM);
    let (mut stream, mut requests) = next_stream(&listener);
    let mut buffer = [0; 4000];
    while !requests.contains("\r\nExpires: 0\r\n") {
        let length = stream.read(&mut buffer).expect("it goes on");
        assert_ne!(length, 0, "closed after {requests:?}");
        requests += &String::from_utf8_lossy(&buffer[..length]);
    }
}

/// Fails when an answer is not seen: the next ping comes ten seconds after the one before then.
#[test]
fn a_registrar_that_keeps_our_flow_over_udp_is_asked_by_stun_whether_it_lives() {
    const FLOW_TIMER: Duration = Duration::from_secs(5);
    const BINDING_REQUEST: [u8; 8] = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    let host = Host::new();
    let mut registrar = Registrar::at(&host);
    let gateway = customer(&host, "udp", &["gate"]);
    let asked = registrar.next();
    let kept = granted(&asked.request, Duration::from_secs(3600)) + "Require: outbound\r\nFlow-Timer: 5\r\n";
    let mut heard_at = registrar.answer(&asked, "200 OK", &kept);
    wait_for_state(&gateway, "registered");
    for _ in 0..2 {
        let mut ping = [0; 4000];
        let (length, from) = registrar.socket.recv_from(&mut ping).expect("it is asked");
        assert_waited(heard_at.elapsed(), FLOW_TIMER.mul_f64(0.8)..FLOW_TIMER);
        assert_eq!((length, &ping[..8]), (20, &BINDING_REQUEST[..]));
        assert_eq!(from, asked.from, "the flow is that of the registration");
        let success = [&[1, 1, 0, 0][..], &ping[4..20]].concat();
        heard_at = Instant::now();
        registrar.socket.send_to(&success, from).expect("loopback takes it");
    }
}
