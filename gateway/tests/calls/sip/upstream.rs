//! A gateway that registers at its provider, which is a second gateway: calls go out by the account and come
//! in by the registration.

use std::time::Duration;

use serde_json::Value;

use super::sipp::Sipp;
use super::tones::Tones;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::tools;

/// The account of the gateway at its provider.
const ACCOUNT: &str = "gate";

/// The gateway with its office, the provider with the telephone network behind it.
struct Stage {
    gateway: Gateway,
    provider: Gateway,
    office: Host,
    network: Host,
}

impl Stage {
    fn new() -> Option<Self> {
        tools::command("sipp")?;
        let [provider_host, office, network] = std::array::from_fn(|_| Host::new());
        let address = provider_host.ip();
        let provider = GatewayConfig::default()
            .user(ACCOUNT)
            .trunk("network", &network, &["PCMU"])
            .rule("destination = '9\\d+'\nactions = [{ bridge = { trunk = 'network', number = '$0' } }]")
            .rule(
                "destination = '7\\d+'\nfrom_trunk = 'network'\nactions = [{ bridge = { user = 'gate' } }]",
            );
        let provider = Gateway::start_at(provider_host, &provider);
        let secret = password(ACCOUNT);
        let gateway = GatewayConfig::default()
            .trunk("office", &office, &["PCMU"])
            .trunk_lines(&format!(
                "name = 'provider'\nhost = '{address}'\ntransport = 'udp'\ncodecs = ['PCMU']\nprobe_s = 1\n\
                 credentials = {{ user = '{ACCOUNT}', password = '{secret}', realm = 'webtrunk' }}\n\
                 register = [{{ user = '{ACCOUNT}', expires_s = 60 }}]"
            ))
            .rule(
                "destination = '9\\d+'\nfrom_trunk = 'office'\nactions = [{ bridge = { trunk = 'provider', \
                 number = '$0', shown_number = 'gate' } }]",
            )
            .rule(
                "destination = 'gate'\nfrom_trunk = 'provider'\n\
                 actions = [{ bridge = { trunk = 'office', number = '100' } }]",
            );
        let gateway = Gateway::start(&gateway);
        Some(Self { gateway, provider, office, network })
    }

    fn registration(&self) -> Value {
        self.gateway.status()["trunks"]["provider"]["registrations"][0].clone()
    }

    fn wait_until_registered(&self) {
        let is_registered = wait_until(PATIENCE, || self.registration()["state"] == "registered");
        assert!(is_registered, "{}", self.gateway.status());
        assert_eq!(self.provider.status()["registered_users"], 1);
    }

    /// Has `from` call `number` at a gateway and `to` answer, and both hear each other.
    fn assert_call(&self, gateway: &Gateway, from: &Host, to: (&Host, &Gateway), number: &str) {
        let mut tones = Tones::at([from, to.0]);
        let callee = Sipp::callee(to.0, "callee_talks", &[]);
        let caller = Sipp::caller(from, "caller_talks", gateway.sip(), number, &[]);
        tones.exchange((&caller, gateway.sip()), (&callee, to.1.sip()));
        caller.go_on();
        caller.finish();
        callee.finish();
    }
}

#[test]
fn calls_go_out_by_the_account_and_come_in_by_the_registration() {
    let Some(stage) = Stage::new() else { return };
    stage.wait_until_registered();
    let expires = stage.registration()["expires_in_s"].as_u64().expect("a time");
    assert!((40..=60).contains(&expires), "{expires}");
    stage.assert_call(&stage.gateway, &stage.office, (&stage.network, &stage.provider), "9100");
    stage.assert_call(&stage.provider, &stage.network, (&stage.office, &stage.gateway), "7100");
    stage.gateway.assert_all_is_over(2);
    stage.provider.assert_all_is_over(2);
    // What was registered is removed at the end.
    let Stage { gateway, provider, .. } = stage;
    gateway.stop();
    assert!(wait_until(PATIENCE, || provider.status()["registered_users"] == 0));
}

/// The provider stands still and goes on, with all that it knew: its host is down meanwhile, which calls do not wait for,
/// and then up.
#[test]
fn a_provider_that_comes_back_has_us_again() {
    let Some(stage) = Stage::new() else { return };
    stage.wait_until_registered();
    let host = |stage: &Stage| stage.gateway.status()["trunks"]["provider"]["hosts"][0]["state"].clone();
    assert!(wait_until(PATIENCE, || host(&stage) == "up"));
    stage.provider.process.signal(nix::sys::signal::Signal::SIGSTOP);
    assert!(wait_until(PATIENCE, || host(&stage) == "down"), "{}", stage.gateway.status());
    // A call does not wait for a host that is down.
    let started = std::time::Instant::now();
    Sipp::caller(&stage.office, "caller_refused", stage.gateway.sip(), "9100", &[("STATUS", "502")]).finish();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    stage.provider.process.signal(nix::sys::signal::Signal::SIGCONT);
    assert!(wait_until(PATIENCE, || host(&stage) == "up"), "{}", stage.gateway.status());
    stage.assert_call(&stage.gateway, &stage.office, (&stage.network, &stage.provider), "9100");
}

#[test]
fn a_wrong_password_is_told_and_not_tried_again_and_again() {
    let host = Host::new();
    let provider = Gateway::start_at(host, &GatewayConfig::default().user(ACCOUNT));
    let gateway = Gateway::start(&GatewayConfig::default().trunk_lines(&format!(
        "name = 'provider'\nhost = '{}'\ntransport = 'tcp'\n\
         credentials = {{ user = '{ACCOUNT}', password = 'a guess' }}\nregister = [{{ user = '{ACCOUNT}' }}]",
        provider.sip().ip()
    )));
    let registration = || gateway.status()["trunks"]["provider"]["registrations"][0]["state"].clone();
    assert!(wait_until(PATIENCE, || registration() == "failing"), "{}", gateway.status());
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(provider.log().count(&["wrong credentials"]), 1, "one guess a quarter of an hour");
    assert_eq!(gateway.log().count(&["our credentials are not taken"]), 1);
}
