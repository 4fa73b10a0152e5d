//! The command line.

mod agent;
mod answer;
mod bus;
mod by_hand;
mod call;
mod capacity;
mod compare;
mod consent;
mod files;
mod fleet;
mod import;
mod load;
mod options;
mod report;
mod run;
mod scenario;
mod serve;
mod soak;
mod view;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Callers and answerers with real media, to try and to measure a WebRTC trunk from outside.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Place one call, over WebRTC or as a plain SIP phone, and tell what was heard.
    Call(call::CallArguments),
    /// Answer every call, as a plain SIP phone or over WebRTC.
    Answer(answer::AnswerArguments),
    /// Place many calls at once, from WebRTC callers to a phone in this process, and measure.
    Load(load::LoadArguments),
    /// Write an example of a scenario.
    Init(scenario::InitArguments),
    /// Make a scenario of one of SIPp, or tell what in it there is no word for.
    Import(import::ImportArguments),
    /// Look for mistakes in a scenario.
    Check(scenario::CheckArguments),
    /// Play a scenario, listen to every call, and write a report. The exit status is 0 where every threshold was kept.
    Run(run::RunArguments),
    /// Play shares of scenarios for a leader on another machine (run --agents), one after the other.
    Agent(serve::AgentArguments),
    /// Raise the load of a scenario until a threshold breaks, and tell the largest that held.
    Capacity(capacity::CapacityArguments),
    /// Draw the reports of two runs into one page.
    Compare(compare::CompareArguments),
    /// Place short calls at a steady rate for long, over WebRTC and by a phone in turn, to a phone in this process.
    Soak(soak::SoakArguments),
}

/// Threads that media are sent and received on.
const THREADS: usize = 2;

impl Arguments {
    pub(crate) fn run(self) -> Result<ExitCode, Box<dyn std::error::Error>> {
        files::raise_limit();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .build()
            .map_err(|error| format!("cannot start threads: {error}"))?;
        runtime.block_on(async {
            match self.command {
                Command::Call(arguments) => arguments.run().await,
                Command::Answer(arguments) => arguments.run().await,
                Command::Load(arguments) => arguments.run().await,
                Command::Soak(arguments) => arguments.run().await,
                Command::Init(arguments) => arguments.run(),
                Command::Import(arguments) => arguments.run(),
                Command::Check(arguments) => arguments.run(),
                Command::Compare(arguments) => arguments.run(),
                Command::Run(arguments) => arguments.run().await,
                Command::Agent(arguments) => arguments.run().await,
                Command::Capacity(arguments) => arguments.run().await,
            }
        })
    }
}
