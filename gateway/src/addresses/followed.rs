//! The machine's addresses as they come and go, where browsers are told of all of them: the engine follows.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, warn};
use webtrunk_engine::engine::Engine;

use super::looked_up;
use crate::config::MediaConfig;
use crate::wiring;

/// How often the machine is looked at: one system call. Sooner than a peer gives up a path (RFC 7675: 30 s). Chosen by us.
const LOOK: Duration = Duration::from_secs(2);

/// What the engine has of the machine's addresses.
#[derive(Debug)]
pub struct Followed {
    media: MediaConfig,
    /// Where the HTTP server listens.
    http: Option<SocketAddr>,
    /// Those that cannot be bound, of which it was told.
    refused: Vec<IpAddr>,
}

/// What has changed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    come: Vec<IpAddr>,
    gone: Vec<IpAddr>,
}

impl Followed {
    /// `None` where the configuration names the addresses. The engine was started with `media`, and has an HTTP server at
    /// `http` beside it.
    #[must_use]
    pub fn new(media: &MediaConfig, http: Option<SocketAddr>) -> Option<Self> {
        let refused = Vec::new();
        media.follows_machine.then(|| Self { media: media.clone(), http, refused })
    }

    /// Has the engine follow for good.
    pub async fn follow(mut self, engine: Engine) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            // A machine that does not say what it has lacks nothing that it had: calls go on.
            let Ok(machine) = looked_up() else { continue };
            let changes = self.look(machine);
            if changes != Changes::default() {
                self.take_up(changes, &engine);
            }
        }
    }

    /// Compares the machine with what the engine has.
    fn look(&mut self, machine: Vec<IpAddr>) -> Changes {
        self.refused.retain(|address| machine.contains(address));
        let told = |address: &IpAddr| self.media.candidates.admits(*address);
        let machine: Vec<_> = machine.into_iter().filter(told).collect();
        let missing = |from: &[IpAddr], of: &[IpAddr]| -> Vec<IpAddr> {
            of.iter().filter(|address| !from.contains(address)).copied().collect()
        };
        Changes {
            come: missing(&self.media.addresses, &machine),
            gone: missing(&machine, &self.media.addresses),
        }
    }

    fn take_up(&mut self, changes: Changes, engine: &Engine) {
        for address in changes.gone {
            engine.remove_address(address);
            self.media.addresses.retain(|own| *own != address);
        }
        self.media.addresses.extend(&changes.come);
        // Before UDP, whose sockets may fail to be bound.
        if let Some(http) = self.http.filter(|_| self.media.tcp) {
            engine.set_stream_addresses(&wiring::media_streams(&self.media, http));
        }
        for address in changes.come {
            let Err(error) = engine.add_address(address) else { continue };
            // One that the network still looks at (RFC 4862 5.4) can be bound soon.
            self.media.addresses.retain(|own| *own != address);
            if self.refused.contains(&address) {
                debug!(%error, "an address cannot be bound yet");
            } else {
                warn!(%error, "browsers are not told of an address; it is tried again");
                self.refused.push(address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    fn followed(media: &str, machine: &[&str]) -> Option<Followed> {
        let mut config = Config::parse("w.toml", &format!("[http]\n[media]\n{media}\n")).expect("sound");
        config.media.take_machine(addresses(machine));
        Followed::new(&config.media, None)
    }

    #[test]
    fn what_comes_and_goes_is_seen_where_it_may_be_told() {
        let lists = "candidates_allow = ['10.0.0.0/8']\ncandidates_deny = ['10.7.0.0/16']";
        let mut followed = followed(lists, &["10.0.0.1", "192.0.2.1"]).expect("no address is written");
        assert_eq!(followed.look(addresses(&["10.0.0.1", "192.0.2.1"])), Changes::default());
        let changes = followed.look(addresses(&["10.0.0.2", "10.7.0.1", "192.0.2.2"]));
        let (come, gone) = (addresses(&["10.0.0.2"]), addresses(&["10.0.0.1"]));
        assert_eq!(changes, Changes { come, gone });
    }

    #[test]
    fn addresses_that_are_written_are_not_followed() {
        assert!(followed("addresses = ['10.0.0.1']", &["10.0.0.2"]).is_none());
    }
}
