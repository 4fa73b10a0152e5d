//! SRTP whose keys stand in the descriptions, between the gateway and phones on another SRTP library.

use webtrunk_codecs::g711::Law;
use webtrunk_codecs::tone::{Tone, ToneGenerator};
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{
    AgentError, Call, CallEnd, Credentials, LaterKeys, Phone, PhoneConfig, PhoneSrtp, ScriptStep,
    SrtpProfile, Voice,
};

use super::ear::{
    assert_hears, assert_hears_no_gap, assert_is_one_stream, assert_level, assert_mostly_hears,
};
use super::json::page::assert_phone_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift, phone, talk, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE, password};

use SrtpProfile::{AeadAes128Gcm, AeadAes256Gcm, Aes128CmHmacSha1_32, Aes128CmHmacSha1_80};

/// Both trunks keep this policy.
fn stage(srtp: &'static str) -> Stage {
    Stage::with(&["PCMU"], GatewayConfig::default().trunk_srtp(srtp))
}

const fn secure(profile: SrtpProfile) -> Option<PhoneSrtp> {
    Some(PhoneSrtp { profile, is_optional: false, later: LaterKeys::Kept })
}

async fn caller(stage: &Stage, srtp: Option<PhoneSrtp>) -> Phone {
    phone(PhoneConfig { srtp, ..stage.caller(CodecId::Pcmu) }).await
}

async fn callee(stage: &Stage, srtp: Option<PhoneSrtp>) -> Phone {
    phone(PhoneConfig { srtp, ..stage.callee(CodecId::Pcmu) }).await
}

/// Both hear each other, and how their packets are encrypted is this.
async fn assert_talk((call, lifted): (&Call, &Call), profiles: [Option<SrtpProfile>; 2]) {
    assert_hears(call, CALLEE_HZ).await;
    assert_hears(lifted, CALLER_HZ).await;
    assert_eq!([call.srtp_profile(), lifted.srtp_profile()], profiles);
}

fn assert_log_has_no_key_of(stage: &Stage, calls: &[&Call]) {
    for call in calls {
        let remote = call.remote_description().expect("a description");
        assert_eq!(remote.crypto.is_empty(), call.srtp_profile().is_none());
        for crypto in remote.crypto {
            assert_eq!(stage.gateway.log().count(&[&crypto.key]), 0, "a key is in the log");
        }
    }
    assert_eq!(stage.gateway.log().count(&["inline:"]), 0);
}

/// A tone in half seconds, each from another source.
fn tone_from_many_sources() -> Voice {
    let rate = SampleRate::HZ_8000;
    let mut tone = ToneGenerator::new(Tone::sine(CALLER_HZ.into(), LEVEL_DBM0), rate);
    let mut steps = Vec::new();
    for packet in 0..600 {
        if packet % 25 == 0 {
            steps.push(ScriptStep::NewSource);
        }
        let mut frame = [0; 160];
        tone.fill(&mut frame);
        steps.push(ScriptStep::Voice(frame.map(|sample| Law::Mu.encode(sample)).into(), 20));
    }
    Voice::scripted(steps)
}

/// Eight streams are held at a time, the counter of each is one of its own, and each begins just before its wrap.
#[tokio::test(flavor = "multi_thread")]
async fn more_sources_than_are_held_are_heard_one_after_the_other_each_across_a_wrap() {
    for profile in [Aes128CmHmacSha1_80, AeadAes128Gcm] {
        let stage = stage("require");
        let voice = Some(tone_from_many_sources());
        let srtp = secure(profile);
        let caller = phone(PhoneConfig { srtp, voice, ..stage.caller(CodecId::Pcmu) }).await;
        let callee = callee(&stage, secure(profile)).await;
        let (call, lifted) = talk(&caller, &callee).await;
        // Twelve sources.
        lifted.heard_packets(300, PATIENCE).await.expect("audio");
        assert_mostly_hears(&lifted, CALLER_HZ).await;
        assert_hears_no_gap(&lifted).await;
        assert_eq!(lifted.heard().await.expect("a log").ssrcs().len(), 1, "ours goes on");
        call.hang_up().await.expect("confirmed");
        stage.gateway.assert_all_is_over(1);
    }
}

/// A tone, and beside each packet of it a loud one by a source of its own.
fn tone_in_a_flood_of_sources() -> Voice {
    let mut tone = ToneGenerator::new(Tone::sine(CALLER_HZ.into(), LEVEL_DBM0), SampleRate::HZ_8000);
    let loud: [u8; 160] = std::array::from_fn(|at| if at % 4 < 2 { 0x00 } else { 0x80 });
    let steps = (0..600).flat_map(|_| {
        let mut frame = [0; 160];
        tone.fill(&mut frame);
        let voice = frame.map(|sample| Law::Mu.encode(sample));
        [ScriptStep::Voice(voice.into(), 20), ScriptStep::Stray(loud.into())]
    });
    Voice::scripted(steps.collect())
}

