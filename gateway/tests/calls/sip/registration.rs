//! Who registers, who does not, and who is called then.

use webtrunk_signalling::auth::digest::Algorithm;

use super::raw_phone::{REGISTRAR, RawPhone};
use super::sipp::Sipp;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::tools;

/// Longer than a registration that asks for two seconds.
const EXPIRES: &str = "Expires: 2\r\n";

/// The user alice, whom a trunk may call.
struct House {
    gateway: Gateway,
    trunk: Host,
    phone: Host,
}

impl House {
    fn new() -> Self {
        Self::with(GatewayConfig::default())
    }

    /// The same with what a configuration has already.
    fn with(config: GatewayConfig) -> Self {
        let [trunk, phone] = std::array::from_fn(|_| Host::new());
        let rule =
            "destination = 'alice'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]";
        let config =
            config.user("alice").trunk("office", &trunk, &["PCMU"]).rule(rule).sip("expires_min_s = 2");
        Self { gateway: Gateway::start(&config), trunk, phone }
    }

    fn phone(&self, user: &str) -> RawPhone {
        RawPhone::new(&self.phone, &self.gateway, user)
    }

    fn registered(&self) -> u64 {
        self.gateway.status()["registered_users"].as_u64().expect("a count")
    }

    /// Calls alice, who has to be out of reach.
    fn assert_out_of_reach(&self) {
        let values = &[("STATUS", "480")];
        Sipp::caller(&self.trunk, "caller_refused", self.gateway.sip(), "alice", values).finish();
    }

    /// Fails unless alice's password, which is right, is not looked at where the phones are.
    fn assert_alice_waits(&self) {
        let mut late = self.phone("alice");
        let challenged = late.ask("REGISTER", REGISTRAR, "");
        let right =
            late.authorization(&challenged, Algorithm::Sha256, &password("alice"), ("REGISTER", REGISTRAR));
        let register = late.request("REGISTER", REGISTRAR, &right);
        late.send(&register);
        // Without credentials it is answered, behind the one that is not.
        assert!(late.ask("REGISTER", REGISTRAR, "").starts_with("SIP/2.0 401 "));
        assert!(late.is_left_alone());
    }
}

/// What two refusals of the same request may differ in: our nonce.
fn without_nonces(response: &str) -> String {
    let mut text = String::new();
    for (index, part) in response.split("nonce=\"").enumerate() {
        let (nonce, rest) = if index == 0 { ("", part) } else { part.split_once('"').expect("its end") };
        assert!(index == 0 || nonce.len() > 20, "{response}");
        text += rest;
    }
    text
}

#[test]
fn a_phone_whose_password_is_corrected_registers_at_once_and_who_guesses_waits() {
    let house = House::new();
    let mut wrong = house.phone("alice");
    let mut refused = wrong.ask("REGISTER", REGISTRAR, "");
    for attempt in 0..30 {
        let guess = wrong.authorization(&refused, Algorithm::Sha256, "not hers", ("REGISTER", REGISTRAR));
        let register = wrong.request("REGISTER", REGISTRAR, &guess);
        if attempt == 0 {
            refused = wrong.ask_this(&register);
            assert!(refused.starts_with("SIP/2.0 401 "), "{refused}");
        } else {
            wrong.send(&register);
        }
    }
    let corrected = house.phone("alice").register(Algorithm::Sha256, &password("alice"), "");
    assert!(corrected.starts_with("SIP/2.0 200 "), "{corrected}");
    assert!(wrong.is_left_alone(), "what came so soon was looked at");

    let told = ["too many wrong passwords", "alice", "\"until\""];
    assert_eq!(house.gateway.log().count(&told), 0);
    for _ in 0..9 {
        let guessed = house.phone("alice").register(Algorithm::Sha256, "a guess", "");
        assert!(guessed.starts_with("SIP/2.0 401 "), "{guessed}");
    }
    house.gateway.log().wait_for(&told, PATIENCE);
    house.assert_alice_waits();
    assert_eq!(house.gateway.log().count(&told), 1, "once");
}

/// Nobody is guessed at twice. Fails when wrong passwords are counted by the user alone, or the user waits who is elsewhere.
#[test]
fn who_tries_one_password_on_a_hundred_users_waits_and_alice_elsewhere_does_not() {
    // Fewer messages would be looked at otherwise.
    let house = House::with(GatewayConfig::default().defence("requests_per_second = 1000"));
    for number in 0..100 {
        let guessed = house.phone(&format!("user{number}")).register(Algorithm::Sha256, "letmein", "");
        assert!(guessed.starts_with("SIP/2.0 401 "), "{guessed}");
    }
    let told = ["too many wrong passwords", "credentials of any user", "\"until\""];
    house.gateway.log().wait_for(&told, PATIENCE);
    house.assert_alice_waits();
    assert_eq!(house.gateway.log().count(&told), 1, "once");
    assert_eq!(house.registered(), 0);
    let home = Host::new();
    let elsewhere =
        RawPhone::new(&home, &house.gateway, "alice").register(Algorithm::Sha256, &password("alice"), "");
    assert!(elsewhere.starts_with("SIP/2.0 200 "), "{elsewhere}");
}

