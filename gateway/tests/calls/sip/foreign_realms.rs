//! Others who ask for our password: a trunk and a registrar by another realm than that of the account, whoever a call is sent
//! on to, a user's phone that is called, and the trunk itself in a call that it placed. Nobody is told it.

use std::time::Duration;

use webtrunk_signalling::auth::digest::Algorithm;

use super::raw_phone::{RawPhone, description, header};
use super::sipp::Sipp;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::tools;

const REALM: &str = "carrier.test";

/// An office that calls, its carrier where the gateway has an account, a neighbour where it has none, and a user's phone.
struct Ground {
    gateway: Gateway,
    office: Host,
    carrier: RawPhone,
    neighbour: RawPhone,
    phone: RawPhone,
    #[expect(dead_code, reason = "the phones live there")]
    hosts: [Host; 3],
}

impl Ground {
    fn new(more: &str) -> Option<Self> {
        tools::command("sipp")?;
        let [office, carrier, neighbour, home] = std::array::from_fn(|_| Host::new());
        let bridge = |pattern: &str, to: &str| {
            format!("destination = '{pattern}'\nfrom_trunk = 'office'\nactions = [{{ bridge = {{ {to} }} }}]")
        };
        let config = GatewayConfig::default()
            .user("alice")
            .trunk("office", &office, &["PCMU"])
            .trunk("carrier", &carrier, &["PCMU"])
            .last_trunk(&format!(
                "credentials = {{ user = 'gate', password = 'open sesame', realm = '{REALM}' }}\nredirects = true\n{more}"
            ))
            .trunk("neighbour", &neighbour, &["PCMU"])
            .rule(&bridge("9\\d+", "trunk = 'carrier', number = '$0'"))
            .rule(&bridge("6\\d+", "trunk = 'neighbour', number = '$0'"))
            .rule(&bridge("700", "user = 'alice'"))
            .rule("destination = '800'\nfrom_trunk = 'carrier'\nactions = ['answer', 'hangup']");
        let gateway = Gateway::start(&config);
        let at = |host: &Host, user| RawPhone::at_port(host, SIP_PORT, &gateway, user);
        let (of_carrier, of_neighbour) = (at(&carrier, "100"), at(&neighbour, "100"));
        let phone = RawPhone::new(&home, &gateway, "alice");
        let hosts = [carrier, neighbour, home];
        Some(Self { gateway, office, carrier: of_carrier, neighbour: of_neighbour, phone, hosts })
    }

    /// The office calls, and is refused with this status.
    fn call(&self, number: &str, status: &str) -> Sipp {
        Sipp::caller(&self.office, "caller_refused", self.gateway.sip(), number, &[("STATUS", status)])
    }

    /// Fails unless the log says so once of the carrier's account, and nowhere what the password is.
    fn assert_told(&self, why: &str, realm: &str) {
        let parts = ["challenge not answered", why, realm];
        self.gateway.log().wait_for(&parts, PATIENCE);
        assert_eq!(self.gateway.log().count(&parts), 1);
        self.assert_untold();
    }

    /// Fails where anybody has got more than it has read, a request with credentials among it, or the log tells the password.
    fn assert_untold(&self) {
        assert_eq!(self.gateway.log().count(&["open sesame"]), 0);
        std::thread::sleep(SILENCE);
        for (name, peer) in
            [("carrier", &self.carrier), ("neighbour", &self.neighbour), ("phone", &self.phone)]
        {
            assert!(peer.is_left_alone(), "the {name} has got more");
        }
    }
}

