//! The service manager that started the process, where it wants to be told (sd_notify(3)): systemd, or whoever speaks as
//! it does.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::str::FromStr;
use std::time::Duration;

use tracing::warn;

/// Tells the service manager how the process is; nothing, where nobody wants to know.
#[derive(Debug, Default)]
pub struct ServiceManager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that the environment names.
    #[must_use]
    pub fn from_environment() -> Self {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self::default();
        };
        let is_for_us = number("WATCHDOG_PID").is_none_or(|pid: u32| pid == std::process::id());
        let watchdog = number("WATCHDOG_USEC").filter(|_| is_for_us).map(Duration::from_micros);
        match connect(&name) {
            Ok(socket) => Self { socket: Some(socket), watchdog },
            Err(error) => {
                warn!(%error, socket = %name.display(), "the service manager cannot be told anything");
                Self::default()
            }
        }
    }

    /// How often it wants to hear that the process lives: often enough that one may get lost.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        self.watchdog.map(|watchdog| watchdog / 3)
    }

    /// Everything listens.
    pub fn tell_ready(&self) {
        self.tell("READY=1");
    }

    /// The process is going down.
    pub fn tell_stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// The process lives.
    pub fn tell_alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, what: &str) {
        // Who does not read does not want to know; it is not waited for.
        let _ = self.socket.as_ref().map(|socket| socket.send(what.as_bytes()));
    }
}

fn number<T: FromStr>(variable: &str) -> Option<T> {
    env::var(variable).ok()?.parse().ok()
}

/// A path, or a name of Linux's own that begins with `@`.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn told(name: &OsStr, receiver: &UnixDatagram) -> String {
        let socket = connect(name).expect("it is there");
        let manager = ServiceManager { socket: Some(socket), watchdog: Some(Duration::from_secs(9)) };
        assert_eq!(manager.interval(), Some(Duration::from_secs(3)));
        manager.tell_ready();
        let mut told = [0; 64];
        let length = receiver.recv(&mut told).expect("it was told");
        String::from_utf8_lossy(&told[..length]).into_owned()
    }

    #[test]
    fn it_is_told_at_a_path_or_at_an_abstract_name() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("notify");
        let receiver = UnixDatagram::bind(&path).expect("a free path");
        assert_eq!(told(path.as_os_str(), &receiver), "READY=1");
        let name = format!("webtrunk-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a short name");
        let receiver = UnixDatagram::bind_addr(&address).expect("a free name");
        assert_eq!(told(format!("@{name}").as_ref(), &receiver), "READY=1");
    }

    #[test]
    fn nobody_is_told_where_nobody_wants_to_know() {
        let nobody = ServiceManager::default();
        nobody.tell_ready();
        assert_eq!(nobody.interval(), None);
    }
}
