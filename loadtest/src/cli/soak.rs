//! `soak`: short calls at a steady rate, for long.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::sync::watch;
use webtrunk_loadtest::agent::PhoneConfig;
use webtrunk_loadtest::load::{SoakConfig, soak};

use super::by_hand::stop_by_hand;
use super::consent::ConsentOptions;
use super::options::{AccountOptions, Codec, VoiceOptions, WebrtcOptions};

#[derive(Debug, Args)]
pub(crate) struct SoakArguments {
    /// How many calls to begin in a second: every second one over WebRTC, the others by a phone.
    #[arg(long, default_value_t = 5.0)]
    rate: f64,
    /// How long calls begin.
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// How long each call is talked in, in seconds.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=3600))]
    talk: u64,
    /// Where WebRTC callers connect: ws://host:port/path or wss://..
    #[arg(long, default_value = "ws://127.0.0.1:8080/sip")]
    server: String,
    /// Where the phone that calls sends its calls.
    #[arg(long, default_value = "127.0.0.1:5060")]
    sip: SocketAddr,
    /// Whom to call.
    #[arg(long, default_value = "700000")]
    destination: String,
    /// Where the phone that is called listens: the gateway must route the destination to it.
    #[arg(long, default_value = "127.0.0.1:5080")]
    phone: SocketAddr,
    /// Where the phone that calls listens; the gateway knows it as a trunk.
    #[arg(long, default_value = "127.0.0.2:5080")]
    caller: SocketAddr,
    #[command(flatten)]
    consent: ConsentOptions,
    #[command(flatten)]
    account: AccountOptions,
    #[command(flatten)]
    voice: VoiceOptions,
    #[command(flatten)]
    webrtc: WebrtcOptions,
}

/// How often it is told how far it is.
const LINE_INTERVAL: Duration = Duration::from_secs(30);

impl SoakArguments {
    #[allow(clippy::print_stdout, reason = "the report is what the command is for")]
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        self.consent.ask([self.server.as_str(), &self.sip.to_string()])?;
        let config = self.config()?;
        let stopper = watch::Sender::new(false);
        let hand = stopper.clone();
        stop_by_hand(move || {
            hand.send_replace(true);
        })?;
        let told_at = std::sync::Mutex::new(Instant::now());
        let report = soak(config, stopper.subscribe(), |calls| {
            let mut told_at = told_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if told_at.elapsed() >= LINE_INTERVAL {
                *told_at = Instant::now();
                eprintln!("{calls} calls are over");
            }
        })
        .await?;
        println!("{}", serde_json::to_string_pretty(&report)?);
        let is_good = report.is_clean() && !report.was_broken_off;
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn config(&self) -> Result<SoakConfig, Box<dyn Error>> {
        if !(self.rate > 0.0 && self.rate <= 100.0) {
            return Err(format!("{} calls a second are not between 0 and 100", self.rate).into());
        }
        if !(self.minutes > 0.0 && self.minutes <= 1440.0) {
            return Err(format!("{} minutes are not between 0 and a day", self.minutes).into());
        }
        let voice = self.voice.voice()?;
        let mut webrtc = self.webrtc.config(&self.server, &self.account);
        webrtc.credentials = self
            .account
            .credentials()?
            .ok_or("the callers need a password; give --password-file FILE or --password-env NAME")?;
        webrtc.codecs = Codec::ids(&[Codec::Opus, Codec::Pcmu, Codec::Pcma]);
        webrtc.voice.clone_from(&voice);
        let phone = PhoneConfig { codecs: Codec::ids(&[Codec::Pcmu]), voice, ..PhoneConfig::default() };
        Ok(SoakConfig {
            webrtc,
            caller: PhoneConfig { bind: self.caller, server: Some(self.sip), ..phone.clone() },
            callee: PhoneConfig { bind: self.phone, ..phone },
            destination: self.destination.clone(),
            rate: self.rate,
            duration: Duration::from_secs_f64(self.minutes * 60.0),
            talk: Duration::from_secs(self.talk),
        })
    }
}
