//! The gateway with a trunk that calls, a trunk that is called, and users.

use std::net::SocketAddr;

use super::sipp::{Sipp, Values};
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::tools;

/// The gateway and its peers' hosts.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    /// Of the trunk "office", which calls.
    pub(crate) caller: Host,
    /// Of the trunk "carrier", which is called.
    pub(crate) callee: Host,
}

/// What is dialled, and what happens: numbers that begin with 8 ring at the carrier for two seconds,
/// those with 9 for half a minute.
const DIAL_PLAN: [(&str, &str); 3] = [
    (r"8\d+", r#"{ bridge = { trunk = "carrier", number = "$0", ring_timeout_s = 2 } }"#),
    (r"9\d+", r#"{ bridge = { trunk = "carrier", number = "$0" } }"#),
    ("alice|bob", r#"{ bridge = { user = "$0" } }"#),
];

impl Stage {
    /// A stage whose carrier speaks either law, where sipp is there to play on it.
    pub(crate) fn new() -> Option<Self> {
        Self::with_codecs(&["PCMU", "PCMA"])
    }

    /// A stage whose carrier speaks these codecs, where sipp is there to play on it.
    pub(crate) fn with_codecs(codecs: &[&str]) -> Option<Self> {
        Self::with(codecs, GatewayConfig::default())
    }

    /// A stage whose users are known by MD5 alone: sipp and baresip 1.0 know nothing else.
    pub(crate) fn with_md5() -> Option<Self> {
        Self::with(&["PCMU"], GatewayConfig::default().md5_only())
    }

    /// A stage with what a configuration has already.
    pub(crate) fn with(codecs: &[&str], config: GatewayConfig) -> Option<Self> {
        Self::with_carrier(codecs, config, "")
    }

    /// The same, with these lines of the carrier's besides.
    pub(crate) fn with_carrier(codecs: &[&str], config: GatewayConfig, lines: &str) -> Option<Self> {
        tools::command("sipp")?;
        let [caller, callee] = std::array::from_fn(|_| Host::new());
        let mut config = config
            .user("alice")
            .user("bob")
            .trunk("office", &caller, &["PCMU", "PCMA"])
            .trunk("carrier", &callee, codecs)
            .last_trunk(lines);
        for (destination, action) in DIAL_PLAN {
            // A rule is for users unless it names trunks.
            for from in ["", "from_trunk = \"office\""] {
                config = config.rule(&format!("destination = '{destination}'\n{from}\nactions = [{action}]"));
            }
        }
        Some(Self { gateway: Gateway::start(&config), caller, callee })
    }

    /// A sipp that calls `number` from the office.
    pub(crate) fn call(&self, scenario: &str, number: &str, values: Values<'_>) -> Sipp {
        Sipp::caller(&self.caller, scenario, self.gateway.sip(), number, values)
    }

    /// A sipp that is called at the carrier.
    pub(crate) fn answer(&self, scenario: &str, values: Values<'_>) -> Sipp {
        Sipp::callee(&self.callee, scenario, values)
    }

    /// A call from the office to the carrier: it is answered, and over.
    pub(crate) fn call_through(&self) {
        let callee = self.answer("callee_talks", &[]);
        let caller = self.call("caller_talks", "9100", &[]);
        callee.wait_for("ACK");
        caller.wait_for_sent("ACK");
        caller.go_on();
        caller.finish();
        callee.finish();
    }

    /// The gateway's RTP address on a port.
    pub(crate) fn rtp(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.gateway.sip().ip(), port)
    }
}
