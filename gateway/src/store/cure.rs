//! What to do about a database that cannot be used.

use sqlx::error::DatabaseError;

use super::StorePlace;

/// What is wrong with the store, as far as the error says.
pub(super) fn cure(place: &StorePlace, error: &sqlx::Error) -> &'static str {
    let code = error.as_database_error().and_then(DatabaseError::code);
    let code = code.as_deref().unwrap_or_default();
    match place {
        StorePlace::File(_) => {
            of_damage(error).unwrap_or("give its disk room, and let the gateway's user write to it")
        }
        StorePlace::Server(_) if is_taken(error) => {
            "end the gateway that has it, or name a database of its own"
        }
        StorePlace::Server(_) => of_server(code),
    }
}

/// SQLITE_CORRUPT and SQLITE_NOTADB, whatever is said besides (sqlite.org/rescode.html).
pub(super) fn of_damage(error: &sqlx::Error) -> Option<&'static str> {
    let code = error.as_database_error().and_then(DatabaseError::code)?;
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(11 | 26) => {
            Some("it is damaged: put a copy in its place, or move it away (store.path), and start anew")
        }
        _ => None,
    }
}

/// By the class of the code, and some codes (PostgreSQL, appendix A).
fn of_server(code: &str) -> &'static str {
    match code {
        "28P01" | "28000" => "correct the user in store.url or store.password, or let it in by pg_hba.conf",
        "3D000" => "make the database, as by: createdb --owner USER DATABASE",
        "42501" => "let the user make tables there, as by: GRANT CREATE ON SCHEMA public TO user",
        "53100" => "give the database's disk room",
        _ => "see that the database runs and is reached from here",
    }
}

/// Another gateway has the database.
#[derive(Debug, thiserror::Error)]
#[error("another gateway has it")]
pub(super) struct Taken;

fn is_taken(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Configuration(source) if source.is::<Taken>())
}
