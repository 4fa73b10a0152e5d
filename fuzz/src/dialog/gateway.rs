//! What the gateway wants: that somebody is called or written to, and something of a leg.

use std::time::Duration;

use tracing::Span;
use webtrunk_engine::{EndCause, LegId};
use webtrunk_signalling::adapter::{
    Command, Content, ContentId, ContentKind, Delivery, Dial, Origin, Party, SendText, Target,
    TransferProgress,
};
use webtrunk_signalling::sip::agent::{Reach, Route, TextConfig};
use webtrunk_signalling::sip::flow::Flow;
use webtrunk_signalling::sip::identity::CallerId;
use webtrunk_signalling::sip::message::{Host, SipUri, Uri};

use super::Bench;
use super::body::description;
use crate::transaction::pick;

const TRUNK: &str = "lab";

impl Bench {
    pub(super) fn dial(&mut self, is_trunk: bool, has_offer: bool, reach: bool, flow: Flow) {
        let dial = Dial {
            leg: LegId::next(),
            target: Target::Trunk { trunk: TRUNK.to_owned(), number: "bob".to_owned() },
            caller: Party { user: "ann".to_owned(), display_name: String::new() },
            on_behalf_of: None,
            transferred_by: None,
            offer: has_offer.then(|| description(1)),
            ring_timeout: Duration::from_secs(120),
            headers: Vec::new(),
            has_successor: false,
            hops: 4,
            passed: webtrunk_signalling::adapter::Passage::default(),
            span: Span::none(),
        };
        self.legs.push(dial.leg);
        self.agent.dial(dial, route(is_trunk, reach, flow), self.now);
    }

    pub(super) fn write(&mut self, is_trunk: bool, length: u16, flow: Flow) {
        let text = SendText {
            leg: LegId::next(),
            target: Target::Trunk { trunk: TRUNK.to_owned(), number: "bob".to_owned() },
            sender: Party { user: "ann".to_owned(), display_name: String::new() },
            on_behalf_of: None,
            content: content(length),
            hops: 4,
            span: Span::none(),
        };
        self.legs.push(text.leg);
        self.agent.send_text(text, route(is_trunk, true, flow), self.now);
    }

    pub(super) fn command(&self, which: u8, kind: u8, detail: u8) -> Option<Command> {
        let delivery = match detail % 5 {
            0 => Delivery::Done,
            1 => Delivery::Deferred,
            2 => Delivery::TooLarge,
            3 => Delivery::TypeNotTaken,
            _ => Delivery::Failed(EndCause::Busy),
        };
        match kind % 13 {
            10 => pick(&self.texts, which).map(|&leg| Command::AnswerText { leg, delivery }),
            11 => {
                let answer = |&id: &ContentId| Command::AnswerContent { leg: id.leg, id, delivery };
                pick(&self.contents, which).map(answer)
            }
            12 => pick(&self.legs, which).map(|&leg| {
                let id = ContentId { leg, number: u32::from(detail) };
                Command::PassContent { leg, id, content: Box::new(content(detail.into())) }
            }),
            kind => pick(&self.legs, which).map(|&leg| command(leg, kind, detail)),
        }
    }
}

fn route(is_trunk: bool, reach: bool, flow: Flow) -> Route {
    let to = Uri::from(SipUri::new("bob", Host::from(flow.remote.ip()), None));
    Route {
        request_uri: to.clone(),
        to,
        from_host: Host::from(flow.local.ip()),
        caller_id: CallerId::From,
        route_set: Vec::new(),
        flow,
        alternatives: Vec::new(),
        reach: if reach { Reach::Flow } else { Reach::Target },
        may_return: reach && !is_trunk,
        account: is_trunk.then(|| TRUNK.to_owned()),
        peer: if is_trunk { Origin::Trunk(TRUNK.to_owned()) } else { Origin::User("ann".to_owned()) },
    }
}

/// As long as it may come in by default, and so at most is passed on.
fn content(length: u16) -> Content {
    let body = vec![b'.'; usize::from(length) % (TextConfig::default().octets_max + 1)].into();
    Content { kind: ContentKind::Message, media_type: "text/plain".to_owned(), body }
}

fn command(leg: LegId, kind: u8, detail: u8) -> Command {
    let causes = [EndCause::Hangup, EndCause::Busy, EndCause::Overloaded, EndCause::MediaTimeout];
    let cause = causes[usize::from(detail) % causes.len()];
    let is_odd = detail % 2 == 1;
    let description = description(detail);
    match kind {
        0 => Command::Ring { leg, description: is_odd.then_some(description) },
        1 | 2 => Command::Answer { leg, description },
        3 => Command::Reoffer { leg, offer: description },
        4 => Command::AnswerReoffer { leg, description },
        5 => Command::RefuseReoffer { leg, cause },
        6 => Command::SendDigit { leg, digit: '5', duration: Duration::from_millis(100) },
        7 => Command::AnswerRecord { leg, is_done: is_odd },
        8 => {
            let progress = match detail % 4 {
                0 => TransferProgress::Began,
                1 => TransferProgress::Ringing,
                2 => TransferProgress::Done,
                _ => TransferProgress::Failed(cause),
            };
            Command::TransferProgress { leg, progress }
        }
        _ => Command::Hangup { leg, cause },
    }
}
