//! Takes up a changed configuration while calls go on: all of what can change, or nothing.
//!
//! ```text
//! SIGHUP, POST /reload --> read and checked as at the start --- faulty, or not read in time --> told, and all stays as it is
//!                                    |
//!                                    v
//!            certificate, rules, prompts, users, trunks and what else can change: taken up; calls go on by what they began with
//!            listeners and what else was made at the start: told, and stays
//! ```

mod changes;
mod leaves;
mod report;
mod settled;
mod task;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use crate::config::{Config, ConfigError};
use crate::files::{Reader, Unread};
use crate::logging::LogControl;
use crate::telephony::Changing;
use crate::tls::{OwnCertificate, Pair, TlsError};
use changes::{Changes, named};
use leaves::Leaves;
pub use report::{Difference, ReloadReport};
use settled::Settled;
pub use task::Reloading;

/// Reads the configuration again when it is asked to.
pub struct Reloads {
    file: PathBuf,
    /// What is in force.
    current: Config,
    /// The same as it is written.
    leaves: Leaves,
    /// `None` where the command line says what is logged.
    log: Option<LogControl>,
    hangups: Signal,
    reader: Reader,
}

/// What a reload changes.
pub struct Changed {
    /// What carries calls.
    pub telephony: Changing,
    /// What whoever connects to us is shown.
    pub certificate: Option<Arc<OwnCertificate>>,
}

/// A file as it is now, and what it names.
struct Read {
    written: Config,
    leaves: Leaves,
    pair: Option<Pair>,
}

/// Why a configuration is not taken up.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read, or is faulty.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// It is not known what it says.
    #[error("{}, or a file that it names: {source}", .file.display())]
    Unread {
        /// The configuration.
        file: PathBuf,
        /// Why.
        source: Unread,
    },
}

impl Reloads {
    /// SIGHUP asks for it. `current` is what `file` said when it was read last, of which `text` was written.
    ///
    /// # Errors
    /// When the system does not let us handle the signal.
    pub fn on_hangup(
        file: PathBuf,
        (current, text): (Config, &str),
        log: Option<LogControl>,
    ) -> io::Result<Self> {
        let (leaves, hangups) = (Leaves::parse(text), signal(SignalKind::hangup())?);
        Ok(Self { file, current, leaves, log, hangups, reader: Reader::default() })
    }

    /// How long calls may go on when the gateway is asked to stop.
    #[must_use]
    pub const fn drain_timeout(&self) -> Duration {
        self.current.drain.timeout
    }

    /// Returns when SIGHUP asked for it.
    pub async fn requested(&mut self) {
        let _ = self.hangups.recv().await;
    }

    /// Reads the file and has it taken up; a faulty one changes nothing.
    ///
    /// # Errors
    /// [`Refusal`], which is in the log too.
    pub async fn reload(&mut self, changed: &Changed) -> Result<ReloadReport, Refusal> {
        let done = self.try_reload(changed).await;
        done.inspect_err(|refusal| {
            for fault in refusal.faults() {
                // As `webtrunk check` tells it: a field of its own would be escaped, and an expression's fault unreadable.
                error!(%fault, "the configuration is not taken up, and all stays as it is");
            }
        })
    }

    /// What a reload would change; changes nothing.
    ///
    /// # Errors
    /// [`Refusal`]: it would change nothing.
    pub async fn rehearse(&self, changed: &Changed) -> Result<ReloadReport, Refusal> {
        let Read { written, leaves, pair } = self.read().await?;
        let is_another = changed.shown_beside(pair).is_some_and(|(shown, pair)| shown.differs(&pair));
        let settled = Settled::new(&self.current, &written);
        Ok(ReloadReport { dry_run: true, changes: self.differences(&settled, &leaves, is_another) })
    }

    async fn try_reload(&mut self, changed: &Changed) -> Result<ReloadReport, Refusal> {
        let Read { written, leaves, pair } = self.read().await?;
        let is_another = changed.shown_beside(pair).is_some_and(|(shown, pair)| shown.show(pair));
        if is_another {
            info!(what = "certificate", "configuration changed");
        }
        let settled = Settled::new(&self.current, &written);
        let changes = self.differences(&settled, &leaves, is_another);
        self.leaves = self.leaves.after(&leaves, &settled.left);
        self.take_up(settled, &changed.telephony).await;
        Ok(ReloadReport { dry_run: false, changes })
    }

    async fn read(&self) -> Result<Read, Refusal> {
        let file = self.file.clone();
        let read = self.reader.read(move || {
            let (written, text) = Config::load_with_text(&file)?;
            let pair = written.tls.as_ref().map(|files| Pair::read(&files.pair())).transpose()?;
            Ok(Read { written, leaves: Leaves::parse(&text), pair })
        });
        read.await.unwrap_or_else(|source| Err(Refusal::Unread { file: self.file.clone(), source }))
    }

    /// What differs between what is in force and the file: by what is written, and in what is named there.
    fn differences(&self, settled: &Settled, leaves: &Leaves, is_another: bool) -> Vec<Difference> {
        let mut told = self.leaves.differences(leaves, &settled.left);
        // What is written of each named thing is told: `rules["abroad"]`, of `rules["abroad"].destination`.
        let of_named = |key: &str| key.split_once("\"].").map(|(named, _)| format!("{named}\"]"));
        let written: HashSet<_> = told.iter().filter_map(|one| of_named(&one.key)).collect();
        for (what, changes) in named(&self.current, &settled.config) {
            for name in changes.changed {
                let key = format!("{what}[{name:?}]");
                if what != "order of rules" && !written.contains(&key) {
                    told.push(Difference::of_content(key));
                }
            }
        }
        if is_another && !told.iter().any(|one| one.key.starts_with("tls.")) {
            told.push(Difference::of_content("tls.certificate"));
        }
        told
    }

    async fn take_up(&mut self, settled: Settled, telephony: &Changing) {
        let Settled { config: taken, taken_up, left } = settled;
        for key in left {
            warn!(key, "changed, but is taken up by a restart alone");
        }
        if let Some(log) = &self.log {
            log.filter_by(&taken.log.filter);
        }
        telephony.take_up(&taken).await;
        for (what, Changes { added, removed, changed }) in named(&self.current, &taken) {
            info!(what, ?added, ?removed, ?changed, "configuration changed");
        }
        if !taken_up.is_empty() {
            info!(what = "settings", changed = ?taken_up, "configuration changed");
        }
        let counts = (taken.rules.len(), taken.users.len(), taken.trunks.len());
        self.current = taken;
        let (rules, users, trunks) = counts;
        info!(rules, users, trunks, "configuration reloaded");
    }
}

impl Refusal {
    /// All that is wrong, a line each.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        match self {
            Self::Config(ConfigError::Faulty(list)) => list.iter().map(ToString::to_string).collect(),
            _ => vec![self.to_string()],
        }
    }
}

impl Changed {
    /// What is shown, with what is to be shown.
    fn shown_beside(&self, pair: Option<Pair>) -> Option<(&OwnCertificate, Pair)> {
        self.certificate.as_deref().zip(pair)
    }
}
