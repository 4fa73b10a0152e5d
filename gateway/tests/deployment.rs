//! What is there to run the gateway by, as far as it can be tried without a machine of its own: systemd's opinion of the
//! unit, and what the container file says of the image, beside what the image is built of.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use webtrunk::config::Config;
use webtrunk_signalling::sip::flow::TransportKind;

/// What the images of Debian have that nothing was installed in: the C library and what GCC has its binaries need.
const LIBRARIES: [&str; 5] = ["linux-vdso.so.", "ld-linux-", "libc.so.", "libgcc_s.so.", "libm.so."];

/// How exposed systemd may find the service, of 10 (`systemd-analyze security`): what it calls OK begins below 2.
const EXPOSURE_MAX: &str = "20";

/// How long the orderly end may take once calls are hung up (docs/OPERATION.md).
const ORDERLY_END: Duration = Duration::from_secs(30);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn deploy(file: &str) -> PathBuf {
    root().join("deploy").join(file)
}

/// The container file, with each instruction in one line.
fn container() -> String {
    fs::read_to_string(deploy("Containerfile")).expect("the file").replace("\\\n", " ")
}

/// What stands behind each instruction of this name, in words.
fn instructions<'t>(container: &'t str, name: &str) -> Vec<Vec<&'t str>> {
    let lines = container.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.filter(|words| words.first() == Some(&name)).map(|words| words[1..].to_vec()).collect()
}

/// The words of an instruction in its JSON form, which stands there once.
fn command(container: &str, name: &str) -> Vec<String> {
    let [words] = &instructions(container, name)[..] else { panic!("one {name}") };
    serde_json::from_str(&words.join(" ")).expect("words")
}

/// What a program says; `None` where it is not installed.
fn told_by(program: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => {
            assert!(output.status.success(), "{program}: {output:?}");
            Some(String::from_utf8(output.stdout).expect("text"))
        }
        Err(error) => {
            assert!(std::env::var_os("WEBTRUNK_TEST_TOOLS").is_none(), "{program}: {error}");
            None
        }
    }
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

