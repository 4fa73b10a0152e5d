//! `capacity`: how much load the target bears.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio::sync::watch;
use webtrunk_loadtest::capacity::{Search, Step, capacity};
use webtrunk_loadtest::drive::Stop;
use webtrunk_loadtest::scenario::{Scenario, strangers};

use super::by_hand::stop_by_hand;
use super::consent::ConsentOptions;
use super::fleet::FleetOptions;

#[derive(Debug, Args)]
pub(crate) struct CapacityArguments {
    /// The scenario, whose arrivals are raised; its thresholds say what holds.
    #[arg(default_value = "scenario.toml")]
    scenario: PathBuf,
    /// Raise the load to so many times the scenario's at most.
    #[arg(long, default_value_t = 32.0)]
    most: f64,
    /// Try the largest load that held so often in all.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=10))]
    tries: u8,
    /// Process of the target, to measure its CPU time and memory.
    #[arg(long)]
    pid: Option<u32>,
    /// File to write the report to, as JSON.
    #[arg(long, value_name = "FILE", default_value = "capacity.json")]
    report: PathBuf,
    #[command(flatten)]
    consent: ConsentOptions,
    #[command(flatten)]
    fleet: FleetOptions,
}

impl CapacityArguments {
    #[allow(clippy::print_stdout, reason = "the sentence is what the command is for")]
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        if !(self.most >= 1.0 && self.most <= 1000.0) {
            return Err(format!("--most {} is not between 1 and 1000", self.most).into());
        }
        let scenario = Scenario::load(&self.scenario)?;
        self.consent.ask(strangers(&scenario).iter().map(String::as_str))?;
        let stopper = watch::Sender::new(Stop::Going);
        let hand = stopper.clone();
        stop_by_hand(move || Stop::BrokenOff.tell(&hand))?;
        let name = self.scenario.display().to_string();
        let search = Search::new(self.most, self.tries.into());
        let report = if let Some(agents) = self.fleet.agents {
            let led = self.fleet.connect(agents, &self.scenario, &scenario).await?;
            led.capacity(search, self.pid, &stopper, tell).await?
        } else {
            capacity(&name, &scenario, search, self.pid, &stopper, tell).await?
        };
        std::fs::write(&self.report, serde_json::to_vec_pretty(&report)?)
            .map_err(|error| format!("cannot write {}: {error}", self.report.display()))?;
        println!("{}", report.sentence());
        let is_found = report.found.held.is_some() && report.ended_early.is_none();
        Ok(if is_found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn tell(step: &Step) {
    let Step { factor, held, up_at_most, told, .. } = step;
    eprintln!("{factor:.2} times: {held:?}, {up_at_most} calls up at most; {told}");
}
