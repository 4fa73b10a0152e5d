//! Blind transfers: the gateway calls whom a party names, and nobody else is asked to know how.

use webtrunk_codecs::g711::Law;

use super::stage::{ALICE_HZ, CAROL_HZ, PHONE_HZ, Scene};
use crate::sip::sipp::Sipp;
use crate::support::gateway::Gateway;
use crate::support::ground::Ground;
use crate::support::page::Library;

#[test]
fn a_page_transfers_a_phone_to_another_page() {
    for library in [Library::Jssip, Library::Sipjs] {
        let Some(scene) = Scene::talking(library, "callee_talks", &[], "") else { return };
        let Scene { alice, carol, phone, sound, gateway, .. } = &scene;
        alice.transfer("carol");
        assert_eq!(alice.next("transfer")["status"], 100, "{library:?}");
        assert_eq!(carol.next("incoming")["from"], "0301234567");
        assert_eq!(alice.next("transfer")["status"], 180);
        scene.hear_each_other();
        carol.answer();
        assert_eq!(alice.next("transfer")["status"], 200);
        alice.next("ended");
        carol.await_tone(PHONE_HZ);
        sound.await_tone(Law::Mu, CAROL_HZ);
        // The phone was told nothing at all: its call is the one that it answered.
        assert_eq!((phone.received("INVITE").len(), phone.received("REFER").len()), (1, 0));
        carol.hangup();
        phone.wait_for("BYE");
        gateway.assert_all_is_over(1);
    }
}

#[test]
fn a_page_gets_its_call_back_from_who_is_busy() {
    for library in [Library::Jssip, Library::Sipjs] {
        let Some(scene) = Scene::talking(library, "callee_talks", &[], "") else { return };
        let Scene { alice, carol, phone, gateway, .. } = &scene;
        for _ in 0..2 {
            alice.transfer("carol");
            carol.next("incoming");
            carol.reject(486);
            let told = [100, 180, 486].map(|_| alice.next("transfer")["status"].as_u64());
            assert_eq!(told, [Some(100), Some(180), Some(486)], "{library:?}");
            scene.hear_each_other();
        }
        alice.transfer("nobody");
        assert_eq!(alice.next("transfer refused")["status"], 404);
        scene.hear_each_other();
        alice.hangup();
        phone.wait_for("BYE");
        gateway.assert_all_is_over(1);
    }
}

#[test]
fn a_phone_at_a_trunk_transfers_where_that_is_configured() {
    let answer = [("ANSWER", "202")];
    let Some(scene) = Scene::talking(Library::Jssip, "callee_refers", &answer, "transfers = true") else {
        return;
    };
    let Scene { alice, carol, phone, gateway, .. } = &scene;
    let ground = Ground::of(alice);
    refer_to_carol(phone, gateway);
    assert_eq!(carol.next("incoming")["from"], "alice");
    carol.answer();
    phone.wait_for("BYE");
    let told = phone.received("NOTIFY");
    let lines: Vec<_> = told.iter().map(|seen| seen.body().trim()).collect();
    assert_eq!(lines, ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"]);
    let states: Vec<_> = told.iter().filter_map(|seen| seen.header("Subscription-State")).collect();
    assert_eq!(states, ["active;expires=300", "active;expires=300", "terminated;reason=noresource"]);
    carol.await_tone(ALICE_HZ);
    alice.await_tone(CAROL_HZ);
    ground.assert_stays(alice);
    alice.hangup();
    carol.next("ended");
    gateway.assert_all_is_over(1);
}

#[test]
fn a_phone_at_a_trunk_transfers_nobody_unless_that_is_configured() {
    let Some(scene) = Scene::talking(Library::Jssip, "callee_refers", &[("ANSWER", "403")], "") else {
        return;
    };
    refer_to_carol(&scene.phone, &scene.gateway);
    scene.phone.wait_for("403");
    scene.hear_each_other();
    assert!(scene.carol.taken("incoming").is_empty());
    let Scene { alice, phone, gateway, .. } = scene;
    alice.hangup();
    phone.finish();
    gateway.assert_all_is_over(1);
}

fn refer_to_carol(phone: &Sipp, gateway: &Gateway) {
    phone.go_on_with(&[("X-Number", "3"), ("X-Target", &format!("sip:carol@{}", gateway.sip().ip()))]);
}
