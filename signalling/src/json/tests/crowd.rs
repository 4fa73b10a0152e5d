//! As many sessions of a user as there may be: which one makes room.

use super::page::{Bench, description};
use crate::adapter::Command;
use crate::json::JsonConfig;

/// A bench where a user has three sessions at most, and three of alice: the first has a call.
fn three() -> (Bench, [u64; 3]) {
    let config = JsonConfig { passwords: true, sessions_per_user: 3, ..JsonConfig::default() };
    let mut bench = Bench::with(config);
    let pages = [(); 3].map(|()| {
        bench.wait(1);
        bench.page("alice").0
    });
    let (_, leg) = bench.call(pages[0], "100");
    bench.command(Command::Answer { leg, description: description() });
    (bench, pages)
}

#[test]
fn a_call_whose_page_is_away_for_a_moment_makes_no_room() {
    let (mut bench, [busy, idle, newer]) = three();
    bench.lose(busy);
    bench.page("alice");
    assert_eq!(bench.ends(), []);
    assert_eq!(bench.closed.keys().collect::<Vec<_>>(), [&idle], "the oldest that does nothing");
    bench.lose(newer);
    bench.page("alice");
    assert_eq!(
        (bench.ends(), bench.closed.len()),
        (Vec::new(), 1),
        "the one that is away had nobody to tell"
    );
}

#[test]
fn of_two_that_are_away_the_one_makes_room_that_is_away_longer() {
    let (mut bench, [_, first, second]) = three();
    let before = bench.located["alice"].clone();
    bench.lose(second);
    bench.wait(1);
    bench.lose(first);
    bench.page("alice");
    let left = &bench.located["alice"];
    assert!(left.contains(&before[1]) && !left.contains(&before[2]), "{before:?} {left:?}");
    assert_eq!(bench.ends(), []);
}
