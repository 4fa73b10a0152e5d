//! Actions of the dial plan that only signalling shows: to wait, and to refuse.

use std::time::{Duration, Instant};

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, CallEnd, Dialing};

use super::ear::assert_hears;
use super::stage::{Stage, phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// Every refusal, and its status.
const REFUSALS: [(&str, u16); 6] = [
    ("busy", 486),
    ("declined", 603),
    ("no_answer", 480),
    ("unavailable", 480),
    ("not_found", 404),
    ("forbidden", 403),
];

const WAIT: Duration = Duration::from_millis(1500);

/// What is late by this was late for another reason.
const LATE_MAX: Duration = Duration::from_secs(5);

async fn refusal(dialing: Result<Dialing, AgentError>) -> Option<u16> {
    let answered = dialing.expect("a number").answered(PATIENCE).await;
    answered.err().as_ref().and_then(AgentError::status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_the_status_of_its_reason() {
    let mut config = GatewayConfig::default();
    for (at, (reason, _)) in REFUSALS.iter().enumerate() {
        for from in ["", "from_trunk = 'office'"] {
            config = config
                .rule(&format!("destination = '70{at}'\n{from}\nactions = [{{ reject = '{reason}' }}]"));
        }
    }
    let stage = Stage::with(&["PCMU"], config);
    let (alice, caller) = (webrtc(stage.alice()).await, phone(stage.caller(CodecId::Pcmu)).await);
    for (at, (reason, status)) in REFUSALS.iter().enumerate() {
        let number = format!("70{at}");
        assert_eq!(refusal(alice.dial(&number).await).await, Some(*status), "{reason}");
        assert_eq!(refusal(caller.dial(&number).await).await, Some(*status), "{reason}");
    }
    stage.gateway.assert_all_is_over(2 * REFUSALS.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_passes_before_what_comes_after_it() {
    let wait = format!("{{ wait_ms = {} }}", WAIT.as_millis());
    let tone = "{ tone = { frequency_hz = 850, level_dbm0 = -10, duration_ms = 4000 } }";
    let config = GatewayConfig::default()
        .rule(&format!("destination = '701'\nactions = [{wait}, {{ reject = 'busy' }}]"))
        .rule(&format!("destination = '702'\nactions = [{wait}, 'answer', {tone}, {wait}, 'hangup']"));
    let stage = Stage::with(&["PCMU"], config);
    let alice = webrtc(stage.alice()).await;
    let is_waited = |since: Instant| (WAIT..WAIT + LATE_MAX).contains(&since.elapsed());

    let dialled_at = Instant::now();
    assert_eq!(refusal(alice.dial("701").await).await, Some(486));
    assert!(is_waited(dialled_at), "refused after {:?}", dialled_at.elapsed());

    let dialled_at = Instant::now();
    let call = alice.dial("702").await.expect("a number").answered(PATIENCE).await.expect("an answer");
    assert!(is_waited(dialled_at), "answered after {:?}", dialled_at.elapsed());
    assert_hears(&call, 850).await;
    assert!(matches!(call.ended(PATIENCE).await, Ok(CallEnd::ByPeer { .. })));
    let last = call.heard().await.expect("a log").packets.last().expect("the tone").at;
    let silence = last.elapsed().expect("it has come");
    assert!((WAIT..WAIT + LATE_MAX).contains(&silence), "hung up {silence:?} after the tone");
    stage.gateway.assert_all_is_over(2);
}
