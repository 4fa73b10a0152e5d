//! Adapters that break, with the gateway played by the test.

use std::sync::atomic::AtomicBool;

use tokio::time::timeout;
use webtrunk_engine::{EndCause, LegId};
use webtrunk_signalling::adapter::{
    Dial, HOPS_MAX, Incoming, MediaProfile, Origin, Party, Passage, RecordingPolicy, Target, leg_span,
};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// Begins a call at its start, and breaks at each hangup. Where its port is taken it does not start.
#[derive(Default)]
struct Fragile {
    is_port_taken: Arc<AtomicBool>,
}

impl Adapter for Fragile {
    fn name(&self) -> &'static str {
        "fragile"
    }

    fn start(&mut self, events: Sender<Event>) -> Result<Sender<Command>, StartError> {
        if self.is_port_taken.load(Ordering::Relaxed) {
            let source = std::io::ErrorKind::AddrInUse.into();
            return Err(StartError::Listen { adapter: "fragile", address: "192.0.2.1:1".into(), source });
        }
        let (commands, mut inbox) = mpsc::channel(4);
        tokio::spawn(async move {
            events.send(call()).await.expect("the supervisor is there");
            while let Some(command) = inbox.recv().await {
                match command {
                    Command::Hangup { .. } => panic!("a promise of ours is broken"),
                    Command::RefuseCalls => {
                        let refused = Event::FiguresAsked { leg: LegId::next() };
                        events.send(refused).await.expect("the supervisor is there");
                    }
                    Command::Drain => return,
                    _ => {}
                }
            }
        });
        Ok(commands)
    }
}

fn call() -> Event {
    let leg = LegId::next();
    let party = Party { user: "alice".into(), display_name: String::new() };
    Event::Incoming(Box::new(Incoming {
        leg,
        origin: Origin::User("alice".into()),
        caller: party,
        destination: "1".into(),
        device: None,
        profile: MediaProfile::Rtp,
        offer: None,
        signalled_from: [127, 0, 0, 1].into(),
        listener: "test".into(),
        headers: Vec::new(),
        recording: RecordingPolicy::ByRule,
        hops: HOPS_MAX,
        passed: Passage::default(),
        replaces: None,
        span: leg_span(leg),
    }))
}

fn dial() -> Command {
    let leg = LegId::next();
    Command::Dial(Box::new(Dial {
        leg,
        target: Target::Contact { user: "bob".into(), binding: 1 },
        caller: Party::default(),
        on_behalf_of: None,
        transferred_by: None,
        offer: None,
        headers: Vec::new(),
        ring_timeout: PATIENCE,
        has_successor: false,
        hops: HOPS_MAX,
        passed: Passage::default(),
        span: leg_span(leg),
    }))
}

async fn next(of: &mut Supervised) -> Option<Event> {
    timeout(PATIENCE, of.events.recv()).await.expect("in time")
}

/// The next event has to be a new call.
async fn incoming(of: &mut Supervised) -> LegId {
    let told = next(of).await;
    let Some(Event::Incoming(call)) = told else { panic!("no call: {told:?}") };
    call.leg
}

async fn ended(of: &mut Supervised) -> (LegId, EndCause) {
    let told = next(of).await;
    let Some(Event::Ended { leg, cause }) = told else { panic!("no end: {told:?}") };
    (leg, cause)
}

#[tokio::test]
async fn an_adapter_that_breaks_has_its_calls_ended_and_is_started_again() {
    let is_port_taken = Arc::new(AtomicBool::new(false));
    let adapter = Fragile { is_port_taken: Arc::clone(&is_port_taken) };
    let mut own = Supervisor::start(Box::new(adapter)).expect("it starts");
    let first = incoming(&mut own).await;
    let dialled = dial();
    let Command::Dial(called) = &dialled else { unreachable!("it was made so") };
    let called = called.leg;
    own.commands.send(dialled).await.expect("it is there");
    own.commands.send(Command::RefuseCalls).await.expect("it is there");
    assert!(matches!(next(&mut own).await, Some(Event::FiguresAsked { .. })));
    is_port_taken.store(true, Ordering::Relaxed);
    own.commands.send(Command::Hangup { leg: first, cause: EndCause::Hangup }).await.expect("it is there");
    assert_eq!(ended(&mut own).await, (first, EndCause::InternalError));
    assert_eq!(ended(&mut own).await, (called, EndCause::InternalError));

    // Meanwhile nobody is reached by it.
    let Command::Dial(late) = dial() else { unreachable!("it was made so") };
    let leg = late.leg;
    own.commands.send(Command::Dial(late)).await.expect("it is there");
    assert_eq!(ended(&mut own).await, (leg, EndCause::Unavailable));
    is_port_taken.store(false, Ordering::Relaxed);

    incoming(&mut own).await;
    assert!(matches!(next(&mut own).await, Some(Event::FiguresAsked { .. })), "it still takes no calls");
    assert_eq!(own.restarts.load(Ordering::Relaxed), 1);
    own.commands.send(Command::Drain).await.expect("it is there");
    assert!(next(&mut own).await.is_none(), "it ended as it was told to");
}

#[tokio::test]
async fn one_that_breaks_for_the_fourth_time_in_a_row_is_gone_with_all_its_calls_ended() {
    let mut own = Supervisor::start(Box::<Fragile>::default()).expect("it starts");
    for _ in 0..4 {
        let leg = incoming(&mut own).await;
        own.commands.send(Command::Hangup { leg, cause: EndCause::Hangup }).await.expect("it is there");
        assert_eq!(ended(&mut own).await, (leg, EndCause::InternalError));
    }
    assert!(next(&mut own).await.is_none());
    assert_eq!(own.restarts.load(Ordering::Relaxed), 3);
}
