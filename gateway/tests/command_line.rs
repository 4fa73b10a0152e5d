//! The binary as a user meets it: its commands, its exit statuses, its start and its stop.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

fn webtrunk(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webtrunk"));
    command.args(arguments).stdin(Stdio::null()).env_remove("WEBTRUNK_LOG");
    command
}

fn check(path: &Path) -> (Option<i32>, String) {
    let path = path.to_str().expect("a path of ASCII");
    let Output { status, stdout, stderr } = webtrunk(&["check", path]).output().expect("it starts");
    let text = String::from_utf8([stdout, stderr].concat()).expect("UTF-8");
    (status.code(), text)
}

#[test]
fn a_store_that_is_none_keeps_the_gateway_from_starting_and_is_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("w.toml");
    fs::write(&path, "[http]\nbind = \"127.0.0.1:0\"\n[store]\npath = \"w.db\"\n")
        .expect("the folder is ours");
    let letter = "this is a letter and no database. ".repeat(100);
    fs::write(folder.path().join("w.db"), &letter).expect("the folder is ours");
    let path = path.to_str().expect("a path of ASCII");
    let Output { status, stderr, .. } = webtrunk(&["run", path]).output().expect("it starts");
    let told = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(
        told.contains("store.path = \"w.db\": is no SQLite database; name a file that is not there"),
        "{told}"
    );
    assert_eq!(fs::read_to_string(folder.path().join("w.db")).ok(), Some(letter));
}

#[test]
fn who_asks_a_gateway_that_is_not_there_is_told_why_and_what_to_do() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("w.toml");
    let name = path.to_str().expect("a path of ASCII");
    let ask = |text: &str| {
        fs::write(&path, text).expect("the folder is ours");
        let output = webtrunk(&["certs", name]).output().expect("it starts");
        assert!(output.stdout.is_empty(), "{output:?}");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = ask("[http]\n");
    assert!(told.contains("w.toml: has no [admin]") && told.contains("add [admin]"), "{told}");
    let admin = "[admin]\nbind = \"127.0.0.1:1\"\ntoken_file = \"token\"\n";
    let told = ask(admin);
    assert!(told.contains("the token in") && told.contains("a gateway that runs with"), "{told}");
    fs::write(folder.path().join("token"), "of an earlier start\n").expect("the folder is ours");
    let told = ask(admin);
    assert!(told.contains("no gateway answers at 127.0.0.1:1") && told.contains("webtrunk run"), "{told}");
    let told = ask("[admin\n");
    assert!(told.contains("w.toml:"), "{told}");
}

#[test]
fn an_export_of_records_that_cannot_be_says_why_and_what_to_do() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("w.toml");
    fs::write(&path, "[http]\nbind = \"127.0.0.1:0\"\n").expect("the folder is ours");
    let path = path.to_str().expect("a path of ASCII");
    let export = |arguments: &[&str]| {
        let output = webtrunk(&["cdr", "export"]).args(arguments).arg(path).output().expect("it starts");
        assert!(output.stdout.is_empty(), "{output:?}");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, told) = export(&[]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("w.toml: no store is configured") && told.contains("add [store]"), "{told}");
    let (status, told) = export(&["--since", "yesterday"]);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("--since") && told.contains("write a date, such as 2026-11-28"), "{told}");
    let text = "[http]\nbind = \"127.0.0.1:0\"\n[store]\npath = \"w.db\"\n[cdr]\n";
    fs::write(path, text).expect("the folder is ours");
    let (status, told) = export(&[]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("w.db: records of calls cannot be read: "), "{told}");
    assert!(
        told.contains("start the gateway, which makes it, or name the store that it has (store.path)"),
        "{told}"
    );
    let letter = "dear alice, this is a letter. ".repeat(100);
    fs::write(folder.path().join("w.db"), &letter).expect("the folder is ours");
    let (_, told) = export(&[]);
    assert!(
        told.contains("is no SQLite database") && told.contains("name a file that is not there yet"),
        "{told}"
    );
    // It begins as one does.
    fs::write(folder.path().join("w.db"), format!("SQLite format 3\0{letter}")).expect("the folder is ours");
    let output = webtrunk(&["cdr", "export", path]).output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("put a copy in its place") && !told.contains("empty one"), "{told}");
}

