//! A small load: several callers at once, one who answers them all, and the report.

use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;
use webtrunk_loadtest::agent::{Credentials, Voice, WebrtcCaller, WebrtcConfig};
use webtrunk_loadtest::load::{LoadConfig, LoadError, LoadProgress, LoadReport, Losses, run, run_until};

use crate::proxy::{PASSWORD, Proxy};

const CALLS: usize = 4;

fn speech() -> Voice {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/assets/announcement.wav");
    Voice::from_wav(&file).expect("in the repository")
}

fn load(proxy: &Proxy, destination: &str) -> LoadConfig {
    let mut caller = WebrtcConfig::new(proxy.url(), "alice", PASSWORD);
    caller.voice = Some(speech());
    caller.insists_on_dtls_client = true;
    LoadConfig {
        caller,
        users: vec![Credentials::new("alice", PASSWORD), Credentials::new("carol", PASSWORD)],
        destination: destination.to_owned(),
        phone: None,
        calls: CALLS,
        rate: 10.0,
        duration: Duration::from_secs(3),
        pid: Some(std::process::id()),
        stall: None,
        scored: CALLS - 1,
        pesq: 0,
        registers: true,
        losses: Losses::default(),
        rtpengine: None,
    }
}

/// Answers whoever calls, and says the same as they do.
pub(crate) async fn answer_all(proxy: &Proxy) {
    let mut config = WebrtcConfig::new(proxy.url(), "bob", PASSWORD);
    config.voice = Some(speech());
    let bob = WebrtcCaller::new(config).await.expect("a connection");
    bob.register().await.expect("a 200");
    tokio::spawn(async move {
        let mut calls = Vec::new();
        while let Ok(incoming) = bob.next_incoming().await {
            calls.push(incoming.answer().await.expect("a codec in common"));
        }
    });
}

#[tokio::test]
async fn every_call_and_packet_is_in_the_report() {
    let proxy = Proxy::start().await;
    answer_all(&proxy).await;
    let progress = std::sync::Mutex::new(Vec::new());
    let note = |at| progress.lock().expect("one thread").push(at);
    let report: LoadReport = run(load(&proxy, "bob"), note).await.expect("it can be run");

    let calls = &report.calls;
    assert_eq!((calls.attempted, calls.ok, calls.failed), (CALLS, CALLS, 0), "{:?}", calls.failures);
    assert_eq!(calls.caller_codecs.get("opus"), Some(&CALLS));
    let heard = &report.to_caller;
    assert!(heard.received >= CALLS as u64 * 150 && heard.lost == 0 && heard.broken == 0, "{heard:?}");
    assert_eq!(heard.dropped, 0);
    assert!(heard.likeness.is_some_and(|it| it.min > 0.9), "{heard:?}");
    assert!(heard.gain_db.is_some_and(|it| it.min > -0.3 && it.max < 0.3), "{heard:?}");
    assert!(heard.opinion.is_some_and(|it| it.min > 3.3 && it.max < 4.3), "{heard:?}");
    assert_eq!(heard.pesq, None);
    let setup = report.setup.first_audio_at_caller.expect("all of them");
    assert_eq!(setup.count, CALLS);
    assert!(report.gateway.is_some_and(|it| it.cpu_ms_per_call_second > 0.0));
    assert!(report.to_phone.is_none() && report.steady_s >= 3.0);
    let progress = progress.into_inner().expect("one thread");
    for step in [LoadProgress::Connected(CALLS), LoadProgress::SetUp(CALLS), LoadProgress::Judged(CALLS)] {
        assert!(progress.contains(&step), "{step:?}");
    }
}

/// A minute was wanted.
#[tokio::test]
async fn a_load_that_is_broken_off_hangs_up_and_is_reported() {
    let proxy = Proxy::start().await;
    answer_all(&proxy).await;
    let load = LoadConfig { duration: Duration::from_secs(60), ..load(&proxy, "bob") };
    let stopper = watch::Sender::new(false);
    let stop_when_talking = |at| {
        if matches!(at, LoadProgress::Talking(_)) {
            stopper.send_replace(true);
        }
    };
    let report = run_until(load, stopper.subscribe(), stop_when_talking).await.expect("it can be run");
    assert!(report.was_broken_off && report.steady_s < 30.0, "{report:?}");
    assert_eq!((report.calls.attempted, report.calls.ok), (CALLS, CALLS), "{:?}", report.calls.failures);
    assert!(report.to_caller.received > 0 && report.fitness.packets > 0, "{report:?}");
}

/// Before any call was answered: nobody is asked for what was never dialled.
#[tokio::test]
async fn a_load_that_is_broken_off_at_once_dials_nobody() {
    let proxy = Proxy::start().await;
    answer_all(&proxy).await;
    let stopper = watch::Sender::new(true);
    let report = run_until(load(&proxy, "bob"), stopper.subscribe(), |_| ()).await.expect("it can be run");
    assert_eq!((report.calls.attempted, report.calls.failed, report.was_broken_off), (0, 0, true));
}

#[tokio::test]
async fn a_load_that_makes_no_sense_is_refused_with_its_cure() {
    let proxy = Proxy::start().await;
    type Spoil = fn(&mut LoadConfig);
    let faults: [(Spoil, &str); 10] = [
        (|load| load.calls = 0, "0 calls"),
        (|load| load.rate = f64::NAN, "NaN calls a second"),
        (|load| load.users.clear(), "name one"),
        (|load| load.stall = Some(Duration::from_secs(1)), "a quarter"),
        (|load| (load.stall, load.pid) = (Some(Duration::from_millis(1)), None), "who is to stand still"),
        (|load| load.losses.callers = 5.0, "a loss of 5"),
        (|load| load.losses.phone = -0.1, "a loss of -0.1"),
        (|load| load.losses.in_a_row = 0, "0 lost in a row"),
        (|load| load.rtpengine = Some(([127, 0, 0, 1], 9).into()), "a phone"),
        (|load| load.phone = Some(Default::default()), "{call}"),
    ];
    for (spoil, words) in faults {
        let mut load = load(&proxy, "bob");
        spoil(&mut load);
        let error = run(load, |_| ()).await.expect_err("no sense");
        assert!(matches!(&error, LoadError::Config(fault) if fault.contains(words)), "{error}");
    }
}
