//! A trunk's host that wants to be left alone for a moment (503 with Retry-After): it has its place again afterwards.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::hops::{Busy, between, call};
use crate::support::dns::{Dns, Zone};
use crate::support::host::Host;
use crate::support::tools;

/// How long it wants to rest.
const REST_S: u32 = 1;

/// Fails when its rest is never over, or it is tried last from then on, as who is silent.
#[test]
fn a_host_whose_rest_is_over_is_called_first_again() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, office, busy, good] = std::array::from_fn(|_| Host::new());
    let zone = Zone::default()
        .srv("_sip._udp.carrier.test", [10, 0, 5060], "busy.carrier.test")
        .srv("_sip._udp.carrier.test", [20, 0, 5060], "good.carrier.test")
        .address("busy.carrier.test", busy.ip())
        .address("good.carrier.test", good.ip());
    let dns = Dns::serve(&names, zone);
    let refusing = Busy::at(&busy, REST_S);
    let gateway = between(&office, &dns);
    for calls in 1..=2 {
        call(&gateway, &office, "9100", (&good, &gateway));
        assert_eq!(refusing.invites.load(Ordering::Relaxed), calls);
        std::thread::sleep(Duration::from_secs(REST_S.into()));
    }
    assert_eq!(gateway.log().count(&["the call goes on at the next hop", "Overloaded"]), 2);
    gateway.assert_all_is_over(2);
}
