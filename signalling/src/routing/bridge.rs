//! A bridge: whom it calls, in which rounds, and what they are told.

use std::sync::Arc;
use std::time::Duration;

use webtrunk_engine::EndCause;

use super::pattern::{Captures, Patterns};
use super::plan::{Bridge, BridgeTarget, Callee, Step};
use super::rule::RuleFault;
use super::template::Template;
use super::trunk_order::{TrunkOrder, draw};
use crate::adapter::HeaderChange;

/// A bridge, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeSpec {
    /// Whom to call.
    pub to: BridgeTo,
    /// Template of the number that the callee is shown; `None` shows the caller's own.
    pub shown_number: Option<String>,
    /// How long it may ring, where nothing else is said of a callee.
    pub ring_timeout: Duration,
    /// Headers of the call that is placed: the name, and the template of what it says; `None` takes it out.
    pub headers: Vec<(String, Option<String>)>,
}

/// Whom a bridge calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BridgeTo {
    /// Users.
    Users {
        /// Who they are, each by name (a template) and with how long it may ring, where that is said.
        users: Vec<(String, Option<Duration>)>,
        /// One after another as written, not all at once.
        is_in_turn: bool,
    },
    /// A number at a trunk, or at one of several: the next one where one fails. (Their names are no templates:
    /// no caller chooses who is paid.)
    Trunks(TrunkGroup),
}

/// Trunks that carry the same numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkGroup {
    /// Their names, each with its weight.
    pub trunks: Vec<(String, u32)>,
    /// Template of what is dialled there.
    pub number: String,
    /// Which one is called first.
    pub order: TrunkOrder,
    /// The failures after which the next one is called.
    pub failover: Vec<EndCause>,
    /// How long nothing but "trying" may be heard of a trunk before the next one is called.
    pub progress_timeout: Duration,
}

impl BridgeSpec {
    /// A bridge that says nothing besides.
    #[must_use]
    pub const fn new(to: BridgeTo, ring_timeout: Duration) -> Self {
        Self { to, shown_number: None, ring_timeout, headers: Vec::new() }
    }
}

impl BridgeTo {
    /// Users by name (templates), all at once.
    #[must_use]
    pub fn users<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let users = names.into_iter().map(|name| (name.to_owned(), None)).collect();
        Self::Users { users, is_in_turn: false }
    }

    /// A number (a template) at one trunk.
    #[must_use]
    pub fn trunk(name: &str, number: &str) -> Self {
        Self::Trunks(TrunkGroup {
            trunks: vec![(name.to_owned(), 1)],
            number: number.to_owned(),
            order: TrunkOrder::InTurn,
            failover: Vec::new(),
            progress_timeout: Duration::MAX,
        })
    }
}

/// A compiled bridge.
#[derive(Debug, Clone)]
pub(super) struct BridgeAction {
    callees: Callees,
    shown_number: Option<Template>,
    ring_timeout: Duration,
    headers: Vec<(String, Option<Template>)>,
}

#[derive(Debug, Clone)]
enum Callees {
    Users { users: Vec<(Template, Duration)>, is_in_turn: bool },
    Trunks { names: Vec<Arc<str>>, weights: Vec<u32>, number: Template, group: Group },
}

#[derive(Debug, Clone)]
struct Group {
    order: TrunkOrder,
    failover: Arc<[EndCause]>,
    progress_timeout: Duration,
}

impl BridgeAction {
    pub(super) fn compile(spec: &BridgeSpec, patterns: &Patterns) -> Result<Self, RuleFault> {
        let template = |text: &String| Template::compile(text, patterns);
        let callees = match &spec.to {
            BridgeTo::Users { users, .. } if users.is_empty() => return Err(RuleFault::BridgeToNobody),
            BridgeTo::Users { users, is_in_turn } => {
                let user = |(name, ring_timeout): &(String, Option<Duration>)| {
                    Ok((template(name)?, ring_timeout.unwrap_or(spec.ring_timeout)))
                };
                let users = users.iter().map(user).collect::<Result<_, RuleFault>>()?;
                Callees::Users { users, is_in_turn: *is_in_turn }
            }
            BridgeTo::Trunks(group) if group.trunks.is_empty() => return Err(RuleFault::BridgeToNobody),
            BridgeTo::Trunks(TrunkGroup { trunks, number, order, failover, progress_timeout }) => {
                Callees::Trunks {
                    names: trunks.iter().map(|(name, _)| name.as_str().into()).collect(),
                    weights: trunks.iter().map(|(_, weight)| *weight).collect(),
                    number: template(number)?,
                    group: Group {
                        order: *order,
                        failover: failover.as_slice().into(),
                        progress_timeout: *progress_timeout,
                    },
                }
            }
        };
        let header = |(name, value): &(String, Option<String>)| {
            Ok((name.clone(), value.as_ref().map(template).transpose()?))
        };
        Ok(Self {
            callees,
            shown_number: spec.shown_number.as_ref().map(template).transpose()?,
            ring_timeout: spec.ring_timeout,
            headers: spec.headers.iter().map(header).collect::<Result<_, RuleFault>>()?,
        })
    }

