//! Places of spans, made many at a time.
//!
//! The library has a place for each span that is open, and keeps it, with a small table, for another span as long as the process
//! lives. Made when a call begins, such tables lie among all else that the call has, some seven for each, and when a flood of
//! calls is over each of them holds back the page that it lies on. Made together, many share a page.

use std::array;
use std::cell::Cell;

use tracing::span::{Attributes, Id};
use tracing::{Span, Subscriber, error_span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// How many are made at a time. Chosen by us: their tables take three or four pages, and the thread some 30 us.
const BATCH: usize = 64;

thread_local! {
    /// Each thread has places of its own, since the library's are.
    static SHELF: Shelf = const { Shelf { highest: Cell::new(0), is_filled: Cell::new(false) } };
}

/// What a thread knows of its places.
struct Shelf {
    /// The highest that a span has had.
    highest: Cell<u32>,
    /// More are being made.
    is_filled: Cell<bool>,
}

/// Has more places made when a span has taken the last one.
pub(super) struct Places;

impl<S: Subscriber> Layer<S> for Places {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        // A thread that ends has no use for more.
        let _ = SHELF.try_with(|shelf| {
            if shelf.is_new(place(id)) && !shelf.is_filled.replace(true) {
                // Open at one time, so that each has a place of its own.
                let open: [Span; BATCH] = array::from_fn(|_| error_span!(parent: None, "place"));
                drop(open);
                shelf.is_filled.set(false);
            }
        });
    }
}

impl Shelf {
    /// Whether no span has had this place.
    fn is_new(&self, place: u32) -> bool {
        let highest = self.highest.get();
        self.highest.set(highest.max(place));
        place > highest
    }
}

/// Where a span is among those of its thread. Above that its name has the thread, and which use of the place it is.
fn place(id: &Id) -> u32 {
    u32::try_from(id.into_u64() & u64::from(u32::MAX)).expect("its upper half is gone")
}

#[cfg(test)]
mod tests {
    use tracing::level_filters::LevelFilter;
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// What the library promises nowhere, and `Places` goes by: there are few more than were ever taken at one time.
    #[test]
    fn places_of_spans_that_are_over_are_taken_again() {
        // A registry by itself, without a layer, keeps every span.
        with_default(tracing_subscriber::registry().with(LevelFilter::TRACE), || {
            let highest = |count: usize| {
                let open: Vec<_> = (0..count).map(|_| error_span!(parent: None, "one of many")).collect();
                open.iter().filter_map(Span::id).map(|id| place(&id)).max()
            };
            let of_rounds = (0..100).map(|_| highest(200)).max();
            assert!(of_rounds >= Some(Some(200)) && of_rounds < Some(Some(300)), "{of_rounds:?}");
        });
    }

    #[test]
    fn a_place_is_new_once() {
        let shelf = Shelf { highest: Cell::new(0), is_filled: Cell::new(false) };
        let told = [1, 2, 1, 2, 70, 3, 70, 71].map(|place| shelf.is_new(place));
        assert_eq!(told, [true, true, false, false, true, false, false, true]);
    }
}
