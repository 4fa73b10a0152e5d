//! The log: structured events on standard error.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{LogConfig, LogFormat};

/// The log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is no filter.
    #[error("{filter:?} is no log filter: {source}")]
    Filter {
        /// As given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
}

/// Starts the log for the whole process; a second start changes nothing.
///
/// # Errors
/// [`LogError`] for a filter that cannot be read.
pub fn start(config: &LogConfig) -> Result<(), LogError> {
    let filter = EnvFilter::builder()
        .parse(&config.filter)
        .map_err(|source| LogError::Filter { filter: config.filter.clone(), source })?;
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        // Told on standard error, where nobody reads any more, such an error would panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let layer = match config.format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(filter).with(filter_fn(is_fit_to_print)).with(layer);
    // An error means that a log is there already, which a test may have started.
    let _ = subscriber.try_init();
    Ok(())
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
