//! What an operator is shown of calls of late: every message of all legs, in order, and none of the secrets; and their
//! packets, as other programs read them.

use std::collections::HashSet;
use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::load::ProcessMeter;
use webtrunk_signalling::auth::digest::Algorithm;

use super::sighted::{OF_CALLEE, OF_CALLER, Sighted, heard_talk, secrets_of};
use super::stage::{Stage, phone, talk, webrtc};
use crate::sip::raw_phone::{REGISTRAR, RawPhone, header};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::tools;

/// A call as JSON, as soon as it is over by that.
pub(super) fn ladder(gateway: &Gateway, name: &str) -> Value {
    let path = format!("/calls/{}/ladder?format=json", name.replace('@', "%40"));
    let told = || gateway.admin("GET", &path);
    let is_there = || {
        let (status, told) = told();
        status == 200 && (told["call"].is_null() || told["is_over"] == true)
    };
    assert!(wait_until(PATIENCE, is_there), "{:?}", told());
    told().1
}

/// The method of each request and the status of each response, of one Call-ID.
pub(super) fn what(ladder: &Value, call_id: usize) -> Vec<String> {
    let messages = ladder["messages"].as_array().expect("a list").iter();
    let of_it = messages.filter(|message| message["call_id"] == call_id && message["is_repeated"] == false);
    let what = |message: &Value| match message["status"].as_u64() {
        Some(status) => status.to_string(),
        None => message["method"].as_str().expect("a request has one").to_owned(),
    };
    of_it.map(what).collect()
}

/// What the command line prints.
fn printed(gateway: &Gateway, command: &str, arguments: &[&str]) -> String {
    let output = gateway.operate(command, arguments);
    let (told, faults) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{faults}");
    told.into_owned()
}

