//! How the file became what it is: each step once, in its order. A step that was released never changes.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Every step: a word for it, and its statements.
const STEPS: &[(&str, &str)] = &[
    ("registrations", include_str!("migrations/0001_registrations.sql")),
    ("path", include_str!("migrations/0002_path.sql")),
    ("calls", include_str!("migrations/0003_calls.sql")),
    ("sip_calls", include_str!("migrations/0004_sip_calls.sql")),
    ("spent", include_str!("migrations/0005_spent.sql")),
    ("lengths", include_str!("migrations/0006_lengths.sql")),
    ("used_tokens", include_str!("migrations/0007_used_tokens.sql")),
];

pub(super) fn migrator() -> Migrator {
    let step = |(version, (description, sql)): (i64, &(&'static str, &'static str))| {
        Migration::new(
            version,
            Cow::Borrowed(*description),
            MigrationType::Simple,
            Cow::Borrowed(*sql),
            false,
        )
    };
    Migrator { migrations: (1..).zip(STEPS).map(step).collect::<Vec<_>>().into(), ..Migrator::DEFAULT }
}
