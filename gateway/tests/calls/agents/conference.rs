//! Conferences: callers of several kinds, each with a tone of its own, meet in a room.

use std::time::{Duration, SystemTime};

use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Call, CallEnd, PhoneConfig, Voice, WebrtcCaller, WebrtcConfig};

use super::ear::assert_is_one_stream_but_for_stalls;
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE, password};

/// What the users say; the phones say what callers and callees do elsewhere.
pub(super) const ALICE_HZ: u16 = 1230;
pub(super) const BOB_HZ: u16 = 1870;

/// What is heard where a room is full.
const FULL_HZ: u16 = 2310;

/// For so long a verdict listens: 1.5 s, of which the first third may still change.
const LISTENED: usize = 75;

/// A stage with rooms: 8 and a number for everyone, 81 to 83 for supervisors.
pub(super) fn stage(media: &str) -> Stage {
    let room = |role: &str| format!("actions = ['answer', {{ conference = {{ room = '$1'{role} }} }}]");
    let mut config = GatewayConfig::default().user("bob").media(media);
    for (digit, role) in [
        ("1", ", role = 'listen'"),
        ("2", ", role = 'whisper', target = 'alice'"),
        ("3", ", role = 'barge'"),
        ("4", ", muted = true"),
        ("5", ", gain_db = -6"),
    ] {
        config = config.rule(&format!("destination = '8{digit}(\\d{{3}})'\n{}", room(role)));
    }
    let full = format!("{{ tone = {{ frequency_hz = {FULL_HZ}, level_dbm0 = -10, duration_ms = 4000 }} }}");
    let actions = format!("actions = ['answer', {{ conference = {{ room = '$1' }} }}, {full}]");
    config = config.rule(&format!("destination = '86(\\d{{3}})'\n{actions}"));
    for from in ["", "from_trunk = 'office|carrier'\n"] {
        config = config.rule(&format!("destination = '8(\\d{{3}})'\n{from}{}", room("")));
    }
    Stage::with(&["PCMU", "G722"], config)
}

pub(super) async fn user(stage: &Stage, name: &str, hz: u16) -> WebrtcCaller {
    webrtc(WebrtcConfig {
        voice: Some(Voice::tone(hz, LEVEL_DBM0)),
        media_address: Some(stage.gateway.sip().ip()),
        ..WebrtcConfig::new(&stage.gateway.websocket(), name, &password(name))
    })
    .await
}

/// How loud each of these tones is in what a party hears from now on.
pub(super) async fn levels<const N: usize>(call: &Call, tones: [u16; N]) -> [f64; N] {
    levels_at(call, SampleRate::HZ_8000, tones).await
}

/// The same in what it hears of the sound at this rate.
async fn levels_at<const N: usize>(call: &Call, rate: SampleRate, tones: [u16; N]) -> [f64; N] {
    let from = SystemTime::now();
    let before = call.heard().await.expect("a log").packets.len();
    call.heard_packets(before + LISTENED, PATIENCE).await.expect("audio");
    let samples = call.heard().await.expect("a log").since(from).samples(rate);
    let settled = &samples[samples.len() / 3..];
    tones.map(|hz| {
        let tenths = settled.chunks_exact(rate.samples_in_ms(100));
        let mut levels: Vec<f64> = tenths.map(|tenth| goertzel_dbm0(tenth, rate, hz.into())).collect();
        levels.sort_by(f64::total_cmp);
        levels[levels.len() / 2]
    })
}

