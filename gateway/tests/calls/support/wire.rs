//! The way of a browser's TCP to the gateway, to be cut at either end.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::host::Host;

/// A wire; cut for good when it is dropped.
pub(crate) struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Where it has one of its own.
    _host: Option<Host>,
}

#[derive(Default)]
struct Shared {
    is_cut: AtomicBool,
    /// The ends at clients, and those at the gateway.
    ends: Mutex<Vec<[TcpStream; 2]>>,
}

/// Any port of a host that is ours.
const PORT: u16 = 8443;

impl Wire {
    /// A wire to `gateway`, by a host of its own.
    pub(crate) fn to(gateway: SocketAddr) -> Self {
        let host = Host::new();
        Self::between(host.at(PORT), gateway, Some(host))
    }

    /// A wire to `gateway`, by another port of the same address.
    pub(crate) fn beside(gateway: SocketAddr) -> Self {
        Self::between(SocketAddr::new(gateway.ip(), 0), gateway, None)
    }

    fn between(address: SocketAddr, gateway: SocketAddr, host: Option<Host>) -> Self {
        let listener = TcpListener::bind(address).expect("the address is ours");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::<Shared>::default();
        let carried = shared.clone();
        // It ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if !carried.is_cut.load(Ordering::SeqCst) {
                    carried.carry(client, gateway);
                }
            }
        });
        Self { address, shared, _host: host }
    }

    /// Where clients find the gateway's WebSocket.
    pub(crate) fn websocket(&self) -> String {
        format!("ws://{}/sip", self.address)
    }

    /// Cuts the wire: both sides see that their connection is gone, and there is no new one.
    pub(crate) fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
        for end in self.shared.ends().drain(..).flatten() {
            // Whoever is gone already need not be told.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Cuts the wire at the client alone, as a change of networks does: the gateway sees nothing of it.
    pub(crate) fn cut_at_client(&self) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
        for [client, _] in self.shared.ends().iter() {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub(crate) fn mend(&self) {
        self.shared.is_cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
    }
}

impl Shared {
    fn carry(self: &Arc<Self>, client: TcpStream, gateway: SocketAddr) {
        let Ok(inside) = TcpStream::connect(gateway) else { return };
        let copy = |stream: &TcpStream| stream.try_clone().expect("a descriptor is left");
        self.ends().push([copy(&client), copy(&inside)]);
        let ways = [(copy(&client), copy(&inside)), (inside, client)];
        for (from, to) in ways {
            thread::spawn(move || pump(from, to));
        }
    }

    fn ends(&self) -> MutexGuard<'_, Vec<[TcpStream; 2]>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries what comes until there is nothing more. What it came over stays as it is: whether the other side is
/// told is for [`Wire`] to say.
fn pump(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
}
