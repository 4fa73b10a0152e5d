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
mod people;
mod report;
mod settled;
mod task;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use crate::config::{Config, ConfigError, LeftOut, Peopled, counted, named_in, with_roll};
use crate::files::{Reader, Unread};
use crate::logging::LogControl;
use crate::people::{Asked, Desk, Named, Roll};
use crate::store::PeopleKeeper;
use crate::telephony::Changing;
use crate::tls::{OwnCertificate, Pair, TlsError};
use changes::{Changes, named};
use leaves::Leaves;
use people::tell_left_out;
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
    /// The text of which it was taken, and what that says by itself.
    text: String,
    alone: Config,
    /// Whom the store knows beside it, where it keeps people.
    kept: Option<Kept>,
    /// Where changes of them are asked for.
    desk: Desk,
    /// `None` where the command line says what is logged.
    log: Option<LogControl>,
    hangups: Signal,
    reader: Reader,
}

/// What is to be done.
pub(crate) enum Requested {
    /// The file is read again, since SIGHUP asked for it.
    Reload,
    /// Whom the store knows is changed.
    Change(Box<Asked>),
    /// Whom the store knows is read again.
    Again,
}

/// How long after a change of which it is not known whether it was made the store is read again, and after each time that it
/// could not be.
const UNSURE: Duration = Duration::from_secs(2);

/// What a reload changes.
pub struct Changed {
    /// What carries calls.
    pub telephony: Changing,
    /// What whoever connects to us is shown.
    pub certificate: Option<Arc<OwnCertificate>>,
}

/// Whom the store knows.
struct Kept {
    roll: Roll,
    keeper: PeopleKeeper,
    named: Named,
    left_out: Vec<LeftOut>,
    /// Whether it is not known that the store has these: a change was not answered in time.
    is_unsure: bool,
}

/// A file as it is now, and what it names.
struct Read {
    /// With whom the store knows.
    written: Config,
    alone: Config,
    text: String,
    /// Of the store's people.
    named: Named,
    left_out: Vec<LeftOut>,
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
        desk: Desk,
    ) -> io::Result<Self> {
        let (leaves, hangups) = (Leaves::parse(text), signal(SignalKind::hangup())?);
        let (alone, text, reader) = (current.clone(), text.to_owned(), Reader::default());
        desk.tell(None, named_in(&alone), BTreeMap::new());
        Ok(Self { file, current, leaves, text, alone, kept: None, desk, log, hangups, reader })
    }

    /// Takes up whom the store knows, at the start; gives `config` with them.
    ///
    /// # Errors
    /// [`ConfigError`], where the file cannot be read again as it was.
    pub fn take_roll(
        &mut self,
        config: &Config,
        roll: Roll,
        keeper: PeopleKeeper,
    ) -> Result<Config, ConfigError> {
        let Peopled { config: peopled, named, left_out } =
            with_roll(&self.file, &self.text, &self.alone, &roll)?;
        tell_left_out(&left_out, &[]);
        info!(
            users = roll.users.len(),
            customers = roll.customers.len(),
            keys = roll.keys.len(),
            "the store's people are let in"
        );
        self.current = Settled::new(&self.current, &peopled).config;
        self.desk.tell(Some(roll.clone()), named.clone(), counted(&left_out));
        self.kept = Some(Kept { roll, keeper, named, left_out, is_unsure: false });
        Ok(Settled::new(config, &peopled).config)
    }

    /// How long calls may go on when the gateway is asked to stop.
    #[must_use]
    pub const fn drain_timeout(&self) -> Duration {
        self.current.drain.timeout
    }

    /// Returns when something is to be done.
    pub(crate) async fn requested(&mut self) -> Requested {
        let is_unsure = self.kept.as_ref().is_some_and(|kept| kept.is_unsure);
        tokio::select! {
            _ = self.hangups.recv() => Requested::Reload,
            Some(asked) = self.desk.asked.recv() => Requested::Change(Box::new(asked)),
            () = tokio::time::sleep(UNSURE), if is_unsure => Requested::Again,
        }
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
        let Read { written, leaves, pair, .. } = self.read().await?;
        let is_another = changed.shown_beside(pair).is_some_and(|(shown, pair)| shown.differs(&pair));
        let settled = Settled::new(&self.current, &written);
        Ok(ReloadReport { dry_run: true, changes: self.differences(&settled, &leaves, is_another) })
    }

    async fn try_reload(&mut self, changed: &Changed) -> Result<ReloadReport, Refusal> {
        let Read { written, alone, text, named, left_out, leaves, pair } = self.read().await?;
        let is_another = changed.shown_beside(pair).is_some_and(|(shown, pair)| shown.show(pair));
        if is_another {
            info!(what = "certificate", "configuration changed");
        }
        let settled = Settled::new(&self.current, &written);
        let changes = self.differences(&settled, &leaves, is_another);
        self.leaves = self.leaves.after(&leaves, &settled.left);
        self.take_up(settled, &changed.telephony).await;
        changed.telephony.reopen_webhooks();
        (self.alone, self.text) = (alone, text);
        match &mut self.kept {
            Some(kept) => {
                tell_left_out(&left_out, &kept.left_out);
                (kept.named, kept.left_out) = (named.clone(), left_out);
                self.desk.tell(Some(kept.roll.clone()), named, counted(&kept.left_out));
            }
            None => self.desk.tell(None, named, counted(&left_out)),
        }
        Ok(ReloadReport { dry_run: false, changes })
    }

    async fn read(&self) -> Result<Read, Refusal> {
        let (file, roll) = (self.file.clone(), self.kept.as_ref().map(|kept| kept.roll.clone()));
        let read = self.reader.read(move || {
            let (alone, text) = Config::load_with_text(&file)?;
            let pair = alone.tls.as_ref().map(|files| Pair::read(&files.pair())).transpose()?;
            let (written, named, left_out) = match roll {
                Some(roll) => {
                    let Peopled { config, named, left_out } = with_roll(&file, &text, &alone, &roll)?;
                    (config, named, left_out)
                }
                None => (alone.clone(), named_in(&alone), Vec::new()),
            };
            let leaves = Leaves::parse(&text);
            Ok(Read { written, alone, text, named, left_out, leaves, pair })
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
