//! Messages of a user who has an account of its own at a trunk.

use super::out_of_calls::{read, written_by};
use crate::agents::upstream::{ACCOUNT, customer, provider};
use crate::sip::raw_phone::{RawPhone, header};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

#[test]
fn what_a_user_writes_goes_by_her_own_account_and_what_another_writes_does_not() {
    let [network, alices, bobs] = std::array::from_fn(|_| Host::new());
    let provider = provider(&network);
    let gateway = customer(&provider);
    let far = RawPhone::at_port(&network, SIP_PORT, &provider, "9100");
    let mut alice = RawPhone::new(&alices, &gateway, "alice");
    let uri = "sip:9100@webtrunk.test";
    let message = written_by("alice", &mut alice, uri, "at my cost");
    alice.send(&message);
    let came = far.receive();
    assert_eq!(read(&came).1, "at my cost");
    assert!(header(&came, "From").contains(&format!("<sip:{ACCOUNT}@")), "{came}");
    far.respond(&came, "200 OK");
    let answered = alice.final_response();
    assert!(answered.starts_with("SIP/2.0 200 "), "{answered}");

    let mut bob = RawPhone::new(&bobs, &gateway, "bob");
    let message = written_by("bob", &mut bob, uri, "at her cost");
    let refused = bob.ask_this(&message);
    assert!(refused.starts_with("SIP/2.0 403 "), "{refused}");
    assert!(far.is_left_alone());
    assert_eq!(provider.log().count(&["message came in", ACCOUNT]), 1);
}
