//! What happens in calls: ends that move, hand the other on, or vanish.

use webtrunk_loadtest::agent::WebrtcConfig;

use super::{PATIENT, TO_BOB, TWO_CALLS, account, assert_all_are_heard, play};
use crate::agents::json::page::address;
use crate::agents::stage::{Stage, webrtc};
use crate::support::gateway::GatewayConfig;
use crate::support::gateway_config::SIP_PORT;

/// Browsers, pages and phones at the office that call the carrier's phone, and do this in each call.
fn scenario(stage: &Stage, calls: usize, steps: &str, more: &str) -> String {
    let (gateway, carrier) = (&stage.gateway, stage.carrier.at(SIP_PORT));
    let alice = account("alice");
    let traffic = |from: &str, number: u8| {
        format!(
            "[[traffic]]\nfrom = \"{from}\"\nto = \"carrier\"\ndestination = \"{number}{{call}}\"\n{TWO_CALLS}\nsteps = [{steps}]\n"
        )
    };
    format!(
        "[limits]\ncalls = {calls}\nseconds = 30\n\
         [target]\nsip = \"{}\"\nsip_ws = \"{}\"\njson = \"{}\"\n\
         [[agents]]\nname = \"browsers\"\nkind = \"webrtc\"\nrole = \"caller\"\ncount = 2\n{alice}\n\
         [[agents]]\nname = \"pages\"\nkind = \"json\"\nrole = \"caller\"\ncount = 2\n{alice}\n\
         [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{carrier}\"\ncodecs = [\"pcmu\"]\n\
         {more}{}{}{PATIENT}",
        gateway.sip(),
        gateway.websocket(),
        address(gateway),
        traffic("browsers", 91),
        traffic("pages", 92),
    )
}

/// A phone at the office, in this network, that calls the carrier's phone twice for so long, and does this in each call.
fn phones(stage: &Stage, network: &str, seconds: u32, steps: &str, patient: &str) -> String {
    format!(
        "[limits]\ncalls = 2\nseconds = 30\n[target]\nsip = \"{}\"\n\
         [[agents]]\nname = \"office\"\nkind = \"phone\"\nrole = \"caller\"\nbind = \"{}\"\n{network}\
         [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{}\"\ncodecs = [\"pcmu\"]\n\
         [[traffic]]\nfrom = \"office\"\nto = \"carrier\"\ndestination = \"91{{call}}\"\n\
         arrival = {{ steps = [{{ rate = 1, seconds = 2 }}] }}\nlength = {{ fixed = {seconds} }}\n\
         steps = [{steps}]\n{patient}",
        stage.gateway.sip(),
        stage.office.at(SIP_PORT),
        stage.carrier.at(SIP_PORT),
    )
}

fn stage() -> Stage {
    let config = GatewayConfig::default().sections("[json]\npasswords = true\n").user("bob").rule(TO_BOB);
    Stage::with(&["PCMU"], config)
}

/// The digit goes by the new path.
#[tokio::test(flavor = "multi_thread")]
async fn browsers_and_pages_whose_media_move_are_heard_from_the_new_port() {
    let stage = stage();
    let steps = "{ after = 1.5, move = true }, { after = 4, digits = \"9\" }";
    let report = play(&stage.gateway, &scenario(&stage, 4, steps, "")).await;
    assert_all_are_heard(&report, 4);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        assert_eq!(verdict.to_answerer.as_ref().map(|it| it.digits.as_str()), Some("9"), "{call:?}");
    }
    assert_eq!(stage.gateway.log().count(&["\"ICE restarted\""]), 4);
    stage.gateway.assert_all_is_over(4);
}

