//! What an operator sees of a call, and does to it, by the admin API and the command line.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net;
use webtrunk_codecs::CodecId;

use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::PATIENCE;
use crate::support::host::Host;
use crate::support::process::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_a_call_with_codecs_and_quality_and_hangs_it_up() {
    let stage = Stage::new(&["PCMU"]);
    let gateway = &stage.gateway;
    assert_eq!(gateway.admin("GET", "/calls").1["calls"], Value::Array(Vec::new()));
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;

    let (status, told) = gateway.admin("GET", "/calls");
    assert_eq!((status, told["calls"].as_array().map(Vec::len)), (200, Some(1)), "{told}");
    let seen = &told["calls"][0];
    assert_eq!((&seen["stage"], &seen["origin"]["user"]), (&"talking".into(), &"alice".into()), "{told}");
    assert_eq!((&seen["destination"], &seen["rule"]), (&"9100".into(), &"rule 0".into()), "{told}");
    let codecs = [0, 1].map(|leg| {
        let leg = &seen["legs"][leg];
        [&leg["way"], &leg["codec_in"], &leg["transport"]].map(|value| value.as_str().unwrap_or_default())
    });
    assert_eq!(codecs, [["in", "opus", "webrtc"], ["out", "PCMU", "rtp"]], "{told}");

    // One call, by its name in the log and by that of its record.
    let name = seen["call"].as_str().expect("a name").to_owned();
    let id = seen["id"].as_str().expect("a name");
    for name in [name.as_str(), id, &id.replace('-', "").to_uppercase()] {
        let (status, one) = gateway.admin("GET", &format!("/calls/{name}"));
        assert_eq!((status, &one["id"]), (200, &seen["id"]), "{one}");
        for leg in one["legs"].as_array().expect("legs") {
            let quality = &leg["quality"];
            assert!(quality["packets_in"].as_u64() > Some(10), "{leg}");
            assert!(quality["packets_out"].as_u64() > Some(10), "{leg}");
            assert_eq!(
                leg["timeline"]["segments"].as_array().and_then(|all| all.last()).map(|last| &last["stage"]),
                Some(&"talking".into()),
                "{leg}"
            );
        }
    }
    let table = gateway.operate("calls", &[]);
    let table = String::from_utf8(table.stdout).expect("text");
    let line = table.lines().nth(1).expect("a call");
    assert!(line.starts_with(&name) && line.contains("talking"), "{table}");
    assert!(line.contains("alice (user alice)") && line.contains("opus webrtc"), "{table}");
    let details = String::from_utf8(gateway.operate("calls", &[&name]).stdout).expect("text");
    assert!(details.contains("PCMU/PCMU rtp") && details.contains("opus/opus webrtc"), "{details}");

    // What it comes to, for who watches many gateways.
    let figures = gateway.metrics();
    let has =
        |figures: &str, line: &str| assert!(figures.lines().any(|own| own == line), "{line}\n{figures}");
    has(&figures, "webtrunk_calls{stage=\"talking\"} 1");
    has(&figures, "webtrunk_legs{side=\"media\"} 2");
    has(&figures, "webtrunk_ready 1");
    assert!(figures.contains("webtrunk_sip_requests_received_total{method=\"INVITE\"} "), "{figures}");
    has(&figures, "webtrunk_sip_requests_sent_total{method=\"INVITE\"} 1");
    has(&figures, "webtrunk_queue_overflows_total{queue=\"sip_in\"} 0");
    assert_eq!(gateway.public("/healthz"), (200, "lives\n".to_owned()));
    assert_eq!(gateway.public("/readyz"), (200, "ready\n".to_owned()));

    // Who has not the token sees nothing and ends nothing.
    for (method, path) in [("GET", "/calls"), ("DELETE", format!("/calls/{name}").as_str())] {
        let (status, told) = gateway.admin_with(method, path, "guess");
        assert_eq!(status, 401, "{told}");
        assert!(!told.contains("alice") && told.contains("not the token of this start"), "{told}");
    }
    assert_eq!(gateway.log().count(&["admin API listens", "admin-token"]), 1);

    let hung_up = gateway.operate("calls", &[&name, "--hang-up"]);
    assert_eq!(String::from_utf8_lossy(&hung_up.stdout), format!("{name} is hung up\n"));
    call.ended(PATIENCE).await.expect("it is hung up");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    assert!(wait_until(PATIENCE, || gateway.admin("GET", "/calls").1["calls"] == Value::Array(Vec::new())));
    let gone = gateway.operate("calls", &[&name, "--hang-up"]);
    let told = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(!gone.status.success() && told.contains("there is no call"), "{told}");
    gateway.assert_all_is_over(1);
    let figures = gateway.metrics();
    has(&figures, "webtrunk_calls{stage=\"talking\"} 0");
    has(&figures, "# TYPE webtrunk_calls_ended_total counter");
    has(&figures, "webtrunk_calls_ended_total{answered=\"true\",cause=\"hangup\"} 1");
    let packets =
        figures.lines().find_map(|line| line.strip_prefix("webtrunk_media_packets_total{direction=\"in\"} "));
    assert!(packets.is_some_and(|count| count.parse::<u32>().is_ok_and(|count| count > 20)), "{figures}");
}

