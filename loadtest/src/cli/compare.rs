//! `compare`: two reports side by side.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use webtrunk_loadtest::report::{FORMAT, Report, compare};

#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// The report.json of a run.
    one: PathBuf,
    /// That of another.
    other: PathBuf,
    /// Where to write the page.
    #[arg(long, value_name = "FILE", default_value = "compare.html")]
    page: PathBuf,
}

impl CompareArguments {
    pub(super) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let (one, other) = (read(&self.one)?, read(&self.other)?);
        let names = (self.one.display().to_string(), self.other.display().to_string());
        let page = compare((&names.0, &one), (&names.1, &other));
        std::fs::write(&self.page, page)
            .map_err(|error| format!("cannot write {}: {error}", self.page.display()))?;
        eprintln!("{} has both", self.page.display());
        Ok(ExitCode::SUCCESS)
    }
}

fn read(file: &Path) -> Result<Report, Box<dyn Error>> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let format = serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|it| it["format"].as_u64());
    if format != Some(FORMAT.into()) {
        return Err(format!(
            "{} is no report of format {FORMAT}; give the report.json of a run",
            file.display()
        )
        .into());
    }
    serde_json::from_str(&text).map_err(|error| format!("{} is broken: {error}", file.display()).into())
}
