//! An adapter at work: turn after turn, each of which may break what it is about and nothing else.

use tracing::{error, info};

use crate::guarded::guarded;

/// Turns that may end in a panic one after the other. Chosen by us: a message's fault is met once, and what is met at each
/// turn is the adapter's own, of which a new start has none.
const FAULTS_MAX: u32 = 3;

/// What an adapter's task does. One value owns all that the adapter knows, and [`work`] is its loop.
pub trait Work: Send {
    /// One thing that there is to be done.
    type Turn: Send;

    /// Waits for the next thing: a message, a command, a moment that has come. It does nothing about it, so that nothing is
    /// half done where it breaks.
    fn next(&mut self) -> impl Future<Output = Self::Turn> + Send;

    /// Does it, and all that follows from it.
    fn handle(&mut self, turn: Self::Turn);

    /// The turn before ended in a panic, a fault of ours. What it was about is given up: its legs end, as
    /// [`EndCause::InternalError`](webtrunk_engine::EndCause::InternalError), and all else goes on.
    fn give_up_broken(&mut self);

    /// Whether the gateway said `Drain`, all has ended and all is told.
    fn is_over(&self) -> bool;
}

/// Takes turns until the work is over, or one fault follows the other. Then the task ends without having been told to, by
/// which the gateway knows that the adapter is broken.
pub async fn work<W: Work>(adapter: &'static str, mut work: W) {
    let mut faults = 0;
    while !work.is_over() {
        let turn = work.next().await;
        if guarded(|| work.handle(turn)).is_some() {
            faults = 0;
            continue;
        }
        faults += 1;
        if faults == FAULTS_MAX || guarded(|| work.give_up_broken()).is_none() {
            return error!(adapter, "one fault of ours follows the other, and the adapter cannot go on");
        }
    }
    info!(adapter, "adapter stopped");
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Turns that panic or not, and what was done.
    struct Script {
        turns: VecDeque<bool>,
        done: usize,
        given_up: usize,
        can_give_up: bool,
    }

    impl Work for &mut Script {
        type Turn = bool;

        async fn next(&mut self) -> bool {
            self.turns.pop_front().expect("it is not over")
        }

        fn handle(&mut self, is_broken: bool) {
            assert!(!is_broken, "a promise of ours is broken");
            self.done += 1;
        }

        fn give_up_broken(&mut self) {
            assert!(self.can_give_up, "another one");
            self.given_up += 1;
        }

        fn is_over(&self) -> bool {
            self.turns.is_empty()
        }
    }

    async fn run(turns: &[bool], can_give_up: bool) -> (usize, usize, usize) {
        let turns = turns.iter().copied().collect();
        let mut script = Script { turns, done: 0, given_up: 0, can_give_up };
        work("test", &mut script).await;
        (script.done, script.given_up, script.turns.len())
    }

    #[tokio::test]
    async fn three_broken_turns_in_a_row_end_it_and_fewer_do_not() {
        assert_eq!(run(&[true, true, false, true, true, false], true).await, (2, 4, 0));
        assert_eq!(run(&[false, true, true, true, false], true).await, (1, 2, 1));
    }

    #[tokio::test]
    async fn a_panic_while_it_gives_up_what_broke_ends_it() {
        assert_eq!(run(&[false, true, false], false).await, (1, 0, 1));
    }
}
