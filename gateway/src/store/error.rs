//! Why there is no store.

use std::path::{Path, PathBuf};

use sqlx::migrate::MigrateError;

/// The store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is no database, damaged, in use, or cannot be written.
    #[error(
        "{}: the store cannot be used: {source}; let the gateway's user write to its folder, see that no other \
         gateway has it, or move it away to begin with an empty one (store.path)",
        .file.display()
    )]
    Unusable {
        /// The file.
        file: PathBuf,
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
        "{}: the store is not as this version knows it: {source}; run the version that wrote it, or move it \
         away to begin with an empty one (store.path)",
        .file.display()
    )]
    Unknown {
        /// The file.
        file: PathBuf,
        /// What was found.
        source: MigrateError,
    },
}

impl StoreError {
    pub(super) fn unusable(file: &Path, source: impl Into<sqlx::Error>) -> Self {
        Self::Unusable { file: file.to_owned(), source: source.into() }
    }
}
