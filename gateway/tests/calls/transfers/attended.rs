//! Attended transfers: who asks talks with both before it leaves them to each other.

use webtrunk_codecs::g711::Law;

use super::stage::{ALICE_HZ, CAROL_HZ, COLLEAGUE, COLLEAGUE_HZ, PHONE_HZ, Scene};
use crate::sip::sipp::Sipp;
use crate::sip::trace::Seen;
use crate::support::page::Library;

#[test]
fn a_page_puts_a_phone_through_to_another_that_it_asked_before() {
    for library in [Library::Jssip, Library::Sipjs] {
        let Some(scene) = Scene::talking(library, "callee_talks", &[], "") else { return };
        let (colleague, mut its_sound) = scene.colleague();
        let Scene { alice, phone, sound, gateway, .. } = &scene;
        alice.consult(COLLEAGUE);
        scene.let_speak(&mut its_sound, &colleague.wait_for("INVITE"));
        alice.await_tone(COLLEAGUE_HZ);
        its_sound.await_tone(Law::Mu, ALICE_HZ);
        alice.join();
        for status in [100, 200] {
            assert_eq!(alice.next("transfer")["status"], status, "{library:?}");
        }
        for _ in 0..2 {
            alice.next("ended");
        }
        sound.assert_hears(Law::Mu, COLLEAGUE_HZ);
        its_sound.assert_hears(Law::Mu, PHONE_HZ);
        // Neither was told anything: their calls are those that they answered.
        for phone in [phone, &colleague] {
            assert_eq!((phone.received("INVITE").len(), phone.received("REFER").len()), (1, 0));
        }
        colleague.go_on();
        phone.wait_for("BYE");
        gateway.assert_all_is_over(2);
    }
}

#[test]
fn a_page_puts_a_phone_through_to_another_page() {
    let Some(scene) = Scene::talking(Library::Jssip, "callee_talks", &[], "") else { return };
    let Scene { alice, carol, phone, sound, gateway, .. } = &scene;
    alice.consult("carol");
    carol.next("incoming");
    carol.answer();
    carol.await_tone(ALICE_HZ);
    alice.join();
    alice.next("ended");
    alice.next("ended");
    carol.await_tone(PHONE_HZ);
    sound.await_tone(Law::Mu, CAROL_HZ);
    phone.go_on();
    carol.next("ended");
    gateway.assert_all_is_over(2);
}

#[test]
fn who_is_only_rung_may_refuse_and_the_page_has_its_call_back() {
    let Some(scene) = Scene::talking(Library::Jssip, "callee_talks", &[], "") else { return };
    let Scene { alice, carol, phone, sound, gateway, .. } = &scene;
    for is_refused in [true, false] {
        alice.consult("carol");
        carol.next("incoming");
        alice.next("progress");
        alice.join();
        for status in [100, 180] {
            assert_eq!(alice.next("transfer")["status"], status);
        }
        assert_eq!(alice.next("ended")["status"], 487, "its call to carol is the phone's now");
        if is_refused {
            carol.reject(486);
            assert_eq!(alice.next("transfer")["status"], 486);
            carol.next("ended");
            alice.take_back();
            scene.hear_each_other();
        }
    }
    carol.answer();
    assert_eq!(alice.next("transfer")["status"], 200);
    carol.await_tone(PHONE_HZ);
    sound.await_tone(Law::Mu, CAROL_HZ);
    carol.hangup();
    phone.wait_for("BYE");
    gateway.assert_all_is_over(3);
}

#[test]
fn a_phone_at_a_trunk_puts_a_page_through_to_another_where_that_is_configured() {
    let answer = [("ANSWER", "202")];
    let Some(scene) = Scene::talking(Library::Sipjs, "callee_refers", &answer, "transfers = true") else {
        return;
    };
    let Scene { alice, carol, phone, gateway, colleague_host, .. } = &scene;
    let asks = Sipp::caller(colleague_host, "caller_talks", gateway.sip(), "carol", &[]);
    carol.next("incoming");
    carol.answer();
    let answered = asks.wait_for("200");
    put_through(phone, &scene, &answered);
    phone.wait_for("BYE");
    asks.wait_for("BYE");
    let told: Vec<_> = phone.received("NOTIFY").iter().map(|seen| seen.body().trim().to_owned()).collect();
    assert_eq!(told, ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]);
    carol.await_tone(ALICE_HZ);
    alice.await_tone(CAROL_HZ);
    alice.hangup();
    carol.next("ended");
    gateway.assert_all_is_over(2);
}

#[test]
fn a_phone_at_a_trunk_puts_nobody_through_whose_call_is_not_its_own() {
    let answer = [("ANSWER", "202")];
    let Some(scene) = Scene::talking(Library::Jssip, "callee_refers", &answer, "transfers = true") else {
        return;
    };
    let Scene { alice, carol, phone, gateway, .. } = &scene;
    // Carol calls a colleague, whose trunk is another.
    let (colleague, mut its_sound) = scene.colleague();
    carol.call_through(COLLEAGUE);
    let invite = colleague.wait_for("INVITE");
    scene.let_speak(&mut its_sound, &invite);
    carol.await_tone(COLLEAGUE_HZ);
    let answered =
        colleague.seen().into_iter().find(|seen| seen.is_sent && seen.is("200")).expect("it lifted");
    put_through(phone, &scene, &answered);
    phone.wait_for("NOTIFY");
    let last = || phone.received("NOTIFY").into_iter().next_back().map(|seen| seen.body().trim().to_owned());
    assert!(crate::support::process::wait_until(crate::support::gateway::PATIENCE, || {
        last().as_deref() == Some("SIP/2.0 403 Forbidden")
    }));
    scene.hear_each_other();
    carol.await_tone(COLLEAGUE_HZ);
    its_sound.await_tone(Law::Mu, CAROL_HZ);
    alice.hangup();
    phone.wait_for("BYE");
    carol.hangup();
    colleague.wait_for("BYE");
    gateway.assert_all_is_over(2);
}

/// Has the phone refer alice to the call that this response of the gateway, or to it, is in.
fn put_through(phone: &Sipp, scene: &Scene, response: &Seen) {
    let tag = |name| {
        let value = response.header(name).expect("it is in a dialog");
        value.split("tag=").nth(1).expect("a tag").to_owned()
    };
    let call_id = response.header("Call-ID").expect("it is in a dialog").replace('@', "%40");
    let replaces = format!("{call_id}%3Bto-tag%3D{}%3Bfrom-tag%3D{}", tag("To"), tag("From"));
    let target = format!("sip:x@{}?Replaces={replaces}", scene.gateway.sip().ip());
    phone.go_on_with(&[("X-Number", "3"), ("X-Target", &target)]);
}