    /// A step for each round of calls; `None` where there is nobody to call. `dice` is the lot by which weighted
    /// trunks are drawn.
    pub(super) fn expand(&self, captures: &Captures<'_>, dice: u64) -> Option<Vec<Step>> {
        let rounds = match &self.callees {
            Callees::Users { users, is_in_turn } => rounds_of_users(users, *is_in_turn, captures),
            Callees::Trunks { names, weights, number, group } => {
                let number = Some(number.expand(captures)).filter(|number| !number.is_empty())?;
                let order = match group.order {
                    TrunkOrder::InTurn => (0..names.len()).collect(),
                    TrunkOrder::Weighted => draw(weights, dice),
                };
                let ordered: Vec<_> = order.into_iter().map(|place| Arc::clone(&names[place])).collect();
                rounds_of_trunks(&ordered, &number, self.ring_timeout, group)
            }
        };
        let header = |(name, value): &(String, Option<Template>)| {
            // What comes out empty says nothing.
            let value = value.as_ref().map(|value| value.expand(captures)).filter(|value| !value.is_empty());
            HeaderChange { name: name.clone(), value }
        };
        let shown_number = self.shown_number.as_ref().map(|number| number.expand(captures));
        let headers: Vec<_> = self.headers.iter().map(header).collect();
        let dressed = |round| {
            let (shown_number, headers) = (shown_number.clone(), headers.clone());
            Step::Bridge(Bridge { shown_number, headers, ..round })
        };
        let steps: Vec<_> = rounds.into_iter().map(dressed).collect();
        (!steps.is_empty()).then_some(steps)
    }
}

fn rounds_of_users(users: &[(Template, Duration)], is_in_turn: bool, captures: &Captures<'_>) -> Vec<Bridge> {
    let named = users.iter().map(|(name, ring_timeout)| (name.expand(captures), *ring_timeout));
    let callees = named
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, ring_timeout)| Callee { target: BridgeTarget::User(name), ring_timeout });
    if is_in_turn {
        return callees.map(|callee| Bridge::new(vec![callee])).collect();
    }
    let callees: Vec<_> = callees.collect();
    if callees.is_empty() { Vec::new() } else { vec![Bridge::new(callees)] }
}

