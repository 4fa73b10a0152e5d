//! Calls from a trunk to phones of others' making that registered.

use webtrunk_codecs::g711::Law;
use webtrunk_codecs::tone::FULL_SCALE_DBM0;

use super::rtp_peer::{LEVEL_DBM0, RtpPeer, level};
use super::sipp::{PORT, Sipp};
use super::stage::Stage;
use crate::support::baresip::Baresip;
use crate::support::gateway::password;
use crate::support::host::Host;
use crate::support::sound::Sound;

const CALLER_HZ: f64 = 850.0;
const PHONE_HZ: f64 = 1400.0;

/// Of full scale, so about -9 dBm0.
const PHONE_PEAK: f64 = 0.25;

#[test]
fn baresip_is_called_and_both_hear_each_other() {
    let Some(stage) = Stage::with_md5() else { return };
    let said = Sound::tone(8000, PHONE_HZ, PHONE_PEAK, 60.0);
    let Some(phone) = Baresip::registered("alice", "PCMA", stage.gateway.sip(), &said) else { return };
    assert_eq!(stage.gateway.status()["registered_users"], 1);
    let mut caller_rtp = RtpPeer::new(&stage.caller, 7000);
    let caller = stage.call("caller_talks", "alice", &[]);
    let port = caller.wait_for("200").audio_port().expect("an answer");
    caller_rtp.say(stage.rtp(port), Law::Mu, CALLER_HZ);
    caller_rtp.await_tone(Law::Mu, PHONE_HZ);
    let heard = level(&caller_rtp.hear(Law::Mu), PHONE_HZ) - 20.0 * PHONE_PEAK.log10();
    assert!((heard - FULL_SCALE_DBM0).abs() <= 0.3, "{heard} dBm0 at full scale");
    // So much the phone must have heard by then.
    caller_rtp.wait_until_said(200);
    caller.go_on();
    caller.finish();
    phone.wait_for_the_end_of_its_call();
    stage.gateway.assert_all_is_over(1);
    let peak = 10_f64.powf((LEVEL_DBM0 - FULL_SCALE_DBM0) / 20.0);
    phone.heard().last_seconds(2.0).assert_tone(CALLER_HZ, peak, 0.3);
}

/// By one scenario it registers, by another it is called where it registered from.
#[test]
fn sipp_registers_is_called_and_both_hear_each_other() {
    let Some(stage) = Stage::with_md5() else { return };
    let home = Host::new();
    let contact = format!("sip:alice@{}", home.at(PORT));
    let values = [("CALLER", "alice"), ("PASSWORD", &*password("alice"))];
    let registered = Sipp::caller(&home, "registrant", stage.gateway.sip(), "alice", &values).finish();
    assert!(registered.iter().any(|seen| seen.is("401")), "it was not challenged: {registered:?}");
    let taken = registered.iter().find(|seen| seen.is("200")).expect("its scenario ends with it");
    assert_eq!(taken.header("Contact"), Some(&*format!("<{contact}>;expires=600")));
    assert_eq!(stage.gateway.status()["registered_users"], 1);

    let (mut caller_rtp, mut phone_rtp) = (RtpPeer::new(&stage.caller, 7000), RtpPeer::new(&home, 7000));
    let phone = Sipp::callee(&home, "callee_talks", &[]);
    let caller = stage.call("caller_talks", "alice", &[]);
    let invite = phone.wait_for("INVITE");
    assert!(invite.is_to(&contact), "{invite:?}");
    let phone_port = invite.audio_port().expect("an offer");
    let caller_port = caller.wait_for("200").audio_port().expect("an answer");
    caller_rtp.say(stage.rtp(caller_port), Law::Mu, CALLER_HZ);
    phone_rtp.say(stage.rtp(phone_port), Law::Mu, PHONE_HZ);
    phone_rtp.assert_hears(Law::Mu, CALLER_HZ);
    caller_rtp.assert_hears(Law::Mu, PHONE_HZ);
    caller.go_on();
    caller.finish();
    phone.finish();
    stage.gateway.assert_all_is_over(1);
}
