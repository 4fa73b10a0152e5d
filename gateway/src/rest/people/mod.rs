//! `/users` and `/customers`: whom the gateway knows, and changes of it in the store, in force when they are answered.

pub mod account_passwords;
pub mod customers;
mod own;
pub mod upstream;
pub mod users;

pub(super) use own::whole_name;

use crate::people::{Change, Made, People, PeopleError};
use crate::rest::caller::Caller;
use crate::rest::keys::ApiKey;
use crate::rest::problem::Problem;
use crate::rest::scope::Scope;

/// Makes a change that a key asks for.
pub(super) async fn have(people: &People, key: &ApiKey, change: Change) -> Result<Made, Problem> {
    let made = people.change(key.customer.as_deref(), change).await;
    made.map_err(|error| problem(&error, key.customer.is_none()))
}

/// Whether a key may do this, which is about what is the operator's: it has the scope, and is the operator's too.
fn operator_may(caller: &Caller, scope: Scope, what: &str) -> Result<(), Problem> {
    caller.may(scope)?;
    match &caller.0.customer {
        None => Ok(()),
        Some(_) => Err(Problem::not_own(&format!("{what} are the operator's; ask by one of its keys"))),
    }
}

/// Why a change is not made. What is wrong with the file or the database is told operators' keys alone.
fn problem(error: &PeopleError, is_operators: bool) -> Problem {
    match error {
        PeopleError::Unknown { .. } => Problem::not_found(error),
        PeopleError::Faulty(_) => Problem::faulty(error),
        PeopleError::Busy { .. } => Problem::too_many_changes(error),
        PeopleError::Unfit(_) | PeopleError::Unwritten(_) if !is_operators => {
            Problem::unwritten("the gateway takes no changes now; ask the operator, whose log tells why")
        }
        PeopleError::Unfit(_) | PeopleError::Unwritten(_) | PeopleError::NotNow => Problem::unwritten(error),
        PeopleError::Unsure(_) if !is_operators => Problem::unsure(
            "the store did not say in time whether it took the change; look before you repeat it",
        ),
        PeopleError::Unsure(_) => Problem::unsure(error),
        PeopleError::NotKept
        | PeopleError::Taken { .. }
        | PeopleError::NumberTaken { .. }
        | PeopleError::InFile { .. }
        | PeopleError::Full { .. }
        | PeopleError::NoRoom => Problem::conflict(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_file_or_the_database_is_told_operators_alone() {
        let why = || "/etc/webtrunk/webtrunk.toml:7: db.internal".to_owned();
        for (error, word) in [
            (PeopleError::Unfit(why()), "unwritten"),
            (PeopleError::Unwritten(why()), "unwritten"),
            (PeopleError::Unsure(why()), "unsure"),
        ] {
            let [own, customers] = [true, false].map(|is_operators| problem(&error, is_operators));
            assert!(own.detail.contains(&why()), "{own}");
            assert!(
                !customers.detail.contains("webtrunk.toml") && !customers.detail.contains("db."),
                "{customers}"
            );
            for told in [own, customers] {
                assert_eq!((told.status, told.kind), (503, format!("urn:webtrunk:problem:{word}")));
            }
        }
        let busy = problem(&PeopleError::Busy { most: 4 }, false);
        assert_eq!((busy.status, busy.retry_after_s), (429, Some(1)));
    }
}
