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

/// A user has as many calls as it may.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TooMany;

/// A user, and those with whom its calls are counted together.
pub(crate) fn counted_as(user: &str, directory: &dyn Directory) -> Vec<String> {
    [user.to_owned()].into_iter().chain(directory.counted_with(user)).collect()
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
    /// Lets one more leg of a user into a call, unless that would be a call more than the user may have. Who may have
    /// as many as there are (`max` is `None`) is not counted.
    pub(crate) fn enter(&self, user: &str, call: LegId, max: Option<usize>) -> Result<Option<Seat>, TooMany> {
        let Some(max) = max else { return Ok(None) };
        let mut calls = self.lock();
        let own = calls.entry(user.to_owned()).or_default();
        if !own.contains_key(&call) && own.len() >= max {
            return Err(TooMany);
        }
        *own.entry(call).or_default() += 1;
        drop(calls);
        Ok(Some(Seat { calls: self.clone(), user: user.to_owned(), call }))
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

    /// A user is about to be called, and may have `max` calls.
    pub(crate) fn take(&mut self, leg: LegId, user: &str, max: Option<usize>) -> Result<(), TooMany> {
        let seat = self.users.enter(user, self.call, max)?;
        self.taken.extend(seat.map(|seat| (leg, seat)));
        Ok(())
    }

    /// Another device of a user, whose calls are counted, takes the place of one that is in the call already.
    pub(crate) fn join(&mut self, leg: LegId, user: &str) {
        // There is always room for one more of as many as there can be.
        let _ = self.take(leg, user, Some(usize::MAX));
    }

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

    #[test]
    fn a_user_has_as_many_calls_as_it_may_however_many_of_its_phones_ring() {
        let users = UserCalls::default();
        let [one, two] = [(); 2].map(|()| LegId::next());
        let enter = |user, call| users.enter(user, call, Some(1)).ok().flatten();
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
        assert!(matches!(users.enter("alice", LegId::next(), None), Ok(None)));
        assert!(users.lock().is_empty());
    }

    #[test]
    fn a_device_that_takes_the_place_of_another_is_in_the_same_call() {
        let users = UserCalls::default();
        let [phone, other, next] = [(); 3].map(|()| LegId::next());
        let first = users.enter("alice", phone, Some(1)).expect("the first");
        let mut seats = Seats::new(&users, phone, first.into_iter().collect());
        seats.join(other, "alice");
        seats.leave(phone);
        assert!(users.enter("alice", next, Some(1)).is_err(), "the other talks on");
        seats.leave(other);
        assert!(users.enter("alice", next, Some(1)).is_ok());
    }
}