/// Whoever is on this machine may open connections; who says nothing there has them for a moment.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_keep_no_operator_out() {
    let stage = Stage::new(&["PCMU"]);
    let mut silent = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(stage.gateway.operators()).expect("it listens");
        // Past the bound they are closed.
        let _ = stream.write_all(b"GET /cal");
        silent.push(stream);
    }
    let asked_at = Instant::now();
    assert!(wait_until(PATIENCE, || stage.gateway.operate("calls", &[]).status.success()));
    assert!(asked_at.elapsed() < Duration::from_secs(4), "{:?}", asked_at.elapsed());
}

/// A connection to the pages' door from there.
async fn connect(source: IpAddr, door: SocketAddr) -> net::TcpStream {
    let socket = net::TcpSocket::new_v4().expect("a socket");
    socket.bind((source, 0).into()).expect("the address is ours");
    socket.connect(door).await.expect("it listens")
}

/// Whether who comes from there is answered.
async fn is_let_in(source: IpAddr, door: SocketAddr) -> bool {
    let mut stream = connect(source, door).await;
    let mut answer = Vec::new();
    // A connection that is closed may be reset.
    let _ = stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: webtrunk\r\nConnection: close\r\n\r\n").await;
    let _ = stream.read_to_end(&mut answer).await;
    answer.starts_with(b"HTTP/1.1 200 ")
}

/// Fails when the two doors count together, or the pages' one counts nobody.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_too_many_connections_is_let_in_no_more_and_its_operator_and_others_are() {
    let stage = Stage::new(&["PCMU"]);
    let gateway = &stage.gateway;
    let door: SocketAddr = gateway.http_authority().parse().expect("an address");
    let (here, other) = (IpAddr::V4(Ipv4Addr::LOCALHOST), Host::new());
    assert!(is_let_in(here, door).await);
    let idle = join_all((0..64).map(|_| connect(here, door))).await;
    let deadline = Instant::now() + PATIENCE;
    while is_let_in(here, door).await {
        assert!(Instant::now() < deadline, "it has fifty");
    }
    let asked_at = Instant::now();
    assert!(gateway.operate("calls", &[]).status.success(), "by a door of its own");
    assert!(gateway.metrics().contains("webtrunk_ready 1"));
    assert!(asked_at.elapsed() < Duration::from_secs(4), "{:?}", asked_at.elapsed());
    assert!(is_let_in(other.ip(), door).await, "another is let in");
    drop(idle);
    let deadline = Instant::now() + PATIENCE;
    while !is_let_in(here, door).await {
        assert!(Instant::now() < deadline, "there is no place");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_told_of_a_gateway_that_stands_still() {
    let stage = Stage::new(&["PCMU"]);
    stage.gateway.process.signal(Signal::SIGSTOP);
    let asked_at = Instant::now();
    let output = stage.gateway.operate("calls", &[]);
    stage.gateway.process.signal(Signal::SIGCONT);
    assert!(asked_at.elapsed() < Duration::from_secs(18), "{:?}", asked_at.elapsed());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && told.contains("has taken the question, and has not answered it for 15 s"),
        "{told}"
    );
}
