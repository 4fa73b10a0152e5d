//! Where pages with our SDK sit: in Chromium beside the gateway, or in Firefox on a machine of its own, since that has no candidates on
//! loopback, nor where no route leads out. What is played in one is played in the other; what changes the way between browser and gateway,
//! in both on machines of their own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use webtrunk_signalling::lock::lock;

use super::browser::{Browser, Shared};
use super::certificate::pair_for;
use super::gateway::{Gateway, GatewayConfig};
use super::gateway_config::HTTP_PORT;
use super::host::Host;
use super::lasting_name::{keys, lasting_name};
use super::machine::Machine;
use super::page::{Library, LineConfig, Page};
use super::speakers::Speakers;
use super::wire::Wire;

/// The gateway's address on its machine, where the browser has another.
const GATEWAY: &str = "10.99.7.1";

/// A browser, as the gateway's neighbour.
pub(crate) struct Seat {
    browser: Browser,
    /// From the browser's machine to the gateway's, where that is another.
    street: Option<Arc<Street>>,
}

impl Seat {
    /// In the Chromium that tests share. `None` where a tool is missing.
    pub(crate) fn near() -> Option<Self> {
        Some(Self { browser: Browser::shared()?, street: None })
    }

    /// In a Chromium of its own that plays by these speakers. `None` where a tool is missing.
    pub(crate) fn by_speakers(speakers: &Speakers) -> Option<Self> {
        Some(Self { browser: Browser::start_by_speakers(speakers)?, street: None })
    }

    pub(crate) const fn browser(&self) -> &Browser {
        &self.browser
    }

    /// The gateway's address on the machine on which the test is, where the browser is on another.
    pub(crate) fn machine(&self) -> Option<&'static str> {
        self.street.as_ref().map(|_| GATEWAY)
    }

    /// What leads from the browser's machine to the gateway's.
    ///
    /// # Panics
    /// Where they are one.
    pub(crate) fn street(&self) -> &Street {
        self.street.as_ref().expect("it is asked for by plays that are played apart")
    }

    /// Does something on the browser's machine.
    pub(crate) fn beside_browser<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        match &self.street {
            Some(street) => street.outside.run(act),
            None => act(),
        }
    }

    /// Where the gateway is to be.
    pub(crate) fn host(&self) -> Host {
        self.machine().map_or_else(Host::new, Host::machine)
    }

    /// The gateway's section `[json]`, to which lines may be added.
    pub(crate) fn json(&self) -> String {
        format!("[json]\norigins = [{:?}]\n{}", self.browser.origin(), keys())
    }

    /// What a gateway is like that takes passwords and keys, which it does from another machine over TLS alone: its certificate is
    /// in this folder.
    pub(crate) fn for_secrets(&self, config: GatewayConfig, folder: &TempDir) -> GatewayConfig {
        let Some(ip) = self.machine() else { return config };
        let (certificate, key) = pair_for(folder, "gateway", ip);
        config.tls(&certificate, &key)
    }

    /// A wire to the gateway's WebSocket, at an address that the browser reaches.
    pub(crate) fn wire(&self, gateway: &Gateway) -> Wire {
        let http = SocketAddr::new(gateway.sip().ip(), HTTP_PORT);
        if self.street.is_some() { Wire::beside(http) } else { Wire::to(http) }
    }

    /// Opens a page and registers it as a user, by a name that lasts for a while where it speaks JSON.
    pub(crate) fn open(&self, gateway: &Gateway, user: &str, line: &LineConfig) -> Page {
        let page = self.browser.open();
        if line.library == Library::Webtrunk {
            let (name, password) = lasting_name(user);
            let line = LineConfig { login: Some(name), ..line.clone() };
            page.begin_registration(gateway, user, &password, &line);
            page.next("registered");
        } else {
            page.register(gateway, user, line);
        }
        page
    }
}

/// The gateway's machine and a browser's, and a cable from one to the other.
pub(crate) struct Street {
    inside: Machine,
    outside: Machine,
}

impl Street {
    /// The interface of both at its ends.
    pub(crate) const INTERFACE: &'static str = "street";

    /// The browser's address.
    pub(crate) const BROWSER: &'static str = "10.99.7.2";

    fn lay() -> Arc<Self> {
        let [inside, outside] = [Machine::new(), Machine::new()];
        inside.lay_cable(Self::INTERFACE, &["10.99.7.1/24"], &outside, &["10.99.7.2/24"]);
        outside.ip("route add default via 10.99.7.1");
        Arc::new(Self { inside, outside })
    }

    /// The gateway's machine.
    pub(crate) const fn inside(&self) -> &Machine {
        &self.inside
    }

    /// Plays something there, where this browser has the other end.
    fn play(self: &Arc<Self>, browser: Browser, play: impl FnOnce(&Seat) + Send) {
        let seat = Seat { browser, street: Some(self.clone()) };
        self.inside.run(|| play(&seat));
    }
}

/// Makes two tests of each play: one in Chromium, one in Firefox. With `apart` both browsers are the play's own, on a machine of
/// their own, whose way to the gateway it may change.
macro_rules! in_each_browser {
    (apart: $($play:ident),+ $(,)?) => {
        crate::support::seat::in_each_browser!(@ in_chromium_apart in_firefox_apart $($play)+);
    };
    (@ $in_chromium:ident $in_firefox:ident $($play:ident)+) => {
        mod chromium {
            $(
                #[test]
                fn $play() {
                    crate::support::seat::$in_chromium(super::$play);
                }
            )+
        }

        mod firefox {
            $(
                #[test]
                fn $play() {
                    crate::support::seat::$in_firefox(super::$play);
                }
            )+
        }
    };
    ($($play:ident),+ $(,)?) => {
        crate::support::seat::in_each_browser!(@ in_chromium in_firefox $($play)+);
    };
}

pub(crate) use in_each_browser;

/// Plays something in Chromium.
pub(crate) fn in_chromium(play: impl FnOnce(&Seat)) {
    if let Some(seat) = Seat::near() {
        play(&seat);
    }
}

/// Plays something in Firefox, one at a time, on the gateway's machine.
pub(crate) fn in_firefox(play: impl FnOnce(&Seat) + Send) {
    // Whoever waits for the street has no turn yet, and whoever has a turn asks for no street.
    let mut shared = lock(&STREET);
    let (street, firefox) = shared.get_or_insert_with(|| (Street::lay(), Shared::new()));
    let Some(browser) = Browser::firefox(firefox, &street.outside) else { return };
    street.play(browser, play);
}

/// The one that there is, with its Firefox: a browser takes a while to start.
static STREET: Mutex<Option<(Arc<Street>, Shared)>> = Mutex::new(None);

/// Plays something on the gateway's machine, in a Chromium of its own on another.
pub(crate) fn in_chromium_apart(play: impl FnOnce(&Seat) + Send) {
    let street = Street::lay();
    let Some(browser) = street.outside.run(Browser::start) else { return };
    street.play(browser, play);
}

/// The same in a Firefox of its own.
pub(crate) fn in_firefox_apart(play: impl FnOnce(&Seat) + Send) {
    let street = Street::lay();
    let Some(browser) = Browser::firefox(&mut Shared::new(), &street.outside) else { return };
    street.play(browser, play);
}
