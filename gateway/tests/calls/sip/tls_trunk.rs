//! A trunk over TLS, another gateway, at which the calls prove themselves by a password: whoever they are of.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use tempfile::TempDir;
use webtrunk_codecs::g711::Law;

use super::rtp_peer::RtpPeer;
use super::sipp::Sipp;
use crate::support::gateway::{Gateway, GatewayConfig, password};
use crate::support::host::Host;
use crate::support::tools;

const CALLER_HZ: f64 = 850.0;
const CALLEE_HZ: f64 = 440.0;

/// A certificate for a host and its key, in files.
fn pair(folder: &TempDir, name: &str, host: &Host) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec![host.ip().to_string()]).expect("a certificate");
    let file = |end: &str, text: String| {
        let path = folder.path().join(format!("{name}.{end}"));
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the folder is ours");
        path
    };
    (file("crt", made.cert.pem()), file("key", made.signing_key.serialize_pem()))
}

/// A listener for TLS at a host.
fn listener(host: &Host) -> String {
    format!("[[sip.listeners]]\ntransport = 'tls'\nbind = '{}'", host.at(5061))
}

/// The gateway, its provider, the office and the telephone network. The gateway trusts the certificate of the
/// provider, or only its own.
fn stage(is_trusted: bool) -> Option<(Gateway, Gateway, Host, Host)> {
    tools::command("sipp")?;
    let [own, theirs, office, network] = std::array::from_fn(|_| Host::new());
    let folder = TempDir::new().expect("a folder for the test");
    let (our_certificate, our_key) = pair(&folder, "ours", &own);
    let (certificate, key) = pair(&folder, "theirs", &theirs);
    let trusted = if is_trusted { &certificate } else { &our_certificate };
    let secret = password("gate");
    let config = GatewayConfig::default()
        .sip(&listener(&own))
        .tls(&our_certificate, &our_key)
        .trusting(trusted)
        .trunk("office", &office, &["PCMU"])
        .trunk_lines(&format!(
            "name = 'provider'\nhost = '{}'\ntransport = 'tls'\ncodecs = ['PCMU']\n\
             credentials = {{ user = 'gate', password = '{secret}', realm = 'webtrunk' }}",
            theirs.ip()
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

#[test]
fn a_call_over_tls_proves_itself_by_a_password_and_both_hear_each_other() {
    let Some((gateway, provider, office, network)) = stage(true) else { return };
    let (mut caller_rtp, mut callee_rtp) = (RtpPeer::new(&office, 7000), RtpPeer::new(&network, 7000));
    let callee = Sipp::callee(&network, "callee_talks", &[]);
    let caller = Sipp::caller(&office, "caller_talks", gateway.sip(), "9100", &[]);
    let caller_port = caller.wait_for("200").audio_port().expect("an answer");
    let invite = callee.wait_for("INVITE");
    let callee_port = invite.audio_port().expect("an offer");
    caller_rtp.say((gateway.sip().ip(), caller_port).into(), Law::Mu, CALLER_HZ);
    callee_rtp.say((provider.sip().ip(), callee_port).into(), Law::Mu, CALLEE_HZ);
    callee_rtp.assert_hears(Law::Mu, CALLER_HZ);
    caller_rtp.assert_hears(Law::Mu, CALLEE_HZ);
    assert!(invite.header("From").is_some_and(|from| from.contains("sip:2001@")), "not the account's name");
    assert_eq!(provider.log().count(&["call came in", "TLS:"]), 1);
    caller.go_on();
    caller.finish();
    callee.finish();
}

#[test]
fn a_trunk_whose_certificate_nobody_vouches_for_is_not_called() {
    let Some((gateway, provider, office, _network)) = stage(false) else { return };
    Sipp::caller(&office, "caller_refused", gateway.sip(), "9100", &[("STATUS", "502")]).finish();
    assert_eq!(provider.log().count(&["call came in"]), 0);
    assert_eq!(gateway.log().count(&["TLS handshake failed"]), 1);
}
