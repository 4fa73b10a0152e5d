//! Where pages with our SDK sit: in Chromium beside the gateway, or in Firefox on a machine of its own, since that has no candidates on
//! loopback, nor where no route leads out. What is played in one is played in the other.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use webtrunk_signalling::lock::lock;

use super::browser::{Browser, Shared};
use super::gateway::Gateway;
use super::gateway_config::HTTP_PORT;
use super::host::Host;
use super::lasting_name::{keys, lasting_name};
use super::machine::Machine;
use super::page::{Library, LineConfig, Page};
use super::wire::Wire;

/// The gateway's address on its machine, where the browser has another.
const GATEWAY: &str = "10.99.7.1";

/// A browser, as the gateway's neighbour.
pub(crate) struct Seat {
    browser: Browser,
    /// The browser's machine, where it is not the gateway's.
    outside: Option<Arc<Machine>>,
}

impl Seat {
    /// In the Chromium that tests share. `None` where a tool is missing.
    pub(crate) fn near() -> Option<Self> {
        Some(Self { browser: Browser::shared()?, outside: None })
    }

    pub(crate) const fn browser(&self) -> &Browser {
        &self.browser
    }

    /// The gateway's address on the machine on which the test is, where the browser is on another.
    pub(crate) fn machine(&self) -> Option<&'static str> {
        self.outside.as_ref().map(|_| GATEWAY)
    }

    /// Does something on the browser's machine.
    pub(crate) fn beside_browser<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        match &self.outside {
            Some(outside) => outside.run(act),
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

    /// A wire to the gateway's WebSocket, at an address that the browser reaches.
    pub(crate) fn wire(&self, gateway: &Gateway) -> Wire {
        let http = SocketAddr::new(gateway.sip().ip(), HTTP_PORT);
        if self.outside.is_some() { Wire::beside(http) } else { Wire::to(http) }
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

/// Makes two tests of each play: one in Chromium, one in Firefox.
macro_rules! in_each_browser {
    ($($play:ident),+ $(,)?) => {
        mod chromium {
            $(
                #[test]
                fn $play() {
                    crate::support::seat::in_chromium(super::$play);
                }
            )+
        }

        mod firefox {
            $(
                #[test]
                fn $play() {
                    crate::support::seat::in_firefox(super::$play);
                }
            )+
        }
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
    let mut street = lock(&STREET);
    let Street { inside, outside, firefox } = street.get_or_insert_with(Street::lay);
    let Some(browser) = Browser::firefox(firefox, outside) else { return };
    let seat = Seat { browser, outside: Some(outside.clone()) };
    inside.run(|| play(&seat));
}

/// The gateway's machine, and Firefox on another.
struct Street {
    inside: Machine,
    outside: Arc<Machine>,
    firefox: Shared,
}

/// The one that there is: a browser takes a while to start.
static STREET: Mutex<Option<Street>> = Mutex::new(None);

impl Street {
    fn lay() -> Self {
        let [inside, outside] = [Machine::new(), Machine::new()];
        inside.lay_cable("firefox", &["10.99.7.1/24"], &outside, &["10.99.7.2/24"]);
        outside.ip("route add default via 10.99.7.1");
        Self { inside, outside: Arc::new(outside), firefox: Shared::new() }
    }
}
