//! An adapter with the gateway on one side and its far end on the other.

use tokio::sync::mpsc;
use webtrunk_engine::{EndCause, LegId};
use webtrunk_signalling::adapter::{Adapter, Command, Event};

use crate::far_end::{FarEnd, Heard};
use crate::gateway::{ANSWERED, Gateway, LIFTED, OFFERED, description, dial, is_of};

/// Events that may wait for the gateway: few, so that an adapter that waits for it is found out.
const EVENTS: usize = 4;

/// Everything that a scenario is played with.
pub struct Stage<F: FarEnd> {
    /// The far side.
    pub far: F,
    /// The gateway.
    pub gateway: Gateway,
    /// Dropped, it may stop.
    pub(crate) _adapter: Box<dyn Adapter>,
}

/// Plays a scenario, on a system of its own.
pub fn play<F: FarEnd>(scenario: impl AsyncFnOnce(Stage<F>)) {
    actix_rt::System::new().block_on(async { scenario(Stage::new().await).await });
}

impl<F: FarEnd> Stage<F> {
    async fn new() -> Self {
        let (mut far, mut adapter) = F::new().await;
        let (events, told) = mpsc::channel(EVENTS);
        let commands = adapter.start(events).expect("its ports are free");
        far.connect().await;
        Self { far, gateway: Gateway::new(commands, told), _adapter: adapter }
    }

    /// The far end calls this number; the call as it names it, and the leg.
    pub(crate) async fn call_in(&mut self, number: &str) -> (F::Call, LegId) {
        let call = self.far.call(number, &description(OFFERED)).await;
        let told = self.gateway.incoming().await;
        assert_eq!(told.destination, number, "what was dialled");
        let offer = told.offer.expect("the offer came along");
        assert!(is_of(OFFERED, &offer.to_string()), "the caller's offer came unchanged: {offer}");
        (call, told.leg)
    }

    /// The same, and it is answered.
    pub(crate) async fn answered_in(&mut self, number: &str) -> (F::Call, LegId) {
        let (call, leg) = self.call_in(number).await;
        self.gateway.tell(Command::Answer { leg, description: description(ANSWERED) }).await;
        self.hear_the_answer(call).await;
        (call, leg)
    }

    /// The far end hears of the answer, whatever rings before.
    pub(crate) async fn hear_the_answer(&mut self, call: F::Call) {
        loop {
            match self.far.hear(call).await {
                Heard::Ringing => {}
                Heard::Answered { description } => {
                    assert!(is_of(ANSWERED, &description), "the answer came unchanged: {description}");
                    return;
                }
                other => panic!("an answer was to be heard at the far end: {other:?}"),
            }
        }
    }

    /// The gateway dials the far end, which rings; the call as it names it, and the leg.
    pub(crate) async fn call_out(&mut self) -> (F::Call, LegId) {
        let dial = dial(self.far.target());
        let leg = dial.leg;
        self.gateway.tell(Command::Dial(dial)).await;
        let call = self.far.called().await;
        self.far.ring(call).await;
        match self.gateway.event().await {
            Event::Progress { leg: of, is_ringing: true, .. } if of == leg => {}
            other => panic!("a phone that rings was expected: {other:?}"),
        }
        (call, leg)
    }

    /// The same, and it answers.
    pub(crate) async fn answered_out(&mut self) -> (F::Call, LegId) {
        let (call, leg) = self.call_out().await;
        self.far.answer(call, &description(LIFTED)).await;
        match self.gateway.event().await {
            Event::Answered { leg: of, description: Some(description), .. } if of == leg => {
                let text = description.to_string();
                assert!(is_of(LIFTED, &text), "the callee's answer came unchanged: {text}");
            }
            other => panic!("an answer was expected: {other:?}"),
        }
        (call, leg)
    }

    /// The far end hears of the end, whatever it hears before.
    pub(crate) async fn hear_the_end(&mut self, call: F::Call) {
        while self.far.hear(call).await != Heard::Ended {}
    }

    /// The gateway hangs a leg up; its end is told, and heard at the far end.
    pub(crate) async fn hang_up(&mut self, call: F::Call, leg: LegId) {
        self.gateway.tell(Command::Hangup { leg, cause: EndCause::Hangup }).await;
        self.gateway.ended(leg, &[EndCause::Hangup]).await;
        self.hear_the_end(call).await;
    }
}
