//! Where the store is: a file, or a database at a server.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use crate::config::Secret;

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorePlace {
    /// SQLite, in this file.
    File(PathBuf),
    /// PostgreSQL.
    Server(StoreServer),
}

/// A database of PostgreSQL, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreServer {
    /// `postgres://USER@HOST:PORT/DATABASE`, without a password.
    pub url: Url,
    /// The user's password, where it has one.
    pub password: Option<Secret>,
    /// A PEM file of authorities that are trusted besides the public ones.
    pub trusted_certificates: Option<PathBuf>,
    /// Whether it is spoken to over TLS, and its certificate checked.
    pub is_encrypted: bool,
}

impl StorePlace {
    /// The file, where it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Server(_) => None,
        }
    }

    /// The key of the configuration that says so.
    pub(super) const fn key(&self) -> &'static str {
        match self {
            Self::File(_) => "store.path",
            Self::Server(_) => "store.url",
        }
    }
}

/// As it is told: without a password.
impl fmt::Display for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(server) => write!(f, "{}", server.url),
        }
    }
}
