//! The codecs beside G.711: transcoded to Opus, and passed through where both sides speak them.

use webtrunk_codecs::CodecId;
use webtrunk_codecs::l16::L16Rate;
use webtrunk_loadtest::agent::{PhoneConfig, Voice, WebrtcConfig};

use super::ear::{assert_hears, assert_hears_wide_band};
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, phone, talk, talk_from_webrtc, webrtc};

/// Above what narrow band carries.
const WIDE_HZ: u16 = 5000;

const L16: CodecId = CodecId::L16(L16Rate::Wide);

async fn opus_is_transcoded_to(codec: CodecId, name: &str) {
    let stage = Stage::new(&[name]);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(codec)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    assert_eq!(call.heard().await.expect("a log").codec(), Some(CodecId::Opus));
    assert_eq!(lifted.heard().await.expect("a log").codec(), Some(codec));
    assert_eq!(stage.paths(), (0, 2));
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// More than narrow band comes through, in both directions.
async fn opus_keeps_wide_band_beside(codec: CodecId, name: &str) {
    let stage = Stage::new(&[name]);
    let voice = Some(Voice::tone(WIDE_HZ, LEVEL_DBM0));
    let alice = webrtc(WebrtcConfig { voice: voice.clone(), ..stage.alice() }).await;
    let callee = phone(PhoneConfig { voice, ..stage.callee(codec) }).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_hears_wide_band(&call, WIDE_HZ).await;
    assert_hears_wide_band(&lifted, WIDE_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

async fn two_phones_are_passed_through(codec: CodecId, name: &str) {
    let stage = Stage::new(&[name]);
    let (caller, callee) = (phone(stage.caller(codec)).await, phone(stage.callee(codec)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    assert_eq!(stage.paths(), (2, 0));
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn opus_and_g722_are_transcoded() {
    opus_is_transcoded_to(CodecId::G722, "G722").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opus_and_g722_keep_wide_band() {
    opus_keeps_wide_band_beside(CodecId::G722, "G722").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g722_is_passed_through() {
    two_phones_are_passed_through(CodecId::G722, "G722").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opus_and_linear_samples_are_transcoded() {
    opus_is_transcoded_to(L16, "L16/16000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opus_and_linear_samples_keep_wide_band() {
    opus_keeps_wide_band_beside(L16, "L16/16000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn linear_samples_are_passed_through() {
    two_phones_are_passed_through(L16, "L16/16000").await;
}
