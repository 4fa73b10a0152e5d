//! The machine's addresses as they come and go, where browsers are told of all of them: the engine follows.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, warn};
use webtrunk_engine::engine::Engine;

use super::looked_up;
use crate::config::MediaConfig;
use crate::wiring;

/// How often the machine is looked at: one system call. Sooner than a peer gives up a path (RFC 7675: 30 s). Chosen by us.
const LOOK: Duration = Duration::from_secs(2);

/// The longest rest of an address that cannot be bound. Chosen by us: somebody who frees the port waits for that.
const REST_MAX: Duration = Duration::from_secs(60);

/// What the engine has of the machine's addresses.
#[derive(Debug)]
pub struct Followed {
    media: MediaConfig,
    /// Where the HTTP server listens.
    http: Option<SocketAddr>,
    /// Those that could not be bound, of which it was told.
    refused: Vec<Refused>,
}

/// An address that could not be bound.
#[derive(Debug)]
struct Refused {
    address: IpAddr,
    /// Since the try before.
    wait: Duration,
    /// When it is tried next; looks are not on the dot.
    again_at: Instant,
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
            let now = Instant::now();
            let changes = self.look(machine, now);
            if changes != Changes::default() {
                self.take_up(changes, &engine, now);
            }
        }
    }

    /// Compares the machine with what the engine has.
    fn look(&mut self, machine: Vec<IpAddr>, now: Instant) -> Changes {
        self.refused.retain(|refused| machine.contains(&refused.address));
        let rests = |address: &IpAddr| {
            self.refused.iter().any(|refused| refused.address == *address && refused.again_at > now)
        };
        let told = |address: &IpAddr| self.media.candidates.admits(*address) && !rests(address);
        let machine: Vec<_> = machine.into_iter().filter(told).collect();
        let missing = |from: &[IpAddr], of: &[IpAddr]| -> Vec<IpAddr> {
            of.iter().filter(|address| !from.contains(address)).copied().collect()
        };
        Changes {
            come: missing(&self.media.addresses, &machine),
            gone: missing(&machine, &self.media.addresses),
        }
    }

    fn take_up(&mut self, changes: Changes, engine: &Engine, now: Instant) {
        let is_fewer = !changes.gone.is_empty();
        for address in changes.gone {
            engine.remove_address(address);
            self.media.addresses.retain(|own| *own != address);
        }
        let mut come = Vec::new();
        for address in changes.come {
            match engine.bind_address(address) {
                Ok(bound) => come.push(bound),
                Err(error) if self.refuse(address, now) => {
                    warn!(%error, "browsers are not told of an address; it is tried again");
                    continue;
                }
                Err(error) => {
                    debug!(%error, "an address cannot be bound yet");
                    continue;
                }
            }
            self.refused.retain(|refused| refused.address != address);
            self.media.addresses.push(address);
        }
        if !is_fewer && come.is_empty() {
            return;
        }
        // Before UDP, so that callers are told of both at once.
        if let Some(http) = self.http.filter(|_| self.media.tcp) {
            engine.set_stream_addresses(&wiring::media_streams(&self.media, http));
        }
        come.into_iter().for_each(|bound| engine.add_address(bound));
    }

    /// Notes that an address cannot be bound; whether that is news. One that the network still looks at (RFC 4862 5.4) can be
    /// bound soon, one at which somebody else has the port perhaps never.
    fn refuse(&mut self, address: IpAddr, now: Instant) -> bool {
        let known = self.refused.iter_mut().find(|refused| refused.address == address);
        let is_news = known.is_none();
        match known {
            Some(refused) => {
                refused.wait = (refused.wait * 2).min(REST_MAX);
                refused.again_at = now + refused.wait - LOOK / 2;
            }
            None => self.refused.push(Refused { address, wait: LOOK, again_at: now + LOOK / 2 }),
        }
        is_news
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
        let now = Instant::now();
        assert_eq!(followed.look(addresses(&["10.0.0.1", "192.0.2.1"]), now), Changes::default());
        let changes = followed.look(addresses(&["10.0.0.2", "10.7.0.1", "192.0.2.2"]), now);
        let (come, gone) = (addresses(&["10.0.0.2"]), addresses(&["10.0.0.1"]));
        assert_eq!(changes, Changes { come, gone });
    }

    #[test]
    fn an_address_that_cannot_be_bound_is_tried_ever_less_often_and_anew_where_it_went_and_came_again() {
        let mut followed = followed("", &["10.0.0.1"]).expect("no address is written");
        let (machine, begin) = (addresses(&["10.0.0.1", "10.0.0.2"]), Instant::now());
        let mut tried_at = Vec::new();
        for second in (0..=250).step_by(2) {
            let now = begin + Duration::from_secs(second);
            let Changes { come, gone } = followed.look(machine.clone(), now);
            assert!(gone.is_empty());
            for address in come {
                assert_eq!(followed.refuse(address, now), tried_at.is_empty(), "told once");
                tried_at.push(second);
            }
        }
        assert_eq!(tried_at, [0, 2, 6, 14, 30, 62, 122, 182, 242]);
        let now = begin + Duration::from_secs(252);
        assert_eq!(followed.look(addresses(&["10.0.0.1"]), now), Changes::default());
        assert_eq!(followed.look(machine, now).come, addresses(&["10.0.0.2"]));
    }

    #[test]
    fn addresses_that_are_written_are_not_followed() {
        assert!(followed("addresses = ['10.0.0.1']", &["10.0.0.2"]).is_none());
    }
}
