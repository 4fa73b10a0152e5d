//! A trunk over TLS, another gateway, at which the calls prove themselves by a password: whoever they are of.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tempfile::TempDir;

use super::sipp::Sipp;
use super::tones::Tones;
use crate::support::certificate::pair;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::tools;

/// A listener for TLS at a host.
pub(super) fn listener(host: &Host) -> String {
    format!("[[sip.listeners]]\ntransport = 'tls'\nbind = '{}'", host.at(5061))
}

/// The gateway, its provider, the office and the telephone network. The gateway trusts the certificate of the
/// provider, or only its own.
fn stage(is_trusted: bool) -> Option<(Gateway, Gateway, Host, Host)> {
    stage_behind(is_trusted, None)
}

/// The same, with a relay before the provider that lets nobody in without the gateway's certificate, and speaks this version
/// of TLS alone.
fn stage_behind(is_trusted: bool, relay: Option<(&Host, Version)>) -> Option<(Gateway, Gateway, Host, Host)> {
    tools::command("sipp")?;
    let [own, theirs, office, network] = std::array::from_fn(|_| Host::new());
    let called = relay.map_or(theirs.ip(), |(host, _)| host.ip());
    let folder = TempDir::new().expect("a folder for the test");
    let (our_certificate, our_key) = pair(&folder, "ours", own.ip());
    let (certificate, key) = pair(&folder, "theirs", called);
    let mut shown = String::new();
    if let Some((relay, version)) = relay {
        relay_to(theirs.at(5060), relay.at(5061), [&certificate, &key, &our_certificate], version);
        shown = format!(
            "\nclient_certificate = {{ certificate = {our_certificate:?}, private_key = {our_key:?} }}"
        );
    }
    let trusted = if is_trusted { &certificate } else { &our_certificate };
    let secret = password("gate");
    let config = GatewayConfig::default()
        .sip(&listener(&own))
        .tls(&our_certificate, &our_key)
        .trusting(trusted)
        .trunk("office", &office, &["PCMU"])
        .trunk_lines(&format!(
            "name = 'provider'\nhost = '{called}'\ntransport = 'tls'\ncodecs = ['PCMU']\n\
             credentials = {{ user = 'gate', password = '{secret}', realm = 'webtrunk' }}{shown}"
        ))
        .rule(
            "destination = '9\\d+'\nfrom_trunk = 'office'\n\
             actions = [{ bridge = { trunk = 'provider', number = '$0' } }]",
        );
    let provider = GatewayConfig::default()
        .sip(&listener(&theirs))
        .tls(&certificate, &key)
        .user("gate")
        .trunk_lines("name = 'customer'\nhost = 'customer.invalid'\ntransport = 'udp'\nuser = 'gate'\ncodecs = ['PCMU']")
        .trunk("network", &network, &["PCMU"])
        .rule(
            "destination = '9\\d+'\nfrom_trunk = 'customer'\n\
             actions = [{ bridge = { trunk = 'network', number = '100' } }]",
        );
    Some((Gateway::start_at(own, &config), Gateway::start_at(theirs, &provider), office, network))
}

/// A version of TLS.
type Version = &'static SupportedProtocolVersion;

/// Takes this TLS at `at` from who shows the last certificate, and passes on what comes by TCP.
fn relay_to(to: SocketAddr, at: SocketAddr, [certificate, key, client]: [&PathBuf; 3], version: Version) {
    let read = |path: &PathBuf| CertificateDer::from_pem_file(path).expect("it is one");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(read(client)).expect("it is one");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a version that we know")
        .with_client_cert_verifier(verifier.build().expect("one root"))
        .with_single_cert(vec![read(certificate)], PrivateKeyDer::from_pem_file(key).expect("a key"))
        .expect("a pair");
    let listener = TcpListener::bind(at).expect("the host is ours");
    let config = Arc::new(config);
    // One stream is enough; the threads end with the process of the test.
    std::thread::spawn(move || {
        let (mut outer, _) = listener.accept().expect("the gateway calls");
        let mut tls = ServerConnection::new(config).expect("a server");
        while tls.is_handshaking() {
            tls.complete_io(&mut outer).expect("the gateway has the certificate");
        }
        let mut inner = TcpStream::connect(to).expect("the provider listens");
        for stream in [&outer, &inner] {
            stream.set_read_timeout(Some(Duration::from_millis(10))).expect("a time-out");
        }
        let mut buffer = [0; 8192];
        loop {
            let mut secured = rustls::Stream::new(&mut tls, &mut outer);
            match secured.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => inner.write_all(&buffer[..length]).expect("the provider reads"),
                Err(_) => {}
            }
            match inner.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => secured.write_all(&buffer[..length]).expect("the gateway reads"),
                Err(_) => {}
            }
        }
    });
}

#[test]
fn a_call_over_tls_proves_itself_by_a_password_and_both_hear_each_other() {
    let Some(stage) = stage(true) else { return };
    assert_call(&stage, "TLS:");
    assert_shown(&stage.1, "TLS");
}

#[test]
fn a_trunk_that_lets_nobody_in_without_a_certificate_is_shown_ours_and_called_by_either_version_of_tls() {
    for version in [&TLS12, &TLS13] {
        let relay = Host::new();
        let Some(stage) = stage_behind(true, Some((&relay, version))) else { return };
        assert_call(&stage, "TCP:");
        assert_shown(&stage.1, "TCP");
    }
}

/// A call from the office to the network, by this transport, in which both hear each other.
pub(super) fn assert_call((gateway, provider, office, network): &(Gateway, Gateway, Host, Host), flow: &str) {
    let mut tones = Tones::at([office, network]);
    let callee = Sipp::callee(network, "callee_talks", &[]);
    let caller = Sipp::caller(office, "caller_talks", gateway.sip(), "9100", &[]);
    tones.exchange((&caller, gateway.sip()), (&callee, provider.sip()));
    let invite = callee.wait_for("INVITE");
    assert!(invite.header("From").is_some_and(|from| from.contains("sip:2001@")), "not the account's name");
    assert_eq!(provider.log().count(&["call came in", flow]), 1);
    caller.go_on();
    caller.finish();
    callee.finish();
}

/// The provider's operator sees each message of the call, whichever stream brought it.
fn assert_shown(provider: &Gateway, transport: &str) {
    let shown = || provider.admin("GET", "/calls/last/ladder?format=json").1;
    assert!(wait_until(PATIENCE, || shown()["is_over"] == true), "{}", shown());
    let shown = shown();
    assert_eq!(shown["parties"][0]["transport"].as_str(), Some(transport), "{shown}");
    let messages = shown["messages"].as_array().expect("a list").iter();
    let of_caller = messages.filter(|message| message["call_id"] == 0);
    let what = |message: &Value| match message["status"].as_u64() {
        Some(status) => status.to_string(),
        None => message["method"].as_str().expect("a request has one").to_owned(),
    };
    let of_caller: Vec<_> = of_caller.map(what).collect();
    assert!(of_caller.join(" ").starts_with("INVITE 401 ACK INVITE 100 "), "{of_caller:?}");
    assert!(of_caller.join(" ").ends_with(" 200 ACK BYE 200"), "{of_caller:?}");
}

#[test]
fn a_trunk_whose_certificate_nobody_vouches_for_is_not_called() {
    let Some((gateway, provider, office, _network)) = stage(false) else { return };
    Sipp::caller(&office, "caller_refused", gateway.sip(), "9100", &[("STATUS", "502")]).finish();
    assert_eq!(provider.log().count(&["call came in"]), 0);
    assert_eq!(gateway.log().count(&["TLS handshake failed"]), 1);
}
