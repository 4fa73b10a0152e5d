//! A back end that asks and asks: it is told to wait, and hides nothing of what is another's.

use std::time::Duration;

use serde_json::json;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Credentials, WebrtcConfig};

use super::back_end::BackEnd;
use super::event_stream::EventStream;
use crate::agents::stage::{Stage, lift, phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE, password};

const ALL: &str = "\"calls:read\", \"calls:write\", \"events\"";

/// More calls, and more events of them, than are kept.
const FLOOD: usize = 2100;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refused_calls_hides_nobody_elses_and_a_key_that_asks_too_often_waits() {
    let (acme, beta) = (BackEnd::new("acme-crm"), BackEnd::new("beta-crm"));
    let sections = format!(
        "[rest]\nrequests_per_minute = 100000\n{}{}[[customers]]\nname = 'acme'\n[[customers]]\nname = 'beta'\n",
        acme.entry(ALL, "customer = 'acme'"),
        beta.entry(ALL, "customer = 'beta'"),
    );
    let config = GatewayConfig::default()
        .user("acme+alice")
        .user("beta+bob")
        .sections(&sections)
        .log_filter("warn,webtrunk::reload=info");
    let stage = Stage::with(&["PCMU"], config);
    let gateway = &stage.gateway;
    let heard = EventStream::open(&beta, gateway, "", None);
    let (bob, callee) = (
        webrtc(WebrtcConfig {
            credentials: Credentials::new("beta+bob", &password("beta+bob")),
            ..stage.alice()
        })
        .await,
        phone(stage.callee(CodecId::Pcmu)).await,
    );
    let (call, lifted) = tokio::join!(bob.call("9100"), lift(&callee));
    call.expect("an answer").hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    let started = heard.next("call.started");
    for kind in ["call.ringing", "call.answered", "call.ended"] {
        heard.next(kind);
    }
    let id = started.data["call"]["id"].as_str().expect("a name").to_owned();

    let refused = json!({"user": "alice", "from": "7", "to": "9100"});
    for _ in 0..FLOOD {
        assert_eq!(acme.ask(gateway, "POST", "/calls", Some(&refused)).0, 422);
    }
    assert_eq!(beta.read(gateway, &id)["state"], "ended");
    assert_eq!(beta.ask(gateway, "GET", "/calls", None).1["items"][0]["id"], id.as_str());
    let again = EventStream::open(&beta, gateway, "", Some(&started.id));
    for kind in ["call.ringing", "call.answered", "call.ended"] {
        again.next(kind);
    }

    gateway.reload(|text| text.replace("requests_per_minute = 100000", "requests_per_minute = 30"));
    let asks = |who: &BackEnd| who.ask(gateway, "GET", "/calls", None);
    let answers: Vec<_> = (0..40).map(|_| asks(&acme)).collect();
    let (status, told) = answers.iter().find(|(status, _)| *status != 200).expect("it asks too often");
    assert_eq!((*status, &told["type"]), (429, &"urn:webtrunk:problem:too-many-requests".into()), "{told}");
    assert_eq!(asks(&beta).0, 200, "nobody else waits");
    let limited = answers.iter().filter(|(status, _)| *status == 429).count();
    let metrics = gateway.metrics();
    assert!(metrics.contains(&format!("webtrunk_rest_requests_limited_total {limited}\n")), "{metrics}");

    // Who waits as long as it is told is let in, and no sooner.
    let head = acme.head(gateway, "GET", "/calls", "");
    let wait =
        head.lines().find_map(|line| line.strip_prefix("retry-after: ")).expect("it is told").to_owned();
    assert!(head.starts_with("http/1.1 429 "), "{head}");
    let wait: u64 = wait.trim().parse().expect("seconds");
    assert!((1..=2).contains(&wait), "one request in two seconds: {wait}");
    assert_eq!(asks(&acme).0, 429);
    tokio::time::sleep(Duration::from_secs(wait)).await;
    assert_eq!([asks(&acme).0, asks(&acme).0], [200, 429]);
}
