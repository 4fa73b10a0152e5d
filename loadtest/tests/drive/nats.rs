//! A NATS server of the test's own.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ends with the test, however that ends.
pub(crate) struct NatsServer {
    child: Child,
    port: u16,
}

const START_MAX: Duration = Duration::from_secs(10);
/// Where Debian has it, which is on the PATH of root alone.
const BESIDE_PATH: &str = "/usr/sbin";

impl NatsServer {
    /// Starts it on loopback with these options; `None` where there is none, and the test is passed over.
    ///
    /// # Panics
    /// With `WEBTRUNK_TEST_TOOLS=required`, where there is none.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        let Some(program) = program() else {
            let are_required = std::env::var("WEBTRUNK_TEST_TOOLS").as_deref() == Ok("required");
            assert!(!are_required, "no test is passed over for want of tools: no nats-server");
            eprintln!("passed over: no nats-server is installed (scripts/setup test)");
            return None;
        };
        let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
        let port = free.port();
        let child = Command::new(program)
            .args(["-a", "127.0.0.1", "-p", &port.to_string()])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it is a program");
        let server = Self { child, port };
        let deadline = Instant::now() + START_MAX;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "nats-server does not start with {options:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    /// Its address for who comes with `user@` or nothing.
    pub(crate) fn url(&self, scheme: &str, user: &str) -> String {
        format!("{scheme}://{user}127.0.0.1:{}", self.port)
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let beside = std::iter::once(Path::new(BESIDE_PATH).to_owned());
    std::env::split_paths(&folders)
        .chain(beside)
        .map(|folder| folder.join("nats-server"))
        .find(|file| file.is_file())
}
