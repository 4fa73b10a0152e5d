//! `run`: a scenario, and its report.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokio::sync::watch;
use webtrunk_loadtest::drive::{Crowd, Stop, run};
use webtrunk_loadtest::load::ProcessMeter;
use webtrunk_loadtest::report::{Report, junit, page};
use webtrunk_loadtest::scenario::{Scenario, strangers};

use super::by_hand::stop_by_hand;
use super::consent::ConsentOptions;
use super::fleet::FleetOptions;
use super::view::View;

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The scenario; init writes one.
    #[arg(default_value = "scenario.toml")]
    scenario: PathBuf,
    /// Folder to write report.json, report.html and junit.xml to; it is made where it is missing.
    #[arg(long, value_name = "FOLDER", default_value = "report")]
    report: PathBuf,
    /// Process of the target, to measure its CPU time and memory.
    #[arg(long)]
    pid: Option<u32>,
    #[command(flatten)]
    consent: ConsentOptions,
    /// Tell how it goes in lines, where a terminal would get a screen.
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    fleet: FleetOptions,
}

/// The exit status where the load tester itself was late: the target is not judged.
const UNFIT: u8 = 3;

impl RunArguments {
    #[allow(clippy::print_stdout, reason = "the sentence is what the command is for")]
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let scenario = Scenario::load(&self.scenario)?;
        self.consent.ask(strangers(&scenario).iter().map(String::as_str))?;
        let watched = self.pid.map(ProcessMeter::new).transpose()?;
        let stopper = watch::Sender::new(Stop::Going);
        let hand = stopper.clone();
        stop_by_hand(move || Stop::BrokenOff.tell(&hand))?;
        let report = if let Some(agents) = self.fleet.agents {
            let led = self.fleet.connect(agents, &self.scenario, &scenario).await?;
            let report = led.run(&stopper, watched, self.plain).await?;
            write(&self.report, &report)?;
            report
        } else {
            let crowd = Arc::new(Crowd::open(&scenario, &stopper).await?);
            let name = self.scenario.display().to_string();
            let mut view = match View::open(self.plain, &name, &scenario) {
                Ok(view) => view,
                Err(error) => {
                    crowd.deregister().await;
                    return Err(error.into());
                }
            };
            let own = Arc::clone(&crowd);
            let report = run(&name, scenario, own, stopper, watched, move |live| view.show(live)).await;
            // The report first: whoever does not wait for the rest has it.
            let written = write(&self.report, &report);
            crowd.deregister().await;
            written?;
            report
        };
        println!("{}", report.sentence());
        if let Some(digits) = report.summary.digits_told() {
            println!("{digits}");
        }
        Ok(status(&report))
    }
}

/// Writes the report in each of its forms.
pub(super) fn write(folder: &Path, report: &Report) -> Result<(), Box<dyn Error>> {
    let json = serde_json::to_string_pretty(report)?;
    std::fs::create_dir_all(folder)
        .map_err(|error| format!("{} cannot be made: {error}; name another folder", folder.display()))?;
    for (name, text) in [("report.json", json), ("report.html", page(report)), ("junit.xml", junit(report))] {
        let file = folder.join(name);
        std::fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    eprintln!("the report is in {}", folder.display());
    Ok(())
}

pub(super) fn status(report: &Report) -> ExitCode {
    match report {
        report if !report.fitness.is_fit => ExitCode::from(UNFIT),
        report if report.is_good() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
