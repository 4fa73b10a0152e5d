//! What receivers of webhooks are sent while people call: signed, in order, and again until they have it.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;

use super::back_end::BackEnd;
use super::event_stream::EventStream;
use super::hook_receiver::{HookReceiver, kinds, names};
use crate::agents::ear::assert_hears;
use crate::agents::recorded::{stage_with, talk};
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;

/// What is told of a call that is recorded.
const OF_A_CALL: [&str; 4] = ["call.started", "call.answered", "call.ended", "recording.ready"];

/// These and registrations, for a hook and for a stream; phones ring too shortly to be told of each time.
const WANTED: &str = "events = [\"registration.changed\", \"call.started\", \"call.answered\", \"call.ended\", \"recording.ready\"]";
const TYPES: &str = "?types=registration.changed,call.started,call.answered,call.ended,recording.ready";

/// Longer than the gateway takes to keep what waits.
const SETTLED: Duration = Duration::from_millis(400);

/// A gateway with these hooks that keeps records in this folder, records calls, and has a back end that listens.
fn config(folder: &TempDir, back_end: &BackEnd, hooks: &str) -> GatewayConfig {
    let customer = "[[customers]]\nname = 'acme'\n";
    let sections = format!("[rest]\n{}{customer}{hooks}", back_end.entry("\"events\", \"calls:read\"", ""));
    let config = GatewayConfig::default().store(&folder.path().join("w.db"));
    config.records(&folder.path().join("calls.jsonl")).sections(&sections)
}

