//! Two parties that talk in two calls, and leave each of them by an attended transfer: what is left is a ring of the
//! gateway's own legs.

use webtrunk_codecs::g711::Law;

use super::attended::put_through;
use super::stage::{ALICE_HZ, Scene};
use crate::support::gateway::PATIENCE;
use crate::support::page::Library;
use crate::support::process::wait_until;

#[test]
fn two_calls_that_are_left_to_each_other_by_everybody_end() {
    let values = [("ANSWER", "202"), ("CALLS", "2")];
    let Some(scene) = Scene::talking(Library::Jssip, "callee_refers", &values, "transfers = true") else {
        return;
    };
    let Scene { alice, phone, sound, gateway, .. } = &scene;
    alice.consult("0307654321");
    alice.next("accepted");
    let answers = || -> Vec<_> {
        let invites =
            |seen: &crate::sip::trace::Seen| seen.header("CSeq").is_some_and(|cseq| cseq.ends_with("INVITE"));
        let mut answers: Vec<_> =
            phone.seen().into_iter().filter(|seen| seen.is_sent && seen.is("200") && invites(seen)).collect();
        answers.dedup_by_key(|answer| answer.header("Call-ID").map(str::to_owned));
        answers
    };
    assert!(wait_until(PATIENCE, || answers().len() == 2), "the phone has two calls");
    sound.await_tone(Law::Mu, ALICE_HZ);
    // Alice leaves the phone to itself.
    alice.join();
    for _ in 0..2 {
        alice.next("ended");
    }
    put_through(phone, gateway, &answers()[1]);
    assert!(wait_until(PATIENCE, || phone.received("BYE").len() == 2), "both calls end: {:?}", phone.seen());
    gateway.log().wait_for(&["nobody is left in calls that are joined"], PATIENCE);
    gateway.assert_all_is_over(2);
}
