//! Phones over TCP and TLS that lose their connection in a call and come back by another (RFC 5626): the call goes on, and
//! what it has to say goes by the new one.

use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Call};

use super::doors::Doors;
use super::ear::{assert_hears, assert_hears_no_gap};
use super::stage::{CALLEE_HZ, CALLER_HZ, phone};
use super::stream_phone::{StreamPhone, Way, is_silent};
use crate::sip::raw_phone::header;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::host::Host;

/// Whoever is called next.
const OTHER_HZ: u16 = 1500;

const RULE: &str =
    "destination = 'alice'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]";

fn doors() -> Doors {
    Doors::new(GatewayConfig::default().rule(RULE).media("tell_hold = true"))
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
    let (held, ()) = tokio::join!(call.hold(), alice.is_offered("sendonly"));
    held.expect("taken");
    let (resumed, ()) = tokio::join!(call.resume(), alice.is_offered("sendrecv"));
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

/// Who talked with it hangs up while it has no connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_was_hung_up_while_its_connection_was_gone_learns_it_when_it_is_back() {
    let (doors, home) = (doors(), Host::new());
    let office = phone(doors.stage.caller(CodecId::Pcmu)).await;
    let mut alice = StreamPhone::connect(&doors, Way::Tcp, &home).await;
    alice.register().await;
    let (call, invite) = tokio::join!(office.call("alice"), alice.lift());
    let call = call.expect("an answer");
    assert_hears(&call, CALLEE_HZ).await;
    let mut alice = alice.hears(CALLER_HZ).await;
    alice.disconnect();
    let gateway = &doors.stage.gateway;
    gateway.log().wait_for(&["signalling connection closed under a call"], PATIENCE);
    call.hang_up().await.expect("confirmed");
    gateway.assert_all_is_over(1);
    drop(alice.connect_again(&doors, &home).await);
    let came = alice.register().await;
    let bye = match came.into_iter().next() {
        Some(bye) => bye,
        None => alice.receive_request("BYE").await,
    };
    assert!(bye.starts_with("BYE "), "{bye}");
    assert_eq!(header(&bye, "Call-ID"), header(&invite, "Call-ID"));
    alice.respond(&bye, "", "").await;
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

/// It is at two networks at once: it would ring by both.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_with_two_connections_rings_by_one_and_by_the_other_once_that_is_gone() {
    let (doors, homes) = (doors(), [Host::new(), Host::new()]);
    let office = phone(doors.stage.caller(CodecId::Pcmu)).await;
    let [mut first, mut second] = registered_twice(&doors, &homes).await;
    let (call, _) = tokio::join!(office.call("alice"), second.lift());
    assert_talk_and_end(&call.expect("an answer"), second).await;
    doors.stage.gateway.log().wait_for(&["registration ended", "connection closed"], PATIENCE);
    let (call, _) = tokio::join!(office.call("alice"), first.lift());
    assert_talk_and_end(&call.expect("an answer"), first).await;
    doors.stage.gateway.assert_all_is_over(2);
}

/// alice's phone with two connections, by the second of which it is called.
async fn registered_twice(doors: &Doors, homes: &[Host; 2]) -> [StreamPhone; 2] {
    let mut first = StreamPhone::connect(doors, Way::Tcp, &homes[0]).await;
    let mut second = StreamPhone::connect(doors, Way::Tcp, &homes[1]).await.by_second_flow();
    first.register().await;
    second.register().await;
    [first, second]
}

/// Its call came by the one connection, and comes by the other as the same one.
fn assert_is_the_same(failed: &str, again: &str) {
    for name in ["Call-ID", "From", "To"] {
        assert_eq!(header(failed, name), header(again, name), "{again}");
    }
}

