//! The codecs beside G.711: transcoded to Opus, and passed through where both sides speak them.

use webtrunk_codecs::CodecId;
use webtrunk_codecs::l16::L16Rate;
use webtrunk_loadtest::agent::{AgentError, Dialing, Phone, PhoneConfig, Voice, WebrtcConfig};

use super::ear::{assert_hears, assert_hears_wide_band};
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

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

/// The phone that is called is offered these, best first, and both talk.
async fn assert_offered(dialling: Result<Dialing, AgentError>, callee: &Phone, codecs: [&str; 3]) {
    let dialling = dialling.expect("a number");
    let incoming =
        tokio::time::timeout(PATIENCE, callee.next_incoming()).await.expect("in time").expect("a call");
    let formats = incoming.offer.iter().flat_map(|offer| &offer.formats).map(|format| format.name.as_str());
    let offered: Vec<_> = formats.filter(|name| !["telephone-event", "CN"].contains(name)).collect();
    assert_eq!(offered, codecs, "{}", incoming.invite);
    let lifted = incoming.answer().await.expect("a codec in common");
    let call = dialling.answered(PATIENCE).await.expect("an answer");
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
}

/// Those that the caller speaks come first, in the trunk's order too: they can be passed through.
#[tokio::test(flavor = "multi_thread")]
async fn each_trunk_is_offered_its_own_codecs_in_its_own_order_with_those_of_the_caller_in_front() {
    const FORTH: [&str; 3] = ["G722", "PCMA", "PCMU"];
    const BACK: [&str; 3] = ["PCMU", "PCMA", "G722"];
    let hosts: [Host; 2] = std::array::from_fn(|_| Host::new());
    let mut config =
        GatewayConfig::default().trunk("forth", &hosts[0], &FORTH).trunk("back", &hosts[1], &BACK);
    for (digit, trunk) in [("7", "forth"), ("8", "back")] {
        for from in ["", "from_trunk = 'office'\n"] {
            config = config.rule(&format!(
                "destination = '{digit}\\d+'\n{from}actions = [{{ bridge = {{ trunk = '{trunk}', number = '$0' }} }}]"
            ));
        }
    }
    let stage = Stage::with(&["PCMU", "PCMA"], config);
    let alice = webrtc(WebrtcConfig { codecs: vec![CodecId::Opus], ..stage.alice() }).await;
    let codecs = vec![CodecId::Pcma, CodecId::Pcmu];
    let office = phone(PhoneConfig { codecs, ..stage.caller(CodecId::Pcmu) }).await;
    for (host, number, of_alice, of_office) in
        [(&hosts[0], "7100", FORTH, ["PCMA", "PCMU", "G722"]), (&hosts[1], "8100", BACK, BACK)]
    {
        let callee = phone(PhoneConfig { bind: host.at(SIP_PORT), ..stage.callee(CodecId::Pcmu) }).await;
        assert_offered(alice.dial(number).await, &callee, of_alice).await;
        assert_offered(office.dial(number).await, &callee, of_office).await;
    }
    stage.gateway.assert_all_is_over(4);
}
