//! Commands out of turn, answers that are owed, and the end.

use std::time::Duration;

use bytes::Bytes;
use tracing::Span;
use webtrunk_engine::{EndCause, LegId};
use webtrunk_signalling::adapter::{
    Command, Content, ContentId, ContentKind, Delivery, Event, HOPS_MAX, News, Party, SendText,
};

use crate::far_end::{FarEnd, Heard};
use crate::gateway::{ANSWERED, OFFERED, description, nobody};
use crate::stage::Stage;

/// Commands and events cross: what is for a leg that is over, or that nobody knows, is no error and has no answer.
pub async fn commands_for_legs_that_are_over_go_nowhere<F: FarEnd>(mut stage: Stage<F>) {
    let (call, over) = stage.answered_in("9196").await;
    stage.hang_up(call, over).await;
    for leg in [over, LegId::next()] {
        let description = || description(ANSWERED);
        let content = Box::new(content());
        let id = ContentId { leg, number: 1 };
        let duration = Duration::from_millis(100);
        for command in [
            Command::Ring { leg, description: None },
            Command::Answer { leg, description: description() },
            Command::Reoffer { leg, offer: description() },
            Command::AnswerReoffer { leg, description: description() },
            Command::RefuseReoffer { leg, cause: EndCause::NotAcceptable },
            Command::SendDigit { leg, digit: '5', duration },
            Command::Tell { leg, news: News::Held(true) },
            Command::PassContent { leg, id, content },
            Command::AnswerContent { leg, id, delivery: Delivery::Done },
            Command::AnswerText { leg, delivery: Delivery::Done },
            Command::Redirect { leg, places: vec!["1".into()] },
            Command::Hangup { leg, cause: EndCause::Hangup },
        ] {
            stage.gateway.tell(command).await;
        }
    }
    stage.gateway.quiet().await;
    let (call, leg) = stage.answered_in("9196").await;
    stage.hang_up(call, leg).await;
    stage.gateway.drain().await;
}

/// A message to somebody who is not there, and a content of a type of which nobody heard.
pub async fn what_asks_for_an_answer_gets_one<F: FarEnd>(mut stage: Stage<F>) {
    let text = LegId::next();
    stage
        .gateway
        .tell(Command::SendText(Box::new(SendText {
            leg: text,
            target: nobody(),
            sender: Party { user: "alice".into(), display_name: String::new() },
            on_behalf_of: None,
            content: Content { kind: ContentKind::Message, ..content() },
            hops: HOPS_MAX,
            span: Span::none(),
        })))
        .await;
    match stage.gateway.event().await {
        Event::TextSent { leg, delivery: Delivery::Failed(_) } if leg == text => {}
        other => panic!("a message that nobody got was expected: {other:?}"),
    }
    let (call, leg) = stage.answered_in("9196").await;
    stage.gateway.quiet().await;
    let id = ContentId { leg, number: 1 };
    stage.gateway.tell(Command::PassContent { leg, id, content: Box::new(content()) }).await;
    match stage.gateway.event().await {
        Event::ContentAnswered { leg: of, .. } if of == leg => {}
        other => panic!("the answer to a content was expected: {other:?}"),
    }
    stage.hang_up(call, leg).await;
    stage.gateway.drain().await;
}

/// Whoever calls then hears its end at once, and the gateway nothing of it but that it was refused.
pub async fn calls_go_on_while_new_ones_are_refused<F: FarEnd>(mut stage: Stage<F>) {
    let (call, leg) = stage.answered_in("9196").await;
    stage.gateway.quiet().await;
    stage.gateway.tell(Command::RefuseCalls).await;
    // It is to be obeyed before the call comes, by another way.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let late = stage.far.call("9196", &description(OFFERED)).await;
    stage.hear_the_end(late).await;
    stage.far.reoffer(call, &description(OFFERED)).await;
    loop {
        match stage.gateway.event().await {
            Event::Refused(_) => {}
            Event::Reoffered { leg: of, .. } if of == leg => break,
            other => panic!("the call was to go on, and no other to come: {other:?}"),
        }
    }
    stage.gateway.tell(Command::AnswerReoffer { leg, description: description(ANSWERED) }).await;
    stage.hang_up(call, leg).await;
    stage.gateway.drain().await;
}

/// Calls in each state: asked, ringing, answered.
pub async fn a_drain_ends_every_call_once<F: FarEnd>(mut stage: Stage<F>) {
    let (answered, _) = stage.answered_in("9196").await;
    let (asked, _) = stage.call_in("9197").await;
    let (rung, _) = stage.call_out().await;
    // Dropped, the adapter may stop otherwise than by the drain.
    let Stage { mut far, gateway, _adapter } = stage;
    gateway.drain().await;
    for call in [answered, asked, rung] {
        while far.hear(call).await != Heard::Ended {}
    }
}

fn content() -> Content {
    Content {
        kind: ContentKind::Info,
        media_type: "application/x-nobody-knows".into(),
        body: Bytes::from_static(b"something"),
    }
}
