//! A gateway whose calls break, as a process: which of them are lost, what it tells whoever calls then, and how it ends.

use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::process::{self, ExitCode};

use clap::Parser as _;
use serde_json::Value;
use tempfile::TempDir;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};
use webtrunk::cli::Cli;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Call, CallEnd};

use super::ear::{assert_hears_no_gap, assert_mostly_hears};
use super::json::page::assert_phone_hears;
use super::records::{assert_adds_up, config, wait_for_records};
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::support::gateway::PATIENCE;
use crate::support::launch;

/// The test that is the gateway.
const GATEWAY: &str = "agents::breaking::the_gateway_whose_calls_break";

/// Where a call breaks: its actor in media, and its task in signalling. Both log this when somebody asks for it.
const BREAKING: [&str; 2] = ["the peer restarts ICE", "party asks for a transfer"];

/// So many within a minute are too many.
const PANICS_MAX: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_loses_the_calls_that_break_alone_and_after_five_takes_none_and_ends_with_70() {
    let folder = TempDir::new().expect("a folder");
    let rule = "destination = '700'\nfrom_trunk = 'office'\nactions = ['answer', 'echo']";
    let mut stage = Stage::with(&["PCMU"], config(folder.path()).rule(rule).run_by(GATEWAY));
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let alice = webrtc(stage.alice()).await;
    let beside = [talk(&caller, &callee).await, talk_from_webrtc(&alice, &callee).await];
    let mut breaking = Vec::new();
    for _ in 0..PANICS_MAX {
        breaking.push(talk_from_webrtc(&alice, &callee).await);
    }
    for (call, lifted) in beside.iter().chain(&breaking) {
        for end in [call, lifted] {
            end.heard_packets(100, PATIENCE).await.expect("audio");
        }
        assert_mostly_hears(call, CALLEE_HZ).await;
        assert_mostly_hears(lifted, CALLER_HZ).await;
    }

    // One costs itself alone, and others begin.
    let (call, lifted) = &breaking[0];
    break_by(call.restart_ice(), [call, lifted]).await;
    assert_broke(&wait_for_records(folder.path(), 1)[0]);
    assert_hear(&beside).await;
    let next = caller.call("700").await.expect("calls are taken");
    next.heard_packets(50, PATIENCE).await.expect("its echo");
    assert_phone_hears(&next, CALLER_HZ).await;
    next.hang_up().await.expect("confirmed");
    assert!(stage.gateway.metrics().contains("webtrunk_panics_total 1\n"));

    // Five are too many.
    for (index, (call, lifted)) in breaking.iter().enumerate().skip(1) {
        match index % 2 {
            0 => break_by(call.restart_ice(), [call, lifted]).await,
            _ => break_by(call.transfer("9200"), [call, lifted]).await,
        }
    }
    stage.gateway.log().wait_for(&["the gateway takes no calls any more", "5 panics"], PATIENCE);
    let mut early = 0;
    let refused = loop {
        match caller.call("700").await {
            // It had not heard yet.
            Ok(call) => {
                call.hang_up().await.expect("confirmed");
                early += 1;
            }
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.status(), Some(503), "{refused}");
    let refused = alice.call("9100").await.err();
    assert_eq!(refused.as_ref().and_then(AgentError::status), Some(503), "{refused:?}");

    // Those that are there go on, and the process with them.
    assert_hear(&beside).await;
    let [(by_phone, lifted), (by_alice, _)] = &beside;
    for end in [by_phone, lifted] {
        assert_hears_no_gap(end).await;
    }
    by_phone.hang_up().await.expect("confirmed");
    assert_hear(&beside[1..]).await;
    assert!(stage.gateway.process.is_running(), "it waits for the last call");
    by_alice.hang_up().await.expect("confirmed");
    let status = stage.gateway.process.wait(PATIENCE).expect("it ends in time");
    assert_eq!(status.code(), Some(70), "whoever supervises it starts it again");
    let told = |message: &str| stage.gateway.log().count(&[&format!("\"message\":\"{message}\"")]);
    assert_eq!([told("panicked"), told("the gateway ends, to be started anew")], [PANICS_MAX, 1]);

    let records = wait_for_records(folder.path(), PANICS_MAX + early + 3);
    records.iter().for_each(assert_adds_up);
    let (broke, whole): (Vec<_>, Vec<_>) =
        records.iter().partition(|record| record["end"]["cause"] == "internal_error");
    assert_eq!(broke.len(), PANICS_MAX, "{records:#?}");
    broke.into_iter().for_each(assert_broke);
    for record in whole {
        let end = &record["end"];
        assert_eq!((&end["cause"], &end["by"]), (&"hangup".into(), &"caller".into()), "{record:#}");
    }
}

/// Does all that the binary does, and breaks what it does where it logs one of [`BREAKING`]: the gateway itself has no place for
/// that.
#[test]
#[ignore = "the test above starts it, in a process of its own"]
fn the_gateway_whose_calls_break() {
    let Some(configuration) = launch::configuration() else { return };
    let filter = EnvFilter::new("debug,hickory_net=info,hickory_resolver=info,mio=info");
    let log = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(io::stderr);
    // Whoever comes second finds that there is a log.
    tracing_subscriber::registry().with(filter).with(log).with(Fault).init();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = [OsString::from("webtrunk"), "run".into(), configuration.into()];
    let ended = Cli::parse_from(arguments).execute();
    let status = (0..=u8::MAX).find(|status| ExitCode::from(*status) == ended).expect("it is one of them");
    process::exit(status.into());
}

/// Breaks what a thread does that logs one of [`BREAKING`].
struct Fault;

impl<S: Subscriber> Layer<S> for Fault {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut is_breaking = IsBreaking(false);
        event.record(&mut is_breaking);
        assert!(!is_breaking.0, "a promise of ours is broken");
    }
}

struct IsBreaking(bool);

impl Visit for IsBreaking {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 |= field.name() == "message" && BREAKING.contains(&format!("{value:?}").as_str());
    }
}

/// Has the gateway break in a call; both of its ends hear BYE.
async fn break_by(asking: impl Future<Output = Result<(), AgentError>>, ends: [&Call; 2]) {
    let asking = async {
        // Nobody is there any more who could answer it.
        let _ = asking.await;
        std::future::pending::<()>().await;
    };
    let hear_of_the_end = async {
        for end in ends {
            let end = end.ended(PATIENCE).await.expect("BYE");
            assert!(matches!(end, CallEnd::ByPeer { .. }), "{end:?}");
        }
    };
    tokio::select! {
        () = asking => {}
        () = hear_of_the_end => {}
    }
}

/// Fails unless both ends of each hear the other now.
async fn assert_hear(calls: &[(Call, Call)]) {
    for (call, lifted) in calls {
        tokio::join!(assert_phone_hears(call, CALLEE_HZ), assert_phone_hears(lifted, CALLER_HZ));
    }
}

/// Fails unless a record tells of a call that a fault of ours has ended.
fn assert_broke(record: &Value) {
    let end = &record["end"];
    assert_eq!((&end["cause"], &end["by"]), (&"internal_error".into(), &"gateway".into()), "{record:#}");
}
