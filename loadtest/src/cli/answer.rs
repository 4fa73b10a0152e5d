//! `answer`: an agent that answers every call.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use webtrunk_loadtest::agent::{AgentError, CallEnd, Incoming, Voice};

use super::agent::{AgentOptions, Kind};
use super::report::{CallReport, record, words};

#[derive(Debug, Args)]
pub(crate) struct AnswerArguments {
    /// What answers.
    #[arg(long = "as", value_enum, default_value_t = Kind::Phone)]
    kind: Kind,
    /// How long to ring before the answer, in milliseconds.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=600_000))]
    ring_ms: u64,
    /// Send media before the answer, with 183 instead of 180.
    #[arg(long)]
    early_media: bool,
    /// Refuse every call with this status.
    #[arg(long, value_name = "STATUS", value_parser = clap::value_parser!(u16).range(300..=699))]
    refuse: Option<u16>,
    /// Hang up after so many seconds; by default the caller does.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// Hold after a second, and resume after another.
    #[arg(long)]
    hold: bool,
    /// Digits to press after a second, as RFC 4733 events.
    #[arg(long, default_value = "")]
    digits: String,
    /// Folder to write what was heard to, one WAV file for each call; it is made where it is missing.
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,
    /// Stop after so many calls.
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    calls: u64,
    /// Print each call's report as JSON, one line each.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    agent: AgentOptions,
}

/// What happens in each call.
#[derive(Debug, Clone)]
struct Script {
    ring: Duration,
    early_media: bool,
    refuse: Option<u16>,
    talk_max: Duration,
    hold: bool,
    digits: String,
    record: Option<PathBuf>,
    json: bool,
    voice: Option<Voice>,
}

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

impl AnswerArguments {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        if let Some(folder) = &self.record {
            let fault = |error| format!("{} cannot be made: {error}", folder.display());
            std::fs::create_dir_all(folder).map_err(fault)?;
        }
        let voice = self.agent.voice()?;
        let agent = self.agent.agent(self.kind, voice.clone()).await?;
        if self.agent.can_register(self.kind)? {
            agent.register().await?;
        }
        eprintln!("answering calls at {}", agent.place());
        let script = Script {
            ring: Duration::from_millis(self.ring_ms),
            early_media: self.early_media,
            refuse: self.refuse,
            talk_max: self.seconds.map_or(DAY, Duration::from_secs),
            hold: self.hold,
            digits: self.digits,
            record: self.record,
            json: self.json,
            voice,
        };
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..self.calls {
            match agent.next_incoming().await {
                Ok(incoming) => {
                    running.spawn(script.clone().play(incoming));
                }
                Err(AgentError::Gone) => return Err("the server closed the connection".into()),
                Err(error) => eprintln!("webtrunk-loadtest: {error}"),
            }
            while running.try_join_next().is_some() {}
        }
        running.join_all().await;
        Ok(ExitCode::SUCCESS)
    }
}

impl Script {
    async fn play(self, incoming: Incoming) {
        if let Err(error) = self.try_play(incoming).await {
            eprintln!("webtrunk-loadtest: {error}");
        }
    }

    async fn try_play(self, mut incoming: Incoming) -> Result<(), Box<dyn Error>> {
        if let Some(status) = self.refuse {
            return Ok(incoming.reject(status).await?);
        }
        if self.early_media {
            incoming.early_media().await?;
        } else if !self.ring.is_zero() {
            incoming.ring();
        }
        if let Ok(end) = incoming.ended(self.ring).await {
            eprintln!("{} from {}: {}", incoming.to, incoming.from, words(&end));
            return Ok(());
        }
        let call = incoming.answer().await?;
        let ended = async {
            tokio::time::sleep(SECOND).await;
            call.send_digits(&self.digits).await.ok()?;
            if self.hold {
                call.hold().await.ok()?;
                tokio::time::sleep(SECOND).await;
                call.resume().await.ok()?;
            }
            call.ended(self.talk_max).await.ok()
        };
        let ended: Option<CallEnd> = tokio::select! {
            ended = ended => ended,
            ended = call.ended(DAY) => ended.ok(),
        };
        if ended.is_none() {
            call.hang_up().await?;
        }
        if let Some(folder) = &self.record {
            record(&call, &file_in(folder, &call.call_id())).await?;
        }
        CallReport::of(&call, self.voice.as_ref()).await?.print(self.json)
    }
}

/// A Call-ID is the peer's text: only what cannot lead out of the folder stays.
fn file_in(folder: &Path, call_id: &str) -> PathBuf {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    folder.join(call_id.chars().filter(is_plain).take(64).collect::<String>() + ".wav")
}
