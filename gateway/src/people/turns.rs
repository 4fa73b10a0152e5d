//! How many changes customers have under way: each takes its time, and the operator's are not to be behind all that one asks for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use webtrunk_signalling::lock::lock;

/// Changes of one customer that wait or are being made. Chosen by us: a few servers of a back end, each with its own.
pub(super) const OF_CUSTOMER_MAX: usize = 4;

/// The changes under way, by customer; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<String, usize>>>);

/// A change under way, which is counted as long as this is there; the operator's are not.
#[derive(Debug)]
pub(crate) struct Turn(Option<(Turns, String)>);

impl Turns {
    /// A turn of a customer's; `None` where it has as many as it may. `by` is `None` for the operator.
    pub(super) fn take(&self, by: Option<&str>) -> Option<Turn> {
        let Some(customer) = by else { return Some(Turn(None)) };
        let mut all = lock(&self.0);
        let count = all.entry(customer.to_owned()).or_default();
        if *count >= OF_CUSTOMER_MAX {
            return None;
        }
        *count += 1;
        Some(Turn(Some((self.clone(), customer.to_owned()))))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some((turns, customer)) = self.0.take() else { return };
        let mut all = lock(&turns.0);
        match all.get_mut(&customer) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(all.remove(&customer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_has_a_few_turns_at_one_time_and_the_operator_all() {
        let turns = Turns::default();
        let mut own: Vec<_> =
            (0..OF_CUSTOMER_MAX).map(|_| turns.take(Some("acme")).expect("a turn")).collect();
        assert!(turns.take(Some("acme")).is_none());
        assert!(turns.take(Some("beta")).is_some() && turns.take(None).is_some());
        drop(own.pop());
        assert!(turns.take(Some("acme")).is_some());
        drop(own);
        assert!(lock(&turns.0).is_empty(), "nothing is kept of who waits no more");
    }
}
