//! Phones over TCP and TLS that lose their connection in a call and come back by another (RFC 5626): the call goes on, and
//! what it has to say goes by the new one.

use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::Call;

use super::doors::Doors;
use super::ear::{assert_hears, assert_hears_no_gap};
use super::stage::{CALLEE_HZ, CALLER_HZ, phone};
use super::stream_phone::{StreamPhone, Way, is_silent};
use crate::sip::raw_phone::header;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::host::Host;

const RULE: &str =
    "destination = 'alice'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]";

fn doors() -> Doors {
    Doors::new(GatewayConfig::default().rule(RULE).media("tell_hold = true"))
}

/// A re-INVITE of the gateway's comes by the phone's connection, and is agreed to.
async fn is_offered(phone: &mut StreamPhone, direction: &str) {
    let offer = phone.receive_request("INVITE").await;
    assert!(offer.contains(&format!("\r\na={direction}\r\n")), "{offer}");
    phone.describe(&offer).await;
}

/// Both hear each other, and the caller hangs up.
async fn assert_talk_and_end(call: &Call, alice: StreamPhone) {
    assert_hears(call, CALLEE_HZ).await;
    let mut alice = alice.hears(CALLER_HZ).await;
    let (ended, _) = tokio::join!(call.hang_up(), alice.is_hung_up());
    ended.expect("confirmed");
}

/// The connection looks open, as after a change of networks: what is asked there is asked again by the new one.
async fn assert_goes_on_though_it_looks_open(way: Way) {
    let (doors, home) = (doors(), Host::new());
    let office = phone(doors.stage.caller(CodecId::Pcmu)).await;
    let mut alice = StreamPhone::connect(&doors, way, &home).await;
    alice.register().await;
    let (call, _) = tokio::join!(office.call("alice"), alice.lift());
    let call = call.expect("an answer");
    assert_hears(&call, CALLEE_HZ).await;
    let mut alice = alice.hears(CALLER_HZ).await;

    // It carries no keys in media.
    call.send_info_digit('5').await.expect("taken");
    let unanswered = alice.receive_request("INFO").await;
    let left = alice.connect_again(&doors, &home).await;
    let came = alice.register().await;
    let info = match came.into_iter().next() {
        Some(info) => info,
        None => alice.receive_request("INFO").await,
    };
    assert_eq!(header(&info, "CSeq"), header(&unanswered, "CSeq"), "{info}");
    alice.respond(&info, "", "").await;
    call.send_info_digit('7').await.expect("taken");
    let info = alice.receive_request("INFO").await;
    assert!(info.contains("Signal=7"), "{info}");
    alice.respond(&info, "", "").await;

    let mut alice = alice.hears(CALLER_HZ).await;
    assert_hears_no_gap(&call).await;
    let (held, ()) = tokio::join!(call.hold(), is_offered(&mut alice, "sendonly"));
    held.expect("taken");
    let (resumed, ()) = tokio::join!(call.resume(), is_offered(&mut alice, "sendrecv"));
    resumed.expect("taken");
    let mut alice = alice.hears(CALLER_HZ).await;
    let (ended, bye) = tokio::join!(call.hang_up(), alice.is_hung_up());
    ended.expect("confirmed");
    assert!(bye.contains("sip:alice@10.255.255.254:5060"), "{bye}");
    assert!(is_silent(left).await, "nothing goes by the flow that was left");
    assert_eq!(doors.stage.gateway.log().count(&["the peer has moved to another flow"]), 1);
    doors.stage.gateway.assert_all_is_over(1);
}