/// A proxy on the way says that the connection is gone, or that nobody answers there (RFC 5626 5.3); whatever else is said is
/// the phone's word.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_whose_one_flow_fails_rings_by_its_other_one_and_not_where_it_refuses() {
    let (doors, homes) = (doors(), [Host::new(), Host::new()]);
    let office = phone(doors.stage.caller(CodecId::Pcmu)).await;
    let [mut first, mut second] = registered_twice(&doors, &homes).await;
    for status in ["430 Flow Failed", "408 Request Timeout"] {
        let fails = async {
            let invite = second.receive_request("INVITE").await;
            second.refuse(&invite, status).await;
            invite
        };
        let (call, failed, invite) = tokio::join!(office.call("alice"), fails, first.lift());
        assert_is_the_same(&failed, &invite);
        let call = call.expect("an answer");
        assert_hears(&call, CALLEE_HZ).await;
        first = first.hears(CALLER_HZ).await;
        let (ended, _) = tokio::join!(call.hang_up(), first.is_hung_up());
        ended.expect("confirmed");
    }
    let dialling = office.dial("alice").await.expect("a user");
    let invite = second.receive_request("INVITE").await;
    second.refuse(&invite, "486 Busy Here").await;
    let refused = dialling.answered(PATIENCE).await;
    assert_eq!(refused.err().as_ref().and_then(AgentError::status), Some(486));
    doors.stage.gateway.assert_all_is_over(3);
}

/// Nothing comes by the connection by which it is called, and then it closes as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_of_which_nothing_is_heard_by_one_flow_rings_by_its_other_one() {
    let (doors, homes) = (doors(), [Host::new(), Host::new()]);
    let office = phone(doors.stage.caller(CodecId::Pcmu)).await;
    let [mut first, mut second] = registered_twice(&doors, &homes).await;
    for conduct in ["Silent", "Unreachable"] {
        let fails = async {
            let invite = second.receive_request("INVITE").await;
            if conduct == "Unreachable" {
                second.disconnect();
            }
            invite
        };
        let (call, failed, invite) = tokio::join!(office.call("alice"), fails, first.lift());
        assert_is_the_same(&failed, &invite);
        doors.stage.gateway.log().wait_for(&["the call goes on at the next hop", conduct], PATIENCE);
        let call = call.expect("an answer");
        assert_hears(&call, CALLEE_HZ).await;
        first = first.hears(CALLER_HZ).await;
        let (ended, _) = tokio::join!(call.hang_up(), first.is_hung_up());
        ended.expect("confirmed");
    }
    doors.stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_by_a_phones_other_flow_where_the_one_fails() {
    let rule = "destination = 'alice'\nactions = [{ bridge = { user = 'alice' } }]";
    let (doors, homes) =
        (Doors::new(GatewayConfig::default().user("bob").rule(rule)), [Host::new(), Host::new()]);
    let elsewhere = Host::new();
    let mut bob = StreamPhone::of("bob", OTHER_HZ, &doors, Way::Tcp, &elsewhere).await;
    let [mut first, mut second] = registered_twice(&doors, &homes).await;
    let taken = async {
        let failed = second.receive_request("MESSAGE").await;
        second.reject(&failed, "430 Flow Failed").await;
        let message = first.receive_request("MESSAGE").await;
        first.respond(&message, "", "").await;
        [failed, message]
    };
    let (told, [failed, message]) = tokio::join!(bob.write("alice", "are you there?"), taken);
    assert!(told.starts_with("SIP/2.0 200 "), "{told}");
    assert_is_the_same(&failed, &message);
    assert!(message.ends_with("\r\n\r\nare you there?"), "{message}");
    doors.stage.gateway.assert_all_is_over(0);
}

/// Its connection breaks while it rings, and it does not come back before the caller gives up: it rings on. Gives its INVITE.
async fn given_up(doors: &Doors, home: &Host) -> (StreamPhone, String) {
    let office = phone(doors.stage.caller(CodecId::Pcmu)).await;
    let mut alice = StreamPhone::connect(doors, Way::Tcp, home).await;
    alice.register().await;
    let (dialling, invite) = tokio::join!(office.dial("alice"), alice.ring());
    let dialling = dialling.expect("a user");
    alice.disconnect();
    doors.stage.gateway.log().wait_for(&["signalling connection closed under a call"], PATIENCE);
    dialling.cancel().await.expect("it is over");
    doors.stage.gateway.assert_all_is_over(1);
    drop(alice.connect_again(doors, home).await);
    (alice, invite)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_was_given_up_while_its_connection_was_gone_is_cancelled_when_it_is_back() {
    let (doors, home) = (doors(), Host::new());
    let (mut alice, invite) = given_up(&doors, &home).await;
    let came = alice.register().await;
    let [cancel] = &came[..] else { panic!("one request: {came:?}") };
    assert!(cancel.starts_with("CANCEL "), "{cancel}");
    alice.respond(cancel, "", "").await;
    alice.refuse(&invite, "487 Request Terminated").await;
    doors.stage.gateway.assert_all_is_over(1);
}

/// It has not registered again, and somebody lifts it.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_was_given_up_while_its_connection_was_gone_and_is_lifted_is_hung_up() {
    let (doors, home) = (doors(), Host::new());
    let (mut alice, invite) = given_up(&doors, &home).await;
    alice.take(&invite).await;
    let bye = alice.is_hung_up().await;
    assert_eq!(header(&bye, "Call-ID"), header(&invite, "Call-ID"));
    doors.stage.gateway.assert_all_is_over(1);
}

