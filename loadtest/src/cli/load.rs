//! `load`: many calls at once.

use std::error::Error;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;
use webtrunk_loadtest::agent::{Credentials, PhoneConfig, Voice};
use webtrunk_loadtest::load::{LoadConfig, LoadProgress, LoadReport, Losses, run_until};

use super::agent::Transport;
use super::by_hand::stop_by_hand;
use super::consent::ConsentOptions;
use super::options::{AccountOptions, Codec, VoiceOptions, WebrtcOptions};

#[derive(Debug, Args)]
pub(crate) struct LoadArguments {
    /// How many calls, 1 to 5000.
    #[arg(long, default_value_t = 10)]
    calls: usize,
    /// How many to begin in a second.
    #[arg(long, default_value_t = 5.0)]
    rate: f64,
    /// How long all of them are up together, 1 to 3600.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Where the callers connect: ws://host:port/path or wss://..
    #[arg(long, default_value = "ws://127.0.0.1:8080/sip")]
    server: String,
    /// Whom to call; {call} stands for the number of the call, 00000 and up.
    #[arg(long, default_value = "7{call}")]
    destination: String,
    /// Where the phone in this process listens: the gateway must route the destination to it.
    #[arg(long, default_value = "127.0.0.1:5080")]
    phone: SocketAddr,
    /// How the phone speaks SIP.
    #[arg(long, value_enum, default_value_t = Transport::Udp)]
    phone_transport: Transport,
    /// Codecs of the phone, best first.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Codec::Pcmu])]
    phone_codec: Vec<Codec>,
    /// There is no phone: the gateway itself answers the destination, with an echo or the like.
    #[arg(long)]
    no_phone: bool,
    /// Codecs of the callers, best first.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Codec::Opus, Codec::Pcmu, Codec::Pcma])]
    codec: Vec<Codec>,
    /// WAV file that the phone says; by default what the callers say.
    #[arg(long, value_name = "FILE")]
    phone_audio: Option<PathBuf>,
    /// Number the packets instead of speaking, to follow each where G.711 is passed through.
    #[arg(long)]
    numbered: bool,
    /// Process of the gateway, to measure its CPU time and memory.
    #[arg(long, value_parser = process)]
    pid: Option<u32>,
    /// Let that process stand still for so many milliseconds in the middle, and tell how long packets are late after it.
    #[arg(long, value_name = "MILLISECONDS")]
    stall: Option<u64>,
    /// Score so many of the calls beside what was said, by the measure that is built in.
    #[arg(long, value_name = "CALLS", default_value_t = 0)]
    score: usize,
    /// Score so many of the calls by PESQ; needs WEBTRUNK_PYTHON, a Python with the package pesq.
    #[arg(long, default_value_t = 0)]
    pesq: usize,
    /// Callers register first.
    #[arg(long)]
    register: bool,
    /// Lose so many of a hundred of the callers' packets on their way: at random, the same every time.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    uplink_loss: f64,
    /// Lose so many of a hundred of the phone's packets on their way to the gateway, likewise.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    phone_loss: f64,
    /// How many packets are lost in a row each time, 1 to 50.
    #[arg(long, value_name = "PACKETS", default_value_t = 1)]
    loss_burst: u32,
    /// Through rtpengine, which listens for NG here, instead of a gateway: then there is no SIP.
    #[arg(long, value_name = "ADDRESS")]
    rtpengine: Option<SocketAddr>,
    /// More users, with a password file each: USER=FILE. Calls are made by all users in turn.
    #[arg(long = "also-user", value_name = "USER=FILE")]
    also_users: Vec<String>,
    #[command(flatten)]
    consent: ConsentOptions,
    #[command(flatten)]
    account: AccountOptions,
    #[command(flatten)]
    voice: VoiceOptions,
    #[command(flatten)]
    webrtc: WebrtcOptions,
}

/// A process id, mostly what `pidof` said, which is nothing where there is no such process.
fn process(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| {
        let is_empty = text.trim().is_empty();
        let told =
            if is_empty { "no such process; is the gateway running?" } else { "write the id of one process" };
        told.to_owned()
    })
}

