//! `answer`: a phone that answers every call.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use webtrunk_loadtest::agent::{CallEnd, Incoming, Phone, PhoneConfig, Voice};

use super::call::Transport;
use super::options::{AccountOptions, Codec, VoiceOptions};
use super::report::{CallReport, record};

#[derive(Debug, Args)]
pub(crate) struct AnswerArguments {
    /// Address to listen at.
    #[arg(long, default_value = "127.0.0.1:5080")]
    bind: SocketAddr,
    /// How to speak SIP.
    #[arg(long, value_enum, default_value_t = Transport::Udp)]
    transport: Transport,
    /// Codecs, best first.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Codec::Pcmu, Codec::Pcma])]
    codec: Vec<Codec>,
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
    /// Folder to write what was heard to, one WAV file for each call.
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,
    /// Stop after so many calls.
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    calls: u64,
    /// Print each call's report as JSON, one line each.
    #[arg(long)]
    json: bool,
    /// Registrar, host:port, to register with; needs a password.
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<SocketAddr>,
    /// Behave as behind a NAT: name this address, from which nothing is sent.
    #[arg(long, value_name = "IP")]
    behind_nat: Option<IpAddr>,
    #[command(flatten)]
    account: AccountOptions,
    #[command(flatten)]
    voice: VoiceOptions,
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
        let voice = self.voice.voice()?;
        let phone = Phone::new(PhoneConfig {
            bind: self.bind,
            transport: self.transport.into(),
            server: self.server,
            domain: self.account.domain.clone(),
            user: self.account.user.clone(),
            credentials: self.account.credentials()?,
            codecs: Codec::ids(&self.codec),
            voice: voice.clone(),
            behind_nat: self.behind_nat,
        })
        .await?;
        if self.server.is_some() {
            phone.register().await?;
        }
        eprintln!("answering calls at {}", phone.address());
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
            match phone.next_incoming().await {
                Ok(incoming) => {
                    running.spawn(script.clone().play(incoming));
                }
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
            eprintln!("{} from {}: {end:?}", incoming.to, incoming.from);
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