#[test]
fn check_tells_sound_faulty_and_unreadable_apart() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("w.toml");
    fs::write(&path, "[http]\nbind = \"127.0.0.1:0\"\n").expect("the folder is ours");
    let (status, told) = check(&path);
    assert_eq!(status, Some(0), "{told}");
    assert!(told.contains("sound") && told.contains("http on 127.0.0.1:0"), "{told}");
    assert!(!told.contains("warning"), "{told}");

    let text = "[http]\nbind = \"127.0.0.1:0\"\n[media]\nrtp_ports = [20001, 20199]\ncalls_max = 50\n";
    fs::write(&path, text).expect("the folder is ours");
    let (status, told) = check(&path);
    assert_eq!(status, Some(0), "{told}");
    assert!(
        told.contains("warning: media.rtp_ports has 99 pairs, and 50 calls between phones need 100;"),
        "{told}"
    );

    let text = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n[[trunks]]\nname = \"pstn\"\n\
                host = \"192.0.2.7\"\nsrtp = \"require\"\n";
    fs::write(&path, text).expect("the folder is ours");
    let (_, told) = check(&path);
    assert!(
        told.contains(
            "warning: keys of SRTP with trunk \"pstn\" travel over UDP, readable; call over \"tls\""
        ),
        "{told}"
    );

    let text = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"[::1]:0\"\n";
    fs::write(&path, text).expect("the folder is ours");
    let (status, told) = check(&path);
    let expected = "warning: phones that call over IPv6 at sip.listeners[0].bind = \"[::1]:0\" are refused";
    assert!(status == Some(0) && told.contains(expected), "{told}");
    fs::write(&path, format!("{text}[media]\nrtp_address = \"::\"\n")).expect("the folder is ours");
    assert!(!check(&path).1.contains("warning"), "it reaches both");

    let text =
        "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"0.0.0.0:0\"\nexternal_address = \"203.0.113.5\"\n";
    fs::write(&path, text).expect("the folder is ours");
    let (status, told) = check(&path);
    let expected = "warning: sip.listeners[0].external_address names 203.0.113.5, an address for documents";
    assert!(status == Some(0) && told.contains(expected), "{told}");

    fs::write(&path, "[http]\nbind = \"localhost\"\n").expect("the folder is ours");
    let (status, told) = check(&path);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("w.toml:2: http.bind = \"localhost\": "), "{told}");

    let (status, told) = check(&folder.path().join("none.toml"));
    assert_eq!(status, Some(2), "{told}");
}

/// What the README has newcomers do: copy the example, add a user, check it.
#[test]
fn the_example_with_a_user_of_ones_own_is_sound() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("my.toml");
    let example = include_str!("../../docs/webtrunk.toml");
    let mut asked = webtrunk(&["password", "carol"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    asked.stdin.take().expect("it is piped").write_all(b"open sesame").expect("it reads");
    let Output { status, stdout, .. } = asked.wait_with_output().expect("it ends");
    assert!(status.success());
    let entry = String::from_utf8(stdout).expect("UTF-8");
    assert!(entry.starts_with("\n[[users]]") && entry.ends_with("\"\n"), "{entry:?}");
    // An editor may have left the last line, a comment, without its end.
    fs::write(&path, example.trim_end().to_owned() + &entry).expect("the folder is ours");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("the file is ours");
    let (status, told) = check(&path);
    assert_eq!(status, Some(0), "{told}");
    assert!(told.contains("users: 1") && !told.contains("warning"), "{told}");
}

#[test]
fn check_names_file_key_value_and_cure_of_every_fault() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("w.toml");
    let text = r#"[sip]
expires_min_s = 0
[[sip.listeners]]
transport = "udp"
bind = "5060"
[media]
rtp_ports = [20001, 20001]
[[trunks]]
name = "provider"
host = "sip:provider.example"
networks = ["10.0.0.0/33"]
[[rules]]
name = "out"
destination = "0(.*"
actions = [{ bridge = { trunk = "carrier", number = "$1" } }]
"#;
    fs::write(&path, text).expect("the folder is ours");
    let (status, told) = check(&path);
    assert_eq!(status, Some(1), "{told}");
    let expected = [
        ("2: sip.expires_min_s = 0: ", "; write 1 to 3600 (expires_max_s) seconds"),
        ("5: sip.listeners[0].bind = \"5060\": ", "; write address:port"),
        ("7: media.rtp_ports", "; write [from, to]"),
        ("10: trunks[0].host = \"sip:provider.example\": ", "without scheme and port"),
        ("11: trunks[0].networks[0] = \"10.0.0.0/33\": ", "; write"),
        ("15: rules[0].actions[0].bridge.trunk = \"carrier\": ", "; add the trunk, or correct the name"),
    ];
    for (place, cure) in expected {
        let place = format!("{}:{place}", path.display());
        let is_told = told.lines().any(|line| line.starts_with(&place) && line.contains(cure));
        assert!(is_told, "{place}...{cure} is not told:\n{told}");
    }
}

