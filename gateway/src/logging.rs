//! The log: structured events on standard error.

mod places;

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use self::places::Places;
use crate::config::{LogConfig, LogFormat};

/// The log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is no filter.
    #[error("{filter:?} is no log filter: {fault}; {cure}", cure = .fault.cure())]
    Filter {
        /// As given.
        filter: String,
        /// What is wrong with it.
        fault: FilterFault,
    },
}

/// What is wrong with a filter.
#[derive(Debug, thiserror::Error)]
pub enum FilterFault {
    /// It is none by its syntax.
    #[error(transparent)]
    Syntax(#[from] tracing_subscriber::filter::ParseError),
    /// A word by itself, which the library takes for a target's name: it would let nothing else through.
    #[error("{0:?} is no level")]
    Level(String),
    /// It has characters that no target has.
    #[error("names what no target is called")]
    Target,
}

impl FilterFault {
    /// What to do about it.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::Level(_) => {
                "write error, warn, info, debug or trace, or target=level: \"info,webtrunk_engine=debug\""
            }
            Self::Syntax(_) => "write a level, or target=level pairs: \"info,webtrunk_engine=debug\"",
            Self::Target => "name targets as they stand in the log: \"info,webtrunk_engine=debug\"",
        }
    }
}

/// Reads a filter, more strictly than the library, which takes any text for the name of a target.
///
/// # Errors
/// [`FilterFault`] for what lets nothing through that anybody could have meant.
pub fn filter(text: &str) -> Result<EnvFilter, FilterFault> {
    let is_allowed = |char: char| char.is_ascii_alphanumeric() || "_-:=, ".contains(char);
    // Spans and their fields, in brackets, may hold anything.
    if !text.contains('[') {
        if !text.contains(|char: char| char.is_ascii_alphanumeric()) || !text.chars().all(is_allowed) {
            return Err(FilterFault::Target);
        }
        let mut words = text.split(',').map(str::trim).filter(|part| !part.is_empty() && !part.contains('='));
        if let Some(word) = words.find(|word| word.parse::<LevelFilter>().is_err()) {
            return Err(FilterFault::Level(word.to_owned()));
        }
    }
    Ok(EnvFilter::builder().parse(text)?)
}

/// Changes what is logged while the process runs.
#[derive(Debug, Clone)]
pub struct LogControl(reload::Handle<EnvFilter, Registry>);

impl LogControl {
    /// Logs by this filter from now on; one that is none changes nothing.
    pub fn filter_by(&self, text: &str) {
        if let Ok(filter) = filter(text) {
            // An error means that the log is gone, and with it who would read of the error.
            let _ = self.0.reload(filter);
        }
    }
}

/// Starts the log for the whole process; a second start changes nothing.
///
/// # Errors
/// [`LogError`] for a filter that cannot be read.
pub fn start(config: &LogConfig) -> Result<LogControl, LogError> {
    let filter =
        filter(&config.filter).map_err(|fault| LogError::Filter { filter: config.filter.clone(), fault })?;
    let (filter, control) = reload::Layer::new(filter);
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        // Told on standard error, where nobody reads any more, such an error would panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let layer = match config.format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    let subscriber =
        tracing_subscriber::registry().with(filter).with(filter_fn(is_fit_to_print)).with(layer).with(Places);
    // An error means that a log is there already, which a test may have started.
    let _ = subscriber.try_init();
    Ok(LogControl(control))
}

/// Whatever the filter asks for: at TRACE the ICE library tells passwords, which open a call's media to
/// whoever reads the log. Below that it redacts them.
fn is_fit_to_print(metadata: &Metadata<'_>) -> bool {
    let library = metadata.target().split("::").next();
    *metadata.level() != Level::TRACE || library != Some("is")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use tracing::subscriber::with_default;
    use tracing::{debug, trace};
    use tracing_subscriber::layer::Context;

    use super::*;

    /// Notes what comes through to it.
    #[derive(Clone, Default)]
    struct Ear(Arc<Mutex<Vec<String>>>);

    impl<S: tracing::Subscriber> Layer<S> for Ear {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            let metadata = event.metadata();
            let heard = format!("{} {}", metadata.level(), metadata.target());
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
        }
    }

    #[test]
    fn no_filter_lets_the_ice_library_trace() {
        let ear = Ear::default();
        let subscriber = tracing_subscriber::registry()
            .with(EnvFilter::new("trace,is=trace"))
            .with(filter_fn(is_fit_to_print))
            .with(ear.clone());
        with_default(subscriber, || {
            trace!(target: "is::agent", "a password");
            trace!(target: "is", "another");
            debug!(target: "is::agent", "a redacted one");
            trace!(target: "island", "of something else");
        });
        let heard = ear.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        assert_eq!(heard, ["DEBUG is::agent", "TRACE island"]);
    }

    #[test]
    fn a_word_that_is_no_level_is_no_filter() {
        for good in ["info", "WARN", "off", "info,webtrunk_engine=debug", "warn,is=off", "[call]=debug"] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["verbose", "info,webtrunk_engine", "all", "", ",", "webtrunk=loud", "what?"] {
            assert!(filter(bad).is_err(), "{bad}");
        }
    }

    /// What a stranger sends makes no line by default, or it could fill the disk.
    #[test]
    fn errors_of_the_http_library_are_silent_unless_asked_for() {
        for (filter, expected) in [(LogConfig::default().filter.as_str(), 0), ("info", 1)] {
            let ear = Ear::default();
            let subscriber = tracing_subscriber::registry().with(EnvFilter::new(filter)).with(ear.clone());
            with_default(subscriber, || {
                tracing::error!(target: "actix_http::h1::dispatcher", "stream error");
            });
            let heard = ear.0.lock().unwrap_or_else(PoisonError::into_inner).len();
            assert_eq!(heard, expected, "{filter}");
        }
    }
}
