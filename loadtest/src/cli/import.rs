//! `import`: a scenario of SIPp, as one of ours.

use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use webtrunk_loadtest::sipp::{Imported, Source, Wishes, import};

use super::agent::Transport;

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// The scenario of SIPp.
    #[arg(value_name = "FILE.xml")]
    file: PathBuf,
    /// Its injection file, whose fields are put in.
    #[arg(long, value_name = "FILE.csv")]
    inf: Option<PathBuf>,
    /// Where to write ours, which only its owner may read; a file that is there stays as it is.
    #[arg(long, value_name = "FILE", default_value = "scenario.toml")]
    out: PathBuf,
    /// The target, as SIPp's remote host.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5060")]
    target: String,
    /// How to speak SIP.
    #[arg(short, long, value_enum, default_value_t = Transport::Udp)]
    transport: Transport,
    /// Who is called: what the keyword service stands for.
    #[arg(short, long, default_value = "service")]
    service: String,
    /// How long a pause is of which the scenario does not say it, in milliseconds.
    #[arg(short = 'd', long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=3_600_000))]
    pause_ms: u64,
    /// Calls that begin in a second.
    #[arg(short, long, default_value_t = 1.0)]
    rate: f64,
    /// Calls in all.
    #[arg(short = 'm', long, default_value_t = 10)]
    calls: usize,
    /// Calls at one time; by default three times the rate times their length, as SIPp has it.
    #[arg(short = 'l', long)]
    at_once: Option<usize>,
    /// Where a scenario that answers listens.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5080")]
    bind: String,
}

/// What a run can do at most.
const RATE_MAX: f64 = 1000.0;

impl ImportArguments {
    pub(super) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        if !(self.rate > 0.0 && self.rate <= RATE_MAX) {
            return Err(
                format!("--rate {} is out of bounds; give more than 0 and at most 1000", self.rate).into()
            );
        }
        let xml = read(&self.file)?;
        let fields = self.inf.as_deref().map(read).transpose()?;
        let (file, inf) = (name(&self.file), self.inf.as_deref().map(name));
        let injection = inf.as_deref().zip(fields.as_deref());
        let wishes = Wishes {
            target: self.target,
            transport: self.transport.into(),
            service: self.service,
            pause: Duration::from_millis(self.pause_ms),
            rate: self.rate,
            calls: self.calls,
            at_once: self.at_once,
            bind: self.bind,
        };
        let Imported { toml, remarks } = import(&Source { file: &file, xml: &xml, injection }, &wishes)?;
        let fault =
            |error| format!("{} cannot be written: {error}; name another file by --out", self.out.display());
        // It may have passwords.
        let mut out =
            OpenOptions::new().create_new(true).write(true).mode(0o600).open(&self.out).map_err(fault)?;
        out.write_all(toml.as_bytes()).map_err(fault)?;
        for remark in &remarks {
            eprintln!("{file}:{remark}");
        }
        eprintln!(
            "{} is written{}; read it, and then webtrunk-loadtest check {0}",
            self.out.display(),
            if remarks.is_empty() { "" } else { ", and what is done otherwise stands in it" },
        );
        Ok(ExitCode::SUCCESS)
    }
}

fn name(file: &Path) -> String {
    file.display().to_string()
}

/// As UTF-8, or else as ISO 8859-1, which older scenarios are in.
fn read(file: &Path) -> Result<String, String> {
    let octets =
        std::fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    let text = String::from_utf8(octets);
    Ok(text.unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect()))
}
