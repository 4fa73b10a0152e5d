//! A supervisor's page: it is told what an agent does, and is in the agent's call.

use super::ears::{Ears, SUPERVISOR_HZ};
use super::stage::{PHONE_HZ, Stage};
use crate::sip::sipp::Sipp;
use crate::support::page::{LineConfig, Microphone};
use crate::support::seat::{Seat, in_each_browser};
use crate::support::sound::PEAK_AT_10_DBM0;

in_each_browser!(a_page_with_the_sdk_is_told_what_an_agent_does_listens_whispers_and_barges_in);

fn a_page_with_the_sdk_is_told_what_an_agent_does_listens_whispers_and_barges_in(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    let microphone = Microphone::Tone { hz: SUPERVISOR_HZ, peak: PEAK_AT_10_DBM0 };
    let sue = seat.open(&stage.gateway, "sue", &LineConfig { microphone, ..stage.line.clone() });
    sue.watch_user("alice");
    let does = || sue.next("presence")["state"].take();
    assert_eq!(does(), "idle");
    let phone = Sipp::caller(&stage.office, "caller_talks", stage.gateway.sip(), "4711", &[("FORMATS", "0")]);
    stage.alice.next("incoming");
    assert_eq!(does(), "ringing");
    stage.alice.answer();
    stage.talk(&phone.wait_for("200"));
    assert_eq!(does(), "talking");

    sue.supervise("alice", "listen");
    sue.next("accepted");
    let hears = || sue.listen(1.0);
    let ears = Ears { agent: &stage.alice, phone: &stage.sound, supervisor: &hears };
    ears.assert_talk();
    ears.assert_supervisor_is_heard([false, false]);
    for (mode, heard) in [("whisper", [true, false]), ("barge", [true, true]), ("listen", [false, false])] {
        sue.set_mode(mode);
        ears.assert_supervisor_is_heard(heard);
        ears.assert_talk();
    }

    // Who leaves takes nobody along.
    sue.hangup();
    assert_eq!(sue.next("ended")["cause"], "hangup");
    stage.alice.await_tone(PHONE_HZ);
    phone.go_on();
    assert_eq!(stage.alice.next("ended")["cause"], "hangup");
    assert_eq!(does(), "idle");
    phone.finish();
    drop(sue);
    stage.assert_over(1);
}