#[test]
fn check_refuses_a_secret_that_others_may_read_and_does_not_show_it() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("w.toml");
    let secret = "0123456789abcdef0123456789abcdef";
    let text = format!("[http]\n[[users]]\nname = \"alice\"\nha1_md5 = \"{secret}\"\n");
    fs::write(&path, text).expect("the folder is ours");
    for (mode, expected) in [(0o644, Some(1)), (0o600, Some(0))] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("the file is ours");
        let (status, told) = check(&path);
        assert_eq!(status, expected, "mode {mode:o}: {told}");
        assert_eq!(told.contains("chmod 600"), expected == Some(1), "{told}");
        assert!(!told.contains(secret), "{told}");
    }
}

/// Whoever is elsewhere comes by SSH.
#[test]
fn an_interface_for_operators_that_others_would_reach_keeps_the_gateway_from_starting() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("w.toml");
    let write = |bind: &str| {
        let text =
            format!("[http]\nbind = \"127.0.0.1:0\"\n[admin]\nbind = \"{bind}\"\ntoken_file = \"token\"\n");
        fs::write(&path, text).expect("the folder is ours");
    };
    for bind in ["127.0.0.1:9650", "[::1]:9650"] {
        write(bind);
        let (status, told) = check(&path);
        assert_eq!(status, Some(0), "{bind}: {told}");
    }
    for bind in ["0.0.0.0:9650", "[::]:9650", "192.0.2.1:9650"] {
        write(bind);
        let output = webtrunk(&["run", path.to_str().expect("ASCII")]).output().expect("it starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{bind}: {told}");
        assert!(told.contains(&format!("admin.bind = \"{bind}\": is reached from other machines")), "{told}");
    }
}

#[test]
fn a_faulty_configuration_does_not_start() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("w.toml");
    fs::write(&path, "[media]\nshards = 0\n").expect("the folder is ours");
    let output = webtrunk(&["run", path.to_str().expect("ASCII")]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("media.shards = 0"));
}

#[test]
fn explain_tells_a_call_and_its_exit_status_is_that_of_its_configuration_and_arguments() {
    let folder = TempDir::new().expect("a folder");
    let [sound, faulty] = ["sound.toml", "faulty.toml"].map(|name| folder.path().join(name));
    let rule = "[[rules]]\nname = \"echo\"\ndestination = \"9196\"\nactions = [\"answer\", \"echo\"]\n";
    fs::write(&sound, format!("[http]\n[sip_ws]\n{rule}")).expect("the folder is ours");
    fs::write(&faulty, "[media]\nshards = 0\n").expect("the folder is ours");
    let told = |arguments: &[&str]| {
        let Output { status, stdout, stderr } =
            webtrunk(&[&["explain"], arguments].concat()).output().expect("it starts");
        (status.code(), String::from_utf8([stdout, stderr].concat()).expect("UTF-8"))
    };
    let of = |path: &Path| path.to_str().expect("a path of ASCII").to_owned();
    let (status, text) = told(&["--from", "alice", "--to", "9196"]);
    assert!(status == Some(0) && text.contains("Decided by \"echo\" (the demo:"), "{status:?} {text}");
    // Whatever becomes of the call: nobody there has a password.
    let (status, text) = told(&["--from", "alice", "--to", "9196", &of(&sound)]);
    assert!(status == Some(0) && text.contains("the caller is refused with 401"), "{status:?} {text}");
    let (status, text) = told(&["--from", "alice", "--to", "9196", &of(&faulty)]);
    assert!(status == Some(1) && text.contains("faulty.toml:2: media.shards = 0"), "{status:?} {text}");
    let (status, text) = told(&["--from", "alice", "--to", "9196", "--trunk", "none", &of(&sound)]);
    assert!(status == Some(1) && text.contains("--trunk none: no trunk has this name"), "{status:?} {text}");
    assert_eq!(told(&["--from", "alice", "--to", "9196", &of(&folder.path().join("none.toml"))]).0, Some(2));
    assert_eq!(told(&["--from", "alice"]).0, Some(2));
}

#[test]
fn help_names_every_command() {
    let output = webtrunk(&["--help"]).output().expect("it starts");
    let help = String::from_utf8(output.stdout).expect("UTF-8");
    for command in ["run", "demo", "check", "explain", "password"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is missing:\n{help}");
    }
    assert_eq!(webtrunk(&["nonsense"]).output().expect("it starts").status.code(), Some(2));
}