/// Fails unless a party hears just those tones that it should, as loud as they are said.
pub(super) async fn assert_hears_just(call: &Call, who: &str, heard: &[u16]) {
    let tones = [CALLER_HZ, CALLEE_HZ, ALICE_HZ, BOB_HZ];
    for (hz, level) in tones.into_iter().zip(levels(call, tones).await) {
        let is_right = match heard.contains(&hz) {
            true => (level - LEVEL_DBM0).abs() <= 1.5,
            false => level < LEVEL_DBM0 - 25.0,
        };
        assert!(is_right, "{who} hears {hz} Hz with {level:.2} dBm0, and should hear {heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_with_three_codecs_hear_each_other_and_not_themselves() {
    let stage = stage("");
    let alice = user(&stage, "alice", ALICE_HZ).await;
    let (narrow, wide) = (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::G722)).await);
    let browser = alice.call("8100").await.expect("an answer");
    let narrow = narrow.call("8100").await.expect("an answer");
    let wide = wide.call("8100").await.expect("an answer");
    assert_hears_just(&browser, "alice", &[CALLER_HZ, CALLEE_HZ]).await;
    assert_hears_just(&narrow, "the phone with PCMU", &[CALLEE_HZ, ALICE_HZ]).await;
    assert_hears_just(&wide, "the phone with G.722", &[CALLER_HZ, ALICE_HZ]).await;
    for (call, codec) in [(&browser, CodecId::Opus), (&narrow, CodecId::Pcmu), (&wide, CodecId::G722)] {
        assert_eq!(call.heard().await.expect("a log").codec(), Some(codec));
        assert_is_one_stream_but_for_stalls(call).await;
    }
    let log = stage.gateway.log();
    browser.hang_up().await.expect("confirmed");
    log.wait_for(&["\"party left\"", "\"parties\":2"], PATIENCE);
    narrow.hang_up().await.expect("confirmed");
    wide.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(3);
    log.wait_for(&["\"conference is over\""], PATIENCE);
    assert_eq!(log.count(&["\"conference begins\""]), 1);
    assert_eq!(log.count(&["\"joined the conference\"", "\"parties\":3"]), 1);
    assert_eq!(log.count(&["\"party joined\""]), 3);
    assert!(log.count(&["\"active speaker\""]) > 0);
    // Each of the three talks.
    assert!(log.count(&["\"talking changed\"", "\"is_talking\":true"]) >= 3);
}

