//! The switchboard over a real engine, with the adapter and the world played by the test: what is
//! left when a part of it fails.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use webtrunk_codecs::CodecId;
use webtrunk_engine::call::KeyMode;
use webtrunk_engine::config::EngineConfig;
use webtrunk_engine::engine::Engine;
use webtrunk_engine::media::Prompt;
use webtrunk_engine::sdp::SrtpPolicy;
use webtrunk_engine::{EndCause, LegId};
use webtrunk_signalling::adapter::{
    Command, Event, HOPS_MAX, Incoming, MediaProfile, Origin, Party, RecordingPolicy, leg_span,
};
use webtrunk_signalling::b2bua::{Directory, Place, Redirects, Settings};
use webtrunk_signalling::cdr::{By, CallRecord, CdrKeeper, Filing};
use webtrunk_signalling::routing::{
    ActionSpec, BridgeSpec, BridgeTarget, BridgeTo, Conditions, RuleSpec, Rules,
};
use webtrunk_signalling::switchboard::{AdapterGone, House, Switchboard};

const PATIENCE: Duration = Duration::from_secs(10);

/// Knows nobody, and breaks a promise when it is asked for anybody.
struct BrokenDirectory;

impl Directory for BrokenDirectory {
    fn places(&self, _: &BridgeTarget) -> Vec<Place> {
        panic!("a promise of ours is broken")
    }

    fn knows(&self, _: &str) -> bool {
        true
    }

    fn caller_codecs(&self, _: &Origin, _: MediaProfile) -> Vec<CodecId> {
        CodecId::USUAL.to_vec()
    }

    fn caller_srtp(&self, _: &Origin) -> SrtpPolicy {
        SrtpPolicy::Forbid
    }

    fn caller_keys(&self, _: &Origin) -> KeyMode {
        KeyMode::Events
    }

    fn calls_max(&self, user: &str) -> Option<usize> {
        (user == "carol").then_some(1)
    }

    fn may_transfer(&self, _: &Origin) -> bool {
        false
    }

    fn may_pick_up(&self, _: &Origin, _: &Origin) -> bool {
        false
    }

    fn redirects(&self, _: &Origin) -> Redirects {
        Redirects::Refuse
    }

    fn makes_late_offers(&self, _: &Origin) -> bool {
        false
    }

    fn may_text(&self, _: &Origin) -> bool {
        false
    }

    fn prompt(&self, _: &str) -> Option<Prompt> {
        None
    }

    fn media_address(&self, _: Option<IpAddr>) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }
}

/// Keeps what is filed of calls.
#[derive(Default)]
struct Records(Mutex<Vec<Filing>>);

impl CdrKeeper for Records {
    fn file(&self, filing: Filing) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(filing);
    }
}

