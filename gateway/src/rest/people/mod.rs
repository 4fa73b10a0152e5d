//! `/users` and `/customers`: whom the gateway knows, and changes of it in the store, in force when they are answered.

pub mod customers;
mod own;
pub mod users;

pub(super) use own::whole_name;

use crate::people::PeopleError;
use crate::rest::problem::Problem;

/// Why a change is not made.
pub(super) fn problem(error: &PeopleError) -> Problem {
    match error {
        PeopleError::Unknown { .. } => Problem::not_found(error),
        PeopleError::Faulty(_) => Problem::faulty(error),
        PeopleError::Unwritten(_) | PeopleError::NotNow => Problem::unwritten(error),
        PeopleError::Unsure(_) => Problem::unsure(error),
        PeopleError::NotKept
        | PeopleError::Taken { .. }
        | PeopleError::InFile { .. }
        | PeopleError::Full { .. } => Problem::conflict(error),
    }
}
