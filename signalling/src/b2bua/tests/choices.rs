//! Menus.

use super::*;
use crate::routing::Menu;

const TIMEOUT: Duration = Duration::from_secs(5);

fn key(digit: char) -> Digit {
    Digit::parse(digit).expect("a key")
}

/// A call at a menu whose 1 leads to an echo, asked twice at most.
fn at_menu() -> Bench {
    let hello: Vec<Arc<str>> = vec![Arc::from("hello")];
    let menu = Menu {
        prompts: hello.clone(),
        wrong: hello,
        choices: vec![(key('1'), vec![Step::Echo])],
        timeout: TIMEOUT,
        repeats: 1,
    };
    let mut bench = Bench::new(vec![Step::Answer, Step::Menu(menu), Step::Reject(EndCause::Declined)], true);
    bench.effects();
    let leg = bench.caller;
    let words = bench.media(CallEvent::AnswerReady { leg, description: description() });
    assert_eq!(words, ["answer caller", "caller hears prompt"]);
    bench
}

#[test]
fn a_key_of_the_menu_is_taken_at_any_time_of_it() {
    assert_eq!(at_menu().press('1'), ["caller hears nothing", "caller hears caller"]);
    let mut bench = at_menu();
    let leg = bench.caller;
    assert_eq!(bench.media(finished(leg, 1)), [""; 0]);
    assert_eq!(bench.pass(TIMEOUT - Duration::from_millis(1)), [""; 0]);
    assert_eq!(bench.press('1'), ["caller hears nothing", "caller hears caller"]);
    assert_eq!(bench.pass(2 * TIMEOUT), [""; 0], "nothing is awaited any more");
    let leg = bench.caller;
    let began = at_menu().media(CallEvent::DigitBegan { leg, digit: key('1') });
    assert_eq!(began, [""; 0], "another call's key");
}

#[test]
fn a_menu_is_asked_again_after_a_wrong_key_and_after_none_and_then_passed_by() {
    let mut bench = at_menu();
    assert_eq!(
        bench.press('9'),
        ["caller hears nothing", "caller hears prompts"],
        "what is wrong, and the menu"
    );
    assert_eq!(bench.press('9'), ["caller hears nothing", "hang up caller Declined"]);

    let mut bench = at_menu();
    let leg = bench.caller;
    bench.media(finished(leg, 1));
    assert_eq!(bench.call.poll_timeout(), Some(bench.now + TIMEOUT));
    assert_eq!(bench.pass(TIMEOUT), ["caller hears prompt"]);
    assert_eq!(bench.media(finished(leg, 1)), [""; 0], "that one was over");
    assert_eq!(bench.pass(TIMEOUT), [""; 0], "the time begins behind the prompts");
    bench.media(finished(leg, 2));
    assert_eq!(bench.pass(TIMEOUT), ["hang up caller Declined"]);
}
