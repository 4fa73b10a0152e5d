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
use crate::terminal::{COLUMNS, ROWS, figures, pages};

/// What a terminal gets to show another page, and to show the first again.
const ENTERS: &str = "\x1b[?1049h";
const LEAVES: &str = "\x1b[?1049l";

/// Two calls that are up until somebody interrupts.
const LONG: (usize, &str) = (2, "arrival = { constant = 10 }\nlength = { fixed = 60 }");
/// One after the other, of which the first are over soon.
const SHORT: (usize, &str) = (50, "arrival = { constant = 2 }\nlength = { fixed = 1.5 }");

/// What the program wrote to a terminal until it was interrupted after some seconds, by its options.
async fn seen_on_a_terminal(fault: Fault, load: (usize, &str), options: &[&str]) -> String {
    seen_over(Duration::from_secs(5), Duration::ZERO, fault, load, options).await
}

/// The same after so long, in whose middle the program stood still for a while.
async fn seen_over(
    time: Duration,
    still: Duration,
    fault: Fault,
    (calls, traffic): (usize, &str),
    options: &[&str],
) -> String {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, fault).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("calls.toml");
    let text = scenario_text(gateway.address(), phone, traffic, "");
    std::fs::write(&file, text.replacen("calls = 2\n", &format!("calls = {calls}\n"), 1))
        .expect("the folder is ours");
    let size = Winsize { ws_row: ROWS as u16, ws_col: COLUMNS as u16, ws_xpixel: 0, ws_ypixel: 0 };
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
    let pid = Pid::from_raw(i32::try_from(program.id()).expect("a pid"));
    tokio::time::sleep(time / 2).await;
    if !still.is_zero() {
        kill(pid, Signal::SIGSTOP).expect("it runs");
        tokio::time::sleep(still).await;
        kill(pid, Signal::SIGCONT).expect("it is there");
    }
    tokio::time::sleep(time / 2).await;
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

/// The screens, one after the other.
fn screens(seen: &str) -> Vec<String> {
    let (enters, leaves) = (seen.find(ENTERS).expect("a screen"), seen.rfind(LEAVES).expect("its end"));
    pages(&seen[enters..leaves])
}

/// The target is in this process.
#[tokio::test(flavor = "multi_thread")]
async fn the_screen_goes_on_with_the_run_and_shows_what_the_target_takes() {
    let own = std::process::id().to_string();
    let (time, still) = (Duration::from_secs(10), Duration::ZERO);
    let seen = seen_over(time, still, Fault::None, SHORT, &["--pid", &own]).await;
    let screens = screens(&seen);
    let mut begun: Vec<_> = screens.iter().flat_map(|screen| figures(screen, "begun")).collect();
    assert!(begun.is_sorted(), "{begun:?}");
    begun.dedup();
    assert!(begun.len() >= 4, "it is drawn again as calls begin: {begun:?}");
    let is_up = |screen: &&String| figures(screen, "up").first().is_some_and(|up| *up >= 1.0);
    let last = screens.iter().rfind(is_up).expect("calls were up");
    assert!(figures(last, "memory").first().is_some_and(|it| *it > 1.0), "{last}");
    assert_eq!(figures(last, "CPU").len(), 2, "the load tester's and the target's are in\n{last}");
    let clock = last.split_whitespace().nth(1).and_then(|it| it.parse::<f64>().ok());
    assert!(clock.is_some_and(|it| (3.0..20.0).contains(&it)), "{last}");
    assert!(last.contains("calls up, ") && !last.contains("calls up, 0 at most"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_interrupts_sees_that_calls_are_being_ended_until_they_are() {
    let seen = seen_on_a_terminal(Fault::HearsByesLate, LONG, &[]).await;
    let screens = screens(&seen);
    let ending = "all calls are being ended; Ctrl-C leaves them as they are";
    let first = screens.iter().position(|screen| screen.contains(ending)).expect("they take their time");
    let (before, since) = screens.split_at(first);
    assert!(before.iter().any(|screen| screen.contains("Ctrl-C ends all calls and writes the report")));
    assert!(since.iter().any(|screen| figures(screen, "up") == [2.0]), "{since:?}");
}

/// It stands still for a second and a half, as on a machine that is overcommitted.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_late_itself_sees_so_while_the_run_goes_on() {
    let (time, still) = (Duration::from_secs(10), Duration::from_millis(1500));
    let calls = (50, "arrival = { constant = 2 }\nlength = { fixed = 4 }");
    let screens = screens(&seen_over(time, still, Fault::None, calls, &[]).await);
    // A busy machine may have been a little late before.
    let late = screens.iter().rfind(|screen| screen.contains("LATE")).expect("it says so");
    assert!(figures(late, "late").first().is_some_and(|percent| *percent > 1.0), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_it_plain_gets_lines_on_a_terminal_too() {
    let seen = seen_on_a_terminal(Fault::None, LONG, &["--plain"]).await;
    assert!(!seen.contains(ENTERS) && seen.contains("2 begun, "), "{seen}");
}

/// Five packets in a hundred are lost.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_of_calls_is_shown_while_others_go_on() {
    let seen = seen_on_a_terminal(Fault::DropsFivePercent, SHORT, &[]).await;
    let shown = screens(&seen).pop().expect("a screen");
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
