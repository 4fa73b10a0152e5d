//! A call with whose it was when that was asked.

use std::sync::Arc;

use webtrunk_signalling::cdr::CallRecord;

use super::Numbers;
use super::belonging::Belonging;

/// A call, and whose it is: of one that is over whose it was when it ended, whoever has the number by now.
#[derive(Debug, Clone)]
pub struct OwnedCall {
    /// The call.
    pub record: Arc<CallRecord>,
    /// Whose it is.
    pub belonging: Belonging,
}

impl OwnedCall {
    /// A call as it is now.
    #[must_use]
    pub fn new(record: Arc<CallRecord>, numbers: &Numbers) -> Self {
        let belonging = numbers.belonging(&record);
        Self { record, belonging }
    }
}
