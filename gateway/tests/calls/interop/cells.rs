//! What is done through each server that may be between.

use std::time::Duration;

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_loadtest::agent::CallProgress;

use super::ear::{assert_both_hear, await_no_tone, await_tone};
use super::network::{FAR_HZ, LEVEL_DBM0, Network, OFFICE_HZ};
use super::plan::{Between, HOSTS, IPV6_NETWORK, Plan};
use super::refreshes::{a_call_of_90_seconds_is_refreshed, a_call_of_90_seconds_is_refreshed_from_behind};
use super::transfers::{the_phone_behind_it_puts_through, the_phone_behind_it_transfers};
use crate::support::gateway::PATIENCE;
use crate::support::machine::Machine;

const KEYS: &str = "147*0#";

/// The tests of one server.
macro_rules! through {
    ($name:ident, $between:expr) => {
        through!(
            $name,
            $between,
            [
                calls_go_out_and_come_in,
                both_sides_hold_and_resume,
                the_phone_behind_it_transfers,
                the_phone_behind_it_puts_through,
                keys_go_both_ways,
                a_call_of_90_seconds_is_refreshed,
                a_call_of_90_seconds_is_refreshed_from_behind,
                early_media_is_heard_and_the_call_is_cancelled,
                calls_are_secure,
            ]
        );
    };
    ($name:ident, $between:expr, [$($cell:ident),* $(,)?]) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread")]
                #[ignore = "make interop"]
                async fn $cell() {
                    super::$cell(super::Plan::new($between)).await;
                }
            )*

            #[test]
            #[ignore = "make interop"]
            fn calls_go_over_ipv6() {
                super::calls_go_over_ipv6($between);
            }
        }
    };
}

through!(registrar, super::Between::Registrar);
through!(proxy, super::Between::Proxy);
through!(webtrunk, super::Between::Webtrunk);

async fn calls_go_out_and_come_in(plan: Plan) {
    let Some(network) = Network::new(plan).await else { return };
    let (office, far) = network.call_out().await;
    assert_both_hear(&office, &far).await;
    office.hang_up().await.expect("confirmed");
    far.ended(PATIENCE).await.expect("an end");
    let (office, far) = network.call_in().await;
    assert_both_hear(&office, &far).await;
    far.hang_up().await.expect("confirmed");
    office.ended(PATIENCE).await.expect("an end");
    network.assert_all_is_over(2);
    if plan.is_secure {
        assert_eq!(network.gateway.log().count(&["\"media is encrypted\""]), 2, "plain");
        assert_eq!(network.gateway.log().count(&["call came in", "TLS:"]), 1, "plain");
    }
}

/// Over TLS, with keys in the descriptions.
async fn calls_are_secure(plan: Plan) {
    calls_go_out_and_come_in(Plan { is_secure: true, ..plan }).await;
}

fn calls_go_over_ipv6(between: Between) {
    let machine = Machine::new();
    for host in 1..=HOSTS {
        machine.ip(&format!("address add {IPV6_NETWORK}{host}/128 dev lo nodad"));
    }
    let plan = Plan { is_ipv6: true, ..Plan::new(between) };
    machine.block_on(async || calls_go_out_and_come_in(plan).await);
}

async fn both_sides_hold_and_resume(plan: Plan) {
    let Some(network) = Network::new(plan).await else { return };
    let (office, far) = network.call_out().await;
    assert_both_hear(&office, &far).await;
    for (holder, held_hz) in [(&office, FAR_HZ), (&far, OFFICE_HZ)] {
        holder.hold().await.expect("agreed");
        // Who holds is sent nothing more, whoever else is between.
        await_no_tone(holder, held_hz.into()).await;
        holder.resume().await.expect("agreed");
        for (end, hz) in [(&office, FAR_HZ), (&far, OFFICE_HZ)] {
            await_tone(end, hz.into()).await;
        }
    }
    office.hang_up().await.expect("confirmed");
    network.assert_all_is_over(1);
}

async fn keys_go_both_ways(plan: Plan) {
    let Some(network) = Network::new(plan).await else { return };
    let (office, far) = network.call_out().await;
    assert_both_hear(&office, &far).await;
    for (from, to) in [(&office, &far), (&far, &office)] {
        from.send_digits(KEYS).await.expect("events are agreed on");
        to.heard_digits(KEYS.len(), PATIENCE).await.expect("digits");
        assert_eq!(to.heard().await.expect("a log").digits_text(), KEYS);
    }
    office.hang_up().await.expect("confirmed");
    network.assert_all_is_over(1);
}

async fn early_media_is_heard_and_the_call_is_cancelled(plan: Plan) {
    let Some(network) = Network::new(plan).await else { return };
    let dialling = network.office.dial(plan.far_number()).await.expect("a number");
    let mut incoming =
        tokio::time::timeout(PATIENCE, network.far.next_incoming()).await.expect("in time").expect("a call");
    incoming.early_media().await.expect("a codec in common");
    let progress = dialling.ringing(PATIENCE).await.expect("progress");
    assert_eq!(progress, CallProgress::Ringing { status: 183, has_media: true });
    let deadline = std::time::Instant::now() + PATIENCE;
    let level = loop {
        let heard = dialling.heard().await.expect("a log").samples(SampleRate::HZ_8000);
        if let Some(settled) = heard.get(8000..16_000) {
            break goertzel_dbm0(settled, SampleRate::HZ_8000, FAR_HZ.into());
        }
        assert!(std::time::Instant::now() < deadline, "{} samples were heard", heard.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!((level - LEVEL_DBM0).abs() <= 0.3, "{level:.2} dBm0");
    dialling.cancel().await.expect("an end");
    incoming.ended(PATIENCE).await.expect("it is cancelled");
    network.assert_all_is_over(1);
}