/// A process that is ended when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the demo on free ports and gives its port once it listens.
fn demo() -> (Running, u16) {
    let mut child = webtrunk(&["demo", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
    let running = Running(child);
    let mut line = String::new();
    output.read_line(&mut line).expect("a first line");
    let port = line.rsplit_once("http://localhost:").expect("its address").1.trim().trim_end_matches('/');
    (running, port.parse().expect("a port"))
}

fn get(port: u16, path: &str, host: &str) -> String {
    ask("GET", port, path, host)
}

fn ask(method: &str, port: u16, path: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_demo_serves_its_page_and_makes_its_passwords_at_the_start() {
    let password = |port| {
        let answer = get(port, "/api/demo", "localhost");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        let demo: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(demo["users"][0]["name"], "alice");
        demo["users"][0]["password"].as_str().expect("a password").to_owned()
    };
    let (_first, port) = demo();
    let page = get(port, "/", "localhost");
    assert!(page.contains("Webtrunk test phone") || page.contains("run make"), "{page}");
    assert!(page.to_ascii_lowercase().contains("content-security-policy: default-src 'none'"), "{page}");
    assert!(get(port, "/healthz", "localhost").ends_with("lives\n"));
    assert!(get(port, "/readyz", "localhost").ends_with("ready\n"));
    assert!(get(port, "/api/demo", "rebound.example").starts_with("HTTP/1.1 403"));
    let first = password(port);
    let (_second, port) = demo();
    assert_ne!(first, password(port));
    assert!(first.len() >= 20, "{} characters", first.len());
}

#[test]
fn who_asks_for_the_head_alone_gets_it() {
    let (_running, port) = demo();
    for path in ["/healthz", "/icon.svg"] {
        let whole = get(port, path, "localhost");
        let answer = ask("HEAD", port, path, "localhost");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert_eq!((head.lines().next(), body), (whole.lines().next(), ""), "{path}: {answer}");
    }
}

#[test]
fn the_status_is_told_to_this_machine_alone() {
    let (_running, port) = demo();
    let answer = get(port, "/status", "localhost");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let body = answer.split_once("\r\n\r\n").expect("a body").1;
    let status: serde_json::Value = serde_json::from_str(body).expect("JSON");
    for count in
        ["calls", "media_legs", "signalling_legs", "rtp_ports_in_use", "datagrams_unsent", "registered_users"]
    {
        assert_eq!(status[count], 0, "{count} of {body}");
    }
    let refused = get(port, "/status", "rebound.example");
    assert!(
        refused.starts_with("HTTP/1.1 403") && refused.contains("ask http://127.0.0.1/status"),
        "{refused}"
    );
}

/// The demo under these limits of open files, until it listens; its soft limit then, and its log.
fn under_limits(soft: u32, hard: u32) -> (String, String) {
    let script = format!("ulimit -S -n {soft} && ulimit -H -n {hard} && exec \"$@\"");
    let mut child = Command::new("sh")
        .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_webtrunk")])
        .args(["demo", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0"])
        .env_remove("WEBTRUNK_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut log = child.stderr.take().expect("it is piped");
    let mut running = Running(child);
    output.read_line(&mut String::new()).expect("a first line");
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.0.id())).expect("Linux");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    let soft = files.split_whitespace().nth(3).expect("its soft value").to_owned();
    running.0.kill().expect("it is ours");
    let mut told = String::new();
    log.read_to_string(&mut told).expect("UTF-8");
    (soft, told)
}

#[test]
fn it_takes_all_the_files_that_it_may_open_and_warns_where_they_are_few() {
    let (soft, told) = under_limits(100, 500);
    assert_eq!(soft, "500", "{told}");
    let warnings: Vec<_> = told.lines().filter(|line| line.contains("the limit of open files")).collect();
    assert!(
        matches!(warnings[..], [warning] if warning.contains("limit=500") && warning.contains("needed=19256")),
        "{told}"
    );
}

#[test]
fn a_signal_stops_it_in_order() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (mut running, _) = demo();
        let pid = Pid::from_raw(running.0.id().try_into().expect("a process id"));
        kill(pid, signal).expect("it is ours");
        let deadline = Instant::now() + Duration::from_secs(20);
        let status = loop {
            if let Some(status) = running.0.try_wait().expect("it is ours") {
                break status;
            }
            assert!(Instant::now() < deadline, "{signal} was not obeyed");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}
