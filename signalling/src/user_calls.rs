//! How many calls each user has, and the right to one more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use webtrunk_engine::LegId;

use crate::b2bua::Directory;
use crate::lock::lock;

/// The calls of all users that are counted; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserCalls(Arc<Mutex<Calls>>);

/// By user and by the call's first leg, the legs that the user has in it: three phones that ring are one call.
type Calls = HashMap<String, HashMap<LegId, usize>>;

/// One call more is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooMany {
    #[error("the user has as many calls as it may")]
    OfUser,
    #[error("the customer of the user has as many calls as it may")]
    OfCustomer,
}

/// As whom a leg of a user is counted.
#[derive(Debug)]
pub(crate) struct Counted {
    name: String,
    /// How many calls it may have; `None`, as many as there are.
    max: Option<usize>,
    /// What is said where it has them.
    full: TooMany,
}

/// A user, and all of its customer together.
pub(crate) fn counted_as(user: &str, directory: &dyn Directory) -> Vec<Counted> {
    let customer = directory.counted_with(user).map(|name| (name, TooMany::OfCustomer));
    let all = [(user.to_owned(), TooMany::OfUser)].into_iter().chain(customer);
    all.map(|(name, full)| Counted { max: directory.calls_max(&name), name, full }).collect()
}

/// The places that users' legs have in one call.
#[derive(Debug)]
pub(crate) struct Seats {
    users: UserCalls,
    /// The leg that it began with, by which it is counted.
    call: LegId,
    taken: Vec<(LegId, Seat)>,
}

/// A leg of a user in a call; gives its place back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    calls: UserCalls,
    user: String,
    call: LegId,
}

impl UserCalls {
    /// Lets one more leg into a call, unless that would be a call more than one of those may have as whom it is counted: then
    /// it has a place with none of them. Who may have as many as there are is not counted.
    pub(crate) fn enter(&self, counted: &[Counted], call: LegId) -> Result<Vec<Seat>, TooMany> {
        let mut seats = Vec::new();
        for Counted { name, max, full } in counted {
            let Some(max) = *max else { continue };
            seats.push(self.seat(name, call, max).ok_or(*full)?);
        }
        Ok(seats)
    }

    fn seat(&self, user: &str, call: LegId, max: usize) -> Option<Seat> {
        let mut calls = self.lock();
        let own = calls.entry(user.to_owned()).or_default();
        if !own.contains_key(&call) && own.len() >= max {
            return None;
        }
        *own.entry(call).or_default() += 1;
        drop(calls);
        Some(Seat { calls: self.clone(), user: user.to_owned(), call })
    }

    fn leave(&self, user: &str, call: LegId) {
        let mut calls = self.lock();
        let Some(own) = calls.get_mut(user) else { return };
        if let Some(legs) = own.get_mut(&call) {
            *legs -= 1;
            if *legs == 0 {
                own.remove(&call);
            }
        }
        if own.is_empty() {
            calls.remove(user);
        }
    }

    /// The table is whole between any two statements of ours.
    fn lock(&self) -> MutexGuard<'_, Calls> {
        lock(&self.0)
    }
}

impl Seats {
    /// Those of a call that began with a leg, which may have one.
    pub(crate) fn new(users: &UserCalls, call: LegId, first: Vec<Seat>) -> Self {
        Self { users: users.clone(), call, taken: first.into_iter().map(|seat| (call, seat)).collect() }
    }

    /// A user is about to be called.
    pub(crate) fn take(&mut self, leg: LegId, counted: &[Counted]) -> Result<(), TooMany> {
        let seats = self.users.enter(counted, self.call)?;
        self.taken.extend(seats.into_iter().map(|seat| (leg, seat)));
        Ok(())
    }

    /// Another device of a user takes the place of one that is in the call already: there is always room for it.
    pub(crate) fn join(&mut self, leg: LegId, counted: &[Counted]) {
        let limited = counted.iter().filter(|counted| counted.max.is_some());
        let seats = limited.filter_map(|counted| self.users.seat(&counted.name, self.call, usize::MAX));
        self.taken.extend(seats.map(|seat| (leg, seat)));
    }

    /// A leg has no place any more, if it had one.
    pub(crate) fn leave(&mut self, leg: LegId) {
        self.taken.retain(|(known, _)| *known != leg);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.calls.leave(&self.user, self.call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(name: &str, max: Option<usize>, full: TooMany) -> Counted {
        Counted { name: name.to_owned(), max, full }
    }

    fn own(user: &str) -> [Counted; 1] {
        [counted(user, Some(1), TooMany::OfUser)]
    }

    #[test]
    fn a_user_has_as_many_calls_as_it_may_however_many_of_its_phones_ring() {
        let users = UserCalls::default();
        let [one, two] = [(); 2].map(|()| LegId::next());
        let enter = |user, call| users.enter(&own(user), call).ok();
        let phones = [(); 3].map(|()| enter("alice", one).expect("the same call"));
        assert!(enter("alice", two).is_none());
        assert!(enter("bob", two).is_some(), "others have their own");
        let [first, second, third] = phones;
        drop((first, second));
        assert!(enter("alice", two).is_none(), "one of them talks");
        drop(third);
        assert!(enter("alice", two).is_some());
        assert!(users.lock().is_empty(), "nothing is left of who has no call");
    }

    #[test]
    fn who_may_have_as_many_as_there_are_is_not_counted() {
        let users = UserCalls::default();
        let seats = users.enter(&[counted("alice", None, TooMany::OfUser)], LegId::next());
        assert!(seats.is_ok_and(|seats| seats.is_empty()) && users.lock().is_empty());
    }

    #[test]
    fn who_is_not_called_for_its_customer_has_no_place_of_its_own_either() {
        let users = UserCalls::default();
        let [one, two] = [(); 2].map(|()| LegId::next());
        let of_acme = |user| {
            let [own] = own(user);
            [own, counted("acme+", Some(1), TooMany::OfCustomer)]
        };
        let first = users.enter(&of_acme("acme+alice"), one).expect("the first");
        let mut seats = Seats::new(&users, two, Vec::new());
        assert_eq!(seats.take(two, &of_acme("acme+bob")), Err(TooMany::OfCustomer));
        assert_eq!(seats.take(two, &of_acme("acme+alice")), Err(TooMany::OfUser));
        drop(first);
        assert!(users.lock().is_empty(), "the other call goes on without them");
    }

    #[test]
    fn a_device_that_takes_the_place_of_another_is_in_the_same_call() {
        let users = UserCalls::default();
        let [phone, other, next] = [(); 3].map(|()| LegId::next());
        let first = users.enter(&own("alice"), phone).expect("the first");
        let mut seats = Seats::new(&users, phone, first);
        seats.join(other, &own("alice"));
        seats.leave(phone);
        assert!(users.enter(&own("alice"), next).is_err(), "the other talks on");
        seats.leave(other);
        seats.leave(other);
        assert!(users.enter(&own("alice"), next).is_ok());
    }
}