#[test]
fn a_phone_with_sha_256_registers_and_is_called() {
    if tools::command("sipp").is_none() {
        return;
    }
    let house = House::new();
    let mut alice = house.phone("alice");
    let registered = alice.register(Algorithm::Sha256, &password("alice"), "Expires: 600\r\n");
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    assert!(registered.contains(&format!("Contact: <sip:alice@{}>;expires=600", alice.address())));
    assert_eq!(house.registered(), 1);
    let values = &[("STATUS", "486")];
    let caller = Sipp::caller(&house.trunk, "caller_refused", house.gateway.sip(), "alice", values);
    let invite = alice.receive();
    assert!(invite.starts_with(&format!("INVITE sip:alice@{} SIP/2.0", alice.address())), "{invite}");
    alice.respond(&invite, "486 Busy Here");
    assert!(alice.receive().starts_with("ACK "));
    caller.finish();
    house.gateway.assert_all_is_over(1);
}

/// Its Via and Contact name an address that nobody here can reach: it is called where it came from.
#[test]
fn a_phone_behind_nat_registers_and_is_called() {
    if tools::command("sipp").is_none() {
        return;
    }
    let house = House::new();
    let mut alice = house.phone("alice");
    alice.show("10.255.255.254:5060");
    let registered = alice.register(Algorithm::Md5, &password("alice"), "Expires: 600\r\n");
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    let values = &[("STATUS", "486")];
    let caller = Sipp::caller(&house.trunk, "caller_refused", house.gateway.sip(), "alice", values);
    let invite = alice.receive();
    assert!(invite.starts_with("INVITE sip:alice@10.255.255.254:5060 SIP/2.0\r\n"), "{invite}");
    alice.respond(&invite, "486 Busy Here");
    caller.finish();
    house.gateway.assert_all_is_over(1);
}

#[test]
fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let house = House::new();
    // One phone, so that the requests differ in the name alone; both names are as long.
    let mut phone = house.phone("alice");
    let challenged = phone.ask("REGISTER", REGISTRAR, "");
    let answer = phone.authorization(&challenged, Algorithm::Md5, "wrong password", ("REGISTER", REGISTRAR));
    let request = phone.request("REGISTER", REGISTRAR, &answer);
    let refusals = ["alice", "nobod"].map(|name| {
        phone.send(&request.replace("username=\"alice\"", &format!("username=\"{name}\"")));
        phone.receive()
    });
    assert!(refusals[0].starts_with("SIP/2.0 401 Unauthorized\r\n"), "{}", refusals[0]);
    assert!(!refusals[0].contains("stale=true"), "{}", refusals[0]);
    assert_eq!(without_nonces(&refusals[0]), without_nonces(&refusals[1]));
    assert_eq!(house.registered(), 0);
}

#[test]
fn a_name_alone_tells_a_stranger_nothing() {
    let house = House::new();
    let [known, unknown] = ["alice", "nobod"].map(|user| {
        let mut phone = house.phone(user);
        let response = without_nonces(&phone.ask("REGISTER", REGISTRAR, ""));
        // What the phones themselves differ in, and our tag.
        let tag = response.split(";tag=").nth(2).and_then(|rest| rest.split('\r').next()).expect("our tag");
        let port = phone.address().port().to_string();
        [user, tag, &port].iter().fold(response.clone(), |text, own| text.replace(own, "-"))
    });
    assert!(known.starts_with("SIP/2.0 401 "), "{known}");
    assert_eq!(known, unknown);
}

#[test]
fn credentials_are_good_once() {
    let house = House::new();
    let mut phone = house.phone("alice");
    let challenged = phone.ask("REGISTER", REGISTRAR, "");
    let answer =
        phone.authorization(&challenged, Algorithm::Sha256, &password("alice"), ("REGISTER", REGISTRAR));
    let taken = phone.ask("REGISTER", REGISTRAR, &format!("Expires: 600\r\n{answer}"));
    assert!(taken.starts_with("SIP/2.0 200 "), "{taken}");
    // Who has overheard them tries to remove the phone, and to put its own in place.
    for headers in ["Expires: 0\r\n", "Expires: 600\r\n"] {
        let replayed = phone.ask("REGISTER", REGISTRAR, &format!("{headers}{answer}"));
        assert!(replayed.starts_with("SIP/2.0 401 ") && replayed.contains("stale=true"), "{replayed}");
    }
    assert_eq!(house.registered(), 1);
}

#[test]
fn a_registration_that_expired_is_not_called() {
    if tools::command("sipp").is_none() {
        return;
    }
    let house = House::new();
    let mut alice = house.phone("alice");
    let registered = alice.register(Algorithm::Md5, &password("alice"), EXPIRES);
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    assert!(wait_until(PATIENCE, || house.registered() == 0), "it does not expire");
    house.assert_out_of_reach();
    house.gateway.assert_all_is_over(1);
}

#[test]
fn a_registration_that_was_removed_is_not_called() {
    if tools::command("sipp").is_none() {
        return;
    }
    let house = House::new();
    let mut alice = house.phone("alice");
    alice.register(Algorithm::Md5, &password("alice"), "Expires: 600\r\n");
    assert_eq!(house.registered(), 1);
    let removed = alice.register(Algorithm::Md5, &password("alice"), "Expires: 0\r\n");
    assert!(removed.starts_with("SIP/2.0 200 ") && !removed.contains("\r\nContact:"), "{removed}");
    assert_eq!(house.registered(), 0);
    house.assert_out_of_reach();
    house.gateway.assert_all_is_over(1);
}

#[test]
fn a_registration_that_asks_for_too_little_is_told_the_least() {
    let house = House::new();
    let mut alice = house.phone("alice");
    let refused = alice.register(Algorithm::Md5, &password("alice"), "Expires: 1\r\n");
    assert!(refused.starts_with("SIP/2.0 423 ") && refused.contains("\r\nMin-Expires: 2\r\n"), "{refused}");
    assert_eq!(house.registered(), 0);
}