/// Whoever is next in turn rings at once, where nobody would know the first again.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_without_an_instance_whose_connection_broke_while_it_rang_is_not_waited_for() {
    let ring = "ring = [{ user = 'alice' }, { user = 'bob' }], order = 'in_turn'";
    let rule = format!("destination = '700'\nfrom_trunk = 'office'\nactions = [{{ bridge = {{ {ring} }} }}]");
    let (doors, homes) =
        (Doors::new(GatewayConfig::default().user("bob").rule(&rule)), [Host::new(), Host::new()]);
    let office = phone(doors.stage.caller(CodecId::Pcmu)).await;
    let mut alice = StreamPhone::connect(&doors, Way::Tcp, &homes[0]).await.without_instance();
    let mut bob = StreamPhone::of("bob", OTHER_HZ, &doors, Way::Tcp, &homes[1]).await;
    alice.register().await;
    bob.register().await;
    let (dialling, _) = tokio::join!(office.dial("700"), alice.ring());
    alice.disconnect();
    let lifted = tokio::time::timeout(Duration::from_secs(10), bob.lift()).await;
    lifted.expect("alice would be waited for during a minute");
    let call = dialling.expect("a number").answered(PATIENCE).await.expect("bob's");
    assert_hears(&call, OTHER_HZ).await;
    let (ended, _) = tokio::join!(call.hang_up(), bob.is_hung_up());
    ended.expect("confirmed");
    doors.stage.gateway.assert_all_is_over(1);
}

/// bob has seen a message of alice's call, and says by his own phone what she would say; a stranger by none at all is taken for
/// her phone that has moved.
#[tokio::test(flavor = "multi_thread")]
async fn another_user_who_knows_the_names_of_a_call_can_neither_end_nor_move_it() {
    let (doors, homes) =
        (Doors::new(GatewayConfig::default().user("bob").rule(RULE)), [Host::new(), Host::new()]);
    let office = phone(doors.stage.caller(CodecId::Pcmu)).await;
    let mut alice = StreamPhone::connect(&doors, Way::Tcp, &homes[0]).await;
    let mut bob = StreamPhone::of("bob", OTHER_HZ, &doors, Way::Tcp, &homes[1]).await;
    alice.register().await;
    bob.register().await;
    let (call, invite) = tokio::join!(office.call("alice"), alice.lift());
    let call = call.expect("an answer");
    assert_hears(&call, CALLEE_HZ).await;
    for method in ["UPDATE", "INFO", "BYE"] {
        let words = alice.words_in(&invite, method);
        let challenged = bob.say(&words).await;
        let proof = bob.proof(&challenged, method);
        let answer = bob.say(&alice.words_proven_in(&invite, method, &proof)).await;
        assert!(answer.starts_with("SIP/2.0 403 Not Your Call\r\n"), "{method}: {answer}");
    }
    assert_hears(&call, CALLEE_HZ).await;
    let mut alice = alice.hears(CALLER_HZ).await;
    for _ in 0..2 {
        let (asked, _) = tokio::join!(call.send_info_digit('5'), async {
            let info = alice.receive_request("INFO").await;
            bob.tell(&alice.answer_to(&info)).await;
            alice.respond(&info, "", "").await;
        });
        asked.expect("taken");
    }
    // Her phone speaks by his: who proves to be its user may.
    let challenged = bob.say(&alice.words_in(&invite, "BYE")).await;
    let proof = alice.proof(&challenged, "BYE");
    let answer = bob.say(&alice.words_proven_in(&invite, "BYE", &proof)).await;
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    call.ended(PATIENCE).await.expect("hung up");
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
