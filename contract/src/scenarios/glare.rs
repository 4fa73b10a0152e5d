//! What crosses on its way.

use webtrunk_engine::EndCause;
use webtrunk_signalling::adapter::{Command, Event};

use crate::far_end::{FarEnd, Heard};
use crate::gateway::{AGAIN, ANSWERED, LIFTED, description};
use crate::stage::Stage;

/// A new offer of the far end's is told, and met.
pub async fn the_far_end_changes_its_media<F: FarEnd>(mut stage: Stage<F>) {
    let (call, leg) = stage.answered_in("9196").await;
    stage.gateway.quiet().await;
    stage.far.reoffer(call, &description(AGAIN)).await;
    match stage.gateway.event().await {
        Event::Reoffered { leg: of, offer: Some(_), .. } if of == leg => {}
        other => panic!("a new offer was expected: {other:?}"),
    }
    stage.gateway.tell(Command::AnswerReoffer { leg, description: description(ANSWERED) }).await;
    assert_eq!(stage.far.hear(call).await, Heard::ReofferSettled { is_met: true }, "its offer is met");
    stage.far.reoffer(call, &description(AGAIN)).await;
    match stage.gateway.event().await {
        Event::Reoffered { leg: of, .. } if of == leg => {}
        other => panic!("a new offer was expected: {other:?}"),
    }
    stage.gateway.tell(Command::RefuseReoffer { leg, cause: EndCause::NotAcceptable }).await;
    assert_eq!(stage.far.hear(call).await, Heard::ReofferSettled { is_met: false }, "its offer is refused");
    stage.hang_up(call, leg).await;
    stage.gateway.drain().await;
}

/// Both hang up before either has heard of the other: the leg ends once, at both ends.
pub async fn both_ends_hang_up_at_once<F: FarEnd>(mut stage: Stage<F>) {
    for _ in 0..5 {
        let (call, leg) = stage.answered_in("9196").await;
        let Stage { far, gateway, .. } = &mut stage;
        tokio::join!(far.hang_up(call), gateway.tell(Command::Hangup { leg, cause: EndCause::Hangup }));
        stage.gateway.ended(leg, &[EndCause::Hangup]).await;
        stage.gateway.quiet().await;
    }
    stage.gateway.drain().await;
}

/// Both offer anew before either has heard of the other: each offer is met or refused, once, and the call goes on.
pub async fn both_ends_change_their_media_at_once<F: FarEnd>(mut stage: Stage<F>) {
    let (call, leg) = stage.answered_in("9196").await;
    stage.gateway.quiet().await;
    let Stage { far, gateway, .. } = &mut stage;
    let offer = description(AGAIN);
    tokio::join!(
        far.reoffer(call, &offer),
        gateway.tell(Command::Reoffer { leg, offer: description(AGAIN) })
    );
    let settled = async { while !matches!(far.hear(call).await, Heard::ReofferSettled { .. }) {} };
    let mut settled = Box::pin(settled);
    let mut is_settled = false;
    while !is_settled || gateway.offers(leg) > 0 {
        tokio::select! {
            () = &mut settled, if !is_settled => is_settled = true,
            event = gateway.event() => match event {
                // The gateway has an offer of its own under way.
                Event::Reoffered { .. } => {
                    gateway.tell(Command::RefuseReoffer { leg, cause: EndCause::Glare }).await;
                }
                Event::ReofferRefused { .. } | Event::ReofferAnswered { .. } => {}
                other => panic!("the end of an offer was expected: {other:?}"),
            },
        }
    }
    drop(settled);
    stage.gateway.quiet().await;
    stage.hang_up(call, leg).await;
    stage.gateway.drain().await;
}

/// The callee answers while the gateway gives it up: nobody talks afterwards, and the leg ends once.
pub async fn an_answer_and_the_gateways_hangup_cross<F: FarEnd>(mut stage: Stage<F>) {
    for _ in 0..5 {
        let (call, leg) = stage.call_out().await;
        let Stage { far, gateway, .. } = &mut stage;
        let lifted = description(LIFTED);
        let hangup = Command::Hangup { leg, cause: EndCause::Cancelled };
        tokio::join!(far.answer(call, &lifted), gateway.tell(hangup));
        stage.gateway.ended_at_last(leg).await;
        stage.hear_the_end(call).await;
        stage.gateway.quiet().await;
    }
    stage.gateway.drain().await;
}
