//! A proxy over UDP that knows nothing of calls: requests go by their Routes, responses by their Vias (RFC 3261 16). Whoever
//! registers through it is found again by its Path (RFC 3327), in which a token stands for the flow (RFC 5626 5.2).

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::raw_phone::response;
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

/// The proxy.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    socket: UdpSocket,
    address: SocketAddr,
    /// Who gets what leads nowhere else: another proxy, or the registrar.
    next: SocketAddr,
    flows: Mutex<Vec<Flow>>,
    /// The requests that came, each once.
    requests: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

/// Whoever has registered.
struct Flow {
    from: SocketAddr,
    is_gone: bool,
}

/// How each token begins: all that a user part may hold, and escapes of either case and of what needs none.
const TOKEN: &str = "Fl%6Fw%2f%2F==;a,B&+$?/";

impl Proxy {
    /// A proxy at `host`, before that one.
    pub(crate) fn start(host: &Host, next: SocketAddr) -> Self {
        let address = host.at(SIP_PORT);
        let socket = UdpSocket::bind(address).expect("the host is ours");
        // So that the thread sees its end.
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a time-out");
        let (flows, requests, is_over) = Default::default();
        let shared = Arc::new(Shared { socket, address, next, flows, requests, is_over });
        let ear = Arc::clone(&shared);
        Self { shared, thread: Some(std::thread::spawn(move || ear.listen())) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// What it has written into Path for the flow that was the first to register, or the next.
    pub(crate) fn path(&self, flow: usize) -> String {
        self.shared.uri(flow, PATH)
    }

    /// What it writes into Record-Route of a call of that flow.
    pub(crate) fn record_route(&self, flow: usize) -> String {
        self.shared.uri(flow, RECORD_ROUTE)
    }

    /// Knows from now on that a flow is gone.
    pub(crate) fn lose(&self, flow: usize) {
        self.shared.flows()[flow].is_gone = true;
    }

    /// The requests of this method that came.
    pub(crate) fn requests(&self, method: &str) -> Vec<String> {
        let requests = self.shared.requests();
        requests.iter().filter(|request| request.starts_with(&format!("{method} "))).cloned().collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been told.
            let _ = thread.join();
        }
    }
}

/// What its URIs say besides `lr`, so that the one is not taken for the other.
const PATH: &str = "ob";
const RECORD_ROUTE: &str = "call";

impl Shared {
    fn listen(&self) {
        let mut buffer = vec![0; 65_535];
        while !self.is_over.load(Ordering::Relaxed) {
            let Ok((length, from)) = self.socket.recv_from(&mut buffer) else { continue };
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.starts_with("SIP/2.0 ") {
                self.pass_back(&text);
            } else {
                self.pass_on(&text, from);
            }
        }
    }

    /// A response goes to where its request came from, which our Via tells.
    fn pass_back(&self, text: &str) {
        let mut message = Message::parse(text);
        if let Some(to) = message.take("Via").and_then(|own| came_from(&own)) {
            self.send(&message.to_text(), to);
        }
    }

    /// A request goes to the next Route, and where that is ours alone along its flow, or if it came by that to whoever is next.
    fn pass_on(&self, text: &str, from: SocketAddr) {
        let mut message = Message::parse(text);
        let Some(branch) = message.first("Via").and_then(branch_of).map(str::to_owned) else { return };
        self.note(text);
        let is_ours = message.first("Route").and_then(address_in) == Some(self.address);
        let own = if is_ours { message.take("Route") } else { None };
        let flow = own.as_deref().and_then(|route| self.flow_of(route));
        let to = match (message.first("Route"), &own) {
            (Some(route), _) => address_in(route),
            (None, None) => Some(self.next),
            (None, Some(_)) => flow.map(|(_, phone)| if phone == from { self.next } else { phone }),
        };
        let Some(to) = to else {
            if !text.starts_with("ACK ") {
                self.send(&response(text, "430 Flow Failed", "", ""), from);
            }
            return;
        };
        if text.starts_with("REGISTER ") {
            message.put("Path", &self.uri(self.registered(from), PATH));
        } else if text.starts_with("INVITE ")
            && let Some((index, _)) = flow
        {
            message.put("Record-Route", &self.uri(index, RECORD_ROUTE));
        }
        // Retransmissions, CANCEL and the ACK of a refusal have that of their INVITE (16.11).
        let branch = format!("z9hG4bK{}_{}_{branch}", from.ip(), from.port());
        message.put("Via", &format!("SIP/2.0/UDP {};branch={branch};rport", self.address));
        self.send(&message.to_text(), to);
    }

