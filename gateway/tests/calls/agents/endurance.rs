//! A thousand calls, in two rounds of batches: what they took is given back.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Phone, WebrtcConfig};
use webtrunk_loadtest::load::ProcessMeter;

use super::stage::{Stage, lift, phone, webrtc};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::process::wait_until;

/// Calls of one round. The second finds whatever the first needed to be made once, and must need no more.
const ROUND: usize = 500;

/// Calls that are up at the same time. Every batch has a connection of its own.
const BATCH: usize = 25;

/// How long a SIP transaction over UDP lasts beyond its end, for what is sent again: 64 times T1 (RFC 3261
/// 17.1.2.2, timers J and K), and some time to tidy up.
const LINGER: Duration = Duration::from_secs(33);

/// What more resident memory is believed to be the heap's own disorder, for each call of the second round. A
/// transcoder alone holds 25 times as much, and the messages of a transaction more than this.
const GROWTH_PER_CALL_KIB: f64 = 2.0;

/// Packets that each end hears before the calls are hung up.
const PACKETS: usize = 10;

/// What the gateway's process holds of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    threads: usize,
}

impl Held {
    fn by(gateway: &Gateway) -> Self {
        let count = |folder: &str| {
            let path = format!("/proc/{}/{folder}", gateway.process.id());
            fs::read_dir(path).expect("it runs and is ours").count()
        };
        Self { descriptors: count("fd"), threads: count("task") }
    }
}

/// A connection, a batch of calls from Opus to PCMU, both ends of each hear the other, and all is hung up.
async fn batch(stage: &Stage, callee: &Phone) {
    // As DTLS server, the callers' library loses its way when the machine is busy.
    let alice = WebrtcConfig { insists_on_dtls_client: true, ..stage.alice() };
    let alice = Arc::new(webrtc(alice).await);
    let mut dialling = JoinSet::new();
    for _ in 0..BATCH {
        let alice = Arc::clone(&alice);
        dialling.spawn(async move { alice.call("9100").await.expect("an answer") });
    }
    let mut ends = Vec::new();
    for _ in 0..BATCH {
        ends.push(lift(callee).await);
    }
    let calls = dialling.join_all().await;
    for end in calls.iter().chain(&ends) {
        end.heard_packets(PACKETS, PATIENCE).await.expect("audio");
    }
    let mut hanging_up = JoinSet::new();
    for call in calls {
        assert_eq!(call.codec().await, Some(CodecId::Opus));
        hanging_up.spawn(async move { call.hang_up().await.expect("confirmed") });
    }
    hanging_up.join_all().await;
    for end in &ends {
        end.ended(PATIENCE).await.expect("hung up");
    }
}

/// [`ROUND`] calls.
async fn round(stage: &Stage, callee: &Phone) {
    for _ in 0..ROUND / BATCH {
        batch(stage, callee).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_leave_nothing_behind() {
    // What is kept of calls on purpose is full after the first batch.
    let config =
        GatewayConfig::default().log_filter("info").rtp_ports(20_000, 23_999).sections("[trace]\ncalls = 20");
    let stage = Stage::with(&["PCMU"], config);
    let meter = ProcessMeter::new(stage.gateway.process.id()).expect("it runs and is ours");
    let callee = phone(stage.callee(CodecId::Pcmu)).await;

    round(&stage, &callee).await;
    stage.gateway.assert_all_is_over(ROUND);
    tokio::time::sleep(LINGER).await;
    let (held, before) = (Held::by(&stage.gateway), meter.read().expect("it runs"));

    round(&stage, &callee).await;
    stage.gateway.assert_all_is_over(2 * ROUND);
    // Connections close when their peers have.
    let is_back = wait_until(PATIENCE, || Held::by(&stage.gateway) == held);
    assert!(is_back, "{held:?} before, {:?} after", Held::by(&stage.gateway));
    let growth = meter.read().expect("it runs").rss_kib - before.rss_kib;
    assert!(growth <= ROUND as f64 * GROWTH_PER_CALL_KIB, "{growth} KiB more after {ROUND} calls");
}
