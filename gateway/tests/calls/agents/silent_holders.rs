//! Phones that hold by `sendonly` and say nothing: whoever is held hears our music until they do.

use std::time::Duration;

use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Call, Voice};

use super::ear::assert_hears_from_now;
use super::played::Prompts;
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};

const MUSIC_HZ: u16 = 1500;

/// What a phone plays itself to whom it holds.
const OWN_HZ: u16 = 1100;

#[tokio::test(flavor = "multi_thread")]
async fn music_is_heard_of_a_phone_that_holds_by_sendonly_as_long_as_it_sends_nothing() {
    let prompts = Prompts::new();
    let music = format!("music_on_hold = {:?}", prompts.wav(MUSIC_HZ, 16_000));
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().media(&music));
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let (alice, office) = (webrtc(stage.alice()).await, phone(stage.caller(CodecId::Pcmu)).await);
    // Transcoded, and passed through.
    for is_from_webrtc in [true, false] {
        let (call, lifted) = match is_from_webrtc {
            true => talk_from_webrtc(&alice, &callee).await,
            false => talk(&office, &callee).await,
        };
        assert_hears_from_now(&call, CALLEE_HZ).await;
        lifted.say(None);
        lifted.hold().await.expect("agreed");
        for _ in 0..2 {
            assert_hears_only(&call, MUSIC_HZ, OWN_HZ).await;
            lifted.say(Some(Voice::tone(OWN_HZ, LEVEL_DBM0)));
            assert_hears_only(&call, OWN_HZ, MUSIC_HZ).await;
            lifted.say(None);
        }
        assert_hears_only(&call, MUSIC_HZ, OWN_HZ).await;
        lifted.resume().await.expect("agreed");
        lifted.say(Some(Voice::tone(CALLEE_HZ, LEVEL_DBM0)));
        assert_hears_only(&call, CALLEE_HZ, MUSIC_HZ).await;
        assert_hears_only(&lifted, CALLER_HZ, MUSIC_HZ).await;
        assert_is_one_sequence(&call).await;
        call.hang_up().await.expect("confirmed");
        lifted.ended(PATIENCE).await.expect("hung up");
    }
    stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_heard_of_a_phone_that_holds_by_sendonly_and_sends_nothing_where_there_is_no_music() {
    let stage = Stage::new(&["PCMU"]);
    let (office, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&office, &callee).await;
    assert_hears_from_now(&call, CALLEE_HZ).await;
    lifted.say(None);
    lifted.hold().await.expect("agreed");
    // What is on its way comes.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = call.heard().await.expect("a log").packets.len();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(call.heard().await.expect("a log").packets.len(), before);
    lifted.resume().await.expect("agreed");
    lifted.say(Some(Voice::tone(CALLEE_HZ, LEVEL_DBM0)));
    assert_hears_from_now(&call, CALLEE_HZ).await;
    assert_hears_from_now(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// Fails unless the one tone is heard a second from now, and not the other.
async fn assert_hears_only(call: &Call, hz: u16, other_hz: u16) {
    assert_hears_from_now(call, hz).await;
    let samples = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    let level = goertzel_dbm0(&samples[samples.len() - 8000..], SampleRate::HZ_8000, other_hz.into());
    assert!(level < LEVEL_DBM0 - 20.0, "{other_hz} Hz with {level:.2} dBm0 beside {hz} Hz");
}

/// Fails unless all that was heard came in one stream whose sequence has no gap.
async fn assert_is_one_sequence(call: &Call) {
    let heard = call.heard().await.expect("a log");
    assert_eq!(heard.ssrcs().len(), 1, "{:?}", heard.ssrcs());
    for pair in heard.packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "a gap in the sequence");
    }
}
