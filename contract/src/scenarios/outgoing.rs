//! Calls that are placed.

use webtrunk_engine::EndCause;
use webtrunk_signalling::adapter::Command;

use crate::far_end::FarEnd;
use crate::gateway::{dial, nobody};
use crate::stage::Stage;

/// The callee rings, answers and hangs up.
pub async fn a_call_that_is_placed_is_answered_and_the_far_end_hangs_up<F: FarEnd>(mut stage: Stage<F>) {
    let (call, leg) = stage.answered_out().await;
    stage.gateway.quiet().await;
    stage.far.hang_up(call).await;
    stage.gateway.ended(leg, &[EndCause::Hangup]).await;
    stage.gateway.drain().await;
}

/// The callee hears that the gateway hung up.
pub async fn a_call_that_is_placed_is_answered_and_the_gateway_hangs_up<F: FarEnd>(mut stage: Stage<F>) {
    let (call, leg) = stage.answered_out().await;
    stage.gateway.quiet().await;
    stage.hang_up(call, leg).await;
    stage.gateway.drain().await;
}

/// The callee does not take the call.
pub async fn a_call_that_is_placed_is_rejected<F: FarEnd>(mut stage: Stage<F>) {
    let (call, leg) = stage.call_out().await;
    stage.far.reject(call).await;
    stage.gateway.ended(leg, &[EndCause::Busy, EndCause::Declined]).await;
    stage.gateway.drain().await;
}

/// The callee stops ringing when the gateway wants it no more.
pub async fn the_gateway_gives_up_before_the_answer<F: FarEnd>(mut stage: Stage<F>) {
    let (call, leg) = stage.call_out().await;
    stage.gateway.tell(Command::Hangup { leg, cause: EndCause::Cancelled }).await;
    stage.gateway.ended(leg, &[EndCause::Cancelled]).await;
    stage.hear_the_end(call).await;
    stage.gateway.quiet().await;
    stage.gateway.drain().await;
}

/// Who is not there is told to be so.
pub async fn nobody_is_called_who_is_not_there<F: FarEnd>(mut stage: Stage<F>) {
    let dial = dial(nobody());
    let leg = dial.leg;
    stage.gateway.tell(Command::Dial(dial)).await;
    stage.gateway.ended(leg, &[EndCause::Unavailable, EndCause::NotFound]).await;
    stage.gateway.drain().await;
}