/// What a leg dropped for this reason, as its last line in the log tells.
pub(super) fn dropped(stage: &Stage, reason: &str) -> u64 {
    let figures = stage.figures("rtp");
    let told = figures["dropped"].as_str().unwrap_or_else(|| panic!("nothing was dropped: {figures}"));
    let count = told.split(", ").find_map(|it| it.strip_prefix(reason)?.trim().parse().ok());
    count.unwrap_or_else(|| panic!("{reason} of {figures}"))
}

/// Who has the key may fill no memory with streams: eight are held, of 256 is known how far they had come, and no other
/// is taken then. The voice that they come beside is heard all the time, and they are not.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_authentic_streams_takes_no_room_and_the_voice_beside_it_is_heard() {
    const TAKEN: u64 = 8 + 256;
    for profile in [Aes128CmHmacSha1_80, AeadAes128Gcm] {
        let stage = stage("require");
        let (srtp, voice) = (secure(profile), Some(tone_in_a_flood_of_sources()));
        let caller = phone(PhoneConfig { srtp, voice, ..stage.caller(CodecId::Pcmu) }).await;
        let callee = callee(&stage, secure(profile)).await;
        let (call, lifted) = talk(&caller, &callee).await;
        lifted.heard_packets(TAKEN as usize + 150, PATIENCE).await.expect("audio");
        assert_level(&lifted, CALLER_HZ).await;
        assert_hears_no_gap(&lifted).await;
        assert_is_one_stream(&lifted).await;
        assert_hears(&call, CALLEE_HZ).await;
        let heard = lifted.heard().await.expect("a log").packets.len() as u64;
        call.hang_up().await.expect("confirmed");
        stage.gateway.assert_all_is_over(1);
        let refused = dropped(&stage, "too_many_ssrcs");
        // As many as there are of the voice's packets, but for the voice's own stream and the last ones.
        assert!((refused + TAKEN - 1).abs_diff(heard) <= 10, "{refused} of {heard} were refused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_suite_is_passed_through_to_every_other() {
    for (ours, theirs) in [
        (Aes128CmHmacSha1_80, AeadAes256Gcm),
        (Aes128CmHmacSha1_32, Aes128CmHmacSha1_80),
        (AeadAes128Gcm, AeadAes128Gcm),
        (AeadAes256Gcm, Aes128CmHmacSha1_80),
    ] {
        let stage = stage("require");
        let (caller, callee) = (caller(&stage, secure(ours)).await, callee(&stage, secure(theirs)).await);
        let (call, lifted) = talk(&caller, &callee).await;
        assert_talk((&call, &lifted), [Some(ours), Some(theirs)]).await;
        assert_eq!(stage.paths(), (2, 0), "passed through");
        assert_log_has_no_key_of(&stage, &[&call, &lifted]);
        call.hang_up().await.expect("confirmed");
        stage.gateway.assert_all_is_over(1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webrtc_is_transcoded_to_every_suite() {
    for suite in [AeadAes128Gcm, AeadAes256Gcm, Aes128CmHmacSha1_80] {
        let stage = stage("require");
        let alice = webrtc(stage.alice()).await;
        let callee = callee(&stage, secure(suite)).await;
        let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
        assert_hears(&call, CALLEE_HZ).await;
        assert_hears(&lifted, CALLER_HZ).await;
        assert_eq!(lifted.srtp_profile(), Some(suite));
        assert_eq!(call.codec().await, Some(CodecId::Opus));
        call.hang_up().await.expect("confirmed");
        stage.gateway.assert_all_is_over(1);
    }
}

/// RFC 8643: plain RTP is offered with a key beside it, and whoever has none talks without.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_offered_is_done_where_both_can() {
    let optional = Some(PhoneSrtp { profile: AeadAes128Gcm, is_optional: true, later: LaterKeys::Kept });
    let sides = [(optional, Some(AeadAes128Gcm)), (None, None)];
    for (ours, profile) in sides {
        for (theirs, other) in sides {
            let stage = stage("offer");
            let (caller, callee) = (caller(&stage, ours).await, callee(&stage, theirs).await);
            let (call, lifted) = talk(&caller, &callee).await;
            assert_talk((&call, &lifted), [profile, other]).await;
            call.hang_up().await.expect("confirmed");
            stage.gateway.assert_all_is_over(1);
        }
    }
}

async fn refusal(caller: &Phone) -> Option<u16> {
    let answered = caller.dial("9100").await.expect("a number").answered(PATIENCE).await;
    answered.err().as_ref().and_then(AgentError::status)
}

const TOLD: &str = "peer describes no SRTP, which this leg must have";

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_without_srtp_where_it_is_required_is_refused() {
    let stage = stage("require");
    assert_eq!(refusal(&caller(&stage, None).await).await, Some(488));
    stage.gateway.log().wait_for(&[TOLD], PATIENCE);
    stage.gateway.assert_all_is_over(1);
}

/// It is hung up, and the caller is told.
#[tokio::test(flavor = "multi_thread")]
async fn who_answers_without_srtp_where_it_is_required_is_not_heard() {
    let stage = stage("require");
    let (caller, callee) = (caller(&stage, secure(AeadAes128Gcm)).await, callee(&stage, None).await);
    let (status, lifted) = tokio::join!(refusal(&caller), lift(&callee));
    assert_eq!(status, Some(488));
    assert!(matches!(lifted.ended(PATIENCE).await, Ok(CallEnd::ByPeer { .. })));
    assert_eq!(lifted.heard().await.expect("a log").packets, [], "heard in the clear");
    stage.gateway.log().wait_for(&[TOLD], PATIENCE);
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_insists_on_srtp_where_it_is_forbidden_is_refused() {
    let stage = stage("forbid");
    assert_eq!(refusal(&caller(&stage, secure(AeadAes128Gcm)).await).await, Some(488));
    stage.gateway.log().wait_for(&["peer insists on SRTP (RTP/SAVP), and srtp is"], PATIENCE);
    stage.gateway.assert_all_is_over(1);
}

/// Who is called where it is forbidden is offered none.
#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_forbidden_none_is_offered() {
    let stage = stage("forbid");
    let (caller, callee) = (caller(&stage, None).await, callee(&stage, None).await);
    let (call, lifted) = talk(&caller, &callee).await;
    let offer = lifted.remote_description().expect("an offer").text;
    assert!(offer.contains("RTP/AVP ") && !offer.contains("a=crypto"), "{offer}");
    assert_talk((&call, &lifted), [None, None]).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// Every hold and resume of the one phone changes its key, the other keeps its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_changes_in_a_call_is_followed() {
    let stage = stage("require");
    let changing =
        Some(PhoneSrtp { profile: Aes128CmHmacSha1_80, is_optional: false, later: LaterKeys::Changed });
    let (caller, callee) =
        (caller(&stage, changing).await, callee(&stage, secure(Aes128CmHmacSha1_80)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    assert_hears(&lifted, CALLER_HZ).await;
    let ours = |call: &Call| call.remote_description().expect("a description").crypto;
    let before = ours(&call);
    for end in [&call, &lifted] {
        for _ in 0..2 {
            end.hold().await.expect("agreed");
            end.resume().await.expect("agreed");
        }
    }
    assert_eq!(ours(&call), before, "our key stays");
    // Under the last key, and under the first.
    assert_phone_hears(&lifted, CALLER_HZ).await;
    assert_phone_hears(&call, CALLEE_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// What is protected once stays protected: who wants to go on in the clear is refused, and the call goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_dropped_in_a_call_is_refused() {
    let stage = stage("offer");
    let dropping = Some(PhoneSrtp { profile: AeadAes128Gcm, is_optional: true, later: LaterKeys::Dropped });
    let (caller, callee) = (caller(&stage, dropping).await, callee(&stage, None).await);
    let (call, lifted) = talk(&caller, &callee).await;
    assert_hears(&lifted, CALLER_HZ).await;
    let refused = call.hold().await.expect_err("a downgrade");
    assert_eq!(refused.status(), Some(488), "{refused}");
    assert_phone_hears(&lifted, CALLER_HZ).await;
    assert_eq!(call.srtp_profile(), Some(AeadAes128Gcm));
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// Registered phones are offered SRTP where nothing else is configured, and must have it where that is.
#[tokio::test(flavor = "multi_thread")]
async fn a_registered_phone_is_encrypted() {
    for (lines, is_optional) in [("", true), ("phone_srtp = 'require'", false)] {
        let config = GatewayConfig::default()
            .user("bob")
            .sip(lines)
            .rule("destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]");
        let stage = Stage::with(&["PCMU"], config);
        let srtp = Some(PhoneSrtp { profile: AeadAes256Gcm, is_optional, later: LaterKeys::Kept });
        let bob = phone(PhoneConfig {
            user: "bob".to_owned(),
            credentials: Some(Credentials::new("bob", &password("bob"))),
            srtp,
            ..stage.callee(CodecId::Pcmu)
        })
        .await;
        bob.register().await.expect("bob is known");
        let alice = webrtc(stage.alice()).await;
        let (call, lifted) = tokio::join!(alice.call("bob"), lift(&bob));
        let call = call.expect("an answer");
        assert_hears(&call, CALLEE_HZ).await;
        assert_hears(&lifted, CALLER_HZ).await;
        assert_eq!(lifted.srtp_profile(), Some(AeadAes256Gcm));
        call.hang_up().await.expect("confirmed");
        stage.gateway.assert_all_is_over(1);
    }
}
