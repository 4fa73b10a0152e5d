//! `init` and `check`: an example of a scenario, and what is wrong with one.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use webtrunk_loadtest::scenario::{EXAMPLE, Scenario};

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Where to write it; a file that is there stays as it is.
    #[arg(default_value = "scenario.toml")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The scenario.
    #[arg(default_value = "scenario.toml")]
    file: PathBuf,
}

impl InitArguments {
    pub(super) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let fault = |error| format!("{} cannot be written: {error}; name another file", self.file.display());
        let mut file = std::fs::File::create_new(&self.file).map_err(fault)?;
        file.write_all(EXAMPLE.as_bytes()).map_err(fault)?;
        eprintln!("{} is written; read it, and then webtrunk-loadtest check", self.file.display());
        Ok(ExitCode::SUCCESS)
    }
}

impl CheckArguments {
    #[allow(clippy::print_stdout, reason = "what it says is what the command is for")]
    pub(super) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let scenario = Scenario::load(&self.file)?;
        let agents: usize = scenario.populations.iter().map(|it| it.count).sum();
        println!(
            "{} is sound: {agents} agents, at most {} calls in {} s, {} at once",
            self.file.display(),
            scenario.calls,
            scenario.time.as_secs_f64(),
            scenario.at_once,
        );
        Ok(ExitCode::SUCCESS)
    }
}
