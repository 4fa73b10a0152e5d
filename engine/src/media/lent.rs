//! Room that the streams of a thread use in turn, so that not each of them has its own.
//!
//! A packet needs a place for its samples while it is transcoded, and a packet that came too early one to wait in. Few
//! streams need one at the same moment. A thread keeps those that nobody uses; one more is made only when more are in use
//! than ever before.

use std::cell::RefCell;
use std::thread::LocalKey;

/// Rooms that a thread keeps of a kind; more than these are given back to the system. Chosen by us: two hundred calls
/// whose packets come out of order at the same moment.
const IDLE_MAX: usize = 256;

/// Rooms of one kind that nobody uses.
pub(super) type Idle<T> = RefCell<Vec<Box<T>>>;

/// A kind of room. What is in it when it is lent is what was left there.
pub(super) trait Room: Default + 'static {
    /// Those of this thread that nobody uses.
    fn idle() -> &'static LocalKey<Idle<Self>>;
}

/// Takes a room, to be given back.
pub(super) fn take<T: Room>() -> Box<T> {
    T::idle().with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Gives a room back, to whichever thread this is.
pub(super) fn give_back<T: Room>(room: Box<T>) {
    T::idle().with_borrow_mut(|idle| {
        if idle.len() < IDLE_MAX {
            idle.push(room);
        }
    });
}

/// Lends a room for as long as `work` takes.
pub(super) fn lend<T: Room, R>(work: impl FnOnce(&mut T) -> R) -> R {
    let mut room = take();
    let done = work(&mut *room);
    give_back(room);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Place(u8);

    thread_local! {
        static IDLE: Idle<Place> = const { RefCell::new(Vec::new()) };
    }

    impl Room for Place {
        fn idle() -> &'static LocalKey<Idle<Self>> {
            &IDLE
        }
    }

    #[test]
    fn who_comes_next_gets_the_room_of_who_went() {
        lend(|place: &mut Place| place.0 = 7);
        assert_eq!(lend(|place: &mut Place| place.0), 7);
        let (first, second) = (take::<Place>(), take::<Place>());
        assert_eq!((first.0, second.0), (7, 0), "two at a time are two rooms");
        give_back(second);
        give_back(first);
        assert_eq!(IDLE.with_borrow(Vec::len), 2);
    }

    #[test]
    fn a_room_may_be_needed_while_another_is_lent() {
        let outer = lend(|outer: &mut Place| {
            outer.0 = 1;
            lend(|inner: &mut Place| inner.0 = 2);
            outer.0
        });
        assert_eq!(outer, 1);
    }

    #[test]
    fn no_more_are_kept_than_are_of_use() {
        let places: Vec<_> = (0..2 * IDLE_MAX).map(|_| take::<Place>()).collect();
        places.into_iter().for_each(give_back);
        assert_eq!(IDLE.with_borrow(Vec::len), IDLE_MAX);
    }
}
