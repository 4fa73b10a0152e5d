//! How the tables became what they are, in each kind of database: each step once, in its order. A step that was released
//! never changes.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::StorePlace;

/// A word for a step, and its statements.
type Step = (&'static str, &'static str);

const SQLITE: &[Step] = &[
    ("registrations", include_str!("migrations/sqlite/0001_registrations.sql")),
    ("path", include_str!("migrations/sqlite/0002_path.sql")),
    ("calls", include_str!("migrations/sqlite/0003_calls.sql")),
    ("sip_calls", include_str!("migrations/sqlite/0004_sip_calls.sql")),
    ("spent", include_str!("migrations/sqlite/0005_spent.sql")),
    ("lengths", include_str!("migrations/sqlite/0006_lengths.sql")),
    ("used_tokens", include_str!("migrations/sqlite/0007_used_tokens.sql")),
    ("people", include_str!("migrations/sqlite/0008_people.sql")),
    ("webhook_events", include_str!("migrations/sqlite/0009_webhook_events.sql")),
    ("secrets", include_str!("migrations/sqlite/0010_secrets.sql")),
];

const POSTGRES: &[Step] = &[
    ("begin", include_str!("migrations/postgres/0001_begin.sql")),
    ("people", include_str!("migrations/postgres/0002_people.sql")),
    ("webhook_events", include_str!("migrations/postgres/0003_webhook_events.sql")),
    ("secrets", include_str!("migrations/postgres/0004_secrets.sql")),
];

pub(super) fn migrator(place: &StorePlace) -> Migrator {
    let steps = match place {
        StorePlace::File(_) => SQLITE,
        StorePlace::Server(_) => POSTGRES,
    };
    let step = |(version, (description, sql)): (i64, &Step)| {
        Migration::new(
            version,
            Cow::Borrowed(*description),
            MigrationType::Simple,
            Cow::Borrowed(*sql),
            false,
        )
    };
    Migrator { migrations: (1..).zip(steps).map(step).collect::<Vec<_>>().into(), ..Migrator::DEFAULT }
}