/// What is above the telephone's band goes from one with wide band to the other, beside one without.
#[tokio::test(flavor = "multi_thread")]
async fn two_with_wide_band_hear_it_of_each_other_beside_a_telephone() {
    const WIDE_HZ: [u16; 2] = [5000, 6000];
    let stage = stage("");
    let alice = user(&stage, "alice", WIDE_HZ[0]).await;
    let voice = Some(Voice::tone(WIDE_HZ[1], LEVEL_DBM0));
    let wide = phone(PhoneConfig { voice, ..stage.callee(CodecId::G722) }).await;
    let narrow = phone(stage.caller(CodecId::Pcmu)).await;
    let browser = alice.call("8100").await.expect("an answer");
    let wide = wide.call("8100").await.expect("an answer");
    let narrow = narrow.call("8100").await.expect("an answer");
    for (call, who, [own, other]) in
        [(&browser, "alice", WIDE_HZ), (&wide, "the phone with G.722", [WIDE_HZ[1], WIDE_HZ[0]])]
    {
        let heard = levels_at(call, SampleRate::HZ_16000, [other, CALLER_HZ, own]).await;
        let [other_dbm0, narrow_dbm0, own_dbm0] = heard;
        // Where it has little time, Opus saves at 6 kHz first: 1.6 dB.
        for level in [other_dbm0, narrow_dbm0] {
            assert!((level - LEVEL_DBM0).abs() <= 2.0, "{who} hears {heard:?} dBm0");
        }
        assert!(own_dbm0 < LEVEL_DBM0 - 25.0, "{who} hears itself: {heard:?} dBm0");
    }
    for call in [browser, wide, narrow] {
        call.hang_up().await.expect("confirmed");
    }
    stage.gateway.assert_all_is_over(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn parties_come_and_go_and_rooms_are_apart_while_the_others_talk() {
    let stage = stage("");
    let (alice, bob) = (user(&stage, "alice", ALICE_HZ).await, user(&stage, "bob", BOB_HZ).await);
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let first = alice.call("8100").await.expect("an answer");
    let second = caller.call("8100").await.expect("an answer");
    let elsewhere = callee.call("8200").await.expect("an answer");
    assert_hears_just(&first, "alice", &[CALLER_HZ]).await;
    assert_hears_just(&elsewhere, "who is alone", &[]).await;
    let third = bob.call("8100").await.expect("an answer");
    assert_hears_just(&first, "alice", &[CALLER_HZ, BOB_HZ]).await;
    assert_hears_just(&third, "bob", &[CALLER_HZ, ALICE_HZ]).await;
    // A key is told, and the party goes on.
    second.send_digits("5").await.expect("a key");
    second.hang_up().await.expect("confirmed");
    assert_hears_just(&first, "alice", &[BOB_HZ]).await;
    assert_is_one_stream_but_for_stalls(&first).await;
    assert_is_one_stream_but_for_stalls(&third).await;
    third.hang_up().await.expect("confirmed");
    assert_hears_just(&first, "alice", &[]).await;
    first.hang_up().await.expect("confirmed");
    elsewhere.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(4);
    assert_eq!(stage.gateway.log().count(&["\"digit pressed\""]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_listens_whispers_and_barges_in() {
    let stage = stage("");
    let (alice, bob) = (user(&stage, "alice", ALICE_HZ).await, user(&stage, "bob", BOB_HZ).await);
    let customer = phone(stage.caller(CodecId::Pcmu)).await;
    let agent = alice.call("8100").await.expect("an answer");
    let customer = customer.call("8100").await.expect("an answer");
    for (number, by_agent, by_customer) in
        [("81100", false, false), ("82100", true, false), ("83100", true, true)]
    {
        let supervisor = bob.call(number).await.expect("an answer");
        let with_bob = |tone: u16, is_heard: bool| if is_heard { vec![tone, BOB_HZ] } else { vec![tone] };
        assert_hears_just(&supervisor, number, &[ALICE_HZ, CALLER_HZ]).await;
        assert_hears_just(&agent, "the agent", &with_bob(CALLER_HZ, by_agent)).await;
        assert_hears_just(&customer, "the customer", &with_bob(ALICE_HZ, by_customer)).await;
        supervisor.hang_up().await.expect("confirmed");
    }
    agent.hang_up().await.expect("confirmed");
    customer.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(5);
    // Of the one who came after the agent, and of the supervisor only where it barged in.
    assert_eq!(stage.gateway.log().count(&["\"party joined\""]), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_is_muted_or_softer_where_its_rule_says_so() {
    let stage = stage("");
    let (alice, bob) = (user(&stage, "alice", ALICE_HZ).await, user(&stage, "bob", BOB_HZ).await);
    let listener = phone(stage.caller(CodecId::Pcmu)).await.call("8100").await.expect("an answer");
    let muted = alice.call("84100").await.expect("an answer");
    let soft = bob.call("85100").await.expect("an answer");
    let [muted_dbm0, soft_dbm0] = levels(&listener, [ALICE_HZ, BOB_HZ]).await;
    assert!(muted_dbm0 < -50.0, "the muted one comes with {muted_dbm0:.2} dBm0");
    assert!((soft_dbm0 - LEVEL_DBM0 + 6.0).abs() < 1.0, "the soft one comes with {soft_dbm0:.2} dBm0");
    let [caller_dbm0] = levels(&muted, [CALLER_HZ]).await;
    assert!((caller_dbm0 - LEVEL_DBM0).abs() < 1.0, "the muted one hears {caller_dbm0:.2} dBm0");
    for call in [listener, muted, soft] {
        call.hang_up().await.expect("confirmed");
    }
    stage.gateway.assert_all_is_over(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_room_lets_nobody_in() {
    let stage = stage("conference_parties_max = 2");
    let (alice, bob) = (user(&stage, "alice", ALICE_HZ).await, user(&stage, "bob", BOB_HZ).await);
    let first = alice.call("8100").await.expect("an answer");
    let caller = phone(stage.caller(CodecId::Pcmu)).await;
    let second = caller.call("8100").await.expect("an answer");
    let third = bob.call("86100").await.expect("an answer");
    let [full_dbm0, caller_dbm0] = levels(&third, [FULL_HZ, CALLER_HZ]).await;
    assert!(
        (full_dbm0 - LEVEL_DBM0).abs() < 1.0 && caller_dbm0 < -50.0,
        "{full_dbm0:.2} and {caller_dbm0:.2}"
    );
    assert!(matches!(third.ended(PATIENCE).await, Ok(CallEnd::ByPeer { .. })));
    assert_hears_just(&first, "alice", &[CALLER_HZ]).await;
    second.hang_up().await.expect("confirmed");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let fourth = bob.call("8100").await.expect("an answer");
    assert_hears_just(&first, "alice", &[BOB_HZ]).await;
    first.hang_up().await.expect("confirmed");
    fourth.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(4);
}

/// Fails when who has gone keeps its place until it has hung up: then who is put through is hung up instead.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_put_through_to_a_full_room_has_the_place_of_who_did_it() {
    let stage = stage("conference_parties_max = 2");
    let (alice, bob) = (user(&stage, "alice", ALICE_HZ).await, user(&stage, "bob", BOB_HZ).await);
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let (asked, lifted) = talk_from_webrtc(&alice, &callee).await;
    let waits = bob.call("8100").await.expect("an answer");
    let joined = alice.call("8100").await.expect("an answer");
    assert_hears_just(&waits, "bob", &[ALICE_HZ]).await;
    asked.put_through(&joined).await.expect("it may");
    for call in [&asked, &joined] {
        assert!(matches!(call.ended(PATIENCE).await, Ok(CallEnd::ByPeer { .. })));
    }
    assert_hears_just(&waits, "bob", &[CALLEE_HZ]).await;
    assert_hears_just(&lifted, "the phone", &[BOB_HZ]).await;
    lifted.hang_up().await.expect("confirmed");
    waits.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(3);
    assert_eq!(stage.gateway.log().count(&["\"the conference is full\""]), 0);
}
