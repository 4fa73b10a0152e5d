//! What whoever supervises the process hears of it, and its end when it is of no use any more.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;

use super::records::{config, wait_for_records};
use super::stage::{Stage, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::process::wait_until;
use crate::support::stall::Stall;

/// How long the service manager waits for a sign of life.
const WATCHDOG: Duration = Duration::from_millis(900);

#[test]
fn the_service_manager_hears_that_the_gateway_listens_lives_and_stops() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("the folder is ours");
    manager.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let told = || {
        let mut told = [0; 256];
        let length = manager.recv(&mut told).expect("it is told something");
        String::from_utf8_lossy(&told[..length]).into_owned()
    };
    let config = GatewayConfig::default()
        .environment("NOTIFY_SOCKET", path.to_str().expect("a path of ASCII"))
        .environment("WATCHDOG_USEC", &WATCHDOG.as_micros().to_string());
    let gateway = Gateway::start(&config);
    // That it lives may be told first.
    assert!((0..2).any(|_| told() == "READY=1"));
    gateway.status();
    let begin = Instant::now();
    for _ in 0..5 {
        assert_eq!(told(), "WATCHDOG=1");
    }
    assert!(begin.elapsed() < 5 * WATCHDOG, "in time, each");
    gateway.process.signal(Signal::SIGTERM);
    assert!((0..10).any(|_| told() == "STOPPING=1"));
}

/// What `/healthz` tells with 503, as soon as it does.
pub(super) fn why_given_up(gateway: &Gateway) -> String {
    let mut told = None;
    wait_until(PATIENCE, || {
        told = gateway.try_public("/healthz").filter(|(status, _)| *status == 503);
        told.is_some()
    });
    told.expect("it is told while the calls are hung up").1
}

/// A thread that is held from outside is as good as one that waits for a lock for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_media_thread_that_stands_still_ends_the_gateway_and_its_calls() {
    let folder = TempDir::new().expect("a folder");
    let mut stage = Stage::with(&["PCMU"], config(folder.path()).media("shards = 1"));
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    call.heard_packets(50, PATIENCE).await.expect("audio");

    let _stall = Stall::of_media(stage.gateway.process.id());
    stage.gateway.log().wait_for(&["a thread stands still", "media shard 0", "\"calls\":1"], PATIENCE);
    // It may still go on; nobody is to start the process anew before its watchdog gives it up.
    assert_eq!(stage.gateway.public("/healthz"), (200, "lives\n".to_owned()));
    // Whoever looks at that moment is not kept waiting.
    let asked_at = Instant::now();
    let (status, told) = stage.gateway.admin("GET", "/calls");
    assert!(asked_at.elapsed() < Duration::from_secs(4), "{:?}", asked_at.elapsed());
    assert_eq!((status, &told["calls"][0]["destination"]), (200, &"9100".into()), "{told}");
    let figures = stage.gateway.metrics();
    assert!(figures.contains("webtrunk_stalls_total{who=\"media shard 0\"} 1\n"), "{figures}");
    assert!(figures.contains("webtrunk_stalls_total{who=\"signalling\"} 0\n"), "{figures}");
    assert_eq!(why_given_up(&stage.gateway), "media shard 0 stands still\n");
    lifted.ended(PATIENCE).await.expect("BYE");
    let status = stage.gateway.process.wait(PATIENCE).expect("it has ended");
    assert_eq!(status.code(), Some(70), "whoever supervises it starts it again");
    assert_eq!(stage.gateway.log().count(&["a thread does not come back"]), 1);
    let [record] = &wait_for_records(folder.path(), 1)[..] else { panic!("one") };
    assert_eq!(record["end"]["by"], "gateway", "{record:#}");
}
