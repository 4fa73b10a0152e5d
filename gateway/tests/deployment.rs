//! What is there to run the gateway by, as far as it can be tried without a machine of its own: systemd's opinion of the
//! unit, and what the container publishes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// How exposed systemd may find the service, of 10 (`systemd-analyze security`): what it calls OK begins below 2.
const EXPOSURE_MAX: &str = "20";

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(file)
}

/// The unit, with the binary that was built where it names the one that is installed.
fn unit(folder: &TempDir) -> PathBuf {
    let unit = fs::read_to_string(deploy("webtrunk.service")).expect("the unit");
    assert_eq!(unit.matches("=/usr/local/bin/webtrunk ").count(), 2, "it checks, and runs");
    let path = folder.path().join("webtrunk.service");
    let here = unit.replace("/usr/local/bin/webtrunk", env!("CARGO_BIN_EXE_webtrunk"));
    fs::write(&path, here).expect("the folder is ours");
    path
}

/// Runs `systemd-analyze`, and gives whether it is content, and what it says; `None` where it is not installed.
fn analyze(arguments: &[&str], unit: &Path) -> Option<(bool, String)> {
    let output = match Command::new("systemd-analyze").args(arguments).arg(unit).output() {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("WEBTRUNK_TEST_TOOLS").is_none(), "systemd-analyze: {error}");
            return None;
        }
    };
    let told = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&told).into_owned()))
}

#[test]
fn systemd_takes_the_unit_and_finds_it_hardened() {
    let folder = TempDir::new().expect("a folder");
    let unit = unit(&folder);
    let Some((is_content, told)) = analyze(&["verify"], &unit) else { return };
    assert!(is_content && !told.contains("webtrunk.service:"), "{told}");
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    let (is_content, told) =
        analyze(&["security", "--offline=yes", &threshold], &unit).expect("it was there a moment ago");
    assert!(is_content, "{told}");
}

/// One port each for the page and its WebSocket, for SIP, and for browsers' media.
#[test]
fn the_container_publishes_three_ports_and_runs_as_nobody_special() {
    let text = fs::read_to_string(deploy("Containerfile")).expect("the file");
    let words = |of: &str| -> Vec<&str> {
        let line = text.lines().rfind(|line| line.split(' ').next() == Some(of)).expect("it says so");
        line.split(' ').skip(1).collect()
    };
    assert_eq!(words("EXPOSE"), ["8080/tcp", "5060/udp", "10000/udp"]);
    assert_eq!(words("USER"), ["webtrunk"]);
    assert_eq!(words("STOPSIGNAL"), ["SIGTERM"]);
    assert!(words("ENTRYPOINT")[0].contains("/usr/local/bin/webtrunk"));
}
