//! A phone whose timestamps run ahead of time while it is recorded: what is said after that stands where it was said.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use webtrunk_codecs::SampleRate;
use webtrunk_codecs::g711::Law;
use webtrunk_codecs::tone::goertzel_dbm0;

use super::recorded::{read_wav, recording};
use super::stage::LEVEL_DBM0;
use crate::sip::rtp_peer::RtpPeer;
use crate::sip::stage::Stage;
use crate::support::gateway::{GatewayConfig, PATIENCE};

const CALLER_HZ: f64 = 850.0;
const CALLEE_HZ: f64 = 440.0;

/// Packets of 180 ms, as fast as they are taken. By its timestamp each begins 1.1 s behind the one before it, and by its
/// number five are missing between: made up for they were 24 s of sound each second.
const PACKETS: u32 = 44;
const PACKET: usize = 1440;
const EVERY: Duration = Duration::from_millis(45);
const TICKS: u32 = 8800;
const NUMBERS: u16 = 6;

/// How long the phone speaks in time behind that: 40 ms to be caught up with are done in the first three seconds.
const SPOKEN: Duration = Duration::from_secs(5);

/// How far the length of the file may be from the time that the call took as its phones see it.
const OFF_MAX: Duration = Duration::from_secs(2);

fn run_away(phone: &RtpPeer, to: SocketAddr) {
    let begun = Instant::now();
    for packet in 0..PACKETS {
        let mut bytes = vec![0x80, 0];
        bytes.extend((packet as u16 * NUMBERS).to_be_bytes());
        bytes.extend((packet * TICKS).to_be_bytes());
        bytes.extend(*b"away");
        bytes.extend([0x55; PACKET]);
        phone.send_packet(to, &bytes);
        std::thread::sleep((EVERY * (packet + 1)).saturating_sub(begun.elapsed()));
    }
}

/// Fails unless this is a tone at its level, mostly.
fn assert_is_mostly(samples: &[i16], rate: SampleRate, hz: f64) {
    let tenths = samples.chunks_exact(rate.samples_in_ms(100));
    let mut levels: Vec<f64> = tenths.map(|tenth| goertzel_dbm0(tenth, rate, hz)).collect();
    levels.sort_by(f64::total_cmp);
    let level = levels[levels.len() / 2];
    assert!((level - LEVEL_DBM0).abs() <= 1.0, "{hz} Hz with {level:.2} dBm0");
}

/// Fails when `recorder/track.rs` makes up for what only timestamps say was lost: then there is no room for what is said.
#[test]
fn what_a_phone_says_after_its_timestamps_ran_away_is_recorded_where_it_was_said() {
    let folder = TempDir::new().expect("a folder");
    let config = GatewayConfig::default().recording(folder.path()).rule(
        "destination = '9100'\nfrom_trunk = 'office'\n\
         actions = [{ record = { format = 'wav' } }, { bridge = { trunk = 'carrier', number = '9100' } }]",
    );
    let Some(stage) = Stage::with(&["PCMU"], config) else { return };
    let mut caller = RtpPeer::new(&stage.caller, 7000);
    let mut callee = RtpPeer::new(&stage.callee, 7000);
    let at_callee = stage.answer("callee_talks", &[]);
    let at_caller = stage.call("caller_talks", "9100", &[]);
    let to_callee = at_callee.wait_for("INVITE").audio_port().expect("we offer");
    let to_caller = at_caller.wait_for("200").audio_port().expect("an answer");
    let answered_at = Instant::now();
    callee.say(stage.rtp(to_callee), Law::Mu, CALLEE_HZ);
    run_away(&caller, stage.rtp(to_caller));
    caller.say(stage.rtp(to_caller), Law::Mu, CALLER_HZ);
    let speaks_since = Instant::now();
    callee.assert_hears(Law::Mu, CALLER_HZ);
    caller.assert_hears(Law::Mu, CALLEE_HZ);
    std::thread::sleep(SPOKEN.saturating_sub(speaks_since.elapsed()));
    let lasted = answered_at.elapsed();
    at_caller.go_on();
    at_caller.finish();
    at_callee.finish();
    stage.gateway.assert_all_is_over(1);
    stage.gateway.log().wait_for(&["recording stopped", "CallEnded"], PATIENCE);
    let ([left, right], rate) = read_wav(&recording(folder.path(), "wav"));
    let recorded = Duration::from_secs_f64(left.len() as f64 / f64::from(rate.hz()));
    assert!(recorded.abs_diff(lasted) < OFF_MAX, "{recorded:?} are recorded of {lasted:?}");
    let last = left.len() - rate.samples_in_ms(2000);
    assert_is_mostly(&left[last..], rate, CALLER_HZ);
    assert_is_mostly(&right, rate, CALLEE_HZ);
}