/// What is killed while calls may still go on drops them.
#[test]
fn whoever_stops_it_waits_longer_than_calls_may_go_on() {
    let calls = Config::parse("webtrunk.toml", "[http]\n").expect("it is sound").drain.timeout;
    let unit = fs::read_to_string(deploy("webtrunk.service")).expect("the unit");
    let minutes = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")?.strip_suffix("min"));
    let minutes: u64 = minutes.and_then(|minutes| minutes.parse().ok()).expect("so many minutes");
    let container = container();
    let (_, told) = container.split_once("--stop-timeout ").expect("it says how long");
    let seconds: u64 = told.split(' ').next().and_then(|seconds| seconds.parse().ok()).expect("seconds");
    for waits in [Duration::from_secs(60 * minutes), Duration::from_secs(seconds)] {
        assert!(waits >= calls + ORDERLY_END, "{waits:?} for {calls:?}");
    }
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

/// One port each for the page and its WebSocket, for SIP, and for browsers' media: those of who configures no others.
#[test]
fn the_container_publishes_three_ports_and_runs_as_nobody_special() {
    let container = container();
    let one = |name: &str| instructions(&container, name).pop().expect("it says so");
    let example = fs::read_to_string(root().join("docs/webtrunk.toml")).expect("the example");
    let config = Config::parse("webtrunk.toml", &example).expect("the example is sound");
    let http = config.http.expect("it serves the page").bind.port();
    let phones = config.sip.listeners.iter().find(|it| it.transport == TransportKind::Udp);
    let sip = phones.and_then(|it| it.bind).expect("it serves phones").port();
    let media = config.media.webrtc_port;
    assert_eq!(one("EXPOSE"), [format!("{http}/tcp"), format!("{sip}/udp"), format!("{media}/udp")]);
    for (port, transport) in [(http, "tcp"), (sip, "udp"), (media, "udp")] {
        assert!(container.contains(&format!(" -p {port}:{port}/{transport}")), "{port} is not published");
    }
    assert!(container.contains(&format!("/dev/tcp/127.0.0.1/{http};")), "its health is asked for there");

    let [user] = one("USER")[..] else { panic!("a user") };
    let made = instructions(&container, "RUN").into_iter().find(|words| words.contains(&"useradd"));
    let made = made.expect("nobody makes the user");
    let behind = |option: &str| made[made.iter().position(|word| *word == option).expect("an option") + 1];
    assert_eq!(made.last(), Some(&user));
    assert_ne!(behind("--uid"), "0");
    assert_eq!(one("VOLUME"), [behind("--home-dir")], "what it keeps is where it may write");
    assert_eq!(one("STOPSIGNAL"), ["SIGTERM"]);
}

#[test]
fn the_container_runs_what_its_build_makes() {
    let container = container();
    let [build, own] = &instructions(&container, "FROM")[..] else { panic!("two images") };
    assert_eq!(build[0], own[0], "what is built of one is not run by another");
    assert_eq!(build[1..], ["AS", "build"]);
    let [folder] = instructions(&container, "WORKDIR").concat()[..] else { panic!("one folder") };
    let [sources, binary] = &instructions(&container, "COPY")[..] else { panic!("two copies") };
    assert_eq!(*sources, [".", "."]);
    let name = Path::new(env!("CARGO_BIN_EXE_webtrunk")).file_name().and_then(|name| name.to_str());
    let made = format!("{folder}/target/release/{}", name.expect("a name of ASCII"));
    assert_eq!(binary[..2], ["--from=build", made.as_str()]);
    assert_eq!(command(&container, "ENTRYPOINT"), [binary[2]]);
    let arguments = command(&container, "CMD");
    assert!(
        arguments[1].starts_with("/etc/webtrunk/") && container.contains(&format!(":{}:ro", arguments[1]))
    );
    let help = Command::new(env!("CARGO_BIN_EXE_webtrunk")).args([arguments[0].as_str(), "--help"]).output();
    assert!(help.expect("it starts").status.success(), "{arguments:?}");

    // The page first, which is embedded.
    let makefile = fs::read_to_string(root().join("Makefile")).expect("the file");
    assert!(makefile.lines().any(|line| line.starts_with("web:")));
    let built = format!("make web && cargo build --locked --release --package {}", env!("CARGO_PKG_NAME"));
    assert!(container.contains(&built), "{built}");
    // And by what any machine is set up with.
    let setup = fs::read_to_string(root().join("scripts/setup")).expect("the file");
    let (_, needed) = setup.split_once("for_running() {").expect("it sets up who runs it");
    let needed =
        needed.lines().find_map(|line| line.trim().strip_prefix("missing_packages ")).expect("packages");
    let installed = &instructions(&container, "RUN")[0];
    for package in needed.split(' ').skip(1).step_by(2) {
        assert!(installed.contains(&package), "{package} is not installed where it is built");
    }
}

/// `.dockerignore` has the patterns of `.gitignore`, as far as ours go.
#[test]
fn nothing_that_is_committed_is_left_out_of_the_containers_build() {
    let folder = root();
    if !folder.join(".git").exists() {
        return;
    }
    let folder = folder.to_str().expect("a path of ASCII");
    let left_out = ["-C", folder, "ls-files", "--cached", "--ignored", "--exclude-from=.dockerignore"];
    let Some(left_out) = told_by("git", &left_out) else { return };
    assert_eq!(left_out, "");
}

#[test]
fn the_binary_needs_no_library_that_is_not_in_the_containers_image() {
    let Some(told) = told_by("ldd", &[env!("CARGO_BIN_EXE_webtrunk")]) else { return };
    let names = told.lines().filter_map(|line| line.split_whitespace().next()?.rsplit('/').next());
    let foreign: Vec<_> =
        names.filter(|name| !LIBRARIES.iter().any(|library| name.starts_with(library))).collect();
    assert!(foreign.is_empty() && told.contains("libc.so."), "{foreign:?}: {told}");
}
