//! A receiver of webhooks that knows nothing of ours: HTTP by hand, signatures by another library than the gateway's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{HMAC_SHA256, Key, verify};
use serde_json::Value;

use crate::support::gateway::PATIENCE;
use crate::support::host::Host;
use crate::support::process::wait_until;

/// A receiver on a host of its own.
pub(crate) struct HookReceiver {
    host: Host,
    secret: String,
    shared: Arc<Shared>,
    listening: Option<Listening>,
}

struct Listening {
    at: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    got: Mutex<Vec<Got>>,
    /// What it answers, and by which header.
    status: AtomicU64,
    location: Mutex<String>,
    tries: AtomicUsize,
}

/// What it has got.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(super) id: String,
    pub(crate) body: Value,
    path: String,
    headers: Vec<(String, String)>,
    octets: Vec<u8>,
}

/// Where it listens.
const PORT: u16 = 9900;

impl HookReceiver {
    /// One that listens and takes what it gets.
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        shared.status.store(204, Ordering::Relaxed);
        let secret = format!("whsec_{}", STANDARD.encode(rand::random::<[u8; 32]>()));
        let mut own = Self { host: Host::new(), secret, shared, listening: None };
        own.listen();
        own
    }

    /// Its entry of the configuration.
    pub(crate) fn entry(&self, name: &str, more: &str) -> String {
        let (at, secret, ip) = (self.host.at(PORT), &self.secret, self.host.ip());
        format!(
            "[[webhooks]]\nname = \"{name}\"\nurl = \"http://{at}/hooks?of={name}\"\nallow_insecure = true\nnetworks = [\"{ip}/32\"]\n\
             secrets = [{{ id = \"a\", secret = \"{secret}\" }}]\n{more}\n"
        )
    }

    /// Where it listens.
    pub(super) fn at(&self) -> SocketAddr {
        self.host.at(PORT)
    }

    /// It answers this from now on, and to where what is sent should go.
    pub(super) fn answer(&self, status: u16, location: &str) {
        self.shared.status.store(status.into(), Ordering::Relaxed);
        *self.shared.location.lock().unwrap_or_else(PoisonError::into_inner) = location.to_owned();
    }

    /// Listens no more.
    pub(super) fn stop(&mut self) {
        let Some(Listening { at, is_over, thread }) = self.listening.take() else { return };
        is_over.store(true, Ordering::Relaxed);
        // So that it looks.
        let _ = TcpStream::connect(at);
        thread.join().expect("no panic");
    }

    /// Listens, again.
    pub(super) fn listen(&mut self) {
        let (at, shared, is_over) =
            (self.host.at(PORT), Arc::clone(&self.shared), Arc::<AtomicBool>::default());
        let listener = TcpListener::bind(at).expect("the host is ours");
        let ends = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                // Whoever goes away in the middle has sent nothing.
                let _ = serve(stream, &shared);
            }
        });
        self.listening = Some(Listening { at, is_over, thread });
    }

    /// How often it was asked, whatever it answered.
    pub(super) fn tries(&self) -> usize {
        self.shared.tries.load(Ordering::Relaxed)
    }

    /// All that it has taken so far.
    pub(super) fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// So many, as soon as it has taken them; each signed as it should be.
    pub(crate) fn wait(&self, count: usize) -> Vec<Got> {
        let is_there = wait_until(PATIENCE * 2, || self.got().len() >= count);
        let got = self.got();
        assert!(is_there, "{count} are expected: {:#?}", names(&got));
        got.iter().for_each(|got| self.check(got));
        got
    }

    /// Checks a signature as docs/WEBHOOKS.md says.
    fn check(&self, got: &Got) {
        let at_s: u64 = got.header("webhook-timestamp").parse().expect("seconds");
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        assert!(now_s.abs_diff(at_s) < 300, "{got:?}");
        let mut signed = format!("{}.{at_s}.", got.id).into_bytes();
        signed.extend_from_slice(&got.octets);
        let octets = STANDARD.decode(&self.secret["whsec_".len()..]).expect("Base64");
        let signature = got.header("webhook-signature").strip_prefix("v1,").expect("a version");
        let tag = STANDARD.decode(signature).expect("Base64");
        verify(&Key::new(HMAC_SHA256, &octets), &signed, &tag).unwrap_or_else(|_| panic!("forged: {got:?}"));
        assert_eq!(got.header("content-type"), "application/json");
        assert!(got.path.starts_with("/hooks?of="), "{got:?}");
    }
}

impl Got {
    fn header(&self, name: &str) -> &str {
        let own = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        own.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }
}

/// The kinds of what was got.
pub(crate) fn kinds(got: &[Got]) -> Vec<&str> {
    got.iter().map(|got| got.body["type"].as_str().unwrap_or_default()).collect()
}

/// The names and kinds of what was got.
pub(super) fn names(got: &[Got]) -> Vec<String> {
    let kinds = kinds(got);
    got.iter().zip(kinds).map(|(got, kind)| format!("{} {kind}", got.id)).collect()
}

impl Drop for HookReceiver {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut got = Got { id: String::new(), body: Value::Null, path, headers, octets: Vec::new() };
    got.id = got.header("webhook-id").to_owned();
    got.octets = vec![0; got.header("content-length").parse().expect("a length")];
    reader.read_exact(&mut got.octets)?;
    got.body = serde_json::from_slice(&got.octets).expect("JSON");
    shared.tries.fetch_add(1, Ordering::Relaxed);
    let status = shared.status.load(Ordering::Relaxed);
    let location = shared.location.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if (200..300).contains(&status) {
        shared.got.lock().unwrap_or_else(PoisonError::into_inner).push(got);
    }
    write!(stream, "HTTP/1.1 {status} x\r\nLocation: {location}\r\nContent-Length: 2\r\n\r\nok")
}
