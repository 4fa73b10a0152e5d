//! The binary `webtrunk`.

use std::process::ExitCode;

use clap::Parser;
use webtrunk::cli::Cli;

fn main() -> ExitCode {
    // One provider for the whole process; whoever asks for TLS settings without naming one gets this.
    // An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Cli::parse().execute()
}
