//! What is lost: a far end, and a gateway that does not listen.

use webtrunk_engine::{EndCause, LegId};
use webtrunk_signalling::adapter::Command;

use crate::far_end::FarEnd;
use crate::stage::Stage;

/// Commands that are more than any queue has: an adapter that waits for the gateway would take none of the last.
const MANY: usize = 2000;

/// Whether the adapter notices by itself or not: when the gateway hangs up, the leg ends.
pub async fn a_far_end_that_vanishes_in_a_call_leaves_no_leg<F: FarEnd>(mut stage: Stage<F>) {
    let (_, leg) = stage.answered_in("9196").await;
    stage.far.vanish().await;
    stage.gateway.tell(Command::Hangup { leg, cause: EndCause::Hangup }).await;
    stage.gateway.ended_at_last(leg).await;
    stage.gateway.drain().await;
}

/// The same of a phone that rang.
pub async fn a_far_end_that_vanishes_while_it_rings_leaves_no_leg<F: FarEnd>(mut stage: Stage<F>) {
    let (_, leg) = stage.call_out().await;
    stage.far.vanish().await;
    stage.gateway.tell(Command::Hangup { leg, cause: EndCause::NoAnswer }).await;
    stage.gateway.ended_at_last(leg).await;
    stage.gateway.drain().await;
}

/// A gateway that is behind can still say what it wants done, and gets what it was told meanwhile, all of it.
pub async fn commands_are_taken_while_no_event_is<F: FarEnd>(mut stage: Stage<F>) {
    let (call, leg) = stage.answered_in("9196").await;
    // More ends than there is room for in the gateway's channel.
    let mut dialled = Vec::new();
    for _ in 0..20 {
        let dial = crate::gateway::dial(crate::gateway::nobody());
        dialled.push(dial.leg);
        stage.gateway.tell(Command::Dial(dial)).await;
    }
    for _ in 0..MANY {
        stage.gateway.tell(Command::Hangup { leg: LegId::next(), cause: EndCause::Hangup }).await;
    }
    for leg in dialled {
        stage.gateway.ended(leg, &[EndCause::Unavailable, EndCause::NotFound]).await;
    }
    stage.hang_up(call, leg).await;
    stage.gateway.drain().await;
}
