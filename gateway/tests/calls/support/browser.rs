//! A real Chromium, or Firefox, driven by the Node.js programs in `tests/driver`.
//!
//! One browser serves every test of a process, and each test opens pages of its own. The driver ends the
//! browser when its standard input is closed, which happens at the latest when this process ends.
//!
//! A test that asks for a browser waits for its turn, before anything of it begins that must not wait.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::log::Log;
use super::machine::Machine;
use super::page::{Microphone, Page};
use super::process::Process;
use super::speakers::Speakers;
use super::turn::Turn;
use super::visit::Visit;
use super::{speech, tools};

/// The longest that a command may take; commands that wait have shorter times of their own.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(90);

/// How long a driver may take to end its browser.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// A browser that runs.
#[derive(Clone)]
pub(crate) struct Browser {
    driver: Arc<Driver>,
    /// Held as long as the test has the browser, or a page of it.
    _turn: Arc<Turn>,
}

struct Driver {
    /// Gone once nobody asks any more.
    stdin: Mutex<Option<ChildStdin>>,
    answers: Arc<Answers>,
    next_id: AtomicU64,
    log: Log,
    origin: String,
    pid: i32,
    process: Mutex<Process>,
}

#[derive(Default)]
struct Answers {
    arrived: Mutex<HashMap<u64, Value>>,
    news: Condvar,
}

/// A browser that tests share. It outlasts each of them, and holds nobody's turn.
pub(super) struct Shared(Option<Arc<Driver>>);

/// What [`Browser::shared`] gives out.
static SHARED: Mutex<Shared> = Mutex::new(Shared::new());

impl Browser {
    /// The browser that tests share, whose microphone speaks the announcement. `None` where the tools
    /// for it are missing.
    pub(crate) fn shared() -> Option<Self> {
        // Whoever waits keeps nobody from the browser.
        let turn = Turn::take();
        let driver = lock(&SHARED).driver(|| Driver::chromium(Command::new, &json!(speech::file())))?;
        Some(Self { driver, _turn: turn })
    }

    /// A browser of the test's own, to do harm to.
    pub(crate) fn start() -> Option<Self> {
        Self::start_by(Command::new)
    }

    /// A browser whose driver is started by the command that `command` makes of its program.
    pub(crate) fn start_by(command: impl FnOnce(PathBuf) -> Command) -> Option<Self> {
        let turn = Turn::take();
        Some(Self { driver: Driver::chromium(command, &json!(speech::file()))?, _turn: turn })
    }

    /// A browser that plays by these speakers, and has no microphone.
    pub(crate) fn start_by_speakers(speakers: &Speakers) -> Option<Self> {
        let turn = Turn::take();
        let driver = Driver::chromium(|node| speakers.beside(node), &Value::Null)?;
        Some(Self { driver, _turn: turn })
    }

    /// The Firefox that tests share on this machine.
    pub(super) fn firefox(shared: &mut Shared, machine: &Machine) -> Option<Self> {
        // Here, since what is done on a machine has a thread of its own, where nobody knows of the test's turn.
        let turn = Turn::take();
        let driver = shared.driver(|| machine.run(Driver::firefox))?;
        Some(Self { driver, _turn: turn })
    }

    /// The origin of every page, which the gateway has to admit.
    pub(crate) fn origin(&self) -> &str {
        &self.driver.origin
    }

    /// What pages wrote on their consoles.
    pub(crate) fn log(&self) -> &Log {
        &self.driver.log
    }

    /// Opens a page, which is closed when it is dropped.
    pub(crate) fn open(&self) -> Page {
        let name = format!("page {}", self.driver.next_id.load(Ordering::Relaxed));
        let open = json!({"do": "open", "page": name, "origin": self.origin()});
        self.driver.wait(self.driver.send(open)).expect("the page opens");
        Page::new(self.clone(), name)
    }

    /// Visits a page that is not ours, which speaks by the browser's microphone; it is closed when it is dropped.
    pub(crate) fn visit(&self, url: &str) -> Visit {
        self.visit_speaking(url, Microphone::Speech)
    }

    /// The same, where the page says this.
    pub(crate) fn visit_speaking(&self, url: &str, microphone: Microphone) -> Visit {
        let name = format!("visit {}", self.driver.next_id.load(Ordering::Relaxed));
        let visit = Visit::new(self.clone(), name);
        let microphone = match microphone {
            Microphone::Speech => Value::Null,
            Microphone::Tone { hz, peak } => json!({"hz": hz, "peak": peak}),
        };
        visit.act(json!({"do": "visit", "url": url, "microphone": microphone}));
        visit
    }

    /// Kills the browser at once, as the system does when memory runs out.
    pub(crate) fn kill(self) {
        kill(Pid::from_raw(self.driver.pid), Signal::SIGKILL).expect("it runs");
    }

    /// Sends a page a command; [`Pending::wait`] gives what came of it.
    pub(super) fn send(&self, page: &str, method: &str, arguments: &Value) -> Pending {
        self.begin(json!({"do": "run", "page": page, "method": method, "arguments": arguments}))
    }