    fn send(&self, message: &str, to: SocketAddr) {
        self.socket.send_to(message.as_bytes(), to).expect("loopback takes it");
    }

    fn note(&self, request: &str) {
        let mut requests = self.requests();
        if !requests.iter().any(|known| known == request) {
            requests.push(request.to_owned());
        }
    }

    /// The place of the flow of who registers.
    fn registered(&self, from: SocketAddr) -> usize {
        let mut flows = self.flows();
        flows.iter().position(|flow| flow.from == from).unwrap_or_else(|| {
            flows.push(Flow { from, is_gone: false });
            flows.len() - 1
        })
    }

    /// The flow that a Route of ours names by its token, and where it leads; none where that is gone, or not as it was written.
    fn flow_of(&self, route: &str) -> Option<(usize, SocketAddr)> {
        let flows = self.flows();
        let is_it = |index: usize| route.starts_with(&format!("<sip:{TOKEN}{index}@"));
        let (index, flow) = flows.iter().enumerate().find(|(index, _)| is_it(*index))?;
        (!flow.is_gone).then_some((index, flow.from))
    }

    fn uri(&self, flow: usize, parameter: &str) -> String {
        format!("<sip:{TOKEN}{flow}@{};lr;{parameter}>", self.address)
    }

    fn flows(&self) -> MutexGuard<'_, Vec<Flow>> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn requests(&self) -> MutexGuard<'_, Vec<String>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message, as far as a proxy has to know it.
struct Message {
    /// Those of its head.
    lines: Vec<String>,
    body: String,
}

impl Message {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        Self { lines: head.split("\r\n").map(str::to_owned).collect(), body: body.to_owned() }
    }

    /// The topmost value of a header.
    fn first(&self, name: &str) -> Option<&str> {
        let values = self.lines.iter().find_map(|line| values_of(line, name))?;
        Some(&values[..end_of_first(values)])
    }

    /// Takes it out.
    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.lines.iter().position(|line| values_of(line, name).is_some())?;
        let line = self.lines.remove(at);
        let values = values_of(&line, name)?;
        let (first, rest) = values.split_at(end_of_first(values));
        let rest = rest.trim_start_matches([',', ' ']);
        if !rest.is_empty() {
            self.lines.insert(at, format!("{name}: {rest}"));
        }
        Some(first.to_owned())
    }

    /// Puts one above all others.
    fn put(&mut self, name: &str, value: &str) {
        self.lines.insert(1, format!("{name}: {value}"));
    }

    fn to_text(&self) -> String {
        format!("{}\r\n\r\n{}", self.lines.join("\r\n"), self.body)
    }
}

fn values_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix(name)?.strip_prefix(": ")
}

/// The comma behind the first value; one inside of angle brackets is part of it.
fn end_of_first(values: &str) -> usize {
    let behind = values.find('>').unwrap_or(0);
    values[behind..].find(',').map_or(values.len(), |comma| behind + comma)
}

fn branch_of(via: &str) -> Option<&str> {
    let (_, branch) = via.split_once(";branch=")?;
    branch.split(';').next()
}

/// Where the request came from into which we wrote this Via.
fn came_from(own: &str) -> Option<SocketAddr> {
    let mut parts = branch_of(own)?.strip_prefix("z9hG4bK")?.splitn(3, '_');
    Some(SocketAddr::new(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The address in a URI that has a user part.
fn address_in(route: &str) -> Option<SocketAddr> {
    let (_, rest) = route.split_once('@')?;
    rest.split([';', '>']).next()?.parse().ok()
}
