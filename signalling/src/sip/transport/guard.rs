//! Before anything is read: what comes from too busy a source, or from a scanner, is not looked at.
//!
//! Trunks' networks are trusted, as are those that the configuration names: nothing of them is held back here, for
//! trunks have limits of their own.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use tracing::info;

use super::Network;
use super::scanner::{self, SCANNERS};
use crate::auth::bucket::Rate;
use crate::auth::sources::{Sources, Standing, TooMuch};
use crate::sip::notices::Notices;

/// What strangers may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardConfig {
    /// Messages a second of one address (IPv6: one /64) that has proven nothing; `None`, as many as come.
    pub requests_per_second: Option<NonZeroU32>,
    /// Those that may come at once.
    pub requests_burst: u32,
    /// Who may send as much as it likes.
    pub trusted: Vec<Network>,
    /// What a program that only looks for something to break says in User-Agent, in small letters.
    pub scanners: Vec<String>,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            // Chosen by us: after a power cut, two hundred phones behind one NAT are registered again in five seconds.
            requests_per_second: NonZeroU32::new(50),
            requests_burst: 200,
            trusted: Vec::new(),
            scanners: SCANNERS.iter().map(|name| (*name).to_owned()).collect(),
        }
    }
}

impl GuardConfig {
    /// Everybody may send as much as it likes.
    #[must_use]
    pub fn open() -> Self {
        Self { requests_per_second: None, requests_burst: 0, trusted: Vec::new(), scanners: Vec::new() }
    }

    fn rate(&self) -> Option<Rate> {
        self.requests_per_second.map(|rate| Rate::new(rate.get().into(), self.requests_burst))
    }
}

/// Judges sources.
#[derive(Debug)]
pub(super) struct Guard {
    rules: RwLock<Rules>,
    sources: Mutex<Sources>,
    notices: Mutex<Notices>,
}

#[derive(Debug)]
struct Rules {
    config: GuardConfig,
    /// Networks of trunks.
    trunks: Vec<Network>,
}

/// A message is not to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// Its source sends too much; how long until the next one of it may come.
    TooMuch(Duration),
    /// A program that looks for something to break.
    Scanner,
}

impl Guard {
    pub(super) fn new(config: GuardConfig) -> Self {
        Self {
            rules: RwLock::new(Rules { config, trunks: Vec::new() }),
            sources: Mutex::default(),
            notices: Mutex::default(),
        }
    }

    /// Goes by these from now on.
    pub(super) fn take_up(&self, config: GuardConfig) {
        self.rules.write().unwrap_or_else(PoisonError::into_inner).config = config;
    }

    /// Trunks call from these.
    pub(super) fn trust_trunks(&self, networks: Vec<Network>) {
        self.rules.write().unwrap_or_else(PoisonError::into_inner).trunks = networks;
    }

    /// A trunk's host is there.
    pub(super) fn add_host(&self, ip: IpAddr) {
        self.sources().add_host(ip);
    }

    /// Who is there has proven who it is, or is asked something by us.
    pub(super) fn know(&self, remote: SocketAddr) {
        if let Some(rate) = self.rules().config.rate() {
            self.sources().know(remote, rate);
        }
    }

    /// Whether a message may be looked at, and what its source is.
    pub(super) fn judge(&self, remote: SocketAddr, message: &[u8], now: Instant) -> Result<Standing, Held> {
        let rules = self.rules();
        let is_in = |networks: &[Network]| networks.iter().any(|network| network.contains(remote.ip()));
        if is_in(&rules.config.trusted) || is_in(&rules.trunks) {
            return Ok(Standing::Known);
        }
        let standing = match rules.config.rate() {
            None => Standing::Stranger,
            Some(rate) => match self.sources().take(remote, rate, now) {
                Ok(standing) => standing,
                Err(TooMuch { standing, wait }) => {
                    self.tell(remote.ip(), standing, now);
                    return Err(Held::TooMuch(wait));
                }
            },
        };
        if standing == Standing::Stranger && scanner::is_of_any(message, &rules.config.scanners) {
            return Err(Held::Scanner);
        }
        Ok(standing)
    }

    fn tell(&self, source: IpAddr, standing: Standing, now: Instant) {
        if self.notices.lock().unwrap_or_else(PoisonError::into_inner).is_due(source, now) {
            let has_proven = standing == Standing::Known;
            info!(
                %source,
                has_proven,
                "an address sends more than defence.requests_per_second: what is too much is not looked at; if it is \
                 one to trust, add it to defence.trusted"
            );
        }
    }

    fn rules(&self) -> RwLockReadGuard<'_, Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCAN: &[u8] = b"OPTIONS sip:100@192.0.2.9 SIP/2.0\r\nUser-Agent: friendly-scanner\r\n\r\n";
    const ASK: &[u8] = b"OPTIONS sip:100@192.0.2.9 SIP/2.0\r\n\r\n";

    fn guard(trusted: &str) -> Guard {
        let trusted = vec![trusted.parse().expect("a network")];
        Guard::new(GuardConfig { requests_burst: 3, trusted, ..GuardConfig::default() })
    }

    fn passed(guard: &Guard, remote: &str, message: &[u8]) -> usize {
        let (remote, now) = (remote.parse().expect("an address"), Instant::now());
        (0..100).filter(|_| guard.judge(remote, message, now).is_ok()).count()
    }

    #[test]
    fn strangers_are_held_back_and_who_is_trusted_is_not() {
        let guard = guard("10.0.0.0/8");
        assert_eq!(passed(&guard, "192.0.2.1:5060", ASK), 3);
        assert_eq!(passed(&guard, "10.1.2.3:5060", ASK), 100);
        assert_eq!(passed(&guard, "198.51.100.1:5060", ASK), 3);
        guard.trust_trunks(vec!["198.51.100.0/24".parse().expect("a network")]);
        assert_eq!(passed(&guard, "198.51.100.1:5060", ASK), 100, "a trunk from now on");
        guard.take_up(GuardConfig::open());
        assert_eq!(passed(&guard, "192.0.2.1:5060", ASK), 100);
    }

    #[test]
    fn a_scanner_is_not_looked_at_unless_it_is_one_of_ours() {
        let guard = guard("10.0.0.0/8");
        assert_eq!(passed(&guard, "192.0.2.1:5060", SCAN), 0);
        assert_eq!(passed(&guard, "10.1.2.3:5060", SCAN), 100, "who tests its own gateway");
        let now = Instant::now();
        let remote = "192.0.2.2:5060".parse().expect("an address");
        assert_eq!(guard.judge(remote, SCAN, now), Err(Held::Scanner));
    }
}