fn rounds_of_trunks(trunks: &[Arc<str>], number: &str, ring_timeout: Duration, group: &Group) -> Vec<Bridge> {
    let round = |(round, trunk): (usize, &Arc<str>)| {
        let target = BridgeTarget::Trunk { trunk: Arc::clone(trunk), number: number.to_owned() };
        Bridge {
            only_after: (round > 0).then(|| Arc::clone(&group.failover)),
            // Behind the last one there is nobody for whose sake to give up.
            progress_timeout: (round + 1 < trunks.len()).then_some(group.progress_timeout),
            ..Bridge::new(vec![Callee { target, ring_timeout }])
        }
    };
    trunks.iter().enumerate().map(round).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{ActionSpec, Conditions, Decision, Plan, Query, RuleSpec, Rules};
    use super::*;
    use crate::adapter::{Origin, Party};

    const RING: Duration = Duration::from_secs(30);
    const SILENT: Duration = Duration::from_secs(8);

    /// What is done with a call to this number, by a rule whose `destination` has one group.
    fn steps(spec: BridgeSpec, destination: &str, dice: u64) -> Option<Vec<Bridge>> {
        let rule = RuleSpec {
            name: "rule".to_owned(),
            destination: "9(.*)".to_owned(),
            from_number: None,
            from_user: None,
            from_trunk: None,
            conditions: Conditions::default(),
            actions: vec![ActionSpec::Bridge(spec)],
        };
        let rules = Rules::compile(&[rule]).expect("sound");
        let (origin, caller) = (Origin::User("alice".to_owned()), Party::default());
        match rules.route(&Query { dice, ..Query::new(&origin, &caller, destination) }) {
            Decision::Run(Plan { steps, .. }) => Some(
                steps
                    .into_iter()
                    .map(|step| match step {
                        Step::Bridge(bridge) => bridge,
                        other => panic!("{other:?} is no bridge"),
                    })
                    .collect(),
            ),
            Decision::Refuse { .. } => None,
        }
    }

    fn names(bridges: &[Bridge]) -> Vec<Vec<String>> {
        let name = |callee: &Callee| match &callee.target {
            BridgeTarget::User(name) => name.clone(),
            BridgeTarget::Trunk { trunk, number } => format!("{number} at {trunk}"),
        };
        bridges.iter().map(|bridge| bridge.callees.iter().map(name).collect()).collect()
    }

    fn group(order: TrunkOrder) -> BridgeSpec {
        let trunks = [("a", 3), ("b", 1), ("c", 0)].map(|(name, weight)| (name.to_owned(), weight));
        BridgeSpec::new(
            BridgeTo::Trunks(TrunkGroup {
                trunks: trunks.into(),
                number: "+$1".to_owned(),
                order,
                failover: vec![EndCause::GatewayFailure],
                progress_timeout: SILENT,
            }),
            RING,
        )
    }

    #[test]
    fn each_trunk_of_a_group_is_a_round_for_when_the_one_before_it_fails() {
        let rounds = steps(group(TrunkOrder::InTurn), "9100", 0).expect("it matches");
        assert_eq!(names(&rounds), [["+100 at a"], ["+100 at b"], ["+100 at c"]]);
        let failures: Vec<_> = rounds.iter().map(|round| round.only_after.as_deref()).collect();
        let failed = Some(&[EndCause::GatewayFailure][..]);
        assert_eq!(failures, [None, failed, failed]);
        let timeouts: Vec<_> = rounds.iter().map(|round| round.progress_timeout).collect();
        assert_eq!(timeouts, [Some(SILENT), Some(SILENT), None], "behind the last there is nobody");
    }

    #[test]
    fn weights_decide_how_often_a_trunk_is_the_first() {
        let first =
            |dice| names(&steps(group(TrunkOrder::Weighted), "91", dice).expect("it matches")).remove(0);
        let firsts = (0..1000).filter(|dice| first(*dice) == ["+1 at a"]).count();
        assert!((700..800).contains(&firsts), "{firsts} of 1000 with a weight of 3 to 1");
        assert_eq!(first(7), first(7), "the same lot");
    }

    #[test]
    fn users_ring_at_once_or_in_turn_each_for_its_time() {
        let users = vec![("alice".to_owned(), Some(SILENT)), ("$1".to_owned(), None)];
        let spec = |is_in_turn| BridgeSpec::new(BridgeTo::Users { users: users.clone(), is_in_turn }, RING);
        let at_once = steps(spec(false), "9bob", 0).expect("it matches");
        assert_eq!(names(&at_once), [["alice", "bob"]]);
        let times: Vec<_> = at_once[0].callees.iter().map(|callee| callee.ring_timeout).collect();
        assert_eq!(times, [SILENT, RING]);
        assert_eq!(names(&steps(spec(true), "9bob", 0).expect("it matches")), [["alice"], ["bob"]]);
        assert_eq!(names(&steps(spec(true), "9", 0).expect("it matches")), [["alice"]], "who has no name");
        let nobody = BridgeTo::Users { users: vec![("$1".to_owned(), None)], is_in_turn: true };
        assert_eq!(steps(BridgeSpec::new(nobody, RING), "9", 0), None);
    }

    #[test]
    fn headers_are_filled_in_and_what_comes_out_empty_is_taken_out() {
        let headers = vec![
            ("X-Number".to_owned(), Some("is $1".to_owned())),
            ("X-Bare".to_owned(), Some("$1".to_owned())),
            ("X-Out".to_owned(), None),
        ];
        let spec = BridgeSpec { headers, ..group(TrunkOrder::InTurn) };
        let told = |destination| {
            let bridges = steps(spec.clone(), destination, 0).expect("it matches");
            assert!(bridges.iter().all(|bridge| bridge.headers == bridges[0].headers));
            let changes = bridges[0].headers.iter();
            changes.map(|change| (change.name.clone(), change.value.clone())).collect::<Vec<_>>()
        };
        let expected = [("X-Number", Some("is 5")), ("X-Bare", Some("5")), ("X-Out", None)]
            .map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
        assert_eq!(told("95"), expected);
        let users =
            BridgeSpec { headers: spec.headers.clone(), ..BridgeSpec::new(BridgeTo::users(["x"]), RING) };
        let bridges = steps(users, "9", 0).expect("it matches");
        assert_eq!(bridges[0].headers[1].value, None);
    }
}
