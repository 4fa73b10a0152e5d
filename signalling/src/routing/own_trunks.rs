//! Plans of those whose calls go out by trunks of their own: what is dialled, shown and told is as the rule says, and which trunk
//! carries it is not.
//!
//! ```text
//!  the rule calls a, b    own: b, c  --> b            those of the rule's that are among its own, in the rule's order
//!  the rule calls a       own: b, c  --> b, else c    where none is, all of its own, in their order
//! ```

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use webtrunk_engine::EndCause;

use super::menu::Menu;
use super::plan::{Bridge, BridgeTarget, Callee, Decision, Plan, Step};

/// Why the next trunk of several is called where nobody says: what says nothing of the callee.
pub const USUAL_FAILOVER: [EndCause; 4] =
    [EndCause::GatewayFailure, EndCause::SignallingLost, EndCause::MediaFailed, EndCause::Overloaded];

/// How long a trunk of several may say no more than that it tries, where nobody says. Chosen by us: calls abroad ring after
/// some five seconds, and who calls waits no longer than about twice that.
pub const USUAL_PROGRESS_TIMEOUT: Duration = Duration::from_secs(12);

impl Decision {
    /// The same of somebody whose calls go out by these trunks alone.
    #[must_use]
    pub fn by_trunks(self, own: &[Arc<str>]) -> Self {
        match self {
            Self::Run(plan) => Self::Run(Plan { steps: by_trunks(plan.steps, own), ..plan }),
            refused @ Self::Refuse { .. } => refused,
        }
    }
}

fn by_trunks(steps: Vec<Step>, own: &[Arc<str>]) -> Vec<Step> {
    let mut kept = Vec::with_capacity(steps.len());
    let mut group = Vec::new();
    for step in steps {
        match step {
            Step::Bridge(bridge) if trunk_of(&bridge).is_some() => {
                // Those behind the first of a group are for when the one before fails.
                if bridge.only_after.is_none() {
                    kept.extend(carried(mem::take(&mut group), own));
                }
                group.push(bridge);
            }
            other => {
                kept.extend(carried(mem::take(&mut group), own));
                kept.push(within(other, own));
            }
        }
    }
    kept.extend(carried(group, own));
    kept
}

/// A step that is no call to a trunk, in which there may be some.
fn within(step: Step, own: &[Arc<str>]) -> Step {
    match step {
        Step::Menu(Menu { choices, prompts, wrong, timeout, repeats }) => {
            let choices = choices.into_iter().map(|(key, steps)| (key, by_trunks(steps, own))).collect();
            Step::Menu(Menu { choices, prompts, wrong, timeout, repeats })
        }
        other => other,
    }
}

/// The rounds of one bridge, by these trunks.
fn carried(group: Vec<Bridge>, own: &[Arc<str>]) -> Vec<Step> {
    let Some(first) = group.first().cloned() else { return Vec::new() };
    let failover = group.iter().find_map(|bridge| bridge.only_after.clone());
    let failover = failover.unwrap_or_else(|| Arc::from(USUAL_FAILOVER));
    let progress_timeout = first.progress_timeout.unwrap_or(USUAL_PROGRESS_TIMEOUT);
    let is_own = |bridge: &Bridge| trunk_of(bridge).is_some_and(|trunk| own.contains(trunk));
    let mut rounds: Vec<_> = group.into_iter().filter(is_own).collect();
    if rounds.is_empty() {
        rounds = own.iter().map(|trunk| at(&first, trunk)).collect();
    }
    let count = rounds.len();
    for (round, bridge) in rounds.iter_mut().enumerate() {
        bridge.only_after = (round > 0).then(|| Arc::clone(&failover));
        bridge.progress_timeout = (round + 1 < count).then_some(progress_timeout);
    }
    rounds.into_iter().map(Step::Bridge).collect()
}

/// The trunk that a bridge calls, where it calls one.
fn trunk_of(bridge: &Bridge) -> Option<&Arc<str>> {
    match bridge.callees.as_slice() {
        [Callee { target: BridgeTarget::Trunk { trunk, .. }, .. }] => Some(trunk),
        _ => None,
    }
}

/// The same call at another trunk.
fn at(bridge: &Bridge, trunk: &Arc<str>) -> Bridge {
    let mut bridge = bridge.clone();
    for callee in &mut bridge.callees {
        if let BridgeTarget::Trunk { trunk: named, .. } = &mut callee.target {
            *named = Arc::clone(trunk);
        }
    }
    bridge
}

#[cfg(test)]
mod tests {
    use webtrunk_codecs::tone::Digit;

    use super::super::plan::Refusal;
    use super::*;

    const RING: Duration = Duration::from_secs(30);
    const SILENT: Duration = Duration::from_secs(8);

