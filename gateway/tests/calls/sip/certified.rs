//! A trunk that is known by the certificate that it shows over TLS, wherever it calls from.

use std::fs;

use tempfile::TempDir;

use super::sipp::Sipp;
use super::tls_trunk::{assert_call, listener};
use crate::support::certificate::pair;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::tools;

/// What the customer shows its provider.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// A certificate for the name that the provider expects.
    Own,
    /// One for another name, by an authority that the provider trusts.
    Another,
    /// One for the name that is expected, by nobody whom the provider trusts.
    Forged,
    Nothing,
}

/// The customer's gateway, its provider, the office and the telephone network.
fn stage(shown: Shown) -> Option<(Gateway, Gateway, Host, Host)> {
    tools::command("sipp")?;
    let [own, theirs, other, office, network] = std::array::from_fn(|_| Host::new());
    let folder = TempDir::new().expect("a folder for the test");
    let made = |name, host: &Host| pair(&folder, name, host.ip());
    let (ours, another, forged) = (made("ours", &own), made("another", &other), made("forged", &own));
    let (certificate, key) = made("theirs", &theirs);
    let authorities = folder.path().join("authorities.crt");
    let trusted = [&ours.0, &another.0].map(|file| fs::read_to_string(file).expect("it was made"));
    fs::write(&authorities, trusted.concat()).expect("the folder is ours");
    let client_certificate = match shown {
        Shown::Own => Some(&ours),
        Shown::Another => Some(&another),
        Shown::Forged => Some(&forged),
        Shown::Nothing => None,
    };
    let client_certificate = client_certificate.map_or(String::new(), |(certificate, key)| {
        format!("\nclient_certificate = {{ certificate = {certificate:?}, private_key = {key:?} }}")
    });
    let provider = GatewayConfig::default()
        .sip(&listener(&theirs))
        .tls(&certificate, &key)
        .asking_by(&authorities)
        .trunk_lines(&format!(
            "name = 'customer'\nhost = 'customer.invalid'\ntransport = 'udp'\ncodecs = ['PCMU']\n\
             certificate_name = '{}'",
            own.ip()
        ))
        .trunk("network", &network, &["PCMU"])
        .rule(
            "destination = '9\\d+'\nfrom_trunk = 'customer'\n\
             actions = [{ bridge = { trunk = 'network', number = '100' } }]",
        );
    let customer = GatewayConfig::default()
        .sip(&listener(&own))
        .tls(&ours.0, &ours.1)
        .trusting(&certificate)
        .trunk("office", &office, &["PCMU"])
        .trunk_lines(&format!(
            "name = 'provider'\nhost = '{}'\ntransport = 'tls'\ncodecs = ['PCMU']{client_certificate}",
            theirs.ip()
        ))
        .rule(
            "destination = '9\\d+'\nfrom_trunk = 'office'\n\
             actions = [{ bridge = { trunk = 'provider', number = '$0' } }]",
        );
    Some((Gateway::start_at(own, &customer), Gateway::start_at(theirs, &provider), office, network))
}

#[test]
fn a_trunk_is_known_by_its_certificate_and_both_hear_each_other() {
    let Some(stage) = stage(Shown::Own) else { return };
    assert_call(&stage, "TLS:");
}

/// Fails when whoever comes by TLS is taken for the trunk, or whatever certificate is shown.
#[test]
fn who_shows_another_certificate_or_none_is_not_the_trunk() {
    for (shown, status) in [(Shown::Another, "403"), (Shown::Nothing, "403"), (Shown::Forged, "502")] {
        let Some((gateway, provider, office, _network)) = stage(shown) else { return };
        Sipp::caller(&office, "caller_refused", gateway.sip(), "9100", &[("STATUS", status)]).finish();
        assert_eq!(provider.log().count(&["call came in"]), 0);
    }
}
