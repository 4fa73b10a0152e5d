//! What is there to run the gateway by, as far as it can be tried without a machine of its own: systemd's opinion of the
//! unit, and what the container publishes.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
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

#[test]
fn the_containers_health_check_goes_by_what_healthz_answers() {
    let text = fs::read_to_string(deploy("Containerfile")).expect("the file");
    let check = text.lines().find(|line| line.starts_with("HEALTHCHECK ")).expect("it has one");
    let (_, command) = check.split_once(" CMD ").expect("a command");
    let command: Vec<String> = serde_json::from_str(command).expect("words");
    for (status, expected) in [("200 OK", true), ("503 Service Unavailable", false)] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port().to_string();
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody asks");
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).expect("a request");
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").expect("it is read");
            line
        });
        let here: Vec<_> = command.iter().map(|word| word.replace("8080", &port)).collect();
        let asked = Command::new(&here[0]).args(&here[1..]).status().expect("bash is there");
        assert_eq!(asked.success(), expected, "{status}");
        assert_eq!(answering.join().expect("it answers").trim_end(), "GET /healthz HTTP/1.0");
    }
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
