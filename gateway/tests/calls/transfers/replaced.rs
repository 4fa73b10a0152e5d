//! INVITE with Replaces: another phone takes the place of one in its call.

use webtrunk_codecs::g711::Law;

use super::stage::{ALICE_HZ, COLLEAGUE_HZ, Scene};
use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::Sipp;
use crate::support::gateway::GatewayConfig;
use crate::support::ground::Ground;
use crate::support::page::Library;

#[test]
fn another_phone_of_a_trunk_takes_the_place_of_one_that_talks_where_that_is_configured() {
    let Some(scene) = Scene::talking(Library::Jssip, "callee_talks", &[], "transfers = true") else { return };
    let mut its_sound = RtpPeer::new(&scene.colleague_host, 7000);
    let ground = Ground::of(&scene.alice);
    let other = taking_over(&scene, "caller_talks", "", &[]);
    let Scene { alice, phone, gateway, .. } = &scene;
    phone.wait_for("BYE");
    scene.let_speak(&mut its_sound, &other.wait_for("200"));
    alice.await_tone(COLLEAGUE_HZ);
    its_sound.await_tone(Law::Mu, ALICE_HZ);
    ground.assert_stays(alice);
    alice.hangup();
    other.wait_for("BYE");
    gateway.assert_all_is_over(1);
}

#[test]
fn another_phone_of_a_trunk_takes_no_place_unless_that_is_configured() {
    let Some(scene) = Scene::talking(Library::Jssip, "callee_talks", &[], "") else { return };
    taking_over(&scene, "caller_refused", "", &[("STATUS", "403")]).finish();
    scene.hear_each_other();
    scene.alice.hangup();
    scene.phone.wait_for("BYE");
    scene.gateway.assert_all_is_over(1);
}

#[test]
fn a_place_that_is_taken_or_is_to_be_a_waiting_one_is_not_had() {
    let Some(scene) = Scene::talking(Library::Jssip, "callee_talks", &[], "transfers = true") else { return };
    taking_over(&scene, "caller_refused", ";early-only", &[("STATUS", "486")]).finish();
    scene.hear_each_other();
    scene.alice.hangup();
    scene.phone.wait_for("BYE");
    taking_over(&scene, "caller_refused", "", &[("STATUS", "481")]).finish();
    scene.gateway.assert_all_is_over(1);
}

#[test]
fn another_phone_of_a_trunk_picks_up_what_rings_at_one_where_that_is_configured() {
    let config = GatewayConfig::default();
    let Some(scene) = Scene::calling(config, Library::Sipjs, "callee_rings", &[], "transfers = true") else {
        return;
    };
    let Scene { alice, phone, gateway, colleague_host, .. } = &scene;
    alice.next("progress");
    let mut its_sound = RtpPeer::new(colleague_host, 7000);
    let other = taking_over(&scene, "caller_talks", ";early-only", &[]);
    phone.wait_for("CANCEL");
    scene.let_speak(&mut its_sound, &other.wait_for("200"));
    alice.next("accepted");
    alice.await_tone(COLLEAGUE_HZ);
    its_sound.await_tone(Law::Mu, ALICE_HZ);
    other.go_on();
    alice.next("ended");
    gateway.assert_all_is_over(1);
}

/// A phone at the colleague's host that wants the place of the first one.
fn taking_over(scene: &Scene, scenario: &str, more: &str, values: &[(&str, &str)]) -> Sipp {
    let invite = scene.phone.wait_for("INVITE");
    let header = |name| invite.header(name).expect("every INVITE has it");
    let ours = header("From").split("tag=").nth(1).expect("a tag");
    let replaces =
        format!("\nRequire: replaces\nReplaces: {};to-tag={ours};from-tag=callee-1{more}", header("Call-ID"));
    let mut all = vec![("MORE", &*replaces), ("FORMATS", "0 101")];
    all.extend_from_slice(values);
    Sipp::caller(&scene.colleague_host, scenario, scene.gateway.sip(), "alice", &all)
}
