//! `run --agents` and `capacity --agents`: the same scenario, played by agents on other machines.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use tokio::sync::watch;
use webtrunk_loadtest::capacity::{CapacityReport, Search, Step, capacity_by};
use webtrunk_loadtest::drive::Stop;
use webtrunk_loadtest::fleet::{Bus, Fleet, FleetError, Plan};
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

/// Agents on a bus, whom this process is about to lead.
pub(super) struct Led<'s> {
    bus: Bus,
    name: String,
    /// What is in the scenario's file.
    text: String,
    scenario: &'s Scenario,
    agents: usize,
    within: Duration,
}

impl FleetOptions {
    /// Connects to the bus, to lead so many agents through a scenario.
    pub(super) async fn connect<'s>(
        &self,
        agents: usize,
        file: &Path,
        scenario: &'s Scenario,
    ) -> Result<Led<'s>, Box<dyn Error>> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {name}: {error}"))?;
        let bus = Bus::connect(&self.bus.config("leader")?).await?;
        Ok(Led { bus, name, text, scenario, agents, within: Duration::from_secs(self.agents_within) })
    }
}

impl Led<'_> {
    /// Plays the scenario once.
    pub(super) async fn run(
        &self,
        stopper: &watch::Sender<Stop>,
        watched: Option<ProcessMeter>,
        is_plain: bool,
    ) -> Result<Report, Box<dyn Error>> {
        let mut stop = stopper.subscribe();
        let fleet = self.muster(1.0, &mut stop).await?;
        let mut shown = View::open(is_plain, &self.name, self.scenario)?;
        Ok(fleet.run(&mut stop, watched, move |live| shown.show(live), view::say).await?)
    }

    /// Plays it at the loads that the search asks for; the agents connect anew for each.
    pub(super) async fn capacity(
        &self,
        search: Search,
        pid: Option<u32>,
        stopper: &watch::Sender<Stop>,
        on_step: impl Fn(&Step),
    ) -> Result<CapacityReport, Box<dyn Error>> {
        let play = async |times: f64| {
            let mut stop = stopper.subscribe();
            let fleet = self.muster(times, &mut stop).await?;
            let watched = pid.map(ProcessMeter::new).transpose()?;
            let report = fleet.run(&mut stop, watched, |_| (), view::say).await?;
            Ok::<_, Box<dyn Error>>(report)
        };
        capacity_by(&self.name, search, play, on_step).await
    }

    async fn muster(&self, times: f64, stop: &mut watch::Receiver<Stop>) -> Result<Fleet, FleetError> {
        let Self { bus, name, text, scenario, agents, within } = self;
        let plan = Plan { name, text, scenario, times, agents: *agents, within: *within };
        Fleet::muster(bus.clone(), plan, stop, view::say).await
    }
}
