//! `[log]`: how much is logged, and how.

use serde::Deserialize;
use toml::Spanned;

use super::faults::Faults;
use crate::logging;

/// The log, on standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// What is let through, as `tracing_subscriber::EnvFilter` writes it: `info,webtrunk_engine=debug`.
    pub filter: String,
    /// How an event looks.
    pub format: LogFormat,
}

/// How an event of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object on a line, for programs.
    Json,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogSection {
    filter: Option<Spanned<String>>,
    format: LogFormat,
}

impl Default for LogConfig {
    /// Everything from `info` up, but the HTTP server's account of its threads, and its errors: those are
    /// what strangers send, and would fill the log as fast as they like.
    fn default() -> Self {
        Self { filter: "info,actix_server=warn,actix_http=off".to_owned(), format: LogFormat::Text }
    }
}

impl LogSection {
    pub(super) fn check(&self, faults: &mut Faults<'_>) -> LogConfig {
        let default = LogConfig::default();
        let Some(filter) = &self.filter else { return LogConfig { format: self.format, ..default } };
        if let Err(fault) = logging::filter(filter.get_ref()) {
            faults.add(filter.span(), &fault, fault.cure());
        }
        LogConfig { filter: filter.get_ref().clone(), format: self.format }
    }
}
