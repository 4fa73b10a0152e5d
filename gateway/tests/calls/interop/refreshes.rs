//! Calls of 90 seconds, which end where nobody refreshes them (RFC 4028).

use std::time::Duration;

use super::ear::{assert_both_hear, await_tone};
use super::network::{FAR_HZ, Network, OFFICE_HZ};
use super::plan::{Between, Plan};
use crate::support::gateway::{Gateway, PATIENCE};
use webtrunk_loadtest::agent::Call;

/// Longer than the interval: who is not refreshed is hung up on after 60 s.
const LONG: Duration = Duration::from_secs(94);

/// The phones know of no session timers: the gateway refreshes both of its legs, through whatever is between.
pub(super) async fn a_call_of_90_seconds_is_refreshed(plan: Plan) {
    let Some(network) = Network::new(Plan { sip: "session_expires_s = 90", ..plan }).await else { return };
    let (office, far) = network.call_out().await;
    assert_both_hear_all_the_while(&office, &far).await;
    assert!(refreshes(&network.gateway) >= 2, "one for each leg");
    end(&network, &office, &far).await;
}

/// Whoever is behind the server refreshes: the second Webtrunk, which wants 90 s where we would have half an hour, or
/// through Kamailio the phone.
pub(super) async fn a_call_of_90_seconds_is_refreshed_from_behind(plan: Plan) {
    let is_far_refreshing = plan.between != Between::Webtrunk;
    let plan = Plan { their_sip: "session_expires_s = 90", is_far_refreshing, ..plan };
    let Some(network) = Network::new(plan).await else { return };
    let (office, far) = network.call_out().await;
    assert_both_hear_all_the_while(&office, &far).await;
    let done = network.provider.as_ref().map_or(far.refreshes() as usize, refreshes);
    assert!(done >= 2, "{done}");
    assert_eq!(refreshes(&network.gateway), 0, "we refresh who refreshes");
    end(&network, &office, &far).await;
}

async fn assert_both_hear_all_the_while(office: &Call, far: &Call) {
    assert_both_hear(office, far).await;
    tokio::time::sleep(LONG).await;
    for (end, hz) in [(office, FAR_HZ), (far, OFFICE_HZ)] {
        await_tone(end, hz.into()).await;
    }
}

/// How many sessions it has refreshed.
fn refreshes(gateway: &Gateway) -> usize {
    gateway.log().count(&["session refresh is due"])
}

async fn end(network: &Network, office: &Call, far: &Call) {
    assert_eq!(network.gateway.log().count(&["refresh refused"]), 0);
    office.hang_up().await.expect("confirmed");
    far.ended(PATIENCE).await.expect("an end");
    network.assert_all_is_over(1);
}
