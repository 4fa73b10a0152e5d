//! A file that hangs: whoever opens it waits, as for a file system that does not answer.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::process::Process;
use super::tools;

/// Holds a lease (fcntl(2)), which nobody is asked to give back for three quarters of a minute; told of others, it does not end.
const HOLD: &str = "import fcntl, os, signal, sys\n\
signal.signal(signal.SIGIO, signal.SIG_IGN)\n\
fcntl.fcntl(os.open(sys.argv[1], os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)\n\
print('held', flush=True)\n\
signal.pause()\n";

/// A file that hangs as long as it is held; nobody may have it open.
pub(crate) struct Leased(#[expect(dead_code, reason = "it holds the file")] Process);

impl Leased {
    /// `None` where there is nothing to hold it by.
    pub(crate) fn hold(file: &Path) -> Option<Self> {
        let python = tools::command_by("WEBTRUNK_TEST_PYTHON", "python3")?;
        let mut process =
            Process::start(Command::new(python).args(["-c", HOLD]).arg(file).stdout(Stdio::piped()));
        let mut told = String::new();
        let out = process.child().stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut told).expect("it writes");
        assert_eq!(told, "held\n", "a file system without leases");
        Some(Self(process))
    }
}
