//! All ways through a scenario, as far as chance and the target choose them.

use std::collections::{BTreeSet, HashMap};

use super::element::{Doing, Element};
use super::fault::Remark;
use super::plan::Plan;
use super::state::State;
use super::words::Words;

/// One way, to its end.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// How many of all calls go it, 0 to 1.
    pub(super) share: f64,
    pub(super) plan: Plan,
    /// What is done otherwise on it.
    pub(super) remarks: BTreeSet<Remark>,
}

/// A walk through a scenario.
pub(super) struct Walk<'w> {
    elements: &'w [Element],
    labels: HashMap<&'w str, usize>,
    words: Words<'w>,
    /// Elements that may be come to, on all ways together.
    left: u32,
}

/// Where it goes on behind an element.
enum Turn {
    Straight,
    Jump(usize),
    /// One of both, and nobody knows which.
    Target(usize),
    /// There with this probability.
    Chance(usize, f64),
}

type Ways = Result<Vec<Way>, Vec<Remark>>;

/// Elements that are come to at most: a scenario that goes round for ever is told.
const ELEMENTS_MAX: u32 = 20_000;
/// Ways that differ by chance at most: each is a kind of calls.
const WAYS_MAX: usize = 16;
/// How often one way may come to the same fork by chance.
const CHANCES_MAX: u32 = 15;

impl<'w> Walk<'w> {
    pub(super) fn new(elements: &'w [Element], words: Words<'w>) -> Self {
        let labels = elements.iter().enumerate().filter_map(|(at, element)| match &element.doing {
            Doing::Label(id) => Some((id.as_str(), at)),
            _ => None,
        });
        Self { elements, labels: labels.collect(), words, left: ELEMENTS_MAX }
    }

    /// All ways; pauses of which nothing is said are so many seconds.
    ///
    /// # Errors
    /// There is none on which a call is answered and ends: why.
    pub(super) fn ways(&mut self, usual: f64) -> Ways {
        self.go(State::new(usual))
    }

    fn go(&mut self, mut state: State) -> Ways {
        let elements = self.elements;
        while let Some(element) = elements.get(state.at) {
            let Some(left) = self.left.checked_sub(1) else {
                return Err(vec![element.remark("is come to again and again; calls have to end")]);
            };
            self.left = left;
            let at = state.at;
            if let Doing::Receive { is_optional: true, .. } = element.doing {
                if element.branch.is_none() {
                    state.pass_by(element);
                    continue;
                }
                // What came once does not come for ever.
                if !state.comes_to(at, 1) {
                    state.at += 1;
                    continue;
                }
                let mut missed = state.clone();
                missed.at += 1;
                let missed = self.go(missed);
                let came = match self.advance(&mut state, element) {
                    Ok(turn) => self.turn(state, at, element, &turn),
                    Err(remark) => Err(vec![remark]),
                };
                return either(element, missed, came);
            }
            match self.advance(&mut state, element).map_err(|remark| vec![remark])? {
                Turn::Straight => {}
                Turn::Jump(to) => state.at = to,
                turn @ (Turn::Target(_) | Turn::Chance(..)) => return self.turn(state, at, element, &turn),
            }
        }
        let (plan, remarks) = state.finish().map_err(|remark| vec![remark])?;
        Ok(vec![Way { share: 1.0, plan, remarks }])
    }

    /// Does what an element says; where it goes on then.
    fn advance(&self, state: &mut State, element: &Element) -> Result<Turn, Remark> {
        state.pass(element, &self.words)?;
        let Some(branch) = &element.branch else { return Ok(Turn::Straight) };
        let Some(to) = self.labels.get(branch.label.as_str()) else {
            return Err(element.remark(format!("goes to the label {:?}, which is nowhere", branch.label)));
        };
        let is_taken = branch.test.as_ref().map_or(Some(true), |test| state.variables.is_set(test));
        Ok(match is_taken {
            None => Turn::Target(*to),
            Some(true) if branch.chance >= 1.0 => Turn::Jump(*to),
            Some(true) if branch.chance > 0.0 => Turn::Chance(*to, branch.chance),
            Some(_) => Turn::Straight,
        })
    }

    fn turn(&mut self, mut state: State, at: usize, element: &Element, turn: &Turn) -> Ways {
        match *turn {
            Turn::Straight => self.go(state),
            Turn::Jump(to) => {
                state.at = to;
                self.go(state)
            }
            Turn::Target(to) => {
                if !state.comes_to(at, 1) {
                    return self.go(state);
                }
                let jumped = state.jumped(to);
                let straight = self.go(state);
                either(element, straight, self.go(jumped))
            }
            Turn::Chance(to, chance) => {
                if !state.comes_to(at, CHANCES_MAX) {
                    let text = format!("is come to by chance {CHANCES_MAX} times at most in one call");
                    state.remarks.insert(element.remark(text));
                    return self.go(state);
                }
                let jumped = state.jumped(to);
                let (straight, jumped) = (self.go(state)?, self.go(jumped)?);
                let ways = shared(straight, 1.0 - chance).chain(shared(jumped, chance)).collect::<Vec<_>>();
                if ways.len() > WAYS_MAX {
                    let text =
                        format!("has calls go more than {WAYS_MAX} ways by chance; write the kinds out");
                    return Err(vec![element.remark(text)]);
                }
                Ok(ways)
            }
        }
    }
}

fn shared(ways: Vec<Way>, share: f64) -> impl Iterator<Item = Way> {
    ways.into_iter().map(move |way| Way { share: way.share * share, ..way })
}

/// The ways behind a fork at which the target chooses: ours cannot follow it, so both must come to the same, or one of
/// them to no call that is answered.
fn either(element: &Element, straight: Ways, jumped: Ways) -> Ways {
    let not_gone = |where_to: &str, why: &[Remark]| {
        let why = why.first().map(ToString::to_string).unwrap_or_default();
        element.remark(format!("where the target has it go {where_to}, that is not played: {why}"))
    };
    match (straight, jumped) {
        (Ok(straight), Ok(jumped)) => {
            let both = || straight.iter().zip(&jumped);
            let is_like = |(one, other): (&Way, &Way)| {
                one.plan.is_like(&other.plan) && (one.share - other.share).abs() < 1e-9
            };
            if straight.len() != jumped.len() || !both().all(is_like) {
                let text =
                    "goes on differently by what the target says; calls here are the same whatever it says";
                return Err(vec![element.remark(text)]);
            }
            // Who is challenged knows who answers.
            let knows = jumped.iter().any(|way| way.plan.identity.login.is_some());
            Ok(if knows { jumped } else { straight })
        }
        (Ok(mut ways), Err(why)) => {
            let to = element.branch.as_ref().map_or("on", |branch| branch.label.as_str());
            note(&mut ways, &not_gone(&format!("to {to:?}"), &why));
            Ok(ways)
        }
        (Err(why), Ok(mut ways)) => {
            note(&mut ways, &not_gone("straight on", &why));
            Ok(ways)
        }
        (Err(why), Err(_)) => Err(why),
    }
}

fn note(ways: &mut [Way], remark: &Remark) {
    for way in ways {
        way.remarks.insert(remark.clone());
    }
}