/// The connection breaks: the call goes on without it, and the phone hangs up by a new one.
async fn assert_goes_on_after_it_broke(way: Way) {
    let (doors, home) = (doors(), Host::new());
    let office = phone(doors.stage.caller(CodecId::Pcmu)).await;
    let mut alice = StreamPhone::connect(&doors, way, &home).await;
    alice.register().await;
    let (call, invite) = tokio::join!(office.call("alice"), alice.lift());
    let call = call.expect("an answer");
    assert_hears(&call, CALLEE_HZ).await;
    drop(alice.connect_again(&doors, &home).await);
    let gateway = &doors.stage.gateway;
    gateway.log().wait_for(&["signalling connection closed under a call"], PATIENCE);
    let mut alice = alice.hears(CALLER_HZ).await;
    alice.register().await;
    call.send_info_digit('9').await.expect("taken");
    let info = alice.receive_request("INFO").await;
    assert!(info.contains("Signal=9"), "{info}");
    alice.respond(&info, "", "").await;
    let mut alice = alice.hears(CALLER_HZ).await;
    assert_hears_no_gap(&call).await;
    alice.hang_up(&invite).await;
    call.ended(PATIENCE).await.expect("hung up");
    gateway.assert_all_is_over(1);
}

/// It changes networks while it rings: the connection by which it was called is gone when it takes the call.
#[tokio::test(flavor = "multi_thread")]
async fn a_tcp_phone_that_left_its_connection_while_it_rang_is_acknowledged_and_hung_up_by_the_new_one() {
    let (doors, home) = (doors(), Host::new());
    let office = phone(doors.stage.caller(CodecId::Pcmu)).await;
    let mut alice = StreamPhone::connect(&doors, Way::Tcp, &home).await;
    alice.register().await;
    let taken = async {
        let invite = alice.ring().await;
        let left = alice.connect_again(&doors, &home).await;
        assert_eq!(alice.register().await, [""; 0], "it is not called anew");
        drop(left);
        alice.take(&invite).await;
    };
    let (call, ()) = tokio::join!(office.call("alice"), taken);
    assert_talk_and_end(&call.expect("an answer"), alice).await;
    assert_eq!(doors.stage.gateway.log().count(&["the peer has moved to another flow"]), 1);
    doors.stage.gateway.assert_all_is_over(1);
}

/// Its connection breaks while it rings, before it has another: the call waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_tcp_phone_whose_connection_broke_while_it_rang_takes_the_call_by_a_new_one() {
    let (doors, home) = (doors(), Host::new());
    let office = phone(doors.stage.caller(CodecId::Pcmu)).await;
    let mut alice = StreamPhone::connect(&doors, Way::Tcp, &home).await;
    alice.register().await;
    let taken = async {
        let invite = alice.ring().await;
        alice.disconnect();
        doors.stage.gateway.log().wait_for(&["signalling connection closed under a call"], PATIENCE);
        tokio::time::sleep(Duration::from_secs(2)).await;
        drop(alice.connect_again(&doors, &home).await);
        assert_eq!(alice.register().await, [""; 0], "it is not called anew");
        alice.take(&invite).await;
    };
    let (call, ()) = tokio::join!(office.call("alice"), taken);
    assert_talk_and_end(&call.expect("an answer"), alice).await;
    doors.stage.gateway.assert_all_is_over(1);
}

/// Its connection breaks while it rings, and it does not come back before the caller gives up.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_may_give_up_a_phone_whose_connection_broke_while_it_rang() {
    let (doors, home) = (doors(), Host::new());
    let office = phone(doors.stage.caller(CodecId::Pcmu)).await;
    let mut alice = StreamPhone::connect(&doors, Way::Tcp, &home).await;
    alice.register().await;
    let (dialling, _) = tokio::join!(office.dial("alice"), alice.ring());
    let dialling = dialling.expect("a user");
    alice.disconnect();
    doors.stage.gateway.log().wait_for(&["signalling connection closed under a call"], PATIENCE);
    dialling.cancel().await.expect("it is over");
    doors.stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tcp_phone_that_left_its_connection_is_asked_and_hung_up_by_the_new_one() {
    assert_goes_on_though_it_looks_open(Way::Tcp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tls_phone_that_left_its_connection_is_asked_and_hung_up_by_the_new_one() {
    assert_goes_on_though_it_looks_open(Way::Tls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tcp_phone_whose_connection_broke_talks_on_and_hangs_up_by_a_new_one() {
    assert_goes_on_after_it_broke(Way::Tcp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tls_phone_whose_connection_broke_talks_on_and_hangs_up_by_a_new_one() {
    assert_goes_on_after_it_broke(Way::Tls).await;
}
