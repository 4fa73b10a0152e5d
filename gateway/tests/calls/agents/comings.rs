//! Parties come to a conference of ten and go, again and again: who listens hears no click.

use std::f64::consts::TAU;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use webtrunk_codecs::l16::L16Rate;
use webtrunk_codecs::wav::Clip;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Heard, HeardPacket, PhoneConfig, Voice};

use super::stage::{Stage, phone};
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// Samples as they are: no step between the values of a codec passes for a click.
const L16: CodecId = CodecId::L16(L16Rate::Narrow);
const L16_NAME: &str = "L16/8000";

/// How often somebody comes or goes; as often as this tells where it is set: `make comings` wants 500.
const CHANGES: usize = 20;
const CHANGES_VARIABLE: &str = "WEBTRUNK_COMINGS";

const PARTIES_MAX: usize = 10;

/// What everybody but the listener hums: so slowly that the sound of all ten bends by less than a hundred from one sample
/// to the next, and a voice that begins or ends at once by up to its peak. A packet has 2.25 periods of it, so that it may
/// begin and end anywhere; two seconds of it join up with themselves.
const HUM_HZ: f64 = 112.5;
const HUM_S: u32 = 2;
const PEAK: f64 = 1500.0;
const BEND_MAX: i32 = 400;

fn hum() -> Voice {
    let rate = SampleRate::HZ_8000;
    let sample = |at: u32| ((f64::from(at) * HUM_HZ / f64::from(rate.hz()) * TAU).sin() * PEAK) as i16;
    Voice::from_clip(Clip { samples: (0..HUM_S * rate.hz()).map(sample).collect(), rate })
        .expect("long enough")
}

fn changes() -> usize {
    match std::env::var(CHANGES_VARIABLE) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{CHANGES_VARIABLE}={text} is no number")),
        Err(_) => CHANGES,
    }
}

/// The sound of packets that follow each other without a gap: where the gateway's thread or ours stood still, a gap is
/// what there is to be heard, and no click.
fn sounds(heard: &Heard) -> Vec<Vec<i16>> {
    let follows = |before: &HeardPacket, packet: &HeardPacket| {
        packet.sequence == before.sequence.wrapping_add(1)
            && packet.timestamp == before.timestamp.wrapping_add((before.payload.len() / 2) as u32)
    };
    let samples = |packet: &HeardPacket| -> Vec<i16> {
        packet.payload.as_chunks().0.iter().map(|bytes| i16::from_be_bytes(*bytes)).collect()
    };
    let runs = heard.packets.chunk_by(follows);
    runs.map(|run| run.iter().flat_map(samples).collect()).collect()
}

/// The sharpest bend in the sound: a step of n makes one of n.
fn sharpest_bend(samples: &[i16]) -> i32 {
    let bends = samples.windows(3).map(|s| i32::from(s[0]) - 2 * i32::from(s[1]) + i32::from(s[2]));
    bends.map(i32::abs).max().unwrap_or(0)
}

#[expect(clippy::print_stdout, reason = "what was heard is told to who asks for many changes")]
#[tokio::test(flavor = "multi_thread")]
async fn joins_and_leaves_of_a_conference_of_ten_make_no_click() {
    let room = "destination = '8100'\nfrom_trunk = 'office|carrier'\nactions = ['answer', { conference = { room = '100' } }]";
    let stage = Stage::with(&[L16_NAME], GatewayConfig::default().media("shards = 1").rule(room));
    let hummer = phone(PhoneConfig { voice: Some(hum()), ..stage.caller(L16) }).await;
    let listener = phone(PhoneConfig { voice: None, ..stage.callee(L16) }).await;
    let listener = listener.call("8100").await.expect("an answer");
    let mut random = StdRng::seed_from_u64(7);
    let (mut parties, mut joined, mut most) = (Vec::new(), 0, 0);
    for _ in 0..changes() {
        let count = parties.len();
        if count + 1 < PARTIES_MAX && (count < 6 || random.random_bool(0.6)) {
            parties.push(hummer.call("8100").await.expect("an answer"));
            joined += 1;
        } else {
            let leaver = parties.swap_remove(random.random_range(0..count));
            leaver.hang_up().await.expect("confirmed");
        }
        most = most.max(parties.len() + 1);
        tokio::time::sleep(Duration::from_millis(random.random_range(40..250))).await;
    }
    assert_eq!(most, PARTIES_MAX, "it was never full");
    let heard = listener.heard().await.expect("a log");
    let sounds = sounds(&heard);
    let bends = sounds.iter().map(|sound| sharpest_bend(sound)).max().unwrap_or(0);
    let loudest = sounds.iter().flatten().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    println!(
        "{joined} joined and {} left; {} packets in {} runs, a bend of {bends}",
        joined - parties.len(),
        heard.packets.len(),
        sounds.len()
    );
    assert!(loudest > 2 * PEAK as u16, "{loudest}: several hum at a time");
    assert!(bends < BEND_MAX, "a bend of {bends}");
    // One for each time that a thread stood still for long, as on a busy machine.
    assert!(sounds.len() <= 2 + heard.packets.len() / 500, "{} gaps", sounds.len() - 1);
    for call in parties {
        call.hang_up().await.expect("confirmed");
    }
    listener.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(joined + 1);
    stage.gateway.log().wait_for(&["\"conference is over\""], PATIENCE);
}
