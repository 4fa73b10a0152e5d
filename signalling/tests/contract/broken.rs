//! Adapters that break a promise are found out, by words that say which.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::mpsc::{self, Sender};
use webtrunk_contract::{FarEnd, Heard, play, scenarios};
use webtrunk_engine::EndCause;
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_signalling::adapter::{Adapter, Command, Event, StartError, Target};

use crate::echo_phone::EchoPhone;

/// What an adapter does wrong.
trait Fault: 'static {
    /// What becomes of an event on its way to the gateway.
    fn tell(event: Event) -> Vec<Event> {
        vec![event]
    }

    /// Whether a command is heard.
    fn hears(_: &Command) -> bool {
        true
    }
}

struct EndsTwice;
struct LosesTheEnd;
struct AnswersTwice;
struct ChangesTheCause;
struct DoesNotHangUp;
struct OwesAnAnswer;

impl Fault for EndsTwice {
    fn tell(event: Event) -> Vec<Event> {
        if matches!(event, Event::Ended { .. }) { vec![event.clone(), event] } else { vec![event] }
    }
}

impl Fault for LosesTheEnd {
    fn tell(event: Event) -> Vec<Event> {
        if matches!(event, Event::Ended { .. }) { Vec::new() } else { vec![event] }
    }
}

impl Fault for AnswersTwice {
    fn tell(event: Event) -> Vec<Event> {
        if matches!(event, Event::Answered { .. }) { vec![event.clone(), event] } else { vec![event] }
    }
}

impl Fault for ChangesTheCause {
    fn tell(event: Event) -> Vec<Event> {
        match event {
            Event::Ended { leg, .. } => vec![Event::Ended { leg, cause: EndCause::GatewayFailure }],
            event => vec![event],
        }
    }
}

impl Fault for DoesNotHangUp {
    fn hears(command: &Command) -> bool {
        !matches!(command, Command::Hangup { .. })
    }
}

impl Fault for OwesAnAnswer {
    fn hears(command: &Command) -> bool {
        !matches!(command, Command::SendText(_))
    }
}

/// The example's adapter, with a fault.
struct Broken<F> {
    sound: Box<dyn Adapter>,
    fault: std::marker::PhantomData<fn() -> F>,
}

impl<F: Fault> Adapter for Broken<F> {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn start(&mut self, events: Sender<Event>) -> Result<Sender<Command>, StartError> {
        let (telling, mut told) = mpsc::channel(4);
        let (commands, mut wanted) = mpsc::channel(4);
        let sound = self.sound.start(telling)?;
        tokio::spawn(async move {
            while let Some(event) = told.recv().await {
                for event in F::tell(event) {
                    let _ = events.send(event).await;
                }
            }
        });
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sound.closed() => return,
                    Some(command) = wanted.recv() => {
                        if F::hears(&command) {
                            let _ = sound.send(command).await;
                        }
                    }
                }
            }
        });
        Ok(commands)
    }
}

/// The example's phone, at the adapter with the fault.
struct PhoneAt<F>(EchoPhone, std::marker::PhantomData<F>);

impl<F: Fault> FarEnd for PhoneAt<F> {
    type Call = usize;

    async fn new() -> (Self, Box<dyn Adapter>) {
        let (phone, sound) = EchoPhone::new().await;
        let fault = std::marker::PhantomData;
        (Self(phone, std::marker::PhantomData), Box::new(Broken::<F> { sound, fault }))
    }

    async fn connect(&mut self) {
        self.0.connect().await;
    }

    fn target(&self) -> Target {
        self.0.target()
    }

    async fn call(&mut self, number: &str, offer: &SessionDescription) -> usize {
        self.0.call(number, offer).await
    }

    async fn called(&mut self) -> usize {
        self.0.called().await
    }

    async fn ring(&mut self, call: usize) {
        self.0.ring(call).await;
    }

    async fn answer(&mut self, call: usize, description: &SessionDescription) {
        self.0.answer(call, description).await;
    }

    async fn reject(&mut self, call: usize) {
        self.0.reject(call).await;
    }

    async fn hang_up(&mut self, call: usize) {
        self.0.hang_up(call).await;
    }

    async fn reoffer(&mut self, call: usize, offer: &SessionDescription) {
        self.0.reoffer(call, offer).await;
    }

    async fn hear(&mut self, call: usize) -> Heard {
        self.0.hear(call).await
    }

    async fn vanish(&mut self) {
        self.0.vanish().await;
    }
}

/// What a test of the contract says when it fails.
fn verdict(scenario: impl FnOnce()) -> String {
    let panicked = catch_unwind(AssertUnwindSafe(scenario)).expect_err("the fault is found");
    let said = panicked.downcast_ref::<String>().cloned();
    said.or_else(|| panicked.downcast_ref::<&str>().map(|said| (*said).to_owned())).expect("words")
}

macro_rules! verdict {
    ($fault:ty, $scenario:ident) => {
        verdict(|| play(scenarios::$scenario::<PhoneAt<$fault>>))
    };
}

#[test]
fn each_fault_is_found_and_told_by_its_name() {
    let said = verdict!(EndsTwice, a_call_that_comes_in_is_rejected);
    assert!(said.contains("the end of a leg is told twice"), "{said}");
    let said = verdict!(AnswersTwice, a_call_that_is_placed_is_answered_and_the_far_end_hangs_up);
    assert!(said.contains("a leg that was dialled is answered twice"), "{said}");
    let said = verdict!(ChangesTheCause, a_call_that_comes_in_is_rejected);
    assert!(said.contains("a leg ended by GatewayFailure"), "{said}");
}

#[test]
fn what_never_comes_is_missed() {
    let said = verdict!(LosesTheEnd, a_drain_ends_every_call_once);
    assert!(said.contains("3 legs have no end"), "{said}");
    let said = verdict!(DoesNotHangUp, a_call_that_comes_in_is_answered_and_the_gateway_hangs_up);
    assert!(said.contains("the adapter tells nothing"), "{said}");
    let said = verdict!(OwesAnAnswer, what_asks_for_an_answer_gets_one);
    assert!(said.contains("the adapter tells nothing"), "{said}");
}