    /// Lets the driver begin something.
    pub(super) fn begin(&self, request: Value) -> Pending {
        Pending { id: self.driver.send(request), driver: Arc::clone(&self.driver) }
    }

    /// Lets the driver do something, and gives what came of it.
    pub(super) fn act(&self, request: Value) -> Result<Value, String> {
        self.driver.wait(self.driver.send(request))
    }

    pub(super) fn close(&self, page: &str) {
        // A page of a browser that is gone is closed.
        let _ = self.driver.wait(self.driver.send(json!({"do": "close", "page": page})));
    }
}

impl Shared {
    /// One that is going to be started.
    pub(super) const fn new() -> Self {
        Self(None)
    }

    /// Its driver, which `start` starts unless it runs.
    fn driver(&mut self, start: impl FnOnce() -> Option<Arc<Driver>>) -> Option<Arc<Driver>> {
        if !self.0.as_ref().is_some_and(|driver| driver.is_running()) {
            self.0 = start();
        }
        self.0.clone()
    }
}

/// A command under way.
pub(crate) struct Pending {
    id: u64,
    driver: Arc<Driver>,
}

impl Pending {
    /// What the command gave, or the page's error.
    pub(crate) fn wait(self) -> Result<Value, String> {
        self.driver.wait(self.id)
    }

    /// What a command that cannot fail gave, as samples at 48 kHz.
    pub(crate) fn wait_for_samples(self) -> Vec<i16> {
        let value = self.wait().expect("the page listens");
        let octets = STANDARD.decode(value.as_str().expect("a text")).expect("base64");
        octets.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    }
}

impl Driver {
    /// With the file that its microphone speaks, or null for the devices that there are.
    fn chromium(command: impl FnOnce(PathBuf) -> Command, microphone: &Value) -> Option<Arc<Self>> {
        let chromium = tools::command("chromium")?;
        let launch = json!({"do": "launch", "browser": chromium, "microphone": microphone});
        Self::start("driver.mjs", command, launch)
    }

    fn firefox() -> Option<Arc<Self>> {
        let (firefox, sound) = (tools::command("firefox-esr")?, tools::command("pulseaudio")?);
        let launch = json!({"do": "launch", "browser": firefox, "sound": sound});
        Self::start("firefox_driver.mjs", Command::new, launch)
    }

    fn start(program: &str, command: impl FnOnce(PathBuf) -> Command, launch: Value) -> Option<Arc<Self>> {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/driver"));
        let node = tools::command_by("WEBTRUNK_TEST_NODE", "node")?;
        tools::path(&folder.join("node_modules/.package-lock.json"), "run npm ci there")?;
        let mut process = Process::start(
            command(node)
                .arg(program)
                .current_dir(folder)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped()),
        );
        let child = process.child();
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = child.stdout.take().expect("it is piped");
        let log = Log::of(child.stderr.take().expect("it is piped"));
        let answers = Arc::new(Answers::default());
        let arriving = Arc::clone(&answers);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                arriving.take(&line);
            }
        });
        let mut driver = Self {
            stdin: Mutex::new(Some(stdin)),
            answers,
            next_id: AtomicU64::new(0),
            log,
            origin: String::new(),
            pid: 0,
            process: Mutex::new(process),
        };
        let launched = driver.wait(driver.send(launch)).expect("the browser starts");
        driver.origin = launched["origin"].as_str().expect("an origin").to_owned();
        driver.pid = launched["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).expect("a pid");
        Some(Arc::new(driver))
    }

    fn is_running(&self) -> bool {
        kill(Pid::from_raw(self.pid), None).is_ok()
    }

    fn send(&self, mut request: Value) -> u64 {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed) + 1;
        request["id"] = id.into();
        // When the driver is gone, waiting tells.
        let _ = lock(&self.stdin).as_mut().map(|stdin| writeln!(stdin, "{request}"));
        id
    }

    fn wait(&self, id: u64) -> Result<Value, String> {
        let deadline = Instant::now() + COMMAND_TIMEOUT;
        let mut arrived = lock(&self.answers.arrived);
        loop {
            if let Some(mut answer) = arrived.remove(&id) {
                return match answer["error"].as_str() {
                    Some(error) => Err(error.to_owned()),
                    None => Ok(answer["value"].take()),
                };
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the driver does not answer:\n{}", self.log.lines().join("\n"));
            let waited = self.answers.news.wait_timeout(arrived, left);
            (arrived, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The driver ends the browser, where it is not killed first.
impl Drop for Driver {
    fn drop(&mut self) {
        drop(lock(&self.stdin).take());
        let _ = lock(&self.process).wait(END_TIMEOUT);
    }
}

impl Answers {
    fn take(&self, line: &str) {
        let answer: Value = serde_json::from_str(line).expect("the driver writes JSON");
        let id = answer["id"].as_u64().expect("the driver answers requests");
        lock(&self.arrived).insert(id, answer);
        self.news.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
