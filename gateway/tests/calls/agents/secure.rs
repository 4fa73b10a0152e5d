//! A call whose signalling is encrypted: SIP over secure WebSocket, trusted by a certificate of the test.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;
use webtrunk_loadtest::agent::{Trust, Voice, WebrtcCaller, WebrtcConfig};

use super::ear::assert_hears;
use super::stage::{CALLER_HZ, LEVEL_DBM0, webrtc};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::process::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn over_secure_websocket_the_echo_is_heard() {
    let (host, folder) = (Host::new(), TempDir::new().expect("a folder"));
    let made = rcgen::generate_simple_self_signed(vec![host.ip().to_string()]).expect("a certificate");
    let [certificate, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    fs::write(&certificate, made.cert.pem()).expect("the folder is ours");
    fs::write(&key, made.signing_key.serialize_pem()).expect("the folder is ours");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    let config = GatewayConfig::default()
        .user("alice")
        .tls(&certificate, &key)
        .rule("destination = '9196'\nactions = ['answer', 'echo']");
    let gateway = Gateway::start_at(host, &config);
    let alice = WebrtcConfig {
        trust: Trust::Authority(certificate),
        media_address: Some(gateway.sip().ip()),
        voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
        ..WebrtcConfig::new(&gateway.secure_websocket(), "alice", &password("alice"))
    };
    let distrustful = WebrtcConfig { trust: Trust::Nobody, ..alice.clone() };
    assert!(WebrtcCaller::new(distrustful).await.is_err(), "the certificate is not checked");

    let alice = webrtc(alice).await;
    alice.register().await.expect("the password is right");
    let call = alice.call("9196").await.expect("an answer");
    assert_hears(&call, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    // The status is served over TLS too.
    let over = || gateway.log().count(&["\"message\":\"leg removed\""]);
    assert!(wait_until(PATIENCE, || over() == 1), "a leg is left");
    gateway.stop();
}
