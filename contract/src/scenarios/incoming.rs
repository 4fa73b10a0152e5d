//! Calls that come in.

use webtrunk_engine::EndCause;
use webtrunk_signalling::adapter::Command;

use crate::far_end::{FarEnd, Heard};
use crate::gateway::{ANSWERED, description};
use crate::stage::Stage;

/// The caller hears ringing and the answer, and hangs up.
pub async fn a_call_that_comes_in_is_answered_and_the_far_end_hangs_up<F: FarEnd>(mut stage: Stage<F>) {
    let (call, leg) = stage.call_in("9196").await;
    stage.gateway.tell(Command::Ring { leg, description: None }).await;
    assert_eq!(stage.far.hear(call).await, Heard::Ringing, "the caller hears that it rings");
    stage.gateway.tell(Command::Answer { leg, description: description(ANSWERED) }).await;
    stage.hear_the_answer(call).await;
    stage.gateway.quiet().await;
    stage.far.hang_up(call).await;
    stage.gateway.ended(leg, &[EndCause::Hangup]).await;
    stage.gateway.drain().await;
}

/// The caller hears the answer, and that the other end hung up.
pub async fn a_call_that_comes_in_is_answered_and_the_gateway_hangs_up<F: FarEnd>(mut stage: Stage<F>) {
    let (call, leg) = stage.answered_in("9196").await;
    stage.gateway.quiet().await;
    stage.hang_up(call, leg).await;
    stage.gateway.drain().await;
}

/// The caller hears that nobody takes its call, whichever the cause; the leg ends by the cause that the gateway gave.
pub async fn a_call_that_comes_in_is_rejected<F: FarEnd>(mut stage: Stage<F>) {
    for cause in [EndCause::Busy, EndCause::Declined, EndCause::NotFound, EndCause::Overloaded] {
        let (call, leg) = stage.call_in("9196").await;
        stage.gateway.tell(Command::Hangup { leg, cause }).await;
        stage.gateway.ended(leg, &[cause]).await;
        stage.hear_the_end(call).await;
    }
    stage.gateway.drain().await;
}

/// The caller hangs up while it rings; the answer that comes too late goes nowhere.
pub async fn a_caller_gives_up_before_the_answer<F: FarEnd>(mut stage: Stage<F>) {
    let (call, leg) = stage.call_in("9196").await;
    stage.gateway.tell(Command::Ring { leg, description: None }).await;
    assert_eq!(stage.far.hear(call).await, Heard::Ringing, "the caller hears that it rings");
    stage.far.hang_up(call).await;
    stage.gateway.ended(leg, &[EndCause::Cancelled, EndCause::Hangup]).await;
    stage.gateway.tell(Command::Answer { leg, description: description(ANSWERED) }).await;
    stage.gateway.quiet().await;
    stage.gateway.drain().await;
}
