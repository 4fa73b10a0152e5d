//! Asks a gateway that runs, by the same configuration file: what the command line does.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::ErrorBody;
use super::token;
use crate::config::{AdminConfig, NoAdmin, Secret};
use crate::http_client::{Answer, Request, ask};

/// The way to a gateway.
#[derive(Debug)]
pub struct Client {
    file: PathBuf,
    address: SocketAddr,
    token_file: PathBuf,
    token: Secret,
}

/// The gateway does not answer, or does not do it.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The file does not say where it is.
    #[error(transparent)]
    NoAdmin(#[from] NoAdmin),
    /// Its token cannot be read.
    #[error(
        "the token in {} cannot be read: {source}; a gateway that runs with {} has made it, for its own user alone",
        .token_file.display(), .file.display()
    )]
    NoToken {
        /// Where the token should be.
        token_file: PathBuf,
        /// The configuration.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody is there.
    #[error("no gateway answers at {address}, where one with {} would: {source}; start it by `webtrunk run`", .file.display())]
    NoGateway {
        /// Where it would be.
        address: SocketAddr,
        /// The configuration.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody is there, and does not answer.
    #[error(
        "the gateway at {address} has taken the question, and has not answered it for {} s: it stands still, or has too \
         much to do; look at its log",
        .silence.as_secs()
    )]
    Silent {
        /// Where it is.
        address: SocketAddr,
        /// How long it was waited for.
        silence: Duration,
    },
    /// Somebody is there who takes another token.
    #[error(
        "the gateway at {address} takes another token than that in {}: it was started with another configuration",
        .token_file.display()
    )]
    NotOurs {
        /// Where it is.
        address: SocketAddr,
        /// Where the token is.
        token_file: PathBuf,
    },
    /// It says no.
    #[error("{message}")]
    Refused {
        /// In one word.
        word: String,
        /// Why.
        message: String,
        /// All that it said.
        body: Vec<u8>,
    },
    /// It says what we do not understand.
    #[error("what answers at {0} is no gateway of this version")]
    Unclear(SocketAddr),
}

/// How long an answer may take. Chosen by us: a gateway that stands still for ten seconds is ended by its watchdog.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long that of a reload may take: a configuration is read for ten seconds at most, and another may be before it.
const RELOAD_PATIENCE: Duration = Duration::from_secs(60);

impl Client {
    /// The way to the gateway that was started with this file.
    ///
    /// # Errors
    /// [`AskError`] where there is none.
    pub fn new(file: &Path) -> Result<Self, AskError> {
        let AdminConfig { bind, token_file, .. } = AdminConfig::of_running(file)?;
        match token::read(&token_file) {
            Ok(token) => Ok(Self { file: file.to_owned(), address: bind, token_file, token }),
            Err(source) => Err(AskError::NoToken { token_file, file: file.to_owned(), source }),
        }
    }

    /// What is at a path, as it comes.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn get(&self, path: &str) -> Result<Vec<u8>, AskError> {
        self.ask("GET", path, &[])
    }

    /// What is at a path, read.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, AskError> {
        self.understand(&self.ask("GET", path, &[])?)
    }

    /// Has something done.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn have<T: DeserializeOwned>(&self, method: &str, path: &str) -> Result<T, AskError> {
        self.understand(&self.ask(method, path, &[])?)
    }

    /// The same, with what is said of it.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn have_with<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        said: &impl Serialize,
    ) -> Result<T, AskError> {
        let body = serde_json::to_vec(said).expect("what is said is plain");
        self.understand(&self.ask(method, path, &body)?)
    }

    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Result<Vec<u8>, AskError> {
        let patience = if path.starts_with("/reload") { RELOAD_PATIENCE } else { PATIENCE };
        let (authority, asked_at) = (self.address.to_string(), Instant::now());
        let authorization = format!("Bearer {}", self.token.expose());
        let headers = [("Authorization", authorization.as_str())];
        let request = Request { method, authority: &authority, path, headers: &headers, body, patience };
        let Answer { status, body } = ask(&request).map_err(|source| {
            let (address, file) = (self.address, self.file.clone());
            match source.kind() {
                ErrorKind::InvalidData => AskError::Unclear(address),
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::UnexpectedEof => {
                    AskError::Silent { address, silence: asked_at.elapsed() }
                }
                _ => AskError::NoGateway { address, file, source },
            }
        })?;
        match (status, serde_json::from_slice::<ErrorBody>(&body)) {
            (200..=299, _) => Ok(body),
            (401, _) => Err(AskError::NotOurs { address: self.address, token_file: self.token_file.clone() }),
            (_, Ok(ErrorBody { error, message })) => Err(AskError::Refused { word: error, message, body }),
            (_, Err(_)) => Err(AskError::Unclear(self.address)),
        }
    }

    fn understand<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, AskError> {
        serde_json::from_slice(body).map_err(|_| AskError::Unclear(self.address))
    }
}
