//! Registrations that outlive the gateway's process.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use webtrunk_codecs::g711::Law;
use webtrunk_signalling::auth::digest::Algorithm;

use super::raw_phone::RawPhone;
use super::rtp_peer::{LEVEL_DBM0, RtpPeer};
use super::stage::Stage;
use crate::support::baresip::Baresip;
use crate::support::gateway::{GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::small_disk::SmallDisk;
use crate::support::sound::Sound;

const CALLER_HZ: f64 = 850.0;
const PHONE_HZ: f64 = 1400.0;

/// Longer than the store collects what it writes at once.
const WRITTEN: Duration = Duration::from_millis(500);

fn stage(folder: &Path) -> Option<Stage> {
    Stage::with(&["PCMU"], GatewayConfig::default().md5_only().store(&folder.join("webtrunk.db")))
}

/// A trunk calls the phone, and both hear each other.
fn assert_is_called_and_heard(stage: &Stage, phone: &Baresip) {
    let mut caller_rtp = RtpPeer::new(&stage.caller, 7000);
    let caller = stage.call("caller_talks", "alice", &[]);
    let port = caller.wait_for("200").audio_port().expect("an answer");
    caller_rtp.say(stage.rtp(port), Law::Mu, CALLER_HZ);
    caller_rtp.await_tone(Law::Mu, PHONE_HZ);
    // So much the phone must have heard by then.
    caller_rtp.wait_until_said(200);
    caller.go_on();
    caller.finish();
    phone.wait_for_the_end_of_its_call();
}

#[test]
fn a_phone_is_called_after_the_gateway_was_killed_and_started_again() {
    let folder = TempDir::new().expect("a folder");
    let Some(mut stage) = stage(folder.path()) else { return };
    let said = Sound::tone(8000, PHONE_HZ, 0.25, 60.0);
    let Some(phone) = Baresip::registered("alice", "PCMU", stage.gateway.sip(), &said) else { return };
    assert_eq!(stage.gateway.status()["registered_users"], 1);
    std::thread::sleep(WRITTEN);
    stage.gateway.kill_and_start_again();
    assert_eq!(stage.gateway.status()["registered_users"], 1, "nobody has registered since");
    assert_is_called_and_heard(&stage, &phone);
    assert_eq!(stage.gateway.log().count(&["\"registration\""]), 0);
    stage.gateway.assert_all_is_over(1);
    let full_scale = webtrunk_codecs::tone::FULL_SCALE_DBM0;
    let peak = 10_f64.powf((LEVEL_DBM0 - full_scale) / 20.0);
    phone.heard().last_seconds(2.0).assert_tone(CALLER_HZ, peak, 0.3);
}

/// What was removed, or has expired meanwhile, does not come back; what is refreshed afterwards keeps the
/// order of its requests.
#[test]
fn only_what_still_holds_comes_back() {
    let folder = TempDir::new().expect("a folder");
    let config = GatewayConfig::default().sip("expires_min_s = 2");
    let store = folder.path().join("webtrunk.db");
    let Some(mut stage) = Stage::with(&["PCMU"], config.store(&store)) else { return };
    let host = Host::new();
    let register = |user: &str, headers: &str| {
        let mut phone = RawPhone::new(&host, &stage.gateway, user);
        let registered = phone.register(Algorithm::Sha256, &password(user), headers);
        assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
        phone
    };
    let mut removed = register("alice", "Expires: 600\r\n");
    removed.register(Algorithm::Sha256, &password("alice"), "Expires: 0\r\n");
    register("alice", "Expires: 2\r\n");
    let mut kept = register("bob", "Expires: 600\r\n");
    std::thread::sleep(Duration::from_secs(3));
    stage.gateway.kill_and_start_again();
    assert_eq!(stage.gateway.status()["registered_users"], 1);
    // The second process gives the key of none that is kept to another.
    let mut other = RawPhone::new(&host, &stage.gateway, "bob");
    other.register(Algorithm::Sha256, &password("bob"), "Expires: 600\r\n");
    let refreshed = kept.register(Algorithm::Sha256, &password("bob"), "Expires: 600\r\n");
    assert_eq!(refreshed.matches("\r\nContact: ").count(), 2, "{refreshed}");
    // An orderly stop keeps as well as a kill.
    stage.gateway.stop_and_start_again();
    let listed = kept.register(Algorithm::Sha256, &password("bob"), "Expires: 600\r\n");
    assert_eq!(listed.matches("\r\nContact: ").count(), 2, "{listed}");
}

#[test]
fn a_full_disk_disturbs_no_call_and_keeps_again_when_there_is_room() {
    let Some(disk) = SmallDisk::new(512) else { return };
    let Some(mut stage) = stage(disk.path()) else { return };
    let filler = disk.path().join("filler");
    let mut file = fs::File::create(&filler).expect("the disk is ours");
    while file.write_all(&[0; 1024]).is_ok() {}
    let said = Sound::tone(8000, PHONE_HZ, 0.25, 60.0);
    let Some(phone) = Baresip::registered("alice", "PCMU", stage.gateway.sip(), &said) else { return };
    stage.gateway.log().wait_for(&["the store cannot be written"], PATIENCE);
    assert_is_called_and_heard(&stage, &phone);
    assert!(stage.gateway.status()["store_failures"].as_u64() >= Some(1));
    assert_eq!(stage.gateway.log().count(&["the store cannot be written"]), 1, "it is told once");
    fs::remove_file(&filler).expect("it is there");
    drop(file);
    stage.gateway.log().wait_for(&["the store can be written again"], PATIENCE);
    stage.gateway.kill_and_start_again();
    assert!(wait_until(PATIENCE, || stage.gateway.status()["registered_users"] == 1));
}
