//! Attended transfers: who asks talks with both before it leaves them to each other.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use webtrunk_codecs::SampleRate;
use webtrunk_codecs::g711::Law;
use webtrunk_codecs::tone::goertzel_dbm0;

use super::stage::{ALICE_HZ, CAROL_HZ, COLLEAGUE, COLLEAGUE_HZ, PHONE_HZ, Scene};
use crate::sip::rtp_digits;
use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::Sipp;
use crate::sip::trace::Seen;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::ground::Ground;
use crate::support::page::{DigitsBy, Library};
use crate::support::process::wait_until;

#[test]
fn a_page_puts_a_phone_through_to_another_that_it_asked_before() {
    for library in [Library::Jssip, Library::Sipjs] {
        let Some(scene) = Scene::talking(library, "callee_talks", &[], "") else { return };
        let (colleague, its_sound) = scene.consulted();
        let Scene { alice, phone, sound, gateway, .. } = &scene;
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
    let ground = Ground::of(carol);
    alice.join();
    alice.next("ended");
    alice.next("ended");
    carol.await_tone(PHONE_HZ);
    sound.await_tone(Law::Mu, CAROL_HZ);
    ground.assert_stays(carol);
    // What the one does goes through both calls to the other.
    carol.send_digits("17", DigitsBy::Info, 100);
    assert!(wait_until(PATIENCE, || rtp_digits::count(&sound.heard()) == 2), "two keys");
    // The last one's end comes behind.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(rtp_digits::pressed(&sound.heard()), "17");
    carol.hold();
    let level = || sound.level_of_next(Law::Mu, CAROL_HZ, Duration::from_millis(500));
    assert!(wait_until(PATIENCE, || level() < -60.0), "carol is heard on hold");
    carol.resume();
    sound.await_tone(Law::Mu, CAROL_HZ);
    carol.await_tone(PHONE_HZ);
    phone.go_on();
    carol.next("ended");
    gateway.assert_all_is_over(2);
}

#[test]
fn who_was_put_through_may_put_through_in_turn() {
    let Some(scene) = Scene::talking(Library::Jssip, "callee_talks", &[], "") else { return };
    let (colleague, mut its_sound) = scene.colleague();
    let Scene { alice, carol, phone, sound, gateway, .. } = &scene;
    alice.consult("carol");
    carol.next("incoming");
    carol.answer();
    alice.next("accepted");
    alice.join();
    carol.await_tone(PHONE_HZ);
    carol.consult(COLLEAGUE);
    scene.let_speak(&mut its_sound, &colleague.wait_for("INVITE"));
    carol.await_tone(COLLEAGUE_HZ);
    carol.join();
    assert_eq!(carol.next("transfer")["status"], 100);
    assert_eq!(carol.next("transfer")["status"], 200);
    sound.assert_hears(Law::Mu, COLLEAGUE_HZ);
    its_sound.assert_hears(Law::Mu, PHONE_HZ);
    phone.go_on();
    colleague.wait_for("BYE");
    gateway.assert_all_is_over(3);
}

#[test]
fn a_page_puts_a_phone_through_to_a_conference() {
    let room = "destination = 'room'\nactions = ['answer', { conference = { room = 'room' } }]";
    let config = GatewayConfig::default().rule(room);
    let Some(scene) = Scene::talking_by(config, Library::Sipjs, "callee_talks", &[], "") else { return };
    let Scene { alice, carol, phone, sound, gateway, .. } = &scene;
    carol.call_through("room");
    alice.consult("room");
    carol.await_tone(ALICE_HZ);
    alice.join();
    alice.next("ended");
    alice.next("ended");
    carol.await_tone(PHONE_HZ);
    sound.await_tone(Law::Mu, CAROL_HZ);
    phone.go_on();
    carol.hangup();
    carol.next("ended");
    gateway.assert_all_is_over(3);
}

#[test]
fn both_calls_go_on_to_be_recorded_with_who_is_in_them() {
    let folder = TempDir::new().expect("a folder");
    let recorded = |pattern: &str, trunk: &str| {
        format!(
            "destination = '{pattern}'\nactions = [{{ record = {{ format = 'wav' }} }}, \
             {{ bridge = {{ trunk = '{trunk}', number = '$0' }} }}]"
        )
    };
    let config = GatewayConfig::default()
        .recording(folder.path())
        .rule(&recorded("0.*", "provider"))
        .rule(&recorded("1.*", "colleague"));
    let Some(scene) = Scene::talking_by(config, Library::Jssip, "callee_talks", &[], "") else { return };
    let (colleague, its_sound) = scene.consulted();
    let Scene { alice, phone, sound, gateway, .. } = &scene;
    alice.join();
    sound.assert_hears(Law::Mu, COLLEAGUE_HZ);
    its_sound.assert_hears(Law::Mu, PHONE_HZ);
    phone.go_on();
    colleague.wait_for("BYE");
    gateway.assert_all_is_over(2);
    let files = std::fs::read_dir(folder.path()).expect("our folder");
    let mut pairs: Vec<_> = files.map(|file| heard_in(&file.expect("a file").path())).collect();
    pairs.sort();
    let [alice, phone, colleague] = [ALICE_HZ, PHONE_HZ, COLLEAGUE_HZ].map(|hz| hz as u32);
    let mut expected = [(alice, phone), (alice, colleague), (phone, colleague), (colleague, phone)];
    expected.sort();
    assert_eq!(pairs, expected, "who is on the left, and on the right");
}

/// Who is loudest on the left and on the right of a recording.
fn heard_in(path: &Path) -> (u32, u32) {
    let mut reader = hound::WavReader::open(path).expect("a WAV file");
    let rate = SampleRate::new(reader.spec().sample_rate).expect("not zero");
    let samples: Vec<i16> = reader.samples().map(|sample| sample.expect("16 bits")).collect();
    let side = |first: usize| {
        let heard: Vec<i16> = samples.iter().skip(first).step_by(2).copied().collect();
        let level = |hz: &f64| goertzel_dbm0(&heard, rate, *hz);
        let voices = [ALICE_HZ, CAROL_HZ, PHONE_HZ, COLLEAGUE_HZ];
        voices.into_iter().max_by(|one, other| level(one).total_cmp(&level(other))).expect("four") as u32
    };
    (side(0), side(1))
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
    let mut its_sound = RtpPeer::new(colleague_host, 7000);
    scene.let_speak(&mut its_sound, &answered);
    carol.await_tone(COLLEAGUE_HZ);
    let grounds = [alice, carol].map(|page| (page, Ground::of(page)));
    put_through(phone, gateway, &answered);
    phone.wait_for("BYE");
    asks.wait_for("BYE");
    let told: Vec<_> = phone.received("NOTIFY").iter().map(|seen| seen.body().trim().to_owned()).collect();
    assert_eq!(told, ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]);
    carol.await_tone(ALICE_HZ);
    alice.await_tone(CAROL_HZ);
    for (page, ground) in &grounds {
        ground.assert_stays(page);
    }
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
    put_through(phone, gateway, &answered);
    phone.wait_for("NOTIFY");
    let last = || phone.received("NOTIFY").into_iter().next_back().map(|seen| seen.body().trim().to_owned());
    assert!(wait_until(PATIENCE, || last().as_deref() == Some("SIP/2.0 403 Forbidden")));
    scene.hear_each_other();
    carol.await_tone(COLLEAGUE_HZ);
    its_sound.await_tone(Law::Mu, CAROL_HZ);
    alice.hangup();
    phone.wait_for("BYE");
    carol.hangup();
    colleague.wait_for("BYE");
    gateway.assert_all_is_over(2);
}

/// Has the phone refer the other end of its call to the call that this response of the gateway, or to it, is in.
pub(super) fn put_through(phone: &Sipp, gateway: &Gateway, response: &Seen) {
    let tag = |name| {
        let value = response.header(name).expect("it is in a dialog");
        value.split("tag=").nth(1).expect("a tag").to_owned()
    };
    let call_id = response.header("Call-ID").expect("it is in a dialog").replace('@', "%40");
    let replaces = format!("{call_id}%3Bto-tag%3D{}%3Bfrom-tag%3D{}", tag("To"), tag("From"));
    let target = format!("sip:x@{}?Replaces={replaces}", gateway.sip().ip());
    phone.go_on_with(&[("X-Number", "3"), ("X-Target", &target)]);
}
