//! `call`: one call, and what was heard.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use webtrunk_loadtest::agent::{Call, Voice};

use super::agent::{Agent, AgentOptions, Kind};
use super::consent::ConsentOptions;
use super::report::{CallReport, record};

#[derive(Debug, Args)]
pub(crate) struct CallArguments {
    /// What calls.
    #[arg(long, value_enum, default_value_t = Kind::Webrtc)]
    from: Kind,
    /// User, number or SIP URI to call.
    #[arg(long)]
    destination: String,
    /// How long to talk.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// How long it may ring, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    ring: u64,
    /// Digits to press after a second, as RFC 4733 events.
    #[arg(long, default_value = "")]
    digits: String,
    /// Digits to send by INFO after those.
    #[arg(long, default_value = "")]
    info_digits: String,
    /// Hold and resume so many times in the middle of the call.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=100))]
    holds: u32,
    /// WAV file to write what was heard to.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Do not register first.
    #[arg(long)]
    no_register: bool,
    #[command(flatten)]
    consent: ConsentOptions,
    #[command(flatten)]
    agent: AgentOptions,
}

/// How long media may take after the answer.
const CONNECT_MAX: Duration = Duration::from_secs(15);
const SECOND: Duration = Duration::from_secs(1);
/// How long one hold lasts, and the talk after it.
const HOLD: Duration = Duration::from_millis(200);

impl CallArguments {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        self.consent.ask([self.agent.target(self.from, &self.destination).as_str()])?;
        let voice = self.agent.voice()?;
        let agent = self.agent.agent(self.from, voice.clone()).await?;
        let registers = !self.no_register && self.agent.can_register(self.from)?;
        if registers {
            agent.register().await?;
        }
        let called = self.call(&agent, voice).await;
        // Its port is nobody's soon: later calls to the user would ring there.
        if registers && let Err(error) = agent.unregister().await {
            tracing::warn!(%error, "still registered");
        }
        called
    }

    async fn call(&self, agent: &Agent, voice: Option<Voice>) -> Result<ExitCode, Box<dyn Error>> {
        let dialing = agent.dial(&self.destination).await?;
        let call = dialing.answered(Duration::from_secs(self.ring)).await?;
        call.media_ready(CONNECT_MAX).await?;
        self.talk(&call).await?;
        call.hang_up().await?;
        if let Some(file) = &self.record {
            record(&call, file).await?;
        }
        let report = CallReport::of(&call, voice.as_ref()).await?;
        report.print(self.json)?;
        Ok(if report.heard_anything() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Until the time is over, or the other end hangs up.
    async fn talk(&self, call: &Call) -> Result<(), Box<dyn Error>> {
        let progress = ProgressBar::new(self.seconds)
            .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} s  {msg}")?);
        for second in 0..self.seconds {
            if call.ended(SECOND).await.is_ok() {
                break;
            }
            progress.inc(1);
            progress.set_message(format!("{} packets heard", call.heard().await?.packets.len()));
            if second == 0 {
                call.send_digits(&self.digits).await?;
                for digit in self.info_digits.chars() {
                    call.send_info_digit(digit).await?;
                }
            }
            if second == self.seconds / 2 {
                for _ in 0..self.holds {
                    call.hold().await?;
                    tokio::time::sleep(HOLD).await;
                    call.resume().await?;
                    tokio::time::sleep(HOLD).await;
                }
            }
        }
        progress.finish_and_clear();
        Ok(())
    }
}