fn recordings(folder: &TempDir) -> std::path::PathBuf {
    let recordings = folder.path().join("recordings");
    fs::create_dir(&recordings).expect("our folder");
    recordings
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_sent_what_the_stream_tells_and_no_other_address_or_customer_is() {
    let folder = TempDir::new().expect("a folder");
    let own = BackEnd::new("own");
    let (all, ends, acme, moved) =
        (HookReceiver::start(), HookReceiver::start(), HookReceiver::start(), HookReceiver::start());
    moved.answer(307, &format!("http://{}/hooks?of=stolen", all.at()));
    // It takes connections and never answers.
    let hung = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let local = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let local_port = local.local_addr().expect("it is bound").port();
    let hooks = all.entry("all", WANTED)
        + &ends.entry("ends", "events = [\"call.ended\"]")
        + &acme.entry("acme", "customer = \"acme\"")
        + &moved.entry("moved", WANTED)
        + &all
            .entry("hung", WANTED)
            .replace(&all.at().to_string(), &hung.local_addr().expect("it is bound").to_string())
            .replace(&format!("{}/32", all.at().ip()), "127.0.0.1/32")
        + &all.entry("local", WANTED).replace(&all.at().to_string(), &format!("localhost:{local_port}"));
    let stage = stage_with(config(&folder, &own, &hooks), &recordings(&folder));
    let gateway = &stage.gateway;
    let stream = EventStream::open(&own, gateway, TYPES, None);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    alice.register().await.expect("the password is right");
    let (call, lifted) = talk(&alice, &callee, "wav").await;
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    // While it goes on.
    assert_eq!(kinds(&all.wait(3)), ["registration.changed", "call.started", "call.answered"]);
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");

    let got = all.wait(5);
    assert_eq!(kinds(&got)[1..], OF_A_CALL);
    for (got, kind) in got.iter().zip(kinds(&got)) {
        let told = stream.next(kind);
        assert_eq!((&got.id, &got.body), (&told.id, &told.data), "as the stream tells it");
    }
    assert_eq!(got[4].body["recording"], got[3].body["call"]["recordings"][0]);
    assert_eq!(kinds(&ends.wait(1)), ["call.ended"]);
    assert_eq!(got[3].body["call"]["end"]["cause"], "hangup");

    // Nobody was sent anything by a redirect, to an address of ours by a name, or of another's.
    assert!(wait_until(PATIENCE, || moved.tries() >= 2), "it is tried again");
    local.set_nonblocking(true).expect("it is ours");
    assert!(local.accept().is_err(), "nobody came");
    let told = |parts: &[&str]| gateway.log().count(parts) > 0;
    assert!(told(&["\"hook\":\"local\"", "it is at 127.0.0.1, which is no public address"]));
    assert!(told(&["\"hook\":\"moved\"", "it answers 307, and no redirect is followed"]));
    assert_eq!((acme.tries(), all.got().len(), moved.got().len()), (0, 5, 0));
    let metrics = gateway.metrics();
    for line in [
        "webtrunk_webhook_events_total{hook=\"all\",outcome=\"delivered\"} 5",
        "webtrunk_webhook_events_waiting{hook=\"hung\"} 5",
        "webtrunk_webhook_events_waiting{hook=\"moved\"} 5",
        "webtrunk_webhook_up{hook=\"moved\"} 0",
        "webtrunk_webhook_up{hook=\"all\"} 1",
        "webtrunk_webhook_events_missed_total 0",
    ] {
        assert!(metrics.lines().any(|own| own == line), "{line}: {metrics}");
    }

    // Another address by a reload: nothing is lost, and one that said that it is gone is tried again.
    moved.answer(410, "");
    assert!(wait_until(PATIENCE, || told(&["\"hook\":\"moved\"", "says that it is gone"])));
    moved.answer(200, "");
    let tries = moved.tries();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(moved.tries(), tries);
    gateway.reload(|text| text.replace("name = \"ends\"", "name = \"last\""));
    assert_eq!(names(&moved.wait(5)), names(&got));
    stage.gateway.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_a_receiver_is_down_and_the_gateway_is_killed_arrives_once_in_order_by_the_same_names()
 {
    let folder = TempDir::new().expect("a folder");
    let own = BackEnd::new("own");
    let mut receiver = HookReceiver::start();
    let mut stage = stage_with(config(&folder, &own, &receiver.entry("crm", WANTED)), &recordings(&folder));
    let stream = EventStream::open(&own, &stage.gateway, TYPES, None);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    alice.register().await.expect("the password is right");
    let mut told = vec![stream.next("registration.changed").id];
    receiver.wait(1);

    // Down for a call, then refusing.
    receiver.stop();
    let (call, lifted) = talk(&alice, &callee, "wav").await;
    assert_hears(&call, CALLEE_HZ).await;
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    told.extend(OF_A_CALL.map(|kind| stream.next(kind).id));
    receiver.answer(503, "");
    receiver.listen();
    assert!(wait_until(PATIENCE, || receiver.tries() > 1), "it is tried again");
    receiver.answer(200, "");
    let ids = |count| receiver.wait(count).into_iter().map(|got| got.id).collect::<Vec<_>>();
    assert_eq!(ids(5), told);

    // Killed while it is down: one call is over, another goes on.
    receiver.stop();
    let mut going_on = Vec::new();
    for is_over in [true, false] {
        let (call, lifted) = talk(&alice, &callee, "wav").await;
        assert_hears(&lifted, CALLER_HZ).await;
        told.extend(OF_A_CALL[..2].iter().map(|kind| stream.next(kind).id));
        if is_over {
            call.hang_up().await.expect("confirmed");
            lifted.ended(PATIENCE).await.expect("it is hung up");
            told.extend(OF_A_CALL[2..].iter().map(|kind| stream.next(kind).id));
        } else {
            going_on.push((call, lifted));
        }
    }
    tokio::time::sleep(SETTLED).await;
    stage.gateway.kill_and_start_again();
    receiver.listen();
    let ids = |count| receiver.wait(count).into_iter().map(|got| got.id).collect::<Vec<_>>();
    assert_eq!(ids(told.len())[..told.len()], told[..]);
    // The call that was cut is told to be over, by the process that found it so.
    let end = || {
        let mut later = receiver.got().into_iter().skip(told.len());
        later.find(|got| got.body["type"] == "call.ended")
    };
    assert!(wait_until(PATIENCE, || end().is_some()), "{:#?}", names(&receiver.got()));
    let (got, end) = (receiver.got(), end().expect("it is there"));
    assert_eq!(end.body["call"]["id"], got[told.len() - 1].body["call"]["id"]);
    assert_eq!(end.body["call"]["end"], json!({"cause": "crash", "by": "crash"}));
    drop(going_on);

    // None of them comes a third time, nor after an orderly end.
    let count = receiver.got().len();
    tokio::time::sleep(SETTLED).await;
    stage.gateway.stop_and_start_again();
    tokio::time::sleep(SETTLED).await;
    let later: Vec<_> = receiver.got().split_off(count).into_iter().map(|got| got.id).collect();
    assert!(later.iter().all(|id| !told.contains(id)), "{later:?}");
    stage.gateway.stop();
}
