//! The numbers that customers own: no other may be shown for their users, and calls to them are theirs.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use webtrunk_signalling::auth::issuer::customer_of;
use webtrunk_signalling::cdr::CallRecord;

use super::belonging::Belonging;

/// The numbers of all customers; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Numbers(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    by_customer: HashMap<String, Vec<String>>,
    /// Without the plus that some peers write before them.
    owners: HashMap<String, String>,
}

impl Numbers {
    /// Those from now on, by customer.
    pub fn take_up(&self, numbers: impl IntoIterator<Item = (String, Vec<String>)>) {
        let by_customer: HashMap<_, _> = numbers.into_iter().collect();
        let each = by_customer.iter().flat_map(|(customer, own)| own.iter().map(move |it| (it, customer)));
        let owners = each.map(|(number, customer)| (bare(number).to_owned(), customer.clone())).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Known { by_customer, owners };
    }

    /// Whether a call of this user may show this number.
    #[must_use]
    pub fn may_show(&self, user: &str, number: &str) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let own = customer_of(user).and_then(|customer| known.by_customer.get(customer));
        own.is_none_or(|own| own.iter().any(|known| known == number))
    }

    /// Whether there is a customer of this name.
    #[must_use]
    pub fn has_customer(&self, name: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_customer.contains_key(name)
    }

    /// Whose a number is, or a user's name.
    #[must_use]
    pub fn owner(&self, dialled: &str) -> Option<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_customer = |name: &&str| known.by_customer.contains_key(*name);
        let of_number = known.owners.get(bare(dialled)).cloned();
        of_number.or_else(|| customer_of(dialled).filter(is_customer).map(str::to_owned))
    }

    /// Whose a call is.
    #[must_use]
    pub fn belonging(&self, record: &CallRecord) -> Belonging {
        // What was refused at the door was nobody's who was called.
        let dialled = record.call.as_ref().and_then(|_| self.owner(&record.destination));
        Belonging::new(record, dialled)
    }
}

/// A number without the plus that some write before it.
pub(crate) fn bare(number: &str) -> &str {
    number.strip_prefix('+').unwrap_or(number)
}
