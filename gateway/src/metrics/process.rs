//! What the system knows of our process (proc(5)), under the names that Prometheus's own clients use.

use std::fs;

/// What the process takes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Process {
    /// Memory that is really there, in octets.
    pub(super) resident_octets: u64,
    /// Open files, sockets among them.
    pub(super) open_files: u64,
    /// How many it may have.
    pub(super) open_files_max: u64,
    /// Work of all its threads, in seconds.
    pub(super) cpu_s: f64,
    /// Threads.
    pub(super) threads: u64,
}

/// What proc(5) counts time in: a hundredth of a second, on every Linux that we run on (`sysconf(_SC_CLK_TCK)`).
const TICKS_PER_SECOND: f64 = 100.0;

impl Process {
    /// Reads it; what cannot be read is 0.
    pub(super) fn read() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let open_files = fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
        Self {
            resident_octets: number_after(&status, "VmRSS:") * 1024,
            open_files,
            open_files_max: number_after(&limits, "Max open files"),
            cpu_s: cpu_ticks(&stat) / TICKS_PER_SECOND,
            threads: number_after(&status, "Threads:"),
        }
    }
}

fn number_after(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()).and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// `utime` and `stime`, the 14th and 15th field; the second may hold anything, in brackets.
fn cpu_ticks(stat: &str) -> f64 {
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_knows_of_us() {
        let mut work = 0_u64;
        let process = loop {
            work = (0..1_000_000).fold(work, |sum, step| sum.wrapping_mul(31).wrapping_add(step));
            let process = Process::read();
            if process.cpu_s > 0.0 {
                break process;
            }
        };
        assert!(process.resident_octets > 1 << 20 && process.threads >= 1, "{process:?} {work}");
        assert!(process.open_files >= 3 && process.open_files_max >= process.open_files, "{process:?}");
        assert!(process.cpu_s < 10_000.0, "{process:?}");
    }

    #[test]
    fn a_name_with_brackets_moves_no_field() {
        let stat = "7 (a ) b) S 1 1 1 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 1 1 1";
        assert!((cpu_ticks(stat) - 300.0).abs() < f64::EPSILON);
    }
}
