//! The `bridge` action of a rule: whom it calls, and what they are told.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::routing::{BridgeSpec, BridgeTo};

use super::faults::Faults;
use super::header_changes::HeaderChanges;
use super::nearest::meant;
use super::rules::{GROUP_CURE, Known, known_user};
use super::trunk_group::{Failure, GroupKeys};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BridgeSection {
    user: Option<Spanned<String>>,
    users: Option<Vec<Spanned<String>>>,
    group: Option<Spanned<String>>,
    ring: Option<Vec<RungSection>>,
    order: Option<Spanned<Order>>,
    trunk: Option<Spanned<String>>,
    trunks: Option<Vec<Spanned<String>>>,
    weights: Option<Spanned<Vec<u32>>>,
    failover: Option<Vec<Failure>>,
    progress_timeout_s: Option<Spanned<u32>>,
    number: Option<Spanned<String>>,
    shown_number: Option<String>,
    headers: Option<HeaderChanges>,
    #[serde(default = "default_ring_timeout")]
    ring_timeout_s: Spanned<u32>,
}

/// A user, and how long its phones ring.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RungSection {
    user: Spanned<String>,
    ring_timeout_s: Option<Spanned<u32>>,
}

/// In which order users are rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Together,
    InTurn,
}

/// Whom a bridge names, in one of the ways to do it.
enum Named<'r> {
    Users(Vec<(&'r Spanned<String>, Option<&'r Spanned<u32>>)>),
    Group(&'r Spanned<String>),
    Trunks(&'r [Spanned<String>], &'r Spanned<String>),
}

impl<'r> Named<'r> {
    fn users(named: &'r [Spanned<String>]) -> Self {
        Self::Users(named.iter().map(|user| (user, None)).collect())
    }

    fn rung(ring: &'r [RungSection]) -> Self {
        Self::Users(ring.iter().map(|own| (&own.user, own.ring_timeout_s.as_ref())).collect())
    }
}

/// About six rings.
fn default_ring_timeout() -> Spanned<u32> {
    Spanned::new(0..0, 30)
}

impl BridgeSection {
    /// What is written at `whole`.
    pub(super) fn check(
        &self,
        whole: std::ops::Range<usize>,
        known: &Known<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<BridgeSpec> {
        let Some(named) = self.named() else {
            let cure = "give it user, users, group or ring, or trunk or trunks with number";
            faults.add_missing(whole, "it is not clear whom this bridge calls", cure);
            return None;
        };
        self.check_order(&named, &whole, faults);
        let to = match named {
            Named::Users(users) => self.check_users(&users, known, faults),
            Named::Group(group) => self.check_group(group, known, faults)?,
            Named::Trunks(trunks, number) => {
                check_number(number, faults);
                let keys = GroupKeys {
                    weights: self.weights.as_ref(),
                    failover: self.failover.as_deref(),
                    progress_timeout_s: self.progress_timeout_s.as_ref(),
                };
                BridgeTo::Trunks(keys.check(trunks, number.get_ref(), known, faults))
            }
        };
        Some(BridgeSpec {
            to,
            shown_number: self.shown_number.clone(),
            ring_timeout: ring_timeout(&self.ring_timeout_s, faults),
            headers: self.headers.as_ref().map(|headers| headers.check(faults)).unwrap_or_default(),
        })
    }

    fn named(&self) -> Option<Named<'_>> {
        let people = [
            self.user.as_ref().map(|user| Named::users(std::slice::from_ref(user))),
            self.users.as_deref().map(Named::users),
            self.group.as_ref().map(Named::Group),
            self.ring.as_deref().map(Named::rung),
        ];
        let trunks = match (&self.trunk, &self.trunks) {
            (Some(trunk), None) => Some(std::slice::from_ref(trunk)),
            (None, trunks) => trunks.as_deref(),
            (Some(_), Some(_)) => return None,
        };
        let mut people = people.into_iter().flatten();
        match (people.next(), people.next(), trunks, &self.number) {
            (Some(people), None, None, None) => Some(people),
            (None, None, Some(trunks), Some(number)) => Some(Named::Trunks(trunks, number)),
            _ => None,
        }
    }

    /// Notes keys that say something of several who are called where there are none.
    fn check_order(&self, named: &Named<'_>, whole: &std::ops::Range<usize>, faults: &mut Faults<'_>) {
        if let (Named::Trunks(..), Some(order)) = (named, &self.order) {
            faults.add(order.span(), "is for users", "take it out; weights says how trunks are chosen");
        }
        let is_of_trunks =
            self.weights.is_some() || self.failover.is_some() || self.progress_timeout_s.is_some();
        if is_of_trunks && self.trunks.is_none() {
            let cure = "write trunks = [ .. ], or take them out";
            let problem = "weights, failover and progress_timeout_s are for several trunks";
            faults.add(whole.clone(), problem, cure);
        }
    }

    fn check_users(
        &self,
        users: &[(&Spanned<String>, Option<&Spanned<u32>>)],
        known: &Known<'_>,
        faults: &mut Faults<'_>,
    ) -> BridgeTo {
        for (index, (user, _)) in users.iter().enumerate() {
            if users[..index].iter().any(|(earlier, _)| earlier.get_ref() == user.get_ref()) {
                faults.add(user.span(), "is called twice", "take one out");
            }
        }
        let own = |(user, time): &(&Spanned<String>, Option<&Spanned<u32>>)| {
            (known_user(user, known, faults), time.map(|time| ring_timeout(time, faults)))
        };
        BridgeTo::Users { users: users.iter().map(own).collect(), is_in_turn: self.is_in_turn() }
    }

    /// Its members, in the order in which they stand in the file.
    fn check_group(
        &self,
        group: &Spanned<String>,
        known: &Known<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<BridgeTo> {
        let members = known.groups.get(group.get_ref().as_str()).cloned().unwrap_or_default();
        if members.is_empty() {
            let cure = meant(group.get_ref(), known.groups.keys().copied(), GROUP_CURE);
            faults.add_absent(
                &["users"],
                group.span(),
                "no user is in this group, so nobody is called",
                cure,
            );
            return None;
        }
        let users = known.users.sorted(members.iter().copied());
        let users = users.into_iter().map(|user| (user.to_owned(), None)).collect();
        Some(BridgeTo::Users { users, is_in_turn: self.is_in_turn() })
    }

    fn is_in_turn(&self) -> bool {
        self.order.as_ref().is_some_and(|order| *order.get_ref() == Order::InTurn)
    }
}

fn ring_timeout(seconds: &Spanned<u32>, faults: &mut Faults<'_>) -> Duration {
    if *seconds.get_ref() == 0 {
        faults.add(seconds.span(), "leaves no time to answer", "write 1 or more, or leave it out for 30");
    }
    Duration::from_secs((*seconds.get_ref()).into())
}

fn check_number(number: &Spanned<String>, faults: &mut Faults<'_>) {
    if number.get_ref().is_empty() {
        let cure = "write it, or \"$0\" for the one that was dialled";
        faults.add(number.span(), "calls no number", cure);
    }
    if number.get_ref().contains(char::is_whitespace) {
        faults.add(number.span(), "holds a space, which no number has", "take it out");
    }
}
