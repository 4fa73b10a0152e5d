//! The binary `webtrunk-loadtest`.

mod cli;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(without_secrets(EnvFilter::from_default_env()))
        .with_writer(std::io::stderr)
        .init();
    match cli::Arguments::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("webtrunk-loadtest: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What is sent on a connection to NATS has the password in it: it is not logged, whatever was asked for.
fn without_secrets(filter: EnvFilter) -> EnvFilter {
    filter.add_directive("async_nats::connection=info".parse().expect("a target and a level"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUS: &str = "async_nats::connection";

    #[test]
    fn no_filter_lets_the_password_of_a_bus_be_logged() {
        for wanted in ["trace", "async_nats=trace", "async_nats::connection=trace"] {
            let filter = without_secrets(EnvFilter::new(wanted));
            let subscriber = tracing_subscriber::fmt().with_env_filter(filter).finish();
            tracing::subscriber::with_default(subscriber, || {
                assert!(tracing::enabled!(target: BUS, tracing::Level::INFO), "{wanted}");
                assert!(!tracing::enabled!(target: BUS, tracing::Level::TRACE), "{wanted}");
            });
        }
    }
}
