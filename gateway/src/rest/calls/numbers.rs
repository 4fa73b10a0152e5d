//! The numbers that customers own: no other may be shown for their users.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use webtrunk_signalling::auth::issuer::CUSTOMER_MARK;

/// The numbers of all customers; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Numbers(Arc<RwLock<HashMap<String, Vec<String>>>>);

impl Numbers {
    /// Those from now on, by customer.
    pub fn take_up(&self, numbers: impl IntoIterator<Item = (String, Vec<String>)>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = numbers.into_iter().collect();
    }

    /// Whether a call of this user may show this number.
    #[must_use]
    pub fn may_show(&self, user: &str, number: &str) -> bool {
        let numbers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let own = user.split_once(CUSTOMER_MARK).and_then(|(customer, _)| numbers.get(customer));
        own.is_none_or(|own| own.iter().any(|known| known == number))
    }
}
