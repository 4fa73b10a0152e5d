//! A call from a trunk to a phone that registered.

use webtrunk_codecs::g711::Law;
use webtrunk_codecs::tone::FULL_SCALE_DBM0;

use super::rtp_peer::{LEVEL_DBM0, RtpPeer, level};
use super::stage::Stage;
use crate::support::baresip::Baresip;
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
