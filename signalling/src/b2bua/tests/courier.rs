//! Messages out of calls: where they go, and what their writers are told.

use bytes::Bytes;

use super::*;
use crate::adapter::{Content, ContentKind, Delivery, Text};
use crate::b2bua::Courier;
use crate::routing::{Decision, Refusal};

fn text(origin: Origin, hops: u8) -> Text {
    Text {
        leg: LegId::next(),
        origin,
        sender: Party { user: "alice".into(), display_name: String::new() },
        destination: "100".into(),
        device: None,
        content: Content {
            kind: ContentKind::Message,
            media_type: "text/plain".into(),
            body: Bytes::from_static(b"hello"),
        },
        signalled_from: FROM,
        listener: "test".into(),
        headers: Vec::new(),
        hops,
        span: Span::none(),
    }
}

fn bridge_to(targets: Vec<BridgeTarget>) -> Step {
    let callees = targets.into_iter().flat_map(|target| bridge(target).callees);
    Step::Bridge(Bridge::new(callees.collect()))
}

fn user(name: &str) -> BridgeTarget {
    BridgeTarget::User(name.into())
}

fn trunk(name: &str) -> BridgeTarget {
    BridgeTarget::Trunk { trunk: name.into(), number: "030".into() }
}

/// A message and what comes out of it.
struct Post {
    courier: Courier,
    sent: Vec<LegId>,
}

impl Post {
    fn new(steps: Vec<Step>) -> Self {
        Self::of(text(Origin::User("alice".into()), HOPS_MAX), steps)
    }

    fn of(text: Text, steps: Vec<Step>) -> Self {
        let plan = Decision::Run(Plan { rule: Arc::from("test"), steps });
        let mut post = Self { courier: Courier::new(text, "sip", plan, &World), sent: Vec::new() };
        post.sent.clear();
        post
    }

    /// What was commanded since the last look.
    fn words(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(Effect::Signal { command, .. }) = self.courier.poll_effect() {
            match command {
                Command::SendText(text) => {
                    self.sent.push(text.leg);
                    words.push(match text.target {
                        Target::Contact { user, binding } => format!("{user} {binding}"),
                        Target::Trunk { trunk, .. } => trunk,
                        Target::Party { user, .. } => user,
                    });
                }
                Command::AnswerText { delivery, .. } => words.push(format!("{delivery:?}")),
                other => panic!("{other:?}"),
            }
        }
        words
    }

    fn ended(&mut self, index: usize, delivery: Delivery) -> Vec<String> {
        self.courier.handle_sent(self.sent[index], delivery, &World);
        self.words()
    }
}

#[test]
fn the_first_device_that_has_it_answers_for_all() {
    let mut post = Post::new(vec![bridge_to(vec![user("two")])]);
    assert_eq!(post.words(), ["bob 0", "bob 1"]);
    assert_eq!(post.ended(0, Delivery::Failed(EndCause::Unavailable)), [""; 0]);
    assert_eq!(post.ended(1, Delivery::Deferred), ["Deferred"]);
    assert!(post.courier.is_over());
    assert_eq!(post.ended(1, Delivery::Done), [""; 0], "one answer only");
}

#[test]
fn one_for_a_device_goes_to_no_other_of_its_user() {
    let device = Some(Target::Contact { user: "bob".into(), binding: 1 });
    let text = Text { device, ..text(Origin::User("alice".into()), HOPS_MAX) };
    let mut post = Post::of(text, vec![bridge_to(vec![user("two")])]);
    assert_eq!(post.words(), ["bob 1"]);
}

#[test]
fn where_nobody_has_it_the_next_bridge_is_tried_and_at_last_the_most_telling_failure_told() {
    let steps = vec![
        Step::Answer,
        bridge_to(vec![user("nobody")]),
        bridge_to(vec![user("bob")]),
        Step::Wait(Duration::from_secs(1)),
        bridge_to(vec![trunk("provider")]),
    ];
    let mut post = Post::new(steps);
    assert_eq!(post.words(), ["bob 0"]);
    assert_eq!(post.ended(0, Delivery::TypeNotTaken), ["bob 0"]);
    assert_eq!(post.ended(1, Delivery::Failed(EndCause::GatewayFailure)), ["TypeNotTaken"]);
}

#[test]
fn a_plan_that_calls_nobody_has_nobody_to_read() {
    for (steps, expected) in [
        (vec![Step::Answer, Step::Echo], "Failed(NotAcceptable)"),
        (vec![Step::Reject(EndCause::Busy)], "Failed(Busy)"),
        (vec![Step::Hangup], "Failed(NotFound)"),
        (vec![bridge_to(vec![user("nobody")]), Step::Reject(EndCause::NoAnswer)], "Failed(NoAnswer)"),
        (vec![bridge_to(vec![user("nobody")])], "Failed(Unavailable)"),
    ] {
        assert_eq!(Post::new(steps).words(), [expected]);
    }
    let refused = Decision::Refuse { cause: EndCause::NotFound, reason: Refusal::NoRule };
    let courier = Courier::new(text(Origin::User("alice".into()), 1), "sip", refused, &World);
    assert_eq!(Post { courier, sent: Vec::new() }.words(), ["Failed(NotFound)"]);
}

#[test]
fn who_may_not_write_or_be_written_to_is_left_alone() {
    let silent = text(Origin::Trunk("silent".into()), HOPS_MAX);
    assert_eq!(Post::of(silent, vec![bridge_to(vec![user("bob")])]).words(), ["Failed(Forbidden)"]);
    let mut quiet = Post::new(vec![bridge_to(vec![user("bob")])]);
    quiet.words();
    assert_eq!(quiet.ended(0, Delivery::TooLarge), ["TooLarge"]);
}

#[test]
fn a_message_goes_on_as_often_as_it_may() {
    let last = text(Origin::User("alice".into()), 0);
    assert_eq!(Post::of(last, vec![bridge_to(vec![user("bob")])]).words(), ["Failed(TooManyHops)"]);
}

#[test]
fn a_process_that_goes_down_says_so() {
    let mut post = Post::new(vec![bridge_to(vec![user("bob")])]);
    post.words();
    post.courier.give_up(EndCause::ShuttingDown);
    assert_eq!(post.words(), ["Failed(ShuttingDown)"]);
}