/// Either phone of a call, which tells its new port by another description; the digits go by the new paths.
#[tokio::test(flavor = "multi_thread")]
async fn phones_whose_media_move_are_heard_from_the_new_port() {
    let stage = stage();
    let steps = "{ after = 1.5, move = true }, { after = 3, move = true, by = \"answerer\" },\
                 { after = 5, digits = \"9\" }, { after = 6, digits = \"3\", by = \"answerer\" }";
    let report = play(&stage.gateway, &phones(&stage, "", 8, steps, PATIENT)).await;
    assert_all_are_heard(&report, 2);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let other = verdict.to_answerer.as_ref().expect("the carrier");
        assert_eq!((other.digits.as_str(), verdict.to_caller.digits.as_str()), ("9", "3"), "{call:?}");
    }
    stage.gateway.assert_all_is_over(2);
}

/// The NAT in front of the phone at the office forgets it after five seconds; what it says next in SIP lets it be found again.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_whose_nat_forgets_is_heard_again_when_it_describes_itself_anew() {
    let stage = stage();
    // What comes until it is found is lost.
    let patient = PATIENT.replace("loss_percent = 10", "loss_percent = 30");
    let (network, steps) = (
        "network = { rebinds_seconds = 5 }\n",
        "{ after = 6, refresh = true }, { after = 8, digits = \"9\" }",
    );
    let report = play(&stage.gateway, &phones(&stage, network, 9, steps, &patient)).await;
    assert_all_are_heard(&report, 2);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let other = verdict.to_answerer.as_ref().expect("the carrier");
        assert_eq!(other.digits, "9", "{call:?}");
        // It is deaf until it is found.
        assert!(verdict.to_caller.longest_gap_ms > 500.0, "{call:?}");
    }
    stage.gateway.assert_all_is_over(2);
}

/// Whoever answered goes on with bob, and who called is out of it: a browser, a page, a user's phone.
#[tokio::test(flavor = "multi_thread")]
async fn callers_of_every_kind_that_hand_the_other_end_on_are_let_go() {
    let stage = stage();
    let bob = webrtc(WebrtcConfig { voice: None, ..stage.bob() }).await;
    bob.register().await.expect("the password is right");
    let taking = tokio::spawn(async move {
        let mut taken = Vec::new();
        for _ in 0..6 {
            let incoming = bob.next_incoming().await.expect("it is transferred to him");
            taken.push(incoming.answer().await.expect("a codec in common"));
        }
        (bob, taken)
    });
    let steps = "{ after = 3, transfer = \"bob\" }";
    let desks = format!(
        "[[agents]]\nname = \"desks\"\nkind = \"phone\"\nrole = \"caller\"\ncount = 2\n{}\n\
         [[traffic]]\nfrom = \"desks\"\nto = \"carrier\"\ndestination = \"93{{call}}\"\n{TWO_CALLS}\nsteps = [{steps}]\n",
        account("alice"),
    );
    let report = play(&stage.gateway, &scenario(&stage, 6, steps, &desks)).await;
    assert_all_are_heard(&report, 6);
    assert_eq!(report.calls.iter().filter(|call| call.traffic == "desks to carrier").count(), 2);
    assert!(report.calls.iter().all(|call| call.talked_s < 13.0), "they are told of it: {:?}", report.calls);
    let (_bob, taken) = taking.await.expect("all six");
    assert_eq!(taken.len(), 6);
    stage.gateway.assert_all_is_over(6);
}

/// Nobody tells the gateway: it ends the call when the other end does.
#[tokio::test(flavor = "multi_thread")]
async fn callers_of_every_kind_that_vanish_leave_nothing_behind() {
    let stage = stage();
    let office = format!(
        "[[agents]]\nname = \"office\"\nkind = \"phone\"\nrole = \"caller\"\nbind = \"{}\"\n\
         [[traffic]]\nfrom = \"office\"\nto = \"carrier\"\ndestination = \"93{{call}}\"\n{TWO_CALLS}\n\
         steps = [{{ after = 3, vanish = true }}]\n",
        stage.office.at(SIP_PORT)
    );
    let report = play(&stage.gateway, &scenario(&stage, 6, "{ after = 3, vanish = true }", &office)).await;
    assert_all_are_heard(&report, 6);
    assert!(report.calls.iter().all(|call| call.talked_s < 4.5), "{:?}", report.calls);
    stage.gateway.assert_all_is_over(6);
}
