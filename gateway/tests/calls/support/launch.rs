//! How the process is started that a test's gateway is: the binary, or this test binary with one test that does what the binary
//! does, and more.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_webtrunk");

/// Names the configuration to a test that is the gateway.
const CONFIGURATION: &str = "WEBTRUNK_TEST_CONFIGURATION";

/// What is started, and with what.
#[derive(Clone, Default)]
pub(super) struct Launch {
    pub(super) environment: Vec<(String, String)>,
    /// How many files and sockets it may have open.
    pub(super) open_files: Option<u32>,
    /// The test that is the gateway, in place of the binary.
    pub(super) test: Option<&'static str>,
}

impl Launch {
    /// The gateway with this configuration.
    pub(super) fn command(&self, configuration: &Path) -> Command {
        let (program, arguments): (PathBuf, Vec<OsString>) = match self.test {
            Some(test) => (
                env::current_exe().expect("it runs"),
                ["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]
                    .map(OsString::from)
                    .to_vec(),
            ),
            None => (PathBuf::from(BINARY), vec!["run".into(), configuration.into()]),
        };
        let mut command = match self.open_files {
            Some(most) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {most} && exec \"$@\""), "sh"]).arg(program);
                shell
            }
            None => Command::new(program),
        };
        command.args(arguments).env_remove("WEBTRUNK_LOG");
        if self.test.is_some() {
            command.env(CONFIGURATION, configuration);
        }
        command.envs(self.environment.iter().cloned());
        command
    }
}

/// The configuration of a test that was started to be the gateway; `None` for one that was started to be a test.
pub(crate) fn configuration() -> Option<PathBuf> {
    env::var_os(CONFIGURATION).map(PathBuf::from)
}