    /// The rounds of a bridge to these trunks.
    fn group(trunks: &[&str]) -> Vec<Step> {
        let failover: Arc<[EndCause]> = Arc::from([EndCause::Busy]);
        let round = |(round, trunk): (usize, &&str)| {
            let target = BridgeTarget::Trunk { trunk: Arc::from(*trunk), number: "100".to_owned() };
            Step::Bridge(Bridge {
                shown_number: Some("7".to_owned()),
                only_after: (round > 0).then(|| Arc::clone(&failover)),
                progress_timeout: (round + 1 < trunks.len()).then_some(SILENT),
                ..Bridge::new(vec![Callee { target, ring_timeout: RING }])
            })
        };
        trunks.iter().enumerate().map(round).collect()
    }

    fn user() -> Step {
        let target = BridgeTarget::User("bob".to_owned());
        Step::Bridge(Bridge::new(vec![Callee { target, ring_timeout: RING }]))
    }

    /// The steps in words: of a bridge its trunk, with `+` where it is for when the one before fails, and `~` where another
    /// follows that.
    fn words(steps: &[Step]) -> String {
        let word = |step: &Step| match step {
            Step::Bridge(bridge) => {
                let before = if bridge.only_after.is_some() { "+" } else { "" };
                let behind = if bridge.progress_timeout.is_some() { "~" } else { "" };
                format!("{before}{}{behind}", trunk_of(bridge).map_or("user", |trunk| &**trunk))
            }
            Step::Menu(menu) => menu.choices.iter().map(|(_, steps)| format!("[{}]", words(steps))).collect(),
            Step::Answer => "answer".to_owned(),
            other => panic!("{other:?}"),
        };
        steps.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    fn own(trunks: &[&str]) -> Vec<Arc<str>> {
        trunks.iter().map(|trunk| Arc::from(*trunk)).collect()
    }

    fn run(steps: Vec<Step>, trunks: &[&str]) -> Vec<Step> {
        match Decision::Run(Plan { rule: Arc::from("out"), steps }).by_trunks(&own(trunks)) {
            Decision::Run(plan) => plan.steps,
            Decision::Refuse { .. } => panic!("it is a plan"),
        }
    }

    #[test]
    fn of_a_rules_trunks_those_that_are_its_own_carry_a_call_and_where_none_is_all_its_own_do() {
        for (of_rule, trunks, expected) in [
            (&["a"][..], &["a"][..], "a"),
            (&["a"], &["b"], "b"),
            (&["a"], &["b", "c"], "b~ +c"),
            (&["a", "b", "c"], &["c", "b"], "b~ +c"),
            (&["a", "b"], &["b", "c"], "b"),
            (&["a", "b"], &["c", "d", "e"], "c~ +d~ +e"),
        ] {
            assert_eq!(words(&run(group(of_rule), trunks)), expected, "{of_rule:?} {trunks:?}");
        }
    }

    #[test]
    fn what_is_dialled_and_when_the_next_is_called_is_as_the_rule_says_and_else_as_is_usual() {
        let bridges = |steps: Vec<Step>| -> Vec<Bridge> {
            let bridge = |step| match step {
                Step::Bridge(bridge) => bridge,
                other => panic!("{other:?}"),
            };
            steps.into_iter().map(bridge).collect()
        };
        for (of_rule, failover, silent) in [
            (&["a", "b"][..], &[EndCause::Busy][..], SILENT),
            (&["a"], &USUAL_FAILOVER[..], USUAL_PROGRESS_TIMEOUT),
        ] {
            let rounds = bridges(run(group(of_rule), &["c", "d"]));
            assert_eq!(rounds[1].only_after.as_deref(), Some(failover));
            assert_eq!(rounds[0].progress_timeout, Some(silent));
            for round in &rounds {
                assert_eq!(round.shown_number.as_deref(), Some("7"));
                assert_eq!(round.callees[0].ring_timeout, RING);
                let BridgeTarget::Trunk { number, .. } = &round.callees[0].target else { panic!("a trunk") };
                assert_eq!(number, "100");
            }
        }
    }

    #[test]
    fn what_is_no_call_to_a_trunk_stays_and_each_bridge_is_one_by_itself() {
        let menu = Step::Menu(Menu {
            prompts: vec![Arc::from("announcement")],
            wrong: Vec::new(),
            choices: vec![(Digit::parse('1').expect("a key"), group(&["a"]))],
            timeout: RING,
            repeats: 1,
        });
        let steps = [vec![Step::Answer], group(&["a", "b"]), group(&["a"]), vec![user(), menu]].concat();
        assert_eq!(words(&run(steps, &["b", "c"])), "answer b b~ +c user [b~ +c]");
        let refused = Decision::Refuse { cause: EndCause::NotFound, reason: Refusal::NoRule };
        assert_eq!(refused.clone().by_trunks(&own(&["b"])), refused);
    }
}
