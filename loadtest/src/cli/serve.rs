//! `agent`: shares of scenarios, for leaders on other machines.

use std::error::Error;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio::sync::watch;
use webtrunk_loadtest::fleet::{AgentConfig, Bus, serve};

use super::bus::BusOptions;
use super::by_hand::stop_by_hand;

#[derive(Debug, Args)]
pub(crate) struct AgentArguments {
    /// What leaders and reports call it; no other agent of the fleet may be called so.
    #[arg(long)]
    name: String,
    /// Folder of the files that scenarios may name (passwords, certificates); without it they may name none.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Variable of the environment that scenarios may read; may be given again.
    #[arg(long = "env", value_name = "NAME")]
    variables: Vec<String>,
    /// Where phones and media of this machine are, in place of what scenarios say.
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// Targets that are neither on this machine nor in a private network are mine to put a load on.
    #[arg(long)]
    i_own_this_target: bool,
    #[command(flatten)]
    bus: BusOptions,
}

impl AgentArguments {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let bus = Bus::connect(&self.bus.config(&self.name)?).await?;
        let config = AgentConfig {
            name: self.name,
            folder: self.folder,
            variables: self.variables,
            address: self.address,
            owns_targets: self.i_own_this_target,
        };
        let stopper = watch::Sender::new(false);
        let stop = stopper.subscribe();
        let hand = stopper.clone();
        stop_by_hand(move || {
            hand.send_replace(true);
        })?;
        serve(bus, config, stop, |text| eprintln!("{text}")).await?;
        Ok(ExitCode::SUCCESS)
    }
}
