//! The phone behind the server has the office go on with a third phone.

use super::ear::await_tone;
use super::network::{FAR_HZ, Network, OFFICE_HZ, THIRD_HZ, lift};
use super::plan::{Between, Plan};
use crate::support::gateway::PATIENCE;
use webtrunk_loadtest::agent::Call;

/// The third phone's number.
const THIRD: &str = "8100";

/// By REFER alone.
pub(super) async fn the_phone_behind_it_transfers(plan: Plan) {
    let Some(network) = Network::new(plan).await else { return };
    let (office, far) = network.call_out().await;
    await_tone(&far, OFFICE_HZ.into()).await;
    // Through a proxy the REFER comes to the gateway, which is asked to call somebody of its own.
    let target = match plan.between {
        Between::Registrar | Between::Proxy => format!("sip:{THIRD}@{}", network.gateway.sip()),
        Between::Webtrunk => THIRD.to_owned(),
    };
    far.transfer(&target).await.expect("it may");
    let third = lift(&network.third).await;
    assert_is_put_through(&network, [&office, &far, &third]).await;
    network.assert_all_is_over(1);
}

/// After it has asked the third phone.
pub(super) async fn the_phone_behind_it_puts_through(plan: Plan) {
    let Some(network) = Network::new(plan).await else { return };
    let (office, far) = network.call_out().await;
    await_tone(&far, OFFICE_HZ.into()).await;
    far.hold().await.expect("agreed");
    let (asking, third) = tokio::join!(network.far.call(THIRD), lift(&network.third));
    let asking = asking.expect("an answer");
    await_tone(&asking, THIRD_HZ.into()).await;
    await_tone(&third, FAR_HZ.into()).await;
    far.put_through(&asking).await.expect("it may");
    asking.ended(PATIENCE).await.expect("it is no longer in it");
    assert_is_put_through(&network, [&office, &far, &third]).await;
    // With the second Webtrunk the second call is not the gateway's.
    network.assert_all_is_over(if plan.between == Between::Webtrunk { 1 } else { 2 });
}

/// Office and third phone hear each other, the far phone is told and let go; then all of it ends.
async fn assert_is_put_through(network: &Network, [office, far, third]: [&Call; 3]) {
    far.ended(PATIENCE).await.expect("it is no longer in it");
    assert_eq!(far.transfer_statuses().last(), Some(&200), "{:?}", far.transfer_statuses());
    await_tone(office, THIRD_HZ.into()).await;
    await_tone(third, OFFICE_HZ.into()).await;
    office.hang_up().await.expect("confirmed");
    third.ended(PATIENCE).await.expect("an end");
    if let Some(provider) = &network.provider {
        let calls = || provider.status()["calls"].clone();
        assert!(crate::support::process::wait_until(PATIENCE, || calls() == 0), "{}", provider.status());
    }
}
