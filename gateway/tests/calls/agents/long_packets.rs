//! A phone that brings far more voice than time passes, in long packets: most of it is not decoded, and nobody else notices.

use std::time::{Instant, SystemTime};

use webtrunk_codecs::g711::Law;
use webtrunk_codecs::tone::{Tone, ToneGenerator};
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{PhoneConfig, ScriptStep, Voice};

use super::ear::{assert_has_few_gaps, assert_mostly_hears};
use super::srtp::dropped;
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// Packets of 180 ms, one each 4 ms: no more of them than may come of the shortest.
const PACKET_MS: u64 = 180;
const EVERY_MS: u32 = 4;
const PACKET: usize = 1440;

/// How much voice may come: so many times as much as time, and so many milliseconds of time at once.
const FASTER_MAX: u64 = 4;
const BURST_MS: u64 = 1000;

/// Six seconds.
const PACKETS: usize = 300;

fn flood() -> Voice {
    let mut tone = ToneGenerator::new(Tone::sine(CALLER_HZ.into(), LEVEL_DBM0), SampleRate::HZ_8000);
    let steps = (0..250).map(|_| {
        let mut samples = [0; PACKET];
        tone.fill(&mut samples);
        ScriptStep::Voice(samples.map(|sample| Law::Mu.encode(sample)).into(), EVERY_MS)
    });
    Voice::scripted(steps.collect())
}

/// Fails when `pace.rs` bounds how many packets come, and not how much voice.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_long_packets_is_cut_to_four_times_the_voice_and_a_call_beside_it_goes_on() {
    let stage = Stage::with(&["PCMU", "PCMA"], GatewayConfig::default().media("shards = 1"));
    let callee = phone(stage.callee(CodecId::Pcma)).await;
    let flooder = phone(PhoneConfig { voice: Some(flood()), ..stage.caller(CodecId::Pcmu) }).await;
    let alice = webrtc(stage.alice()).await;
    let began_at = Instant::now();
    let (flooding, flooded) = talk(&flooder, &callee).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    flooded.heard_packets(1, PATIENCE).await.expect("some of it is heard");
    let from = SystemTime::now();
    for end in [&call, &lifted, &flooding] {
        let heard = end.heard().await.expect("a log").packets.len();
        end.heard_packets(heard + PACKETS, PATIENCE).await.expect("audio");
    }
    for (end, hz) in [(&call, CALLEE_HZ), (&lifted, CALLER_HZ), (&flooding, CALLEE_HZ)] {
        assert_mostly_hears(end, hz).await;
        assert_has_few_gaps(&end.heard().await.expect("a log").since(from));
    }
    flooding.hang_up().await.expect("confirmed");
    let lasted_ms = began_at.elapsed().as_millis() as u64;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
    assert_eq!(stage.paths(), (0, 4), "all of it is decoded");
    let taken = stage.figures("rtp")["received"].as_u64().expect("a count");
    let most = FASTER_MAX * (lasted_ms + BURST_MS) / PACKET_MS + 1;
    assert!(taken <= most, "{taken} packets of {PACKET_MS} ms in {lasted_ms} ms");
    let refused = dropped(&stage, "too_fast");
    assert!(refused > 2 * taken, "{refused} were refused, and {taken} taken");
}
