//! The program on a terminal, and beside one.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;

use crate::faulty::{Fault, FaultyGateway};
use crate::stage::{free_address, scenario_text};

/// What a terminal gets to show another page, and to show the first again.
const ENTERS: &str = "\x1b[?1049h";
const LEAVES: &str = "\x1b[?1049l";

/// Two calls that are up until somebody interrupts.
const LONG: (usize, &str) = (2, "arrival = { constant = 10 }\nlength = { fixed = 60 }");
/// One after the other, of which the first are over soon.
const SHORT: (usize, &str) = (50, "arrival = { constant = 2 }\nlength = { fixed = 1.5 }");

/// What the program wrote to a terminal until it was interrupted after some seconds, by its options.
async fn seen_on_a_terminal(fault: Fault, (calls, traffic): (usize, &str), options: &[&str]) -> String {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, fault).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("calls.toml");
    let text = scenario_text(gateway.address(), phone, traffic, "");
    std::fs::write(&file, text.replacen("calls = 2\n", &format!("calls = {calls}\n"), 1))
        .expect("the folder is ours");
    let size = Winsize { ws_row: 30, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(&size, None).expect("a terminal");
    let report = folder.path().join("report");
    let mut program = Command::new(env!("CARGO_BIN_EXE_webtrunk-loadtest"))
        .arg("run")
        .arg(&file)
        .arg("--report")
        .arg(&report)
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::from(pty.slave))
        .spawn()
        .expect("it is built");
    let mut master = File::from(pty.master);
    let terminal = master.try_clone().expect("a descriptor");
    let reading = std::thread::spawn(move || {
        let mut seen = Vec::new();
        // The last end that closes is told as an error.
        let _ = master.read_to_end(&mut seen);
        String::from_utf8_lossy(&seen).into_owned()
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let pid = Pid::from_raw(i32::try_from(program.id()).expect("a pid"));
    kill(pid, Signal::SIGINT).expect("it runs");
    let deadline = Instant::now() + Duration::from_secs(30);
    while program.try_wait().expect("it is ours").is_none() {
        assert!(Instant::now() < deadline, "it does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(report.join("report.html").exists(), "the report is written");
    let flags = tcgetattr(&terminal).expect("a terminal").local_flags;
    assert!(flags.contains(LocalFlags::ECHO | LocalFlags::ICANON), "the terminal is as it was");
    reading.join().expect("it reads")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_gets_a_screen_and_is_given_back() {
    let seen = seen_on_a_terminal(Fault::None, LONG, &[]).await;
    let (enters, leaves) = (seen.find(ENTERS).expect("a screen"), seen.rfind(LEAVES).expect("its end"));
    assert!(enters < leaves, "{seen}");
    let screen = &seen[enters..leaves];
    for text in ["Calls", "ringing", "tester", "on time", "set-up p50", "Ctrl-C"] {
        assert!(screen.contains(text), "{text} is not in {screen}");
    }
    assert!(seen[leaves..].contains("the report is in"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_it_plain_gets_lines_on_a_terminal_too() {
    let seen = seen_on_a_terminal(Fault::None, LONG, &["--plain"]).await;
    assert!(!seen.contains(ENTERS) && seen.contains("2 begun, "), "{seen}");
}

/// What a terminal shows, in the order in which it was written: blanks are gone over, and not written.
fn shown(written: &str) -> String {
    let mut texts = written.split("\x1b[");
    let mut shown = texts.next().unwrap_or_default().to_owned();
    for text in texts {
        let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
        let (command, text) = text.split_at(end);
        let moves = command.contains(';') && text.starts_with('H');
        shown.push_str(if moves { " " } else { "" });
        shown.extend(text.chars().skip(1));
    }
    shown
}

/// Five packets in a hundred are lost.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_of_calls_is_shown_while_others_go_on() {
    let seen = seen_on_a_terminal(Fault::DropsFivePercent, SHORT, &[]).await;
    let (enters, leaves) = (seen.find(ENTERS).expect("a screen"), seen.rfind(LEAVES).expect("its end"));
    let shown = shown(&seen[enters..leaves]);
    for text in ["a second", "MOS p50", "loss", "Calls that are over", "lossy"] {
        assert!(shown.contains(text), "{text} is not in {shown}");
    }
    let seen = seen_on_a_terminal(Fault::DropsFivePercent, SHORT, &["--plain"]).await;
    let last = seen.lines().rfind(|line| line.contains(" begun, ")).expect("it tells");
    assert!(last.contains(" lossy"), "{last}");
    for unknown in ["set-up - ms", "MOS -", "loss 0.00 %", "over: none"] {
        assert!(!last.contains(unknown), "{unknown} is in {last}");
    }
}
