//! `[log]`: how much is logged, and how.

use serde::Deserialize;
use toml::Spanned;
use tracing_subscriber::EnvFilter;

use super::faults::Faults;

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
        if let Err(error) = EnvFilter::builder().parse(filter.get_ref()) {
            faults.add(
                filter.span(),
                error,
                "write a level, or target=level pairs: \"info,webtrunk_engine=debug\"",
            );
        }
        if !is_filter(filter.get_ref()) {
            let cure = "name targets as they stand in the log: \"info,webtrunk_engine=debug\"";
            faults.add(filter.span(), "names what no target is called", cure);
        }
        LogConfig { filter: filter.get_ref().clone(), format: self.format }
    }
}

/// Whether the filter is made of what targets, levels and spans are made of: the library takes any text
/// without `=` for a target, and lets nothing through then.
fn is_filter(text: &str) -> bool {
    let is_allowed = |char: char| char.is_ascii_alphanumeric() || "_-:=, ".contains(char);
    !text.trim().is_empty() && (text.contains('[') || text.chars().all(is_allowed))
}
