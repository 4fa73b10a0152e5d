//! `run --agents`: the same scenario, played by agents on other machines.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use tokio::sync::watch;
use webtrunk_loadtest::drive::Stop;
use webtrunk_loadtest::fleet::{Bus, Fleet, Plan};
use webtrunk_loadtest::load::ProcessMeter;
use webtrunk_loadtest::report::Report;
use webtrunk_loadtest::scenario::Scenario;

use super::bus::BusOptions;
use super::view::{self, View};

#[derive(Debug, Args)]
pub(super) struct FleetOptions {
    #[command(flatten)]
    bus: BusOptions,
    /// Have so many agents (webtrunk-loadtest agent) play it, each a share; this process leads them, and calls nobody.
    #[arg(long, value_name = "N", requires = "nats")]
    pub(super) agents: Option<usize>,
    /// Wait so many seconds for them.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    agents_within: u64,
}

impl FleetOptions {
    /// Leads so many agents through a scenario.
    pub(super) async fn lead(
        &self,
        agents: usize,
        file: &Path,
        scenario: &Scenario,
        stopper: &watch::Sender<Stop>,
        watched: Option<ProcessMeter>,
        is_plain: bool,
    ) -> Result<Report, Box<dyn Error>> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {name}: {error}"))?;
        let bus = Bus::connect(&self.bus.config("leader")?).await?;
        let mut stop = stopper.subscribe();
        let within = Duration::from_secs(self.agents_within);
        let plan = Plan { name: &name, text: &text, scenario, agents, within };
        let fleet = Fleet::muster(bus, plan, &mut stop, view::say).await?;
        let mut shown = View::open(is_plain, &name, scenario)?;
        Ok(fleet.run(&mut stop, watched, move |live| shown.show(live), view::say).await?)
    }
}
