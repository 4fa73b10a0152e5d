//! Registrars that want a registration to be proven in a way of their own (RFC 7616, RFC 8760), anew or for longer, and
//! one that wants none.

use std::time::Duration;

use webtrunk_codecs::g711::Law;

use super::digest::Proof;
use super::raw_phone::header;
use super::registrar::{ACCOUNT, Registrar, customer, customer_with, wait_for_state};
use super::rtp_peer::RtpPeer;
use super::sipp::Sipp;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::tools;

const HZ: f64 = 850.0;

const AN_HOUR: Duration = Duration::from_secs(3600);

const CHALLENGED: &str = "401 Unauthorized";

/// Who is registered, and by what that has to be proven: algorithm, and quality of protection.
const WISHES: [(&str, [&str; 2]); 6] = [
    ("one", ["MD5", "auth"]),
    ("two", ["SHA-256", "auth"]),
    ("three", ["SHA-512-256", "auth"]),
    ("four", ["MD5", "auth-int"]),
    ("five", ["SHA-256", "auth-int"]),
    ("six", ["SHA-512-256", "auth-int"]),
];

fn challenge([algorithm, qop]: [&str; 2], nonce: &str, more: &str) -> String {
    format!(
        "WWW-Authenticate: Digest realm=\"provider.test\", nonce=\"{nonce}\", algorithm={algorithm}, \
         qop=\"{qop}\"{more}\r\n"
    )
}

/// Fails unless a REGISTER proves itself so, computed apart from the code under test.
fn assert_proven(request: &str, [algorithm, qop]: [&str; 2], nonce: &str) {
    let [user, password] = ACCOUNT;
    let proof = Proof::parse(&format!("Authorization: {}", header(request, "Authorization")));
    assert_eq!(["algorithm", "qop", "nonce"].map(|name| proof.get(name)), [algorithm, qop, nonce]);
    assert_eq!(proof.get("response"), proof.expected("REGISTER", "", user, password), "{request}");
}

/// Each is refused that proves itself otherwise. Then somebody calls by the last one.
#[test]
fn registrations_prove_themselves_by_whatever_is_wanted_and_a_call_comes_in_by_one() {
    if tools::command("sipp").is_none() {
        return;
    }
    let (host, users) = (Host::new(), WISHES.map(|(user, _)| user));
    let mut registrar = Registrar::at(&host);
    let echo = "destination = 'six'\nfrom_trunk = 'provider'\nactions = ['answer', 'echo']";
    let gateway = customer_with(GatewayConfig::default().rule(echo), &host, "udp", &users);
    for _ in 0..2 * users.len() {
        let asked = registrar.next();
        let is_of = |user: &str| header(&asked.request, "To").contains(&format!("sip:{user}@"));
        let (user, wish) = WISHES.into_iter().find(|(user, _)| is_of(user)).expect("it is one of ours");
        if header(&asked.request, "Authorization").is_empty() {
            registrar.answer(&asked, CHALLENGED, &challenge(wish, user, ""));
        } else {
            assert_proven(&asked.request, wish, user);
            registrar.grant(&asked, AN_HOUR);
        }
    }
    let registered = || {
        let status = gateway.status();
        let registrations = status["trunks"]["provider"]["registrations"].as_array().cloned();
        let states = registrations.into_iter().flatten().map(|registration| registration["state"].clone());
        states.filter(|state| state == "registered").count()
    };
    assert!(wait_until(PATIENCE, || registered() == users.len()), "{}", gateway.status());

    drop(registrar);
    let mut phone = RtpPeer::new(&host, 7000);
    let caller = Sipp::caller(&host, "caller_talks", gateway.sip(), "six", &[]);
    let port = caller.wait_for("200").audio_port().expect("an answer");
    phone.say((gateway.sip().ip(), port).into(), Law::Mu, HZ);
    phone.await_tone(Law::Mu, HZ);
    phone.assert_hears(Law::Mu, HZ);
    caller.go_on();
    caller.finish();
    gateway.assert_all_is_over(1);
}

/// Fails when a registrar can have as many answers as it likes: then the next comes at once.
#[test]
fn a_registrar_whose_nonce_is_stale_is_answered_once_more_and_a_third_time_not_at_all() {
    let (host, wish) = (Host::new(), ["SHA-256", "auth"]);
    let mut registrar = Registrar::at(&host);
    let gateway = customer(&host, "udp", &["gate"]);
    let first = registrar.next();
    assert_eq!(header(&first.request, "Authorization"), "", "told without being asked");
    registrar.answer(&first, CHALLENGED, &challenge(wish, "n1", ""));
    let second = registrar.next();
    assert_proven(&second.request, wish, "n1");
    registrar.answer(&second, CHALLENGED, &challenge(wish, "n2", ", stale=true"));
    let third = registrar.next();
    assert_proven(&third.request, wish, "n2");
    registrar.answer(&third, CHALLENGED, &challenge(wish, "n3", ", stale=true"));
    wait_for_state(&gateway, "failing");
    // The same password again and again would lock the account: the next comes in five minutes at the earliest.
    assert!(registrar.is_left_alone(), "it is asked a fourth time");
}

/// Fails when `Min-Expires` is not looked at: the same would be asked for again and again.
#[test]
fn a_registrar_that_keeps_nobody_for_so_short_is_asked_for_as_long_as_it_says() {
    let host = Host::new();
    let mut registrar = Registrar::at(&host);
    let gateway = customer(&host, "udp", &["gate"]);
    let first = registrar.next();
    assert_eq!(header(&first.request, "Expires"), "600");
    registrar.answer(&first, "423 Interval Too Brief", "Min-Expires: 1200\r\n");
    let again = registrar.next();
    assert_eq!(header(&again.request, "Expires"), "1200");
    registrar.grant(&again, Duration::from_secs(1200));
    wait_for_state(&gateway, "registered");
    let registration = gateway.status()["trunks"]["provider"]["registrations"][0].clone();
    assert!(registration["expires_in_s"].as_u64() > Some(600), "{registration}");
}

/// Fails when what was refused stays so until a restart, or the log does not say how it is mended.
#[test]
fn a_registration_that_was_refused_is_made_anew_when_its_account_is_corrected_by_a_reload() {
    let host = Host::new();
    let mut registrar = Registrar::at(&host);
    let gateway = customer(&host, "udp", &["gate"]);
    let refused = registrar.next();
    registrar.answer(&refused, "403 Forbidden", "");
    wait_for_state(&gateway, "refused");
    let told = ["the trunk refuses our registration", "reload the configuration"];
    gateway.log().wait_for(&told, PATIENCE);
    let [_, password] = ACCOUNT;
    gateway.reload(|text| text.replace(password, "close sesame"));
    let again = registrar.next();
    registrar.grant(&again, AN_HOUR);
    wait_for_state(&gateway, "registered");
}
