//! That what is hard to come by chance can be said in steps at all.

use webtrunk_signalling::sip::message::Method;

use super::body::Body;
use super::fields::Extra;
use super::*;

/// A request of a peer is in a dialog that it opened, in one that we opened, or in none.
const THEIRS: u8 = 0;
const OURS: u8 = 2;
const NONE: u8 = 3;

/// Besides, that a peer can do UPDATE and 100rel; and that a response wants a PRACK.
const CAN: u8 = 4 * (1 + 2);
const RELIABLY: u8 = 3 * (1 + 2);

const DIAL: Step<'static> = Step::Dial { is_trunk: true, has_offer: true, reach: false, flow: 0 };
const RING: Step<'static> = Step::Command { which: 0, kind: 0, detail: 1 };
const REOFFER: Step<'static> = Step::Command { which: 0, kind: 3, detail: 5 };
const ANSWER_OFFER: Step<'static> = Step::Command { which: 0, kind: 4, detail: 6 };

#[test]
fn a_callee_may_offer_anew_before_it_answers() {
    let bench = played([
        DIAL,
        say(0, 183, RELIABLY, Body::Description(2)),
        say(0, 200, 0, Body::None),
        ask("UPDATE", OURS, 0, Body::Description(3)),
        ANSWER_OFFER,
    ]);
    assert_eq!(answered(&bench, &Method::Update), [200]);
    bench.over();
}

#[test]
fn a_caller_may_offer_anew_before_it_is_answered() {
    let bench = played([
        ask("INVITE", NONE + CAN, 0, Body::Description(1)),
        RING,
        ask("PRACK", THEIRS, 0, Body::None),
        ask("UPDATE", THEIRS, 0, Body::Description(3)),
        ANSWER_OFFER,
    ]);
    assert_eq!((answered(&bench, &Method::Prack), answered(&bench, &Method::Update)), (vec![200], vec![200]));
    bench.over();
}

#[test]
fn a_prack_may_be_challenged_after_its_invite() {
    let bench = played([
        DIAL,
        say(0, 401, 0, Body::None),
        say(0, 183, RELIABLY, Body::Description(2)),
        say(0, 401, 0, Body::None),
        say(0, 200, 0, Body::None),
    ]);
    assert_eq!((asked(&bench, &Method::Invite), asked(&bench, &Method::Prack)), (2, 2));
    bench.over();
}

#[test]
fn a_phone_that_lost_the_call_may_ask_for_something_in_it() {
    let bench = played([
        DIAL,
        say(0, 183, 0, Body::Description(2)),
        say(0, 200, 1, Body::Description(3)),
        ask("UPDATE", OURS, 1, Body::Description(4)),
        ask("BYE", OURS, 1, Body::None),
    ]);
    assert_eq!((answered(&bench, &Method::Update), answered(&bench, &Method::Bye)), (vec![481], vec![481]));
    bench.over();
}

#[test]
fn an_offer_of_ours_may_be_cancelled_and_made_again() {
    let bench = played([
        DIAL,
        say(0, 200, 0, Body::Description(2)),
        REOFFER,
        say(0, 180, 0, Body::None),
        Step::Wait { tenths: 322 },
        say(0, 200, 0, Body::None),
        say(1, 487, 0, Body::None),
        REOFFER,
    ]);
    assert_eq!((asked(&bench, &Method::Invite), asked(&bench, &Method::Cancel)), (3, 1));
    bench.over();
}

impl Bench {
    fn over(mut self) {
        self.settle();
    }
}

fn played<const N: usize>(steps: [Step<'static>; N]) -> Bench {
    let mut bench = Bench::new();
    steps.iter().for_each(|step| bench.take(step));
    bench
}

fn ask(method: &str, place: u8, which: u8, body: Body<'static>) -> Step<'static> {
    let method = world::METHODS.iter().position(|known| *known == method).expect("one of them");
    let method = u8::try_from(method).expect("they are few");
    Step::Request { method, place, which, branch: method, flow: 0, body, extra: Extra { name: 0, value: "" } }
}

fn say(which: u8, status: u16, tag: u8, body: Body<'static>) -> Step<'static> {
    let status = world::STATUSES.iter().position(|known| *known == status).expect("one of them");
    let status = u8::try_from(status).expect("they are few");
    Step::Response { which, status, tag, body, extra: Extra { name: 0, value: "" } }
}

/// What we said to requests of this method.
fn answered(bench: &Bench, method: &Method) -> Vec<u16> {
    let is_to = |response: &&Response| response.headers.cseq().is_ok_and(|cseq| cseq.method == *method);
    bench.responses.iter().filter(is_to).map(|response| response.status.code()).collect()
}

fn asked(bench: &Bench, method: &Method) -> usize {
    bench.requests.iter().filter(|request| request.method == *method).count()
}
