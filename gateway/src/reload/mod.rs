//! Takes up a changed configuration while calls go on: all of what can change, or nothing.
//!
//! ```text
//! SIGHUP --> read and checked as at the start --- faulty --> each fault in the log, and all stays as it is
//!                      |
//!                      v
//!            certificate, rules, prompts, users, trunks and what else can change: taken up; calls go on by what they began with
//!            listeners and what else was made at the start: named in a warning, and stays
//! ```

mod changes;
mod settled;

use std::io;
use std::path::PathBuf;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use crate::config::{Config, ConfigError};
use crate::logging::LogControl;
use crate::telephony::Telephony;
use crate::tls::{OwnCertificate, TlsError};
use changes::{Changes, named};
use settled::Settled;

/// Reads the configuration again when it is asked to.
pub struct Reloads {
    file: PathBuf,
    /// What is in force.
    current: Config,
    /// `None` where the command line says what is logged.
    log: Option<LogControl>,
    hangups: Signal,
}

impl Reloads {
    /// SIGHUP asks for it. `current` is what `file` said when it was read last.
    ///
    /// # Errors
    /// When the system does not let us handle the signal.
    pub fn on_hangup(file: PathBuf, current: Config, log: Option<LogControl>) -> io::Result<Self> {
        Ok(Self { file, current, log, hangups: signal(SignalKind::hangup())? })
    }

    /// Returns when it was asked for.
    pub async fn requested(&mut self) {
        let _ = self.hangups.recv().await;
    }

    /// Reads the file and has the telephony take it up; a faulty one changes nothing.
    pub async fn reload(&mut self, telephony: &Telephony, certificate: Option<&OwnCertificate>) {
        let file = self.file.clone();
        // Prompts are read and resampled, which takes its time.
        let loaded = tokio::task::spawn_blocking(move || Config::load(&file)).await;
        match loaded {
            Ok(Ok(written)) => match change_certificate(&written, certificate) {
                Ok(is_another) => {
                    if is_another {
                        info!(what = "certificate", "configuration changed");
                    }
                    self.take_up(written, telephony).await;
                }
                Err(fault) => refuse(&fault.into()),
            },
            Ok(Err(faults)) => refuse(&faults.into()),
            Err(panic) => error!(%panic, "the configuration cannot be read, and all stays as it is"),
        }
    }

    async fn take_up(&mut self, written: Config, telephony: &Telephony) {
        let Settled { config: taken, taken_up, left } = Settled::new(&self.current, &written);
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

/// The certificate is read anew, from where the configuration says that it is; whether it is another.
fn change_certificate(written: &Config, certificate: Option<&OwnCertificate>) -> Result<bool, TlsError> {
    match (&written.tls, certificate) {
        (Some(files), Some(certificate)) => certificate.change(files),
        _ => Ok(false),
    }
}

/// Why a configuration is not taken up.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

fn refuse(refusal: &Refusal) {
    let told = match refusal {
        Refusal::Config(ConfigError::Faulty(list)) => list.iter().map(ToString::to_string).collect(),
        _ => vec![refusal.to_string()],
    };
    for fault in told {
        // As `webtrunk check` tells it: a field of its own would be escaped, and an expression's fault unreadable.
        error!(%fault, "the configuration is not taken up, and all stays as it is");
    }
}
