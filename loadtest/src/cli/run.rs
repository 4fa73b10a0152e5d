//! `run`: a scenario, and its report.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::sync::watch;
use webtrunk_loadtest::drive::{Crowd, Live, Stop, run};
use webtrunk_loadtest::load::ProcessMeter;
use webtrunk_loadtest::report::{Report, junit, page};
use webtrunk_loadtest::scenario::{Scenario, strangers};

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The scenario; init writes one.
    #[arg(default_value = "scenario.toml")]
    scenario: PathBuf,
    /// Folder to write report.json, report.html and junit.xml to; it is made where it is missing.
    #[arg(long, value_name = "FOLDER", default_value = "report")]
    report: PathBuf,
    /// Process of the target, to measure its CPU time and memory.
    #[arg(long)]
    pid: Option<u32>,
    /// The target is neither on this machine nor in a private network, and is mine to put a load on.
    #[arg(long)]
    i_own_this_target: bool,
}

/// How often a line is told.
const LINE_INTERVAL: Duration = Duration::from_secs(2);
/// The exit status where the load tester itself was late: the target is not judged.
const UNFIT: u8 = 3;

impl RunArguments {
    #[allow(clippy::print_stdout, reason = "the sentence is what the command is for")]
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let scenario = Scenario::load(&self.scenario)?;
        refuse_strangers(&scenario, self.i_own_this_target)?;
        let watched = self.pid.map(ProcessMeter::new).transpose()?;
        let stopper = watch::Sender::new(Stop::Going);
        stop_by_hand(stopper.clone());
        let crowd = Crowd::open(&scenario, |_| ()).await?;
        let name = self.scenario.display().to_string();
        let mut line = Line::default();
        let report = run(&name, scenario, crowd, stopper, watched, move |live| line.tell(live)).await;
        write(&self.report, &report)?;
        println!("{}", report.sentence());
        Ok(status(&report))
    }
}

/// Writes the report in each of its forms.
pub(super) fn write(folder: &Path, report: &Report) -> Result<(), Box<dyn Error>> {
    let json = serde_json::to_string_pretty(report)?;
    std::fs::create_dir_all(folder)
        .map_err(|error| format!("{} cannot be made: {error}; name another folder", folder.display()))?;
    for (name, text) in [("report.json", json), ("report.html", page(report)), ("junit.xml", junit(report))] {
        let file = folder.join(name);
        std::fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    eprintln!("the report is in {}", folder.display());
    Ok(())
}

pub(super) fn status(report: &Report) -> ExitCode {
    match report {
        report if !report.fitness.is_fit => ExitCode::from(UNFIT),
        report if report.is_good() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// No load on somebody else's machine by a slip of the fingers.
pub(super) fn refuse_strangers(scenario: &Scenario, owns: bool) -> Result<(), String> {
    let strangers = strangers(scenario);
    if owns || strangers.is_empty() {
        return Ok(());
    }
    let names = strangers.join(", ");
    Err(format!(
        "{names} is neither this machine nor in a private network; if it is yours, say --i-own-this-target"
    ))
}

/// The first Ctrl-C ends all calls and has the report written; the second ends the process.
pub(super) fn stop_by_hand(stopper: watch::Sender<Stop>) {
    const BY_SIGNAL: i32 = 130;
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            eprintln!("ending all calls; once more to leave them as they are");
            stopper.send_replace(Stop::BrokenOff);
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(BY_SIGNAL);
        }
    });
}

/// What a run is like, in lines.
#[derive(Debug, Default)]
pub(super) struct Line {
    told_at: Option<Instant>,
}

impl Line {
    pub(super) fn tell(&mut self, live: &Live) {
        if self.told_at.is_some_and(|at| at.elapsed() < LINE_INTERVAL) {
            return;
        }
        self.told_at = Some(Instant::now());
        eprintln!("{}", line(live));
    }
}

fn line(live: &Live) -> String {
    let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    let over: Vec<_> = live.over.iter().map(|(cause, count)| format!("{count} {cause}")).collect();
    format!(
        "{} begun, {} ringing, {} up; set-up {} ms, MOS {}, loss {:.2} %; over: {}",
        live.begun,
        live.ringing,
        live.up,
        figure(live.setup_p50_ms),
        figure(live.mos_p50),
        live.loss_percent,
        if over.is_empty() { "none".to_owned() } else { over.join(", ") },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_there_is() {
        assert_eq!(
            line(&Live::default()),
            "0 begun, 0 ringing, 0 up; set-up - ms, MOS -, loss 0.00 %; over: none"
        );
        let over = [("ok".to_owned(), 3), ("one_way".to_owned(), 1)].into();
        let live = Live { begun: 5, up: 1, over, setup_p50_ms: Some(41.26), ..Live::default() };
        assert!(line(&live).ends_with("set-up 41.3 ms, MOS -, loss 0.00 %; over: 3 ok, 1 one_way"));
    }
}