impl LoadArguments {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        match self.rtpengine.map(|server| server.to_string()) {
            Some(server) => self.consent.ask([server.as_str()])?,
            None => self.consent.ask([self.server.as_str()])?,
        }
        let config = self.config()?;
        let calls = config.calls;
        let stopper = watch::Sender::new(false);
        let hand = stopper.clone();
        stop_by_hand(move || {
            hand.send_replace(true);
        })?;
        let bar =
            ProgressBar::new(0).with_style(ProgressStyle::with_template("{msg:>12} {bar:40} {pos}/{len}")?);
        let seconds = self.seconds;
        let line = Line::new(!std::io::stderr().is_terminal());
        line.tell("one call that does not count", 0, 1);
        let report = run_until(config, stopper.subscribe(), |progress| {
            let (message, at, of) = match progress {
                LoadProgress::Connected(count) => ("connecting", count as u64, calls as u64),
                LoadProgress::SetUp(count) => ("dialling", count as u64, calls as u64),
                LoadProgress::Talking(time) => ("talking, s", time.as_secs(), seconds),
                LoadProgress::Judged(count) => ("judging", count as u64, calls as u64),
            };
            line.tell(message, at, of);
            bar.set_message(message);
            bar.set_length(of);
            bar.set_position(at);
        })
        .await?;
        bar.finish_and_clear();
        print(&report)?;
        let is_good = report.calls.failed == 0 && !report.was_broken_off;
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn config(&self) -> Result<LoadConfig, Box<dyn Error>> {
        let voice = if self.numbered { Some(Voice::numbered()) } else { self.voice.voice()? };
        let phone_voice = match &self.phone_audio {
            Some(file) => Some(Voice::from_wav(file)?),
            None => voice.clone(),
        };
        let mut caller = self.webrtc.config(&self.server, &self.account);
        caller.codecs = Codec::ids(&self.codec);
        caller.voice = voice;
        let phone = PhoneConfig {
            bind: self.phone,
            transport: self.phone_transport.into(),
            codecs: Codec::ids(&self.phone_codec),
            voice: phone_voice,
            ..PhoneConfig::default()
        };
        Ok(LoadConfig {
            caller,
            users: self.users()?,
            destination: self.destination.clone(),
            phone: (!self.no_phone).then_some(phone),
            calls: self.calls,
            rate: self.rate,
            duration: Duration::from_secs(self.seconds),
            pid: self.pid,
            stall: self.stall.map(Duration::from_millis),
            scored: self.score,
            pesq: self.pesq,
            registers: self.register,
            losses: Losses {
                callers: self.uplink_loss / 100.0,
                phone: self.phone_loss / 100.0,
                in_a_row: self.loss_burst,
            },
            rtpengine: self.rtpengine,
        })
    }

    fn users(&self) -> Result<Vec<Credentials>, Box<dyn Error>> {
        if self.rtpengine.is_some() {
            return Ok(vec![Credentials::new(&self.account.user, "")]);
        }
        let first = self
            .account
            .credentials()?
            .ok_or("the callers need a password; give --password-file FILE or --password-env NAME")?;
        let algorithm = first.algorithm;
        let mut users = vec![first];
        for pair in &self.also_users {
            let (user, file) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is not USER=FILE"))?;
            let text = std::fs::read_to_string(file)
                .map_err(|error| format!("cannot read the password in {file}: {error}"))?;
            let password = text.lines().next().unwrap_or_default();
            users.push(Credentials { algorithm, ..Credentials::new(user, password) });
        }
        Ok(users)
    }
}

/// Progress in lines, where standard error is no terminal that could show a bar.
struct Line {
    is_wanted: bool,
    told: Mutex<Option<(&'static str, Instant)>>,
}

/// How often the same is told. Chosen by us.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

impl Line {
    fn new(is_wanted: bool) -> Self {
        Self { is_wanted, told: Mutex::new(None) }
    }

    fn tell(&self, message: &'static str, at: u64, of: u64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = told.is_none_or(|(before, since)| before != message || since.elapsed() >= LINE_INTERVAL);
        if self.is_wanted && is_new {
            *told = Some((message, Instant::now()));
            eprintln!("{message}: {at} of {of}");
        }
    }
}

#[allow(clippy::print_stdout, reason = "the report is what the command is for")]
fn print(report: &LoadReport) -> Result<(), Box<dyn Error>> {
    println!("{}", serde_json::to_string_pretty(report)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::process;

    #[test]
    fn what_pidof_does_not_find_is_told() {
        assert_eq!(process("42\n"), Ok(42));
        assert!(process("").is_err_and(|told| told.starts_with("no such process")));
        assert!(process("42 43").is_err_and(|told| told.contains("one process")));
    }
}
