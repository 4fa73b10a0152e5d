//! A certificate that is renewed while people talk.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;
use tokio::task::JoinSet;
use webtrunk_loadtest::agent::{Trust, Voice, WebrtcConfig};

use super::ear::{assert_hears, assert_hears_no_gap};
use super::json::page::assert_phone_hears;
use super::stage::{CALLER_HZ, LEVEL_DBM0, webrtc};
use crate::support::certificate::{pair, pair_for_days, secure};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::gateway_config::HTTP_PORT;
use crate::support::host::Host;
use crate::support::process::wait_until;

/// Where SIP over TLS is.
const TLS_PORT: u16 = 5061;

/// Whether who listens there shows this certificate.
fn shows(at: SocketAddr, certificate: &Path) -> bool {
    let stream = TcpStream::connect(at).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let mut stream = secure(stream, certificate, at.ip());
    while stream.conn.is_handshaking() {
        if stream.conn.complete_io(&mut stream.sock).is_err() {
            return false;
        }
    }
    let own = CertificateDer::from_pem_file(certificate).expect("it is one");
    stream.conn.peer_certificates().is_some_and(|shown| shown[0] == own)
}

/// Fails when an end is seen only by who asks `webtrunk certs`, or who asks is not told all of it.
#[test]
fn an_end_within_21_days_is_warned_of_and_one_that_is_later_is_not() {
    for (days, is_warned) in [(10, true), (40, false)] {
        let (host, folder) = (Host::new(), TempDir::new().expect("a folder"));
        let (certificate, key) = pair_for_days(&folder, "own", host.ip(), days);
        let gateway = Gateway::start_at(host, &GatewayConfig::default().tls(&certificate, &key));
        let warned = || gateway.log().count(&["WARN", "the certificate ends soon: renew it", "days_left"]);
        assert_eq!(wait_until(Duration::from_secs(2), || warned() > 0), is_warned, "{days} days");
        let (list, printed) = (gateway.admin("GET", "/certs").1, gateway.operate("certs", &[]).stdout);
        let (own, printed) = (&list["certificates"][0], String::from_utf8(printed).expect("text"));
        for key in ["subject", "issuer", "not_after"] {
            let told = own[key].as_str().unwrap_or_else(|| panic!("no {key}: {list}"));
            assert!(!told.is_empty() && printed.contains(told), "{key} {told:?}: {printed}");
        }
        let figures = gateway.metrics();
        let named = ["subject", "issuer"].map(|key| own[key].as_str().expect("a name"));
        let figure =
            figures.lines().find(|line| line.starts_with("webtrunk_certificate_expiry_timestamp_seconds{"));
        let figure = figure.unwrap_or_else(|| panic!("no figure: {figures}"));
        for (label, value) in ["subject", "issuer"].into_iter().zip(named) {
            assert!(figure.contains(&format!("{label}=\"{value}\"")), "{label} {value}: {figure}");
        }
        let left = own["days_left"].as_i64().expect("a count");
        assert!((i64::from(days) - 1..=i64::from(days)).contains(&left), "{days} days: {list}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_secure_websocket_talks_through_new_certificates_and_broken_ones_are_refused() {
    let (host, folder) = (Host::new(), TempDir::new().expect("a folder"));
    let ip = host.ip();
    let (certificate, key) = pair(&folder, "own", ip);
    let (new_certificate, new_key) = pair(&folder, "new", ip);
    let (old_certificate, _) = (folder.path().join("old.crt"), ());
    fs::copy(&certificate, &old_certificate).expect("the folder is ours");
    let tls = format!("[[sip.listeners]]\ntransport = \"tls\"\nbind = \"{}\"", host.at(TLS_PORT));
    let config = GatewayConfig::default()
        .user("alice")
        .tls(&certificate, &key)
        .sip(&tls)
        .rule("destination = '9196'\nactions = ['answer', 'echo']");
    let gateway = Gateway::start_at(host, &config);
    let listeners = [HTTP_PORT, TLS_PORT].map(|port| SocketAddr::new(ip, port));
    let all_show = |certificate: &Path| listeners.map(|at| shows(at, certificate));
    let alice = WebrtcConfig {
        trust: Trust::Authority(old_certificate.clone()),
        media_address: Some(ip),
        voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
        ..WebrtcConfig::new(&gateway.secure_websocket(), "alice", &password("alice"))
    };
    let alice = webrtc(alice).await;
    alice.register().await.expect("the password is right");
    let call = alice.call("9196").await.expect("an answer");
    assert_hears(&call, CALLER_HZ).await;
    assert_eq!(all_show(&old_certificate), [true; 2]);

    // Renewed where they were, as ACME clients do.
    fs::copy(&new_certificate, &certificate).expect("the folder is ours");
    fs::copy(&new_key, &key).expect("the folder is ours");
    gateway.reload(|text| text);
    assert_eq!(all_show(&new_certificate), [true; 2], "{}", gateway.log().lines().join("\n"));
    assert_eq!(all_show(&old_certificate), [false; 2]);

    // A pair that is none, and a file that is no certificate, change nothing.
    let refused =
        || gateway.log().count(&["ERROR", "is not taken up, and all stays as it is", "tls.certificate"]);
    fs::copy(&old_certificate, &certificate).expect("the folder is ours");
    gateway.reload(|text| text);
    assert_eq!(
        gateway.log().count(&["is not taken up", "certificate and private key cannot be used together"]),
        1
    );
    fs::write(&certificate, "this is a letter").expect("the folder is ours");
    gateway.reload(|text| text);
    assert_eq!(gateway.log().count(&["is not taken up", "holds no usable certificate"]), 1);
    assert_eq!(refused(), 2, "{}", gateway.log().lines().join("\n"));
    assert_eq!(all_show(&new_certificate), [true; 2]);

    // Nobody who talks has noticed, and whoever is registered still is.
    assert_hears_no_gap(&call).await;
    assert_phone_hears(&call, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    let again = alice.call("9196").await.expect("the WebSocket is the old one");
    assert_hears(&again, CALLER_HZ).await;
    again.hang_up().await.expect("confirmed");
    gateway.stop();
}

/// Callers, each with a connection of its own, and the calls of each.
const CALLERS: usize = 10;
const CALLS_EACH: usize = 10;

/// How long the gateway may take to see that files have changed and have stopped changing: two looks, and the machine's own time.
const SEEN: Duration = Duration::from_secs(8);

/// The layout of certbot: what is shown lies in `archive`, and links in `live` lead to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_renewed_where_it_lies_is_shown_and_a_hundred_calls_go_on() {
    let (host, folder) = (Host::new(), TempDir::new().expect("a folder"));
    let ip = host.ip();
    let [old, new] = ["old", "new"].map(|name| pair(&folder, name, ip));
    let live = folder.path().join("live");
    fs::create_dir(&live).expect("the folder is ours");
    let link = |name: &str, to: &Path| {
        let (fresh, place) = (live.join(format!("{name}.new")), live.join(name));
        let to = Path::new("..").join(to.file_name().expect("a file"));
        symlink(to, &fresh).and_then(|()| fs::rename(fresh, place)).expect("the folder is ours");
    };
    link("fullchain.pem", &old.0);
    link("privkey.pem", &old.1);
    let config = GatewayConfig::default()
        .user("alice")
        .tls(&live.join("fullchain.pem"), &live.join("privkey.pem"))
        .log_filter("info")
        .rule("destination = '9196'\nactions = ['answer', 'echo']");
    let gateway = Gateway::start_at(host, &config);
    let at = SocketAddr::new(ip, HTTP_PORT);
    let alice = WebrtcConfig {
        trust: Trust::Authority(old.0.clone()),
        media_address: Some(ip),
        voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
        insists_on_dtls_client: true,
        ..WebrtcConfig::new(&gateway.secure_websocket(), "alice", &password("alice"))
    };
    let mut dialling = JoinSet::new();
    for _ in 0..CALLERS {
        let alice = alice.clone();
        dialling.spawn(async move {
            let caller = webrtc(alice).await;
            let mut calls = Vec::new();
            for _ in 0..CALLS_EACH {
                calls.push(caller.call("9196").await.expect("an answer"));
            }
            (caller, calls)
        });
    }
    let callers = dialling.join_all().await;
    let calls: Vec<_> = callers.iter().flat_map(|(_, calls)| calls).collect();
    assert_eq!(
        gateway.admin("GET", "/calls").1["calls"].as_array().map(Vec::len),
        Some(CALLERS * CALLS_EACH)
    );
    assert!(shows(at, &old.0));

    // A file that was written by half is no certificate, and a new one beside the old key is none of ours: the old one stays, which
    // is told once of each.
    let (text, half) = (fs::read(&new.0).expect("it was made"), folder.path().join("half.crt"));
    fs::write(&half, &text[..text.len() / 2]).expect("the folder is ours");
    link("fullchain.pem", &half);
    let cut_short =
        ["ERROR", "the new certificate is not taken", "fullchain.pem holds no usable certificate"];
    gateway.log().wait_for(&cut_short, SEEN);
    assert!(shows(at, &old.0));
    link("fullchain.pem", &new.0);
    let refused = ["ERROR", "the new certificate is not taken", "fullchain.pem", "cannot be used together"];
    gateway.log().wait_for(&refused, SEEN);
    assert!(shows(at, &old.0));
    link("privkey.pem", &new.1);
    gateway.log().wait_for(&["certificate renewed", "fullchain.pem"], SEEN);
    assert!(shows(at, &new.0) && !shows(at, &old.0));
    assert_eq!([gateway.log().count(&cut_short), gateway.log().count(&refused)], [1, 1]);
    let told = String::from_utf8(gateway.operate("certs", &[]).stdout).expect("text");
    assert!(
        told.lines()
            .nth(1)
            .is_some_and(|line| line.starts_with("listeners") && line.contains(&ip.to_string())),
        "{told}"
    );
    assert!(gateway.metrics().lines().any(|line| {
        line.starts_with("webtrunk_certificate_expiry_timestamp_seconds{shown_to=\"listeners\"")
            && line.contains("issuer=\"")
    }));

    // Nobody who talks has noticed, over the connections that they had.
    let so_far = join_all(calls.iter().map(|call| call.heard())).await;
    for (call, heard) in calls.iter().zip(so_far) {
        let so_far = heard.expect("a log").packets.len();
        call.heard_packets(so_far + 50, PATIENCE).await.expect("audio goes on");
    }
    assert_hears_no_gap(calls[0]).await;
    assert_phone_hears(calls[0], CALLER_HZ).await;
    for call in &calls {
        call.hang_up().await.expect("confirmed");
    }
    let again = callers[0].0.call("9196").await.expect("the WebSocket is the old one");
    again.hang_up().await.expect("confirmed");
    let count = |message: &str| gateway.log().count(&[&format!("\"message\":\"{message}\"")]);
    assert_eq!(count("call began"), CALLERS * CALLS_EACH + 1);
    gateway.stop();
}
