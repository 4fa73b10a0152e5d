//! Messages to one device of a user, by its own address (RFC 5627).

use webtrunk_signalling::auth::digest::Algorithm;

use super::out_of_calls::{config, read, written_by};
use crate::sip::devices::gruu;
use crate::sip::raw_phone::RawPhone;
use crate::support::gateway::{Gateway, password};
use crate::support::host::Host;

#[test]
fn a_message_to_one_device_s_own_address_reaches_no_other_of_its_user() {
    let gateway = Gateway::start(&config());
    let hosts: [Host; 3] = std::array::from_fn(|_| Host::new());
    let mut alice = RawPhone::new(&hosts[0], &gateway, "alice");
    alice.register(Algorithm::Md5, &password("alice"), "");
    let [(desk, _), (mobile, told)] = [1, 2].map(|instance| {
        let mut phone = RawPhone::new(&hosts[instance], &gateway, "bob");
        let contact = format!("m: <sip:bob@{}>;+sip.instance=\"<urn:uuid:{instance}>\"\r\n", phone.address());
        let told = phone.register(Algorithm::Md5, &password("bob"), &format!("{contact}Supported: gruu\r\n"));
        assert!(told.starts_with("SIP/2.0 200 "), "{told}");
        (phone, told)
    });
    for address in [gruu(&told, 2, "pub-gruu"), gruu(&told, 2, "temp-gruu")] {
        let message = written_by("alice", &mut alice, &address, "to your mobile");
        alice.send(&message);
        let came = mobile.receive();
        assert_eq!(read(&came).1, "to your mobile");
        mobile.respond(&came, "200 OK");
        let answered = alice.receive();
        assert!(answered.starts_with("SIP/2.0 200 "), "{answered}");
        assert!(desk.is_left_alone() && mobile.is_left_alone(), "it comes once, to one");
    }
    // A device that is not there is nobody else's.
    let message = written_by("alice", &mut alice, "sip:bob@webtrunk.test;gr=urn:uuid:3", "are you there?");
    let answered = alice.ask_this(&message);
    assert!(answered.starts_with("SIP/2.0 480 "), "{answered}");
    assert!(desk.is_left_alone() && mobile.is_left_alone());
    gateway.assert_all_is_over(0);
}
