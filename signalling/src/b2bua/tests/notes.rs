//! What parties tell each other in signalling while they talk.

use bytes::Bytes;

use super::*;
use crate::adapter::{Content, ContentId, ContentKind, Delivery};

fn told(leg: LegId, kind: ContentKind) -> Event {
    let content = Content { kind, media_type: "text/plain".into(), body: Bytes::from_static(b"hello") };
    Event::ContentTold { leg, id: ContentId { leg, number: 7 }, content: Box::new(content) }
}

#[test]
fn what_one_end_tells_goes_to_the_other_and_the_answer_back() {
    for kind in [ContentKind::Message, ContentKind::Info] {
        let (mut bench, callee) = Bench::talking(BridgeTarget::User("bob".into()));
        let caller = bench.caller;
        for (from, to, to_name, from_name) in
            [(caller, callee, "callee", "caller"), (callee, caller, "caller", "callee")]
        {
            assert_eq!(bench.signal(told(from, kind)), [format!("pass text/plain to {to_name}")]);
            let id = ContentId { leg: from, number: 7 };
            let answered = Event::ContentAnswered { leg: to, id, delivery: Delivery::Done };
            assert_eq!(bench.signal(answered), [format!("tell {from_name} Done")]);
        }
    }
}

#[test]
fn who_talks_to_nobody_is_told_so() {
    let mut bench = Bench::calling(BridgeTarget::User("bob".into()));
    bench.dial_all();
    let caller = bench.caller;
    assert_eq!(bench.signal(told(caller, ContentKind::Message)), ["tell caller Failed(NotAcceptable)"]);
}

#[test]
fn a_party_without_messages_gets_none_but_what_its_program_is_told() {
    let (mut bench, _) = Bench::talking(BridgeTarget::User("bob".into()));
    bench.call.callees[0].origin = Origin::Trunk("silent".into());
    let caller = bench.caller;
    assert_eq!(bench.signal(told(caller, ContentKind::Message)), ["tell caller Failed(Forbidden)"]);
    assert_eq!(bench.signal(told(caller, ContentKind::Info)), ["pass text/plain to callee"]);
}
