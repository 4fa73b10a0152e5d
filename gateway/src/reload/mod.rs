//! Takes up a changed configuration while calls go on: all of what can change, or nothing.
//!
//! ```text
//! SIGHUP, POST /reload --> read and checked as at the start --- faulty --> each fault told, and all stays as it is
//!                                    |
//!                                    v
//!            certificate, rules, prompts, users, trunks and what else can change: taken up; calls go on by what they began with
//!            listeners and what else was made at the start: told, and stays
//! ```

mod changes;
mod leaves;
mod report;
mod settled;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use crate::config::{Config, ConfigError};
use crate::logging::LogControl;
use crate::telephony::Telephony;
use crate::tls::{OwnCertificate, TlsError};
use changes::{Changes, named};
use leaves::Leaves;
pub use report::{Difference, ReloadReport};
use settled::Settled;

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
}

/// A file as it is now.
struct Read {
    written: Config,
    leaves: Leaves,
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
    /// Our own fault.
    #[error("the configuration cannot be read: {0}")]
    Broken(#[from] tokio::task::JoinError),
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
        Ok(Self { file, current, leaves: Leaves::parse(text), log, hangups: signal(SignalKind::hangup())? })
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

    /// Reads the file and has the telephony take it up; a faulty one changes nothing.
    ///
    /// # Errors
    /// [`Refusal`], which is in the log too.
    pub async fn reload(
        &mut self,
        telephony: &Telephony,
        certificate: Option<&OwnCertificate>,
    ) -> Result<ReloadReport, Refusal> {
        let done = self.try_reload(telephony, certificate).await;
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
    pub async fn rehearse(&self, certificate: Option<&OwnCertificate>) -> Result<ReloadReport, Refusal> {
        let Read { written, leaves } = self.read().await?;
        let is_another = match (&written.tls, certificate) {
            (Some(files), Some(certificate)) => certificate.differs(&files.pair())?,
            _ => false,
        };
        let settled = Settled::new(&self.current, &written);
        Ok(ReloadReport { dry_run: true, changes: self.differences(&settled, &leaves, is_another) })
    }

    async fn try_reload(
        &mut self,
        telephony: &Telephony,
        certificate: Option<&OwnCertificate>,
    ) -> Result<ReloadReport, Refusal> {
        let Read { written, leaves } = self.read().await?;
        let is_another = change_certificate(&written, certificate)?;
        if is_another {
            info!(what = "certificate", "configuration changed");
        }
        let settled = Settled::new(&self.current, &written);
        let changes = self.differences(&settled, &leaves, is_another);
        self.leaves = self.leaves.after(&leaves, &settled.left);
        self.take_up(settled, telephony).await;
        Ok(ReloadReport { dry_run: false, changes })
    }

    async fn read(&self) -> Result<Read, Refusal> {
        let file = self.file.clone();
        // Prompts are read and resampled, which takes its time.
        let (written, text) = tokio::task::spawn_blocking(move || Config::load_with_text(&file)).await??;
        Ok(Read { written, leaves: Leaves::parse(&text) })
    }

    /// What differs between what is in force and the file: by what is written, and in what is named there.
    fn differences(&self, settled: &Settled, leaves: &Leaves, is_another: bool) -> Vec<Difference> {
        let mut told = self.leaves.differences(leaves, &settled.left);
        for (what, changes) in named(&self.current, &settled.config) {
            for name in changes.changed {
                let key = format!("{what}[{name:?}]");
                if what != "order of rules" && !told.iter().any(|one| one.key.starts_with(&key)) {
                    told.push(Difference::of_content(key));
                }
            }
        }
        if is_another && !told.iter().any(|one| one.key.starts_with("tls.")) {
            told.push(Difference::of_content("tls.certificate"));
        }
        told
    }

    async fn take_up(&mut self, settled: Settled, telephony: &Telephony) {
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

/// The certificate is read anew, from where the configuration says that it is; whether it is another.
fn change_certificate(written: &Config, certificate: Option<&OwnCertificate>) -> Result<bool, TlsError> {
    match (&written.tls, certificate) {
        (Some(files), Some(certificate)) => certificate.change(&files.pair()),
        _ => Ok(false),
    }
}