fn challenge(kind: &str, realm: &str) -> String {
    format!("{kind}: Digest realm=\"{realm}\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"\r\n")
}

/// Refuses with a challenge, and fails unless that is acknowledged and nothing more comes.
fn assert_no_answer(peer: &RawPhone, request: &str, status: &str, challenge: &str) {
    assert_eq!(header(request, "Authorization"), "", "told without being asked");
    assert_eq!(header(request, "Proxy-Authorization"), "", "told without being asked");
    peer.respond_with(request, status, challenge, "");
    if request.starts_with("INVITE") {
        let acknowledged = peer.receive();
        assert!(acknowledged.starts_with("ACK "), "{acknowledged}");
    }
    std::thread::sleep(SILENCE);
    assert!(peer.is_left_alone(), "it is asked again");
}

/// In a second and a half whatever is sent again comes again (timer E, RFC 3261 17.1.2.2), and an answer to a challenge long
/// before.
const SILENCE: Duration = Duration::from_millis(1500);

#[test]
fn a_trunk_that_asks_by_another_realm_is_told_nothing_and_the_log_says_why() {
    let Some(ground) = Ground::new("") else { return };
    for (status, kind, realm) in [
        ("401 Unauthorized", "WWW-Authenticate", "elsewhere.test"),
        ("407 Proxy Authentication Required", "Proxy-Authenticate", "Carrier.Test"),
    ] {
        let caller = ground.call("9100", "403");
        let invite = ground.carrier.receive();
        assert_no_answer(&ground.carrier, &invite, status, &challenge(kind, realm));
        caller.finish();
        ground.assert_told("another realm than the account's", realm);
    }
    ground.gateway.assert_all_is_over(2);
}

#[test]
fn a_registrar_that_asks_by_another_realm_is_told_nothing_and_the_status_says_that_it_fails() {
    let Some(ground) = Ground::new("register = [{ user = 'gate' }]") else { return };
    let register = ground.carrier.receive();
    assert!(register.starts_with("REGISTER "), "{register}");
    assert_no_answer(
        &ground.carrier,
        &register,
        "401 Unauthorized",
        &challenge("WWW-Authenticate", "elsewhere.test"),
    );
    let state = || ground.gateway.status()["trunks"]["carrier"]["registrations"][0]["state"].clone();
    ground.assert_told("another realm than the account's", "elsewhere.test");
    ground
        .gateway
        .log()
        .wait_for(&["registration at the trunk failed", "our credentials are not taken"], PATIENCE);
    assert!(wait_until(PATIENCE, || state() == "failing"), "{}", state());
    ground.gateway.stop();
}

/// It asks by the very realm of the account.
#[test]
fn whoever_a_carrier_sends_a_call_on_to_is_not_told_its_password() {
    let Some(ground) = Ground::new("") else { return };
    let caller = ground.call("9100", "403");
    let invite = ground.carrier.receive();
    let sent_on = "Contact: <sip:6100@carrier.test>\r\n";
    ground.carrier.respond_with(&invite, "302 Moved Temporarily", sent_on, "");
    let acknowledged = ground.carrier.receive();
    assert!(acknowledged.starts_with("ACK "), "{acknowledged}");
    let invite = ground.neighbour.receive();
    assert!(invite.starts_with("INVITE sip:6100@"), "{invite}");
    assert_no_answer(&ground.neighbour, &invite, "401 Unauthorized", &challenge("WWW-Authenticate", REALM));
    caller.finish();
    ground.assert_untold();
    ground.gateway.assert_all_is_over(1);
}

#[test]
fn a_users_phone_that_asks_by_the_realm_of_a_trunk_is_not_told_its_password() {
    let Some(mut ground) = Ground::new("") else { return };
    let registered = ground.phone.register(Algorithm::Sha256, &password("alice"), "Expires: 600\r\n");
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    let caller = ground.call("700", "403");
    let invite = ground.phone.receive();
    assert_no_answer(&ground.phone, &invite, "401 Unauthorized", &challenge("WWW-Authenticate", REALM));
    caller.finish();
    ground.assert_untold();
    ground.gateway.assert_all_is_over(1);
}

#[test]
fn a_trunk_that_asks_in_a_call_that_it_placed_is_not_told_its_password() {
    let Some(mut ground) = Ground::new("") else { return };
    let offer = description(ground.carrier.address().ip(), 7000);
    let to = format!("sip:800@{}", ground.gateway.sip());
    let invite = ground.carrier.request_with("INVITE", &to, "Content-Type: application/sdp\r\n", &offer);
    let answer = ground.carrier.ask_this(&invite);
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    ground.carrier.acknowledge(&answer);
    let bye = loop {
        let message = ground.carrier.receive();
        if message.starts_with("BYE ") {
            break message;
        }
        assert!(message.starts_with("SIP/2.0 200 "), "the answer, again: {message}");
    };
    assert_no_answer(&ground.carrier, &bye, "401 Unauthorized", &challenge("WWW-Authenticate", REALM));
    ground.assert_untold();
    ground.gateway.assert_all_is_over(1);
}
