//! Calls as traces, at a collector of OpenTelemetry.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use webtrunk_codecs::CodecId;

use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, Stage, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::process::wait_until;

/// A collector that takes whatever comes; what it got, each with its path.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, Value)>>>);

impl Collector {
    fn start(at: SocketAddr) -> Self {
        let collector = Self::default();
        let listener = TcpListener::bind(at).expect("the host is ours");
        let own = collector.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                let (mut head, mut length) = (String::new(), 0);
                while reader.read_line(&mut head).is_ok_and(|read| read > 2) {
                    let line = head.lines().last().unwrap_or_default().to_ascii_lowercase();
                    if let Some(value) = line.strip_prefix("content-length: ") {
                        length = value.trim().parse().expect("a number");
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).expect("all of it");
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let body = serde_json::from_slice(&body).expect("JSON");
                own.0.lock().unwrap_or_else(PoisonError::into_inner).push((path, body));
                let answer =
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
                reader.into_inner().write_all(answer).expect("it is read");
            }
        });
        collector
    }

    /// All spans so far.
    fn spans(&self) -> Vec<Value> {
        let got = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        assert!(got.iter().all(|(path, _)| path == "/v1/traces"), "{got:?}");
        let spans = |(_, body): &(String, Value)| {
            let scopes = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
            scopes.as_array().expect("spans").clone()
        };
        got.iter().flat_map(spans).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_a_trace_at_the_collector_with_a_span_for_each_leg() {
    let at = Host::new();
    let collector = Collector::start(at.at(4318));
    let config = GatewayConfig::default().traces_to(&format!("http://{}", at.at(4318)));
    let stage = Stage::with(&["PCMU"], config);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_hears(&call, CALLEE_HZ).await;
    let record =
        stage.gateway.admin("GET", "/calls").1["calls"][0]["id"].as_str().expect("a name").to_owned();
    assert!(collector.spans().is_empty(), "a trace is there when the call is over");
    lifted.hold().await.expect("the gateway agrees");
    tokio::time::sleep(Duration::from_millis(200)).await;
    lifted.resume().await.expect("the gateway agrees");
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("hung up");
    assert!(wait_until(PATIENCE, || collector.spans().len() == 3), "{:?}", collector.spans());

    let spans = collector.spans();
    let named = |name: &str| spans.iter().find(|span| span["name"] == name).expect("it is there");
    let (whole, caller, callee) = (named("call"), named("leg in"), named("leg out"));
    for span in [whole, caller, callee] {
        assert_eq!(span["traceId"].as_str(), Some(record.replace('-', "").as_str()));
        let at = |key: &str| span[key].as_str().and_then(|text| text.parse::<u64>().ok()).expect("a time");
        let lasted = Duration::from_nanos(at("endTimeUnixNano") - at("startTimeUnixNano"));
        assert!(lasted > Duration::from_millis(500) && lasted < PATIENCE, "{span}");
    }
    for leg in [caller, callee] {
        assert_eq!(leg["parentSpanId"], whole["spanId"]);
    }
    let went_on = |span: &Value| -> Vec<String> {
        let events = span["events"].as_array().expect("some").iter();
        events.map(|event| event["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert!(went_on(caller).contains(&"talking".to_owned()), "{caller}");
    assert_eq!(went_on(callee)[..4], ["ringing", "talking", "on_hold", "talking"], "{callee}");
    let says = |span: &Value, key: &str, value: &str| {
        let all = span["attributes"].as_array().expect("some");
        assert!(
            all.iter().any(|one| one["key"] == key && one["value"]["stringValue"] == value),
            "{key}: {span}"
        );
    };
    says(whole, "webtrunk.destination", "9100");
    says(whole, "webtrunk.end.cause", "hangup");
    says(caller, "webtrunk.media.codec_in", "opus");
    says(callee, "webtrunk.media.codec_in", "PCMU");
    stage.gateway.assert_all_is_over(1);
}

/// A collector that is not there costs traces and no call.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_collector_a_gateway_carries_calls_and_says_once_that_traces_are_lost() {
    let nobody = Host::new();
    let config = GatewayConfig::default()
        .traces_to(&format!("http://{}", nobody.at(4318)))
        .rule("destination = '9196'\nactions = ['answer', 'echo']");
    let stage = Stage::with(&["PCMU"], config);
    let alice = webrtc(stage.alice()).await;
    for _ in 0..2 {
        let call = alice.call("9196").await.expect("an answer");
        call.heard_packets(10, PATIENCE).await.expect("audio");
        call.hang_up().await.expect("confirmed");
    }
    let lost = "webtrunk_queue_overflows_total{queue=\"traces\"} 2";
    let is_told = || stage.gateway.metrics().lines().any(|line| line == lost);
    assert!(wait_until(PATIENCE, is_told), "{}", stage.gateway.metrics());
    assert_eq!(stage.gateway.log().count(&["the collector takes no traces"]), 1);
    stage.gateway.assert_all_is_over(2);
}
