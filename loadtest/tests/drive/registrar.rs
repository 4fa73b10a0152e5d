//! A registrar that takes everybody and remembers for how long; calls it refuses.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::faulty::{header, response_to};

/// The seconds that each user asked for, one after the other; what was sent again counts once.
type Asked = BTreeMap<String, Vec<u32>>;

pub(crate) struct Registrar {
    address: SocketAddr,
    asked: Arc<Mutex<Asked>>,
}

impl Registrar {
    pub(crate) async fn start() -> Self {
        Self::start_slow(Duration::ZERO).await
    }

    /// The same, which takes so long for each answer.
    pub(crate) async fn start_slow(delay: Duration) -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a port"));
        let address = socket.local_addr().expect("bound");
        let asked = Arc::new(Mutex::new(Asked::default()));
        let noted = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut buffer = vec![0; 65_535];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let status = match request.split(' ').next() {
                    Some("REGISTER") => {
                        note(&mut noted.lock().expect("no panic"), &request);
                        "200 OK"
                    }
                    Some("ACK") => continue,
                    _ => "480 Temporarily Unavailable",
                };
                let (answer, answering) = (response_to(&request, status), Arc::clone(&socket));
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    let _ = answering.send_to(answer.as_bytes(), from).await;
                });
            }
        });
        Self { address, asked }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn asked(&self) -> Asked {
        self.asked.lock().expect("no panic").clone()
    }
}

fn note(asked: &mut Asked, register: &str) {
    let to = header(register, "To");
    let user = to.split_once("sip:").and_then(|(_, rest)| rest.split_once('@')).map_or(to, |(user, _)| user);
    let seconds = header(register, "Expires").parse().expect("seconds");
    let times = asked.entry(user.to_owned()).or_default();
    if times.last() != Some(&seconds) {
        times.push(seconds);
    }
}
