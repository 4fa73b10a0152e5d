//! A trunk that is probed by OPTIONS: one miss is held against it and no more, two take it down.

use std::time::{Duration, Instant};

use super::raw_phone::RawPhone;
use super::sipp::Sipp;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::tools;

/// Twice as long as an answer is waited for (docs/SIP.md): between a miss and the next question there is time for a call.
const INTERVAL_S: u64 = 8;

/// A call that no host is asked for is refused sooner.
const AT_ONCE: Duration = Duration::from_secs(2);

struct Stage {
    gateway: Gateway,
    office: Host,
    carrier: RawPhone,
    _kept: Host,
}

impl Stage {
    fn new() -> Option<Self> {
        tools::command("sipp")?;
        let [own, office, host] = std::array::from_fn(|_| Host::new());
        let config = GatewayConfig::default()
            .trunk("office", &office, &["PCMU"])
            .trunk("carrier", &host, &["PCMU"])
            .last_trunk(&format!("probe_s = {INTERVAL_S}"))
            .rule(
                "destination = '9\\d+'\nfrom_trunk = 'office'\n\
                 actions = [{ bridge = { trunk = 'carrier', number = '$0' } }]",
            );
        // There before it is asked for the first time.
        let carrier = RawPhone::towards(own.at(SIP_PORT), &host, SIP_PORT, "100");
        Some(Self { gateway: Gateway::start_at(own, &config), office, carrier, _kept: host })
    }

    /// The next request of this method; others are not answered.
    fn next(&self, method: &str) -> String {
        loop {
            let request = self.carrier.receive();
            if request.starts_with(method) {
                return request;
            }
        }
    }

    fn wait_for_state(&self, expected: &str) {
        let state = || self.gateway.status()["trunks"]["carrier"]["hosts"][0]["state"].clone();
        assert!(wait_until(PATIENCE, || state() == expected), "{} is not {expected}", state());
    }

    /// Has the office call.
    fn call(&self, status: &str) -> Sipp {
        let values = [("STATUS", status)];
        Sipp::caller(&self.office, "caller_refused", self.gateway.sip(), "9100", &values)
    }

    /// Has the office call, which the carrier is asked for and refuses.
    fn assert_called(&self) {
        let caller = self.call("486");
        let invite = self.next("INVITE ");
        self.carrier.respond(&invite, "486 Busy Here");
        caller.finish();
    }
}

/// Fails when one miss is enough, or none ever is.
#[test]
fn a_trunk_that_misses_one_probe_is_called_and_one_that_misses_two_is_not_until_it_answers() {
    let Some(stage) = Stage::new() else { return };
    let downs = || stage.gateway.log().count(&["two probes had no answer"]);
    stage.next("OPTIONS ");
    stage.wait_for_state("suspected");
    stage.assert_called();
    assert_eq!(downs(), 0);
    stage.next("OPTIONS ");
    stage.wait_for_state("down");
    assert_eq!(downs(), 1);
    let begun = Instant::now();
    stage.call("502").finish();
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    // What comes next is no call, but the next question.
    let third = stage.carrier.receive();
    assert!(third.starts_with("OPTIONS "), "{third}");
    stage.carrier.respond(&third, "200 OK");
    stage.wait_for_state("up");
    stage.assert_called();
    stage.gateway.assert_all_is_over(3);
}