/// Fields of each packet of a file that a filter lets through, as Wireshark's reader sees them.
fn read(tshark: &Path, file: &Path, ports: &[u16], filter: &str, fields: &[&str]) -> Vec<String> {
    let mut reading = Command::new(tshark);
    reading.args(["-r".as_ref(), file.as_os_str()]).args(["-Y", filter, "-T", "fields"]);
    for port in ports {
        reading.args(["-d", &format!("udp.port=={port},sip")]);
    }
    reading.args(["-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]);
    for field in fields {
        reading.args(["-e", field]);
    }
    let output = reading.output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_secure_websocket_to_a_phone_is_one_ladder_and_one_capture_without_secrets() {
    let Some(tshark) = tools::command("tshark") else { return };
    let (sighted, folder) = (Sighted::start(GatewayConfig::default()), TempDir::new().expect("a folder"));
    let Sighted { gateway, carrier, .. } = &sighted;
    let (alice, callee) = (sighted.alice().await, sighted.callee().await);
    let (call, lifted) = heard_talk(&alice, &callee).await;
    let name = gateway.admin("GET", "/calls").1["calls"][0]["call"].as_str().expect("a call").to_owned();
    let told = printed(gateway, "capture", &[&name, "--seconds", "30"]);
    assert!(told.contains("headers of packets are captured for 30 s"), "{told}");
    // Of each way some hundred packets.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let secrets: Vec<_> = [&call, &lifted].into_iter().flat_map(secrets_of).collect();
    call.hang_up().await.expect("confirmed");
    gateway.assert_all_is_over(1);

    let shown = ladder(gateway, "last");
    assert_eq!(shown["call"].as_str(), Some(name.as_str()));
    assert_eq!(
        (what(&shown, 0), what(&shown, 1)),
        (OF_CALLER.map(str::to_owned).into(), OF_CALLEE.map(str::to_owned).into())
    );
    let parties = shown["parties"].as_array().expect("a list");
    let at = |party: usize| (parties[party]["name"].as_str(), parties[party]["transport"].as_str());
    assert_eq!(
        [at(0), at(1), at(2)],
        [(Some("alice"), Some("WSS")), (Some("webtrunk"), None), (Some("9100"), Some("UDP"))]
    );
    assert_eq!(parties[2]["address"].as_str(), Some(carrier.at(SIP_PORT).to_string().as_str()));
    // By each of its names it is the same.
    for call_id in shown["call_ids"].as_array().expect("a list") {
        assert_eq!(ladder(gateway, call_id.as_str().expect("text")), shown);
    }
    assert_eq!(ladder(gateway, &name), shown);

    let text = printed(gateway, "ladder", &["last"]);
    assert!(text.starts_with(&name) && text.contains("INVITE [opus"), "{text}");
    assert!(text.contains("INVITE [PCMU SRTP]") && text.contains("200 OK (BYE)"), "{text}");
    let list = printed(gateway, "ladder", &[]);
    assert!(list.lines().any(|line| line.starts_with(&name) && line.contains("INVITE sip:9100@")), "{list}");
    let [svg, pcap] = ["call.svg", "call.pcap"].map(|file| folder.path().join(file));
    printed(gateway, "ladder", &["last", "--svg", svg.to_str().expect("ASCII")]);
    printed(gateway, "pcap", &["last", pcap.to_str().expect("ASCII")]);
    for file in [&svg, &pcap] {
        assert_eq!(fs::metadata(file).expect("it was written").permissions().mode() & 0o777, 0o600);
    }
    let again = gateway.operate("pcap", &["last", pcap.to_str().expect("ASCII")]);
    let told = String::from_utf8_lossy(&again.stderr);
    assert!(!again.status.success() && told.contains("is there already"), "{told}");
    let piped = gateway.operate("pcap", &["last", "-"]).stdout;
    assert_eq!(piped, fs::read(&pcap).expect("it was written"));
    let svg = fs::read_to_string(svg).expect("it was written");
    assert_eq!(svg.matches("<title>").count(), shown["messages"].as_array().map_or(0, Vec::len));

    // The dialogs are complete for another program, and no checksum is wrong.
    let ports: Vec<_> = [shown["parties"][0]["address"].as_str().expect("text").rsplit_once(':')]
        .into_iter()
        .filter_map(|address| address?.1.parse().ok())
        .chain([SIP_PORT])
        .collect();
    let fields = ["sip.Method", "sip.Status-Code"];
    for (call_id, expected) in [(0, &OF_CALLER[..]), (1, &OF_CALLEE)] {
        let call_id = shown["call_ids"][call_id].as_str().expect("text");
        let seen = read(&tshark, &pcap, &ports, &format!("sip.Call-ID == \"{call_id}\""), &fields);
        let seen: Vec<_> = seen.iter().map(|line| line.trim()).collect();
        assert_eq!(seen, expected);
    }
    assert!(
        read(&tshark, &pcap, &ports, "udp.checksum.status == 0 || ip.checksum.status == 0", &fields)
            .is_empty()
    );
    // Media of both legs both ways, of which nothing that is said was kept.
    let media = "udp && !sip && udp.length > 30 && udp.length < 1000";
    let packets = read(
        &tshark,
        &pcap,
        &ports,
        media,
        &["ip.src", "ip.dst", "udp.srcport", "frame.cap_len", "frame.len"],
    );
    assert!(packets.len() > 400, "{} packets", packets.len());
    let mut ways: Vec<_> = packets.iter().map(|line| line.split('\t').take(3).collect::<Vec<_>>()).collect();
    ways.sort_unstable();
    ways.dedup();
    assert!(ways.len() >= 4, "{ways:?}");
    for line in &packets {
        let lengths: Vec<usize> = line.split('\t').skip(3).filter_map(|field| field.parse().ok()).collect();
        assert!(lengths[0] <= 28 + 40 && lengths[0] < lengths[1], "{line}");
    }

    let capture = String::from_utf8_lossy(&fs::read(pcap).expect("it was written")).into_owned();
    for shown in [shown.to_string(), text, svg, capture] {
        for secret in &secrets {
            assert!(!shown.contains(secret.as_str()), "{secret}");
        }
        assert!(!shown.contains(&password("alice")));
    }
}

/// Of plain RTP what is said is in the file, where that was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_is_in_a_capture_with_media_and_another_program_reads_it() {
    let Some(tshark) = tools::command("tshark") else { return };
    let (stage, folder) =
        (Stage::with(&["PCMU"], GatewayConfig::default()), TempDir::new().expect("a folder"));
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, _lifted) = talk(&caller, &callee).await;
    let name =
        stage.gateway.admin("GET", "/calls").1["calls"][0]["call"].as_str().expect("a call").to_owned();
    let told = printed(&stage.gateway, "capture", &[&name, "--seconds", "30", "--media"]);
    assert!(told.contains("packets are captured for 30 s") && !told.contains("headers"), "{told}");
    call.heard_packets(150, PATIENCE).await.expect("audio");
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
    let pcap = folder.path().join("call.pcap");
    printed(&stage.gateway, "pcap", &["last", pcap.to_str().expect("ASCII")]);
    let fields = ["udp.srcport", "frame.cap_len", "frame.len", "udp.payload"];
    let packets = read(&tshark, &pcap, &[SIP_PORT], "udp && !sip && udp.length == 180", &fields);
    assert!(packets.len() > 200, "{} packets", packets.len());
    let mut said = HashSet::new();
    for line in &packets {
        let [_, kept, whole, payload] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(kept, whole, "{line}");
        said.insert(payload[24..].to_owned());
    }
    // Of a tone that fits into a packet all are the same.
    assert!(said.len() >= 2, "two tones");
    for payload in said {
        let values: HashSet<_> = payload.as_bytes().chunks(2).collect();
        assert!(values.len() > 8, "a tone is not silence: {payload}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_call_a_cancelled_one_and_a_registration_have_ladders_too() {
    let sighted = Sighted::start(GatewayConfig::default());
    let Sighted { gateway, office, .. } = &sighted;
    let (alice, callee) = (sighted.alice().await, sighted.callee().await);

    let refused = alice.dial("7100").await.expect("a number").answered(PATIENCE).await;
    assert!(refused.is_err(), "no rule is for it");
    let shown = ladder(gateway, "last");
    assert!(shown["call"].is_null() && shown["parties"].as_array().map(Vec::len) == Some(2), "{shown}");
    assert!(wait_until(PATIENCE, || what(&ladder(gateway, "last"), 0).len() == 7));
    assert_eq!(what(&ladder(gateway, "last"), 0), ["INVITE", "401", "ACK", "INVITE", "100", "404", "ACK"]);

    let dialing = alice.dial("9100").await.expect("a number");
    let incoming =
        tokio::time::timeout(PATIENCE, callee.next_incoming()).await.expect("in time").expect("a call");
    incoming.ring();
    dialing.ringing(PATIENCE).await.expect("it rings");
    dialing.cancel().await.expect("an end");
    // She was challenged before.
    let expected = ["INVITE", "100", "180", "CANCEL", "200", "487", "ACK"];
    let is_all = || {
        let shown = ladder(gateway, "last");
        (0..2).all(|call_id| what(&shown, call_id).len() == expected.len())
    };
    assert!(wait_until(PATIENCE, is_all), "{:#}", ladder(gateway, "last"));
    let shown = ladder(gateway, "last");
    let sorted = |mut all: Vec<String>| {
        all.sort_unstable();
        all
    };
    // The 200 to CANCEL and the 487 may come in either order.
    for call_id in 0..2 {
        assert_eq!(sorted(what(&shown, call_id)), sorted(expected.map(str::to_owned).into()));
    }
    assert_eq!((what(&shown, 0)[3].as_str(), what(&shown, 1)[3].as_str()), ("CANCEL", "CANCEL"));

    let mut bob = RawPhone::new(office, gateway, "bob");
    let registered = bob.register(Algorithm::Md5, &password("bob"), "");
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    let call_id = header(&registered, "Call-ID").to_owned();
    assert!(wait_until(PATIENCE, || what(&ladder(gateway, &call_id), 0).len() == 4));
    assert_eq!(what(&ladder(gateway, &call_id), 0), ["REGISTER", "401", "REGISTER", "200"]);
    assert_eq!(what(&ladder(gateway, "last"), 0).len(), expected.len(), "a registration is no call");
    let (status, told) = gateway.admin("GET", "/calls/nobody/ladder");
    assert_eq!((status, &told["error"]), (404, &"no_trace".into()), "{told}");
}

/// In the clear, as behind a proxy that ends TLS.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_a_websocket_in_the_clear_has_its_ladder_too() {
    let stage = Stage::new(&["PCMU"]);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = heard_talk(&alice, &callee).await;
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("hung up");
    let shown = ladder(&stage.gateway, "last");
    let transports = [0, 2].map(|party: usize| shown["parties"][party]["transport"].as_str());
    assert_eq!(transports, [Some("WS"), Some("UDP")], "{shown}");
    assert_eq!(
        (what(&shown, 0), what(&shown, 1)),
        (OF_CALLER.map(str::to_owned).into(), OF_CALLEE.map(str::to_owned).into())
    );
}

/// Calls that are refused, each with much to keep: the memory does not grow with them.
#[test]
fn thousands_of_calls_cost_no_more_memory_than_the_bounds_say() {
    const ROUND: usize = 2000;
    const GROWTH_MAX_KIB: f64 = 8.0 * 1024.0;
    let office = Host::new();
    let config = GatewayConfig::default()
        .log_filter("info")
        .sections("[trace]\ncalls = 100\nmemory_mb = 2")
        .trunk("office", &office, &["PCMU"]);
    let gateway = Gateway::start(&config);
    let socket = UdpSocket::bind(office.at(SIP_PORT)).expect("the host is ours");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let meter = ProcessMeter::new(gateway.process.id()).expect("it runs and is ours");
    let (own, padding) = (office.at(SIP_PORT), "x".repeat(8000));
    let round = |round: usize| {
        for call in 0..ROUND {
            let head = |method: &str| {
                format!(
                    "{method} {REGISTRAR} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK-{round}-{call}\r\n\
                     Max-Forwards: 70\r\nFrom: <sip:1@{own}>;tag=1\r\nTo: <sip:7@webtrunk.test>\r\n\
                     Call-ID: {round}-{call}@test\r\nCSeq: 1 {method}\r\nContact: <sip:1@{own}>\r\nX-Much: {padding}\r\n\
                     Content-Length: 0\r\n\r\n"
                )
            };
            socket.send_to(head("INVITE").as_bytes(), gateway.sip()).expect("loopback takes it");
            let mut buffer = [0; 16_384];
            loop {
                let length = socket.recv(&mut buffer).expect("an answer");
                if !buffer[..length].starts_with(b"SIP/2.0 1") {
                    break;
                }
            }
            socket.send_to(head("ACK").as_bytes(), gateway.sip()).expect("loopback takes it");
        }
        meter.read().expect("it runs").rss_kib
    };
    let first = round(1);
    let second = round(2);
    assert!(second - first <= GROWTH_MAX_KIB, "{} KiB more after {ROUND} calls", second - first);
    let traces = gateway.admin("GET", "/traces").1["traces"].as_array().map(Vec::len);
    assert!(traces.is_some_and(|count| (1..=100).contains(&count)), "{traces:?}");
    // The last one is there in full.
    let last = format!("2-{}@test", ROUND - 1);
    assert!(wait_until(PATIENCE, || what(&ladder(&gateway, &last), 0)
        .last()
        .is_some_and(|last| last == "ACK")));
}
