//! What a process uses, by /proc; and a process that stands still.

use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::LoadError;
use crate::hear::Stall;

/// Reads what one process uses.
#[derive(Debug, Clone, Copy)]
pub struct ProcessMeter {
    pid: u32,
    ticks_per_second: f64,
}

/// What a process has used so far, and holds now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Processor time, user and system, in milliseconds.
    pub cpu_ms: f64,
    /// Resident memory in KiB.
    pub rss_kib: f64,
}

impl ProcessMeter {
    /// # Errors
    /// There is no such process.
    pub fn new(pid: u32) -> Result<Self, LoadError> {
        let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
        let meter = Self { pid, ticks_per_second: ticks as f64 };
        meter.read().map(|_| meter)
    }

    /// # Errors
    /// The process has ended.
    pub fn read(&self) -> Result<Usage, LoadError> {
        let folder = Path::new("/proc").join(self.pid.to_string());
        let fail = |why: String| LoadError::Process { pid: self.pid, why };
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).map_err(|it| fail(it.to_string()));
        let (stat, status) = (read("stat")?, read("status")?);
        let cpu_ticks = cpu_ticks(&stat).ok_or_else(|| fail("its stat has no times".to_owned()))?;
        let rss_kib = rss_kib(&status).ok_or_else(|| fail("its status has no VmRSS".to_owned()))?;
        Ok(Usage { cpu_ms: cpu_ticks * 1000.0 / self.ticks_per_second, rss_kib })
    }

    /// Lets the process stand still for so long.
    ///
    /// # Errors
    /// It has ended, or is not ours.
    pub async fn stall(&self, length: Duration) -> Result<Stall, LoadError> {
        self.signal(Signal::SIGSTOP)?;
        let began_at = SystemTime::now();
        tokio::time::sleep(length).await;
        self.signal(Signal::SIGCONT)?;
        Ok(Stall { began_at, ended_at: SystemTime::now() })
    }

    fn signal(&self, signal: Signal) -> Result<(), LoadError> {
        kill(Pid::from_raw(self.pid.cast_signed()), signal)
            .map_err(|error| LoadError::Process { pid: self.pid, why: error.desc().to_owned() })
    }
}

/// proc(5): utime and stime are the 14th and 15th field; the 2nd is a name in brackets that may hold
/// anything.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

fn rss_kib(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces() {
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20";
        assert_eq!(cpu_ticks(stat), Some(300.0));
        assert_eq!(cpu_ticks("12 (a) S 1"), None);
    }

    #[test]
    fn this_process_works_and_has_memory() -> Result<(), LoadError> {
        let meter = ProcessMeter::new(std::process::id())?;
        let before = meter.read()?;
        let mut sum = 0_u64;
        while meter.read()?.cpu_ms < before.cpu_ms + 20.0 {
            sum = (0..100_000).fold(sum, |sum, at| std::hint::black_box(sum.wrapping_mul(3) + at));
        }
        assert!(before.rss_kib > 1000.0, "{before:?} {sum}");
        assert!(ProcessMeter::new(u32::MAX).is_err());
        Ok(())
    }
}