impl Records {
    /// The records of calls that are over, in their order.
    fn closed(&self) -> Vec<CallRecord> {
        let filings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        filings.iter().filter(|filing| filing.is_closed()).map(|filing| filing.record().clone()).collect()
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

struct Bench {
    engine: Engine,
    board: Arc<Switchboard>,
    events: mpsc::Sender<Event>,
    commands: mpsc::Receiver<Command>,
    records: Arc<Records>,
    stop: watch::Sender<bool>,
    served: JoinHandle<Result<(), AdapterGone>>,
}

impl Bench {
    /// A gateway that waits on 1, breaks on 2 and refuses 4.
    fn start() -> Self {
        let rule = |destination: &str, action| RuleSpec {
            name: destination.to_owned(),
            destination: destination.to_owned(),
            from_number: None,
            from_user: None,
            from_trunk: None,
            conditions: Conditions::default(),
            actions: vec![ActionSpec::Answer, action],
        };
        let bridge = BridgeSpec::new(BridgeTo::users(["bob"]), PATIENCE);
        let refuse = vec![ActionSpec::Reject(EndCause::Busy)];
        let refusing = RuleSpec { actions: refuse, ..rule("4", ActionSpec::Echo) };
        let specs = [rule("1", ActionSpec::Echo), rule("2", ActionSpec::Bridge(bridge)), refusing];
        let rules = Rules::compile(&specs).expect("good rules");
        let config = EngineConfig {
            shards: 1,
            webrtc_addresses: vec![Ipv4Addr::LOCALHOST.into()],
            webrtc_port: 0,
            ..EngineConfig::default()
        };
        let engine = Engine::start(config).expect("free ports");
        let (obey, commands) = mpsc::channel(16);
        let (events, reported) = mpsc::channel(16);
        let directory = Arc::new(BrokenDirectory);
        let adapters = HashMap::from([("test", obey)]);
        let house = House { rules, settings: Settings::default(), directory };
        let records = Arc::new(Records::default());
        let board = Switchboard::new(engine.clone(), house, adapters);
        let board = Arc::new(board.with_records(records.clone()));
        let (stop, stopping) = watch::channel(false);
        let served = tokio::spawn(Arc::clone(&board).serve("test", reported, stopping));
        Self { engine, board, events, commands, records, stop, served }
    }

    /// A browser calls without an offer; its adapter is asked to answer with ours.
    async fn call(&mut self, destination: &str) -> LegId {
        let leg = self.come_in(destination).await;
        let Command::Answer { leg: answered, .. } = self.command().await else { panic!("an answer") };
        assert_eq!(answered, leg);
        leg
    }

    async fn come_in(&self, destination: &str) -> LegId {
        self.come_in_for("alice", destination, None).await
    }

    /// Somebody calls, or wants the place of a leg.
    async fn come_in_for(&self, user: &str, destination: &str, replaces: Option<LegId>) -> LegId {
        let leg = LegId::next();
        let incoming = Incoming {
            leg,
            origin: Origin::User(user.to_owned()),
            caller: Party::default(),
            destination: destination.to_owned(),
            device: None,
            profile: MediaProfile::Webrtc,
            offer: None,
            signalled_from: Ipv4Addr::LOCALHOST.into(),
            listener: "test".into(),
            headers: Vec::new(),
            recording: RecordingPolicy::ByRule,
            hops: HOPS_MAX,
            passed: webtrunk_signalling::adapter::Passage::default(),
            replaces,
            span: leg_span(leg),
        };
        self.events.send(Event::Incoming(Box::new(incoming))).await.expect("it serves");
        leg
    }

    /// Waits until so many calls have their record.
    async fn closed(&self, calls: usize) -> Vec<CallRecord> {
        let deadline = Instant::now() + PATIENCE;
        while self.records.closed().len() < calls {
            assert!(Instant::now() < deadline, "{:#?}", self.records.closed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.records.closed()
    }

    async fn command(&mut self) -> Command {
        timeout(PATIENCE, self.commands.recv()).await.expect("in time").expect("it serves")
    }

    /// Waits until nothing is held, in signalling and in media.
    async fn assert_empties(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.board.legs() > 0 || self.engine.ledger().calls > 0 || self.engine.ledger().legs > 0 {
            assert!(Instant::now() < deadline, "{} legs, {:?}", self.board.legs(), self.engine.ledger());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The description with which alice confirms: her answer to the offer is of no importance here.
fn confirmed(leg: LegId) -> Event {
    let text = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
    let description = webtrunk_engine::sdp::SessionDescription::parse(text).expect("without media");
    Event::Acknowledged { leg, description: Some(Box::new(description)) }
}

#[test]
fn a_panic_in_one_call_hangs_up_its_legs_and_leaves_the_others() {
    actix_web::rt::System::new().block_on(async {
        let mut bench = Bench::start();
        let whole = bench.call("1").await;
        let broken = bench.call("2").await;
        bench.events.send(confirmed(broken)).await.expect("it serves");
        let Command::Hangup { leg, cause: EndCause::InternalError } = bench.command().await else {
            panic!("the broken call's leg is hung up")
        };
        assert_eq!(leg, broken);
        assert_eq!(bench.board.legs(), 1);

        bench.events.send(Event::Ended { leg: whole, cause: EndCause::Hangup }).await.expect("it serves");
        bench.assert_empties().await;
        assert!(!bench.served.is_finished());
        bench.engine.stop();
    });
}

/// A call that its caller ends, one that a fault of ours ends, one that no rule allows, and one that wants a place which
/// is not there.
#[test]
fn every_call_has_one_record_whatever_ends_it() {
    actix_web::rt::System::new().block_on(async {
        let mut bench = Bench::start();
        let whole = bench.call("1").await;
        assert!(bench.records.count() > 0 && bench.records.closed().is_empty(), "it is known, and not over");
        bench.events.send(Event::Ended { leg: whole, cause: EndCause::Hangup }).await.expect("it serves");
        let record = bench.closed(1).await.remove(0);
        let end = record.end.as_ref().expect("it is over");
        assert_eq!((end.cause.as_str(), end.by, record.rule.as_deref()), ("hangup", By::Caller, Some("1")));
        assert!(record.answered_at.is_some() && record.call.is_some(), "{record:?}");
        let quality = record.legs[0].quality.as_ref().expect("the engine has told its last figures");
        assert_eq!((quality.transport.as_str(), quality.packets_in), ("webrtc", 0));

        let broken = bench.call("2").await;
        bench.events.send(confirmed(broken)).await.expect("it serves");
        let end = bench.closed(2).await.remove(1).end.expect("it is over");
        assert_eq!((end.cause.as_str(), end.by), ("internal_error", By::Gateway));

        bench.come_in("3").await;
        let record = bench.closed(3).await.remove(2);
        assert_eq!((record.rule.as_deref(), record.call.as_deref(), record.legs.len()), (None, None, 1));
        let end = record.end.expect("it is over");
        assert!(end.by == By::Gateway && end.sip_status.is_some(), "{end:?}");

        bench.come_in_for("alice", "1", Some(LegId::next())).await;
        let end = bench.closed(4).await.remove(3).end.expect("it is over");
        assert_eq!((end.cause.as_str(), end.sip_status), ("not_found", Some(404)));
        bench.assert_empties().await;
        assert_eq!(bench.records.closed().len(), 4);
        bench.engine.stop();
    });
}

/// A CANCEL right behind its INVITE: the call must not go on without its caller.
#[test]
fn a_caller_that_is_gone_at_once_leaves_no_call() {
    actix_web::rt::System::new().block_on(async {
        let mut bench = Bench::start();
        for _ in 0..20 {
            let leg = bench.come_in("1").await;
            bench.events.send(Event::Ended { leg, cause: EndCause::Cancelled }).await.expect("it serves");
        }
        // Who comes last is answered when all others have begun.
        let last = bench.come_in("1").await;
        while !matches!(bench.command().await, Command::Answer { leg, .. } if leg == last) {}
        bench.events.send(Event::Ended { leg: last, cause: EndCause::Hangup }).await.expect("it serves");
        bench.assert_empties().await;
        bench.engine.stop();
    });
}

/// Who is refused knows it before its adapter says that the leg is over.
#[test]
fn whoever_may_have_one_call_and_is_refused_calls_again_at_once() {
    actix_web::rt::System::new().block_on(async {
        let mut bench = Bench::start();
        let refused = bench.come_in_for("carol", "4", None).await;
        assert!(
            matches!(bench.command().await, Command::Hangup { leg, cause: EndCause::Busy } if leg == refused)
        );
        let next = bench.come_in_for("carol", "1", None).await;
        assert!(matches!(bench.command().await, Command::Answer { leg, .. } if leg == next));
        let more = bench.come_in_for("carol", "1", None).await;
        let command = bench.command().await;
        assert!(matches!(command, Command::Hangup { leg, cause: EndCause::Overloaded } if leg == more));
        for leg in [refused, next] {
            bench.events.send(Event::Ended { leg, cause: EndCause::Hangup }).await.expect("it serves");
        }
        bench.assert_empties().await;
        bench.engine.stop();
    });
}

#[test]
fn an_adapter_that_is_gone_ends_its_calls_and_is_told_of() {
    actix_web::rt::System::new().block_on(async {
        let mut bench = Bench::start();
        bench.call("1").await;
        let (events, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut bench.events, events));
        let outcome = timeout(PATIENCE, &mut bench.served).await.expect("in time").expect("no panic");
        assert_eq!(outcome, Err(AdapterGone { adapter: "test" }));
        bench.assert_empties().await;
        bench.engine.stop();
    });
}

#[test]
fn a_stop_hangs_every_call_up_and_waits_for_its_end() {
    actix_web::rt::System::new().block_on(async {
        let mut bench = Bench::start();
        let leg = bench.call("1").await;
        bench.stop.send_replace(true);
        let Command::Hangup { cause: EndCause::ShuttingDown, .. } = bench.command().await else {
            panic!("it is hung up")
        };
        assert!(!bench.served.is_finished());
        bench.events.send(Event::Ended { leg, cause: EndCause::ShuttingDown }).await.expect("it serves");
        let outcome = timeout(PATIENCE, &mut bench.served).await.expect("in time").expect("no panic");
        assert_eq!(outcome, Ok(()));
        bench.assert_empties().await;
        bench.engine.stop();
    });
}
