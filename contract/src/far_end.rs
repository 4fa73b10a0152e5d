//! The far side of an adapter, which its author plays: a phone of the adapter's protocol.

use webtrunk_engine::sdp::SessionDescription;
use webtrunk_signalling::adapter::{Adapter, Target};

/// Somebody who calls and is called over the adapter's protocol.
///
/// It does by itself, in tasks of its own, what its protocol wants of it at once: it confirms answers and ends, agrees to new
/// media, or refuses it where it has just asked for other media itself.
#[expect(async_fn_in_trait, reason = "a scenario runs on one thread")]
pub trait FarEnd: Sized {
    /// Names a call at the far side.
    type Call: Copy;

    /// The adapter, not started, and who is to speak with it. Ports are free ones, so that tests run side by side.
    async fn new() -> (Self, Box<dyn Adapter>);

    /// Comes to the adapter, which has started, so that it may call and be called: proves who it is, registers.
    async fn connect(&mut self);

    /// What the gateway dials to reach it.
    fn target(&self) -> Target;

    /// Calls this number, with this offer.
    async fn call(&mut self, number: &str, offer: &SessionDescription) -> Self::Call;

    /// Waits until it is called.
    async fn called(&mut self) -> Self::Call;

    /// Says that it rings; nothing, where its protocol has no word for that or the adapter says so by itself.
    async fn ring(&mut self, call: Self::Call);

    /// Answers a call that it got; one that was given up meanwhile is not answered any more.
    async fn answer(&mut self, call: Self::Call, description: &SessionDescription);

    /// Does not take a call that it got.
    async fn reject(&mut self, call: Self::Call);

    /// Ends a call, or gives up one that is not answered. Where it is over already, nothing happens.
    async fn hang_up(&mut self, call: Self::Call);

    /// Asks for other media by a new offer, and does not wait for what comes of it.
    async fn reoffer(&mut self, call: Self::Call, offer: &SessionDescription);

    /// Waits for the next that it hears of a call.
    async fn hear(&mut self, call: Self::Call) -> Heard;

    /// Is gone without a word: its sockets are closed, and nobody answers any more.
    async fn vanish(&mut self);
}

/// What is heard of a call at the far side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It rings at the other end.
    Ringing,
    /// It was answered, with this description.
    Answered {
        /// The answer to its offer, as text.
        description: String,
    },
    /// The other end asked for other media, and the protocol's answer was given.
    Reoffered,
    /// Its own new offer was met, or refused.
    ReofferSettled {
        /// Whether it was met.
        is_met: bool,
    },
    /// It is over.
    Ended,
}
