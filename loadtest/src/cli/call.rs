//! `call`: one call, and what was heard.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use webtrunk_loadtest::agent::{
    Call, Dialing, Phone, PhoneConfig, PhoneTransport, Voice, WebrtcCaller, WebrtcConfig,
};

use super::options::{AccountOptions, Codec, VoiceOptions, WebrtcOptions};
use super::report::{CallReport, record};

#[derive(Debug, Args)]
pub(crate) struct CallArguments {
    /// What calls.
    #[arg(long, value_enum, default_value_t = From::Webrtc)]
    from: From,
    /// Where: ws://host:port/path or wss://.. for webrtc, host:port for a phone.
    #[arg(long, default_value = "ws://127.0.0.1:8080/sip")]
    server: String,
    /// User, number or SIP URI to call.
    #[arg(long)]
    destination: String,
    /// How long to talk.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// How long it may ring, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    ring: u64,
    /// Codecs to offer, best first; by default all for webrtc, G.711 for a phone.
    #[arg(long, value_enum, value_delimiter = ',')]
    codec: Vec<Codec>,
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
    /// How a phone speaks SIP.
    #[arg(long, value_enum, default_value_t = Transport::Udp)]
    transport: Transport,
    /// Address of a phone; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    bind: SocketAddr,
    #[command(flatten)]
    account: AccountOptions,
    #[command(flatten)]
    voice: VoiceOptions,
    #[command(flatten)]
    webrtc: WebrtcOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum From {
    /// SIP over WebSocket, ICE, DTLS-SRTP.
    Webrtc,
    /// Plain SIP and RTP.
    Phone,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

/// Keeps the agent alive as long as its call.
enum Agent {
    Webrtc(WebrtcCaller),
    Phone(Phone),
}

/// How long media may take after the answer.
const CONNECT_MAX: Duration = Duration::from_secs(15);
const SECOND: Duration = Duration::from_secs(1);

impl CallArguments {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let voice = self.voice.voice()?;
        let agent = self.agent(voice.clone()).await?;
        if !self.no_register && self.account.credentials()?.is_some() {
            agent.register().await?;
        }
        let dialing = agent.dial(&self.destination).await?;
        let call = dialing.answered(Duration::from_secs(self.ring)).await?;
        call.media_ready(CONNECT_MAX).await?;
        self.talk(&call).await?;
        let _ = call.hang_up().await?;
        if let Some(file) = &self.record {
            record(&call, file).await?;
        }
        let report = CallReport::of(&call, voice.as_ref()).await?;
        report.print(self.json)?;
        Ok(if report.heard_anything() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn agent(&self, voice: Option<Voice>) -> Result<Agent, Box<dyn Error>> {
        let codecs = Codec::ids(&self.codec);
        let credentials = self.account.credentials()?;
        match self.from {
            From::Webrtc => {
                let mut config = WebrtcConfig::new(&self.server, &self.account.user, "");
                config.credentials = credentials.unwrap_or(config.credentials);
                config.domain.clone_from(&self.account.domain);
                config.trust = self.webrtc.trust();
                config.profiles = self.webrtc.profiles();
                config.insists_on_dtls_client = self.webrtc.insists_on_dtls_client();
                config.media_address = self.webrtc.media_address;
                config.voice = voice;
                if !codecs.is_empty() {
                    config.codecs = codecs;
                }
                Ok(Agent::Webrtc(WebrtcCaller::new(config).await?))
            }
            From::Phone => {
                let server = self
                    .server
                    .parse()
                    .map_err(|_| format!("--server {} is no host:port, which a phone needs", self.server))?;
                let mut config = PhoneConfig {
                    bind: self.bind,
                    transport: self.transport.into(),
                    server: Some(server),
                    domain: self.account.domain.clone(),
                    user: self.account.user.clone(),
                    credentials,
                    voice,
                    ..PhoneConfig::default()
                };
                if !codecs.is_empty() {
                    config.codecs = codecs;
                }
                Ok(Agent::Phone(Phone::new(config).await?))
            }
        }
    }

    async fn talk(&self, call: &Call) -> Result<(), Box<dyn Error>> {
        let progress = ProgressBar::new(self.seconds)
            .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} s  {msg}")?);
        for second in 0..self.seconds {
            tokio::time::sleep(SECOND).await;
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
                    tokio::time::sleep(SECOND / 5).await;
                    call.resume().await?;
                    tokio::time::sleep(SECOND / 5).await;
                }
            }
        }
        progress.finish_and_clear();
        Ok(())
    }
}

impl Agent {
    async fn register(&self) -> Result<(), Box<dyn Error>> {
        let registered = match self {
            Self::Webrtc(caller) => caller.register().await,
            Self::Phone(phone) => phone.register().await,
        };
        registered.map_err(|error| {
            format!("cannot register: {error}; check --user, --password-file and --server").into()
        })
    }

    async fn dial(&self, to: &str) -> Result<Dialing, Box<dyn Error>> {
        Ok(match self {
            Self::Webrtc(caller) => caller.dial(to).await?,
            Self::Phone(phone) => phone.dial(to).await?,
        })
    }
}

impl std::convert::From<Transport> for PhoneTransport {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Udp => Self::Udp,
            Transport::Tcp => Self::Tcp,
        }
    }
}
