//! The browser's leg stays as it is, whatever the phone's leg does: hold in all its forms by re-INVITE and UPDATE,
//! another codec, the same offer again, early media, and an answer from another device.

use webtrunk_codecs::g711::Law;

use super::hold::phone_hears_silence;
use super::stage::{Call, CallConfig, PAGE_HZ, PHONE_HZ};
use crate::sip::rtp_peer::RtpPeer;
use crate::support::browser::Browser;
use crate::support::gateway::PATIENCE;
use crate::support::ground::Ground;
use crate::support::process::wait_until;

/// What the device says that answers in another's place.
const OTHER_HZ: f64 = 700.0;

/// Direction, whether `c=` is 0.0.0.0, formats, and the direction of the answer.
const CHANGES: [(&str, bool, &str, &str); 8] = [
    ("sendonly", false, "0 101", "recvonly"),
    ("sendrecv", false, "0 101", "sendrecv"),
    ("inactive", false, "0 101", "inactive"),
    // RFC 2543's hold.
    ("sendrecv", true, "0 101", "recvonly"),
    ("sendrecv", false, "0 101", "sendrecv"),
    // Another codec, and back.
    ("sendrecv", false, "8 101", "sendrecv"),
    ("sendrecv", false, "0 101", "sendrecv"),
    // What is agreed, said again.
    ("sendrecv", false, "0 101", "sendrecv"),
];

#[test]
fn whatever_the_phone_changes() {
    let Some(browser) = Browser::shared() else { return };
    let config = CallConfig { codecs: &["PCMU", "PCMA"], ..CallConfig::default() };
    let Some(mut call) = Call::begin_by(&browser, "callee_changes", &config) else { return };
    call.talk();
    let ground = Ground::of(&call.alice);
    let changes = ["INVITE", "UPDATE"].into_iter().flat_map(|method| CHANGES.map(|change| (method, change)));
    for (number, (method, (direction, is_nowhere, formats, answered))) in (2..).zip(changes) {
        let host = if is_nowhere { "0.0.0.0".to_owned() } else { call.phone_ip() };
        let number = number.to_string();
        call.phone.go_on_with(&[
            ("X-Number", &number),
            ("X-Method", method),
            ("X-Direction", direction),
            ("X-Host", &host),
            ("X-Formats", formats),
        ]);
        let cseq = format!("{number} {method}");
        let answer =
            || call.phone.received("200").into_iter().find(|seen| seen.header("CSeq") == Some(cseq.as_str()));
        assert!(wait_until(PATIENCE, || answer().is_some()), "{cseq}: {:?}", call.phone.seen());
        let answer = answer().expect("it came");
        assert!(answer.has_line(&format!("a={answered}")), "{cseq}: {answer:?}");
        if answered == "sendrecv" {
            let law = if formats.starts_with('8') { Law::A } else { Law::Mu };
            call.sound.say(call.to, law, PHONE_HZ);
            call.alice.await_tone(PHONE_HZ);
            call.sound.await_tone(law, PAGE_HZ);
        } else {
            // Listened to for long enough for a stream to die that would.
            assert!(
                phone_hears_silence(&call),
                "{cseq}: a phone that holds by {direction} at {host} is spoken to"
            );
        }
        ground.assert_stays(&call.alice);
    }
    // None of it reached the page.
    assert_eq!(call.phone.received("INVITE").len(), 1);
    call.end();
}

#[test]
fn whichever_device_answers() {
    let Some(browser) = Browser::shared() else { return };
    let config =
        CallConfig { values: &[("OTHER_RTP_PORT", "7100")], is_early: true, ..CallConfig::default() };
    let Some(mut call) = Call::begin_by(&browser, "callee_early_elsewhere", &config) else { return };
    call.sound.say(call.to, Law::Mu, PHONE_HZ);
    call.alice.await_tone(PHONE_HZ);
    let ground = Ground::of(&call.alice);
    let mut other = RtpPeer::new(&call.phone_host, 7100);
    call.phone.go_on();
    call.alice.next("accepted");
    other.say(call.to, Law::Mu, OTHER_HZ);
    call.alice.await_tone(OTHER_HZ);
    other.await_tone(Law::Mu, PAGE_HZ);
    ground.assert_stays(&call.alice);
    call.end();
}
