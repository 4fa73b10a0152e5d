//! Why there is no store.

use std::path::PathBuf;

use sqlx::migrate::MigrateError;

use super::cure::{self, cure};
use super::{NotOpened, StorePlace};

/// The store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is no database, damaged, in use, or cannot be written.
    #[error("{place}: the store cannot be used: {source}; {}", unusable_cure(.place, .source))]
    Unusable {
        /// Where it is.
        place: Box<StorePlace>,
        /// What was found.
        source: sqlx::Error,
    },
    /// Records cannot be read out of it.
    #[error("{place}: records of calls cannot be read: {source}; {}", unreadable_cure(.place, .source))]
    Unreadable {
        /// Where it is.
        place: Box<StorePlace>,
        /// What was found.
        source: sqlx::Error,
    },
    /// Parts of it contradict each other.
    #[error(
        "{}: the store is damaged: {what}; put a copy in its place, or move it away to begin with an empty one \
         (store.path)",
        .file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The first fault.
        what: String,
    },
    /// Secrets or rows in it are sealed by another key.
    #[error("{place}: {fault}")]
    Sealed {
        /// Where it is.
        place: Box<StorePlace>,
        /// What is sealed, and by which key.
        fault: Box<NotOpened>,
    },
    /// The file to which records of calls go is something else.
    #[error(
        "{}: records of calls cannot go on in this file: {source}; move it away, or name another (cdr.file, cdr.spare)",
        .file.display()
    )]
    Lines {
        /// The file.
        file: PathBuf,
        /// What was found.
        source: std::io::Error,
    },
    /// A version after this one has changed it, or it was changed by hand.
    #[error(
        "{place}: the store is not as this version knows it: {source}; run the version that wrote it, or {} to begin with an \
         empty one ({})",
        other_cure(.place), .place.key()
    )]
    Unknown {
        /// Where it is.
        place: Box<StorePlace>,
        /// What was found.
        source: MigrateError,
    },
}

impl StoreError {
    pub(super) fn unreadable(place: &StorePlace, source: impl Into<sqlx::Error>) -> Self {
        Self::Unreadable { place: Box::new(place.clone()), source: source.into() }
    }

    pub(super) fn sealed(place: &StorePlace, fault: NotOpened) -> Self {
        Self::Sealed { place: Box::new(place.clone()), fault: Box::new(fault) }
    }

    pub(super) fn unusable(place: &StorePlace, source: impl Into<sqlx::Error>) -> Self {
        Self::Unusable { place: Box::new(place.clone()), source: source.into() }
    }
}

/// Another process reads than the one that writes, and it makes nothing.
fn unreadable_cure(place: &StorePlace, source: &sqlx::Error) -> String {
    match place {
        StorePlace::File(path) if !path.exists() => {
            "start the gateway, which makes it, or name the store that it has (store.path)".to_owned()
        }
        StorePlace::File(_) => match cure::of_damage(source) {
            Some(cure) => cure.to_owned(),
            None => {
                "read it as the gateway's user, who may, or as one who may write to its folder".to_owned()
            }
        },
        StorePlace::Server(_) => format!("{} (store.url)", cure(place, source)),
    }
}

fn unusable_cure(place: &StorePlace, source: &sqlx::Error) -> String {
    match place {
        StorePlace::File(_) => {
            "let the gateway's user write to its folder, see that no other gateway has it, or move it away \
                                to begin with an empty one (store.path)"
                .to_owned()
        }
        StorePlace::Server(_) => format!("{} (store.url)", cure(place, source)),
    }
}

/// How another is had in its place.
const fn other_cure(place: &StorePlace) -> &'static str {
    match place {
        StorePlace::File(_) => "move it away",
        StorePlace::Server(_) => "name another database",
    }
}
