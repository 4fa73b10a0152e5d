//! A scenario of SIPp with an injection file, imported and played.

use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::hear::{Hum, HumHeard};
use webtrunk_loadtest::sipp::{Source, Wishes, import};

use super::play;
use crate::agents::stage::{Stage, phone};
use crate::support::gateway::{GatewayConfig, password};

const INJECTED: &str = include_str!("../../../../../loadtest/src/sipp/scenarios/injected.xml");

/// Each proves who it is by a password that no other has. There are more calls than lines.
#[tokio::test(flavor = "multi_thread")]
async fn users_of_an_injection_file_register_and_call_whom_their_line_says() {
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().user("bob"));
    let target = stage.gateway.sip();
    let xml = INJECTED.replace("pbx.example", &target.ip().to_string());
    let fields = format!(
        "SEQUENTIAL\n# user;what answers its challenges;whom it calls\n\
         alice;[authentication username=alice password={}];9100\n\
         bob;[authentication username=bob password={}];9200\n",
        password("alice"),
        password("bob"),
    );
    let source = Source { file: "injected.xml", xml: &xml, injection: Some(("injected.csv", &fields)) };
    let wishes = Wishes { target: target.to_string(), calls: 3, ..Wishes::default() };
    let imported = import(&source, &wishes).unwrap_or_else(|error| panic!("{error}"));

    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let answering = tokio::spawn(async move {
        let mut taken = Vec::new();
        for _ in 0..3 {
            let incoming = carrier.next_incoming().await.expect("a call");
            let row = (incoming.from.clone(), incoming.to.clone());
            taken.push((row, incoming.answer().await.expect("a codec in common")));
        }
        (carrier, taken)
    });
    let report = play(&stage.gateway, &imported.toml).await;
    assert_eq!((report.calls.len(), report.summary.failed), (3, 0), "{:?}", report.summary.causes);
    let (_carrier, taken) = answering.await.expect("all three");
    let rows: Vec<_> = taken.iter().map(|((from, to), _)| (from.as_str(), to.as_str())).collect();
    assert_eq!(rows, [("alice", "9100"), ("bob", "9200"), ("alice", "9100")]);
    for (call, (row, lifted)) in report.calls.iter().zip(&taken) {
        let hum = Hum::of_caller(call.call);
        let samples = lifted.heard().await.expect("a log").samples(SampleRate::HZ_8000);
        assert_eq!(HumHeard::of(&samples, hum, &[]).whose, Some(hum), "{row:?} is call {}", call.call);
        assert!(call.verdict.as_ref().is_some_and(|it| it.to_caller.is_heard), "{call:?}");
    }
    stage.gateway.assert_all_is_over(3);
}
