//! All calls of a scenario: who plays it, and the kinds of calls that they have.

use std::collections::BTreeSet;

use super::fault::Remark;
use super::message::Login;
use super::plan::{Course, Manner};
use super::walk::Way;

/// Who plays a scenario, and how.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cast {
    pub(super) manner: Manner,
    /// Nobody in particular where there are none.
    pub(super) people: Vec<Person>,
    /// At least one.
    pub(super) kinds: Vec<Kind>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) user: String,
    pub(super) password: Option<String>,
}

/// Calls of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kind {
    /// How many of all they are, 0 to 1.
    pub(super) share: f64,
    /// Whom they are to, in turn.
    pub(super) destinations: Vec<String>,
    pub(super) course: Course,
}

/// What SIPp answers challenges with where nothing is said.
const PASSWORD: &str = "password";

impl Cast {
    /// Of the ways of each line of an injection file; of one, where there is no file.
    ///
    /// # Errors
    /// Lines or ways make agents of different kinds.
    pub(super) fn of(lines: Vec<Vec<Way>>, remarks: &mut BTreeSet<Remark>) -> Result<Self, Remark> {
        let Some(first) = lines.first().and_then(|ways| ways.first()) else {
            return Err(Remark::of_file("has no way to its end"));
        };
        let manner = first.plan.manner.clone();
        if lines.iter().flatten().any(|way| way.plan.manner != manner) {
            return Err(Remark::of_file("is played by agents of different kinds; make a scenario of each"));
        }
        let courses = |ways: &[Way]| ways.iter().map(|way| way.plan.course.clone()).collect::<Vec<_>>();
        let known = courses(&lines[0]);
        if lines.iter().any(|ways| courses(ways) != known) {
            return Err(Remark::of_file("has other calls for other lines of its injection file"));
        }
        let mut people = Vec::new();
        for ways in &lines {
            let identity = &ways[0].plan.identity;
            if ways.iter().any(|way| {
                (&way.plan.identity.user, &way.plan.identity.login) != (&identity.user, &identity.login)
            }) {
                return Err(Remark::of_file("is played by others on other ways; make a scenario of each"));
            }
            people.extend(person(identity.user.as_ref(), identity.login.as_ref(), remarks));
        }
        dedup(&mut people);
        if people.iter().any(|it| it.password.is_some()) && people.iter().any(|it| it.password.is_none()) {
            return Err(Remark::of_file("has users with and without passwords; make a scenario of each"));
        }
        let are_pairs = people.len() == lines.len();
        if people.len() > 1 && !are_pairs {
            let text =
                "has fewer users than lines: users and destinations are taken in turn, each by themselves";
            remarks.insert(Remark::of_file(text));
        }
        let kinds = known.into_iter().enumerate().map(|(at, course)| {
            let mut destinations: Vec<_> =
                lines.iter().map(|ways| ways[at].plan.identity.destination.clone()).collect();
            let are_one = destinations.iter().all(|it| *it == destinations[0]);
            if are_one || !are_pairs {
                dedup(&mut destinations);
            }
            Kind { share: lines[0][at].share, destinations, course }
        });
        let kinds = kinds.collect();
        for way in lines.into_iter().flatten() {
            remarks.extend(way.remarks);
        }
        Ok(Self { manner, people, kinds })
    }
}

fn person(user: Option<&String>, login: Option<&Login>, remarks: &mut BTreeSet<Remark>) -> Option<Person> {
    let Some(login) = login else {
        return user.map(|user| Person { user: user.clone(), password: None });
    };
    let name = login.user.as_ref().or(user)?;
    if user.is_some_and(|user| user != name) {
        remarks.insert(Remark::of_file("From has the user of the credentials, and not its own"));
    }
    if login.password.is_none() {
        let text = format!(
            "its passwords are {PASSWORD:?}, as SIPp's are where nothing is said; put the right one in"
        );
        remarks.insert(Remark::of_file(text));
    }
    let password = login.password.clone().unwrap_or_else(|| PASSWORD.to_owned());
    Some(Person { user: name.clone(), password: Some(password) })
}

/// Leaves each out that was there before.
fn dedup<T: PartialEq>(all: &mut Vec<T>) {
    let mut kept = Vec::new();
    for one in all.drain(..) {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    *all = kept;
}
