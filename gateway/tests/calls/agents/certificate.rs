//! A certificate that is renewed while people talk.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;
use webtrunk_loadtest::agent::{Trust, Voice, WebrtcConfig};

use super::ear::{assert_hears, assert_hears_no_gap};
use super::stage::{CALLER_HZ, LEVEL_DBM0, webrtc};
use crate::support::certificate::{pair, secure};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::gateway_config::HTTP_PORT;
use crate::support::host::Host;

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
    assert_hears(&call, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    let again = alice.call("9196").await.expect("the WebSocket is the old one");
    assert_hears(&again, CALLER_HZ).await;
    again.hang_up().await.expect("confirmed");
    gateway.stop();
}
