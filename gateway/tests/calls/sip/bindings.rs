//! How long a registration is kept, and at how many places a user has one.

use webtrunk_signalling::auth::digest::Algorithm;

use super::raw_phone::RawPhone;
use super::sipp::Sipp;
use crate::support::gateway::{Gateway, GatewayConfig, password};
use crate::support::host::Host;
use crate::support::tools;

fn register(phone: &mut RawPhone, headers: &str) -> String {
    phone.register(Algorithm::Md5, &password("alice"), headers)
}

#[test]
fn a_registration_is_kept_no_longer_than_is_configured_and_an_hour_where_nothing_is() {
    for (lines, longest) in [("", 3600), ("expires_max_s = 120", 120)] {
        let gateway = Gateway::start(&GatewayConfig::default().user("alice").sip(lines));
        let host = Host::new();
        let mut alice = RawPhone::new(&host, &gateway, "alice");
        for (asked, given) in [("Expires: 7200\r\n", longest), ("", longest), ("Expires: 90\r\n", 90)] {
            let answer = register(&mut alice, asked);
            let kept = format!("Contact: <sip:alice@{}>;expires={given}\r\n", alice.address());
            assert!(answer.starts_with("SIP/2.0 200 ") && answer.contains(&kept), "{lines}: {asked}{answer}");
        }
    }
}

#[test]
fn a_user_has_no_more_places_than_it_may_have_and_those_that_it_has_ring() {
    if tools::command("sipp").is_none() {
        return;
    }
    let office = Host::new();
    let config = GatewayConfig::default()
        .user("alice")
        .sip("contacts_max = 2")
        .trunk("office", &office, &["PCMU"])
        .rule("destination = 'alice'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]");
    let gateway = Gateway::start(&config);
    let hosts: [Host; 3] = std::array::from_fn(|_| Host::new());
    let mut phones = [0, 1, 2].map(|place| RawPhone::new(&hosts[place], &gateway, "alice"));
    for (place, phone) in phones.iter_mut().enumerate() {
        let answer = register(phone, "");
        let expected = if place < 2 { "SIP/2.0 200 " } else { "SIP/2.0 403 Too Many Contacts\r\n" };
        assert!(answer.starts_with(expected), "{place}: {answer}");
    }
    let caller = Sipp::caller(&office, "caller_refused", gateway.sip(), "alice", &[("STATUS", "486")]);
    for phone in &phones[..2] {
        let invite = phone.receive();
        assert!(invite.starts_with("INVITE "), "{invite}");
        phone.respond(&invite, "486 Busy Here");
    }
    caller.finish();
    assert!(phones[2].is_left_alone());
    // Where one goes there is room for another.
    let phones = &mut phones;
    // What the first was sent is the ACK of its refusal.
    assert!(phones[0].receive().starts_with("ACK "));
    let removed = register(&mut phones[0], "Expires: 0\r\n");
    assert!(removed.starts_with("SIP/2.0 200 "), "{removed}");
    let taken = register(&mut phones[2], "");
    assert!(taken.starts_with("SIP/2.0 200 "), "{taken}");
    gateway.assert_all_is_over(1);
}
